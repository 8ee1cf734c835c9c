"""The start page: what there is, whether it works, and where the reports are; English and Chinese."""

import json
import re
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path

import yaml
from jinja2 import Environment, FileSystemLoader, select_autoescape

from roundtrip.build.lineage_page import lineage_page
from roundtrip.errors import RoundtripError
from roundtrip.home import Home
from roundtrip.report.words import Words
from roundtrip.runs.history import parameters, past_runs
from roundtrip.runs.now import BAD, GOOD, WATCH, signs
from roundtrip.runs.page import run_file
from roundtrip.runs.parts import TEXTS_DIR
from roundtrip.runs.runbooks import FILE_NAME as RUNBOOKS
from roundtrip.runs.status import said, status_file

PAGES = Path(__file__).parent / "pages"
LANGUAGES = ("en", "zh")
DEFAULT_LANGUAGE = "en"

#: The newest reports shown; older ones are in the reports folder.
SHOWN_REPORTS = 12

REPORT_NAME = re.compile(r"(?P<as_of>\d{4}-\d{2}-\d{2})\.(?P<language>[a-z]{2})\.(?P<kind>html|pdf)")


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
    lights = _lights(home, language)
    if lights is not None:
        lights.append(_server_light(states, texts))
    return _template().render(
        t=texts,
        lights=lights,
        to_look_at=sum(light["state"] in (BAD, WATCH) for light in lights or ()),
        status_page=_below_reports(home, status_file(home, language)),
        runbooks=_below_reports(home, home.reports_dir / "runs" / RUNBOOKS),
        dbt_docs=_below_reports(home, lineage_page(home)),
        model_card=_model_card(home, language),
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
    day = _last_run(home)
    return _below_reports(home, run_file(home, date.fromisoformat(day), language)) if day else None


def _below_reports(home: Home, file: Path) -> str | None:
    """The address of a file below /reports/; None where it is not there."""
    return file.relative_to(home.reports_dir).as_posix() if file.exists() else None


def _model_card(home: Home, language: str) -> str | None:
    """The address of the model card of the model in use below /model_card/; None where there is none."""
    name = f"model_card.{language}.html"
    return name if (home.mlflow_dir / "model_card" / name).exists() else None


def _lights(home: Home, language: str) -> list[dict] | None:
    """What stands now: name, state and sentence of each sign; None where a record is damaged."""
    words = Words(language, TEXTS_DIR)
    try:
        found = signs(home, past_runs(home, parameters()["runs_open"]), is_server=True)
    except (RoundtripError, OSError, ValueError, KeyError):
        # The page is there to find out what is wrong: it must open all the same.
        return None
    return [
        {"title": words(f"sign.{sign.name}.title"), "state": sign.state, "says": said(sign, words)}
        for sign in found
    ]


def _server_light(states: dict[str, ServerState], texts: dict) -> dict:
    silent = [texts.get(f"{name}_title", name) for name, server in states.items() if not server.is_healthy]
    says = texts["servers_silent"].format(names=", ".join(silent)) if silent else texts["servers_answer"]
    return {"title": texts["servers_title"], "state": BAD if silent else GOOD, "says": says}


def _reports(home: Home) -> list[dict]:
    """The newest reports: as_of, and by kind (html, pdf) language -> file name."""
    found: dict[str, dict[str, dict[str, str]]] = {}
    for path in home.reports_dir.glob("????-??-??.*"):
        if match := REPORT_NAME.fullmatch(path.name):
            kinds = found.setdefault(match["as_of"], {"html": {}, "pdf": {}})
            kinds[match["kind"]][match["language"]] = path.name
    dates = sorted((day for day, kinds in found.items() if kinds["html"]), reverse=True)
    return [{"as_of": day, **found[day]} for day in dates[:SHOWN_REPORTS]]


def _data_docs(home: Home) -> str | None:
    """The address of the Data Docs' first page below /gates/data_docs/, or None where there are none yet."""
    folder = home.gates_dir / "data_docs"
    pages = sorted(folder.glob("index.html")) or sorted(folder.glob("*/index.html"))
    return pages[0].relative_to(folder).as_posix() if pages else None
