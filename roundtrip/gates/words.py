"""What may be told of an error: its kind and the names in it, never a value of a row."""

import re

#: Errors about names. All others may quote a value.
_ABOUT_NAMES = ("Binder Error", "Catalog Error", "Parser Error", "IO Error", "Out of Memory Error")
_QUOTED = re.compile(r"(['\"]).*?\1", re.DOTALL)


def without_values(error: BaseException | str) -> str:
    """The first line of an error, without quoted values where they may be somebody's.

    Errors about names of columns and files say nothing about rows, and are worth nothing without the name.
    """
    text = str(error).strip()
    first = text.splitlines()[0] if text else type(error).__name__
    if " Error: " in first and not any(kind in first for kind in _ABOUT_NAMES):
        return _QUOTED.sub("'…'", first)
    return first
