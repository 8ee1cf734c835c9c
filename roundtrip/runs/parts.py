"""What the pages about runs have in common: their template, durations, code in texts, the company's name."""

from functools import cache
from pathlib import Path

import jinja2
from markupsafe import Markup, escape

from roundtrip.company import Company
from roundtrip.errors import RoundtripError
from roundtrip.home import Home
from roundtrip.report.formats import Formats, is_missing
from roundtrip.report.jinja import environment
from roundtrip.report.page import HTML_LANGUAGE, inline
from roundtrip.report.words import LANGUAGES, Words

TEXTS_DIR = Path(__file__).parent / "texts"


def rendered(template: str, words: Words, **values) -> str:
    """A page of one language as HTML, with the report's style and what is its own beside it."""
    parts = inline()
    parts["style"] += (Path(__file__).parent / "templates" / "run.css").read_text(encoding="utf-8")
    return _template(template).render(
        words=words,
        f=Formats(words.language, words("not_available")),
        duration=lambda seconds: duration(seconds, words),
        code=code,
        language=HTML_LANGUAGE[words.language],
        html_language=HTML_LANGUAGE,
        other_language=next(other for other in LANGUAGES if other != words.language),
        **values,
        **parts,
    )


def duration(seconds: float | None, words: Words) -> str:
    """0.4 s, 12 s, 3 min 05 s."""
    if is_missing(seconds):
        return words("not_available")
    if seconds < 9.95:
        return words("seconds", n=f"{seconds:.1f}")
    if round(seconds) < 60:
        return words("seconds", n=f"{seconds:.0f}")
    minutes, rest = divmod(round(seconds), 60)
    return words("minutes", minutes=minutes, seconds=f"{rest:02d}")


def code(text: str) -> Markup:
    """Text with `…` as code."""
    parts = str(escape(text)).split("`")
    return Markup("".join(f"<code>{part}</code>" if i % 2 else part for i, part in enumerate(parts)))


def company_name(home: Home) -> str:
    """The company's name, else the home's."""
    try:
        return Company.load(home).name
    except (RoundtripError, OSError, ValueError):
        return home.root.name


@cache
def _template(name: str) -> jinja2.Template:
    return environment("roundtrip.runs", "roundtrip.report").get_template(name)
