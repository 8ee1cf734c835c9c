"""Writing the page of a run: self-contained, one a language, from the run's records alone."""

import logging
from datetime import date
from functools import cache
from pathlib import Path

import jinja2
from markupsafe import Markup, escape

from roundtrip.files import write_atomically
from roundtrip.home import Home
from roundtrip.report.formats import Formats, is_missing
from roundtrip.report.page import HTML_LANGUAGE, inline
from roundtrip.report.words import LANGUAGES, Words
from roundtrip.runs.facts import RunFacts, gather

TEXTS_DIR = Path(__file__).parent / "texts"


def run_file(home: Home, as_of: date, language: str) -> Path:
    return home.reports_dir / "runs" / f"{as_of.isoformat()}.{language}.html"


def run_page(home: Home, as_of: date) -> dict[str, Path]:
    """Write `reports/runs/<as_of>.<language>.html` for the newest run of a date, however far it came.

    Returns:
        The files by language.
    """
    facts = gather(home, as_of)
    files = {}
    for language in LANGUAGES:
        files[language] = run_file(home, as_of, language)
        write_atomically(files[language], render(facts, Words(language, TEXTS_DIR)))
    return files


def write_run_page(home: Home, as_of: date) -> None:
    """`run_page`, for after a stage: a page that cannot be written is logged and fails nothing."""
    try:
        run_page(home, as_of)
    except Exception as error:
        logging.getLogger(__name__).warning(
            "the page of the run could not be written: %s", type(error).__name__
        )


def render(facts: RunFacts, words: Words) -> str:
    """The page of one language as HTML."""
    formats = Formats(words.language, words("not_available"))
    parts = inline()
    parts["style"] += (Path(__file__).parent / "templates" / "run.css").read_text(encoding="utf-8")
    return _template("run.html.j2").render(
        facts=facts,
        words=words,
        f=formats,
        duration=lambda seconds: duration(seconds, words),
        observed=lambda number: _observed(number, words.language),
        code=_code,
        language=HTML_LANGUAGE[words.language],
        other_language=next(other for other in LANGUAGES if other != words.language),
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


def _observed(number: float, language: str) -> str:
    return f"{number:,.0f}" if number == int(number) and abs(number) < 1e15 else f"{number:.3g}"


def _code(text: str) -> Markup:
    """Text with `…` as code."""
    parts = str(escape(text)).split("`")
    return Markup("".join(f"<code>{part}</code>" if i % 2 else part for i, part in enumerate(parts)))


@cache
def _template(name: str) -> jinja2.Template:
    environment = jinja2.Environment(
        loader=jinja2.ChoiceLoader(
            [jinja2.PackageLoader("roundtrip.runs"), jinja2.PackageLoader("roundtrip.report")]
        ),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(name)
