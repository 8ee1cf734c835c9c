"""Writing the page of a run: self-contained, one a language, from the run's records alone."""

import logging
from datetime import date
from pathlib import Path

from roundtrip.files import write_atomically
from roundtrip.home import Home
from roundtrip.report.words import LANGUAGES, Words
from roundtrip.runs.facts import RunFacts, gather
from roundtrip.runs.parts import TEXTS_DIR, rendered
from roundtrip.runs.read import newest_run, outcome_of, stages_of


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
    """`run_page`, for after a stage; where the run has ended, well or badly, the status page too.

    A page that cannot be written is logged and fails nothing.
    """
    try:
        run_page(home, as_of)
        # Its pictures cost seconds, and between two stages of a run it has nothing new to say.
        if outcome_of(stages_of(newest_run(home, as_of))) != "partly":
            from roundtrip.runs.status import status_page

            status_page(home)
    except Exception as error:
        logging.getLogger(__name__).warning(
            "the page of the run could not be written: %s", type(error).__name__
        )


def render(facts: RunFacts, words: Words) -> str:
    """The page of one language as HTML."""
    return rendered(
        "run.html.j2", words, facts=facts, observed=lambda number: _observed(number, words.language)
    )


def _observed(number: float, language: str) -> str:
    return f"{number:,.0f}" if number == int(number) and abs(number) < 1e15 else f"{number:.3g}"
