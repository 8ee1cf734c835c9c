"""The start page: what there is, whether it works, and where the reports are; English and Chinese."""

import json
import re
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path

import yaml
from jinja2 import Environment, FileSystemLoader, select_autoescape

from roundtrip.home import Home
from roundtrip.runs.page import run_file

PAGES = Path(__file__).parent / "pages"
LANGUAGES = ("en", "zh")
DEFAULT_LANGUAGE = "en"

#: The newest reports shown; older ones are in the reports folder.
SHOWN_REPORTS = 12

REPORT_NAME = re.compile(r"(?P<as_of>\d{4}-\d{2}-\d{2})\.(?P<language>[a-z]{2})\.html")


@dataclass(frozen=True)
class ServerState:
    """Where a server is and whether it works.

    Attributes:
        url: for the browser.
        is_healthy: all of it works.
        components: part -> whether that part works (Airflow's processes).
    """

    url: str
    is_healthy: bool
    components: dict[str, bool]


def language_of(asked: str | None, accept_language: str) -> str:
    """The language asked for by ?lang=, else the browser's first that there is, else English."""
    wanted = [asked or "", *(part.split(";")[0].strip() for part in accept_language.split(","))]
    codes = (code.lower().split("-")[0] for code in wanted)
    return next((code for code in codes if code in LANGUAGES), DEFAULT_LANGUAGE)


def render(home: Home, states: dict[str, ServerState], language: str) -> str:
    """The page as HTML; a home in which nothing ran yet gives a page that says so."""
    texts = _texts()[language]
    return _template().render(
        t=texts,
        language=language,
        other_language=next(code for code in LANGUAGES if code != language),
        company=_company_name(home),
        last_run=_last_run(home),
        run_page=_run_page(home, language),
        states=states,
        reports=_reports(home),
        data_docs=_data_docs(home),
    )


@cache
def _texts() -> dict:
    return yaml.safe_load((PAGES / "start.yml").read_text(encoding="utf-8"))


@cache
def _template():
    loader = FileSystemLoader(PAGES)
    environment = Environment(
        loader=loader, autoescape=select_autoescape(default=True), trim_blocks=True, lstrip_blocks=True
    )
    return environment.get_template("start.html.j2")


def _company_name(home: Home) -> str | None:
    try:
        return str(json.loads(home.company_file.read_text(encoding="utf-8"))["name"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _last_run(home: Home) -> str | None:
    """The latest date that anything was run for."""
    dates = [path.name for path in home.runs_dir.glob("????-??-??") if path.is_dir()]
    return max(dates, default=None)


def _run_page(home: Home, language: str) -> str | None:
    """The page of the latest date that anything was run for, below /reports/; None where there is none."""
    file = run_file(home, date.fromisoformat(day), language) if (day := _last_run(home)) else None
    return file.relative_to(home.reports_dir).as_posix() if file and file.exists() else None


def _reports(home: Home) -> list[dict]:
    """The newest reports: as_of and language -> file name."""
    found: dict[str, dict[str, str]] = {}
    for path in home.reports_dir.glob("*.html"):
        if match := REPORT_NAME.fullmatch(path.name):
            found.setdefault(match["as_of"], {})[match["language"]] = path.name
    return [{"as_of": day, "files": found[day]} for day in sorted(found, reverse=True)[:SHOWN_REPORTS]]


def _data_docs(home: Home) -> str | None:
    """The address of the Data Docs' first page below /gates/data_docs/, or None where there are none yet."""
    folder = home.gates_dir / "data_docs"
    pages = sorted(folder.glob("index.html")) or sorted(folder.glob("*/index.html"))
    return pages[0].relative_to(folder).as_posix() if pages else None
