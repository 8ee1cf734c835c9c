"""How every page is rendered: what is missing is an error, what is text is escaped."""

from collections.abc import Callable

import jinja2


def environment(*packages: str, autoescape: bool | Callable = True) -> jinja2.Environment:
    """Templates of the first of these packages that has one of the name asked for."""
    return jinja2.Environment(
        loader=jinja2.ChoiceLoader([jinja2.PackageLoader(package) for package in packages]),
        autoescape=autoescape,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
