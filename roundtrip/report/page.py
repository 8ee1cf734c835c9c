"""Writing the report: one self-contained page a language, the newest as latest, and an index."""

import base64
import hashlib
import re
from datetime import date
from typing import Any

import jinja2

from roundtrip.files import write_atomically
from roundtrip.home import Home
from roundtrip.report import charts
from roundtrip.report.facts import Facts, gather
from roundtrip.report.formats import Formats
from roundtrip.report.words import LANGUAGES, Words

_REPORT_NAME = re.compile(r"(\d{4}-\d{2}-\d{2})\.(en|zh)\.html")
HTML_LANGUAGE = {"en": "en", "zh": "zh-Hans"}


def report(home: Home, as_of: date) -> dict:
    """Write `reports/<as_of>.<language>.html`, the latest pages and the index.

    Returns:
        as_of, the files written, the headline numbers by name (None where not available), and the reasons
        for those that are not.

    Raises:
        BadInput: nothing is published, or it was built for another date.
    """
    facts = gather(home, as_of)
    files = []
    for language in LANGUAGES:
        page = render(facts, Words(language))
        files.append(home.reports_dir / f"{as_of}.{language}.html")
        write_atomically(files[-1], page)
    months = _write_index(home)
    for language in LANGUAGES:
        newest = home.reports_dir / f"{months[0]}.{language}.html"
        files.append(home.reports_dir / f"latest.{language}.html")
        write_atomically(files[-1], newest.read_bytes())
    return {
        "as_of": as_of.isoformat(),
        "files": [str(file) for file in [*files, home.reports_dir / "index.html"]],
        "headline": {tile.name: tile.value for tile in facts.tiles},
        "not_available": {tile.name: tile.why for tile in facts.tiles if tile.why},
    }


def render(facts: Facts, words: Words) -> str:
    """The page of one language as HTML."""
    formats = Formats(words.language, words("not_available"))
    return _template("report.html.j2").render(
        facts=facts,
        answers=facts.answers,
        charts=_charts(facts, words),
        stages=charts.STAGES,
        severities=charts.SEVERITIES,
        words=words,
        f=formats,
        language=HTML_LANGUAGE[words.language],
        this_language=words.language,
        other_language=next(other for other in LANGUAGES if other != words.language),
        **inline(),
    )


def _charts(facts: Facts, words: Words) -> dict[str, Any]:
    """The pictures that have something to show, by name. A line needs two months."""
    pictures = {}
    answers = facts.answers
    if churn := answers["churn_by_month"].rows:
        pictures["churn"] = charts.churn_chart(churn, facts.churn_band, words)
        retention = [row for row in churn if row["retention_rate"] is not None]
        if len(retention) > 1:
            pictures["retention"] = charts.retention_chart(retention, words)
    if lifecycle := answers["lifecycle_by_month"].rows:
        pictures["lifecycle"] = charts.lifecycle_chart(lifecycle, words)
    for severity in charts.SEVERITIES:
        rows = [row for row in answers["severity_by_month"].rows if row["severity"] == severity]
        if len(rows) > 1:
            pictures[severity] = charts.severity_chart(rows, severity, words)
    if risks := answers["risk_distribution"].rows:
        pictures["risk"] = charts.risk_chart(risks, words)
    return pictures


def _write_index(home: Home) -> list[str]:
    """List every report in index.html; the dates for which both languages are there, newest first."""
    found: dict[str, set[str]] = {}
    for file in home.reports_dir.iterdir():
        if match := _REPORT_NAME.fullmatch(file.name):
            found.setdefault(match[1], set()).add(match[2])
    dates = sorted((day for day, languages in found.items() if languages == set(LANGUAGES)), reverse=True)
    words = {language: Words(language) for language in LANGUAGES}
    page = _template("index.html.j2").render(
        dates=[date.fromisoformat(day) for day in dates],
        words=words,
        formats={language: Formats(language, words[language]("not_available")) for language in LANGUAGES},
        **inline(),
    )
    write_atomically(home.reports_dir / "index.html", page)
    return dates


def _template(name: str) -> jinja2.Template:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("roundtrip.report"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(name)


def inline() -> dict[str, str]:
    """Style and script for the page's head, and the script's hash for its content security policy."""
    loader = jinja2.PackageLoader("roundtrip.report")
    environment = jinja2.Environment(autoescape=False)
    style, script = (loader.get_source(environment, name)[0] for name in ("style.css", "theme.js.j2"))
    digest = hashlib.sha256(script.encode("utf-8")).digest()
    return {"style": style, "script": script, "script_hash": "sha256-" + base64.b64encode(digest).decode()}
