"""Writing the report: a self-contained page and a PDF a language, the newest as latest, and an index."""

import base64
import hashlib
import re
from datetime import date
from pathlib import Path

import jinja2
from markupsafe import Markup

from roundtrip.files import write_atomically
from roundtrip.home import Home
from roundtrip.report import charts
from roundtrip.report.attach import attach
from roundtrip.report.facts import Facts, gather
from roundtrip.report.jinja import environment
from roundtrip.report.pdf import Prints, print_pages
from roundtrip.report.pictures import formats_of, pictures_of
from roundtrip.report.segments import SEGMENTS
from roundtrip.report.steps import WORDS_FOR
from roundtrip.report.words import LANGUAGES, Words
from roundtrip.rollout import risks, status, tasks

_REPORT_NAME = re.compile(r"(\d{4}-\d{2}-\d{2})\.(en|zh)\.html")
#: States of the plan's parts, explained to the reader.
STATUSES = {"target_status": status.STATUSES, "task_status": tasks.STATUSES, "risk_state": risks.STATES}
HTML_LANGUAGE = {"en": "en", "zh": "zh-Hans"}


def report(home: Home, as_of: date) -> dict:
    """Write `reports/<as_of>.<language>.html` and `.pdf`, the latest pages and the index; keep a copy with
    the model in MLflow.

    PDFs and the copies in MLflow name no customer: an erasure could not take one out of them again.

    Returns:
        as_of, the files written, the headline numbers by name (None where not available), the reasons for
        those that are not, next_steps (rules), `pdf` (files; why_not, note and how_to where something is
        missing) and `mlflow` (run_id and path, or not_logged).

    Raises:
        BadInput: nothing is published, or it was built for another date.
    """
    facts = gather(home, as_of)
    words = {language: Words(language) for language in LANGUAGES}
    drawn = {language: pictures_of(facts, words[language]) for language in LANGUAGES}
    copies = {
        language: render(facts, words[language], drawn[language], is_copy=True) for language in LANGUAGES
    }
    prints = print_pages(copies, as_of, home.tmp_dir)
    pdfs = _write_pdfs(home, as_of, prints)
    files = []
    for language in LANGUAGES:
        page = render(facts, words[language], drawn[language], has_pdf=language in prints.pdfs)
        files.append(home.reports_dir / f"{as_of}.{language}.html")
        write_atomically(files[-1], page)
    days = _write_index(home)
    for language in LANGUAGES:
        newest = home.reports_dir / f"{days[0]}.{language}.html"
        files.append(home.reports_dir / f"latest.{language}.html")
        write_atomically(files[-1], newest.read_bytes())
    kept = {f"report.{language}.html": copy for language, copy in copies.items()}
    kept |= {f"report.{language}.pdf": pdf for language, pdf in prints.pdfs.items()}
    told = {"why_not": prints.why_not, "note": prints.note, "how_to": prints.how_to}
    return {
        "as_of": as_of.isoformat(),
        "files": [str(file) for file in [*files, home.reports_dir / "index.html", *pdfs]],
        "headline": {tile.name: tile.value for tile in facts.tiles},
        "not_available": {tile.name: tile.why for tile in facts.tiles if tile.why},
        "next_steps": [step.rule for step in facts.steps],
        "pdf": {"files": [str(file) for file in pdfs], **{key: text for key, text in told.items() if text}},
        "mlflow": attach(home, as_of, kept),
    }


def _write_pdfs(home: Home, as_of: date, prints: Prints) -> list[Path]:
    """Write those that were printed. One of an earlier report of this date tells other numbers: it goes."""
    files = []
    for language in LANGUAGES:
        file = home.reports_dir / f"{as_of}.{language}.pdf"
        if language in prints.pdfs:
            write_atomically(file, prints.pdfs[language])
            files.append(file)
        else:
            file.unlink(missing_ok=True)
    return files


def render(
    facts: Facts,
    words: Words,
    drawn: dict[str, Markup] | None = None,
    has_pdf: bool = False,
    is_copy: bool = False,
) -> str:
    """The page of one language as HTML.

    Args:
        drawn: its pictures (pictures_of), where they are drawn already.
        has_pdf: whether its PDF stands beside it.
        is_copy: for print and for MLflow: no customer is named, and no other page is linked to.
    """
    formats = formats_of(words)
    as_of = formats.day(facts.as_of)
    return _template("report.html.j2").render(
        facts=facts,
        answers=facts.answers,
        charts=pictures_of(facts, words) if drawn is None else drawn,
        stages=charts.STAGES,
        severities=charts.SEVERITIES,
        segments=SEGMENTS,
        statuses=STATUSES,
        step_words=WORDS_FOR,
        words=words,
        f=formats,
        has_pdf=has_pdf,
        is_copy=is_copy,
        language=HTML_LANGUAGE[words.language],
        this_language=words.language,
        other_language=next(other for other in LANGUAGES if other != words.language),
        page_foot=css_text(words("page.document_title", company=facts.company, as_of=as_of)),
        **inline(),
    )


def css_text(text: str) -> str:
    """A text as CSS writes it between quotes: whatever is no letter, digit or space as its number."""
    return "".join(c if c.isalnum() or c == " " else f"\\{ord(c):x} " for c in text)


def _write_index(home: Home) -> list[str]:
    """List every report in index.html, by month; the dates with both languages, newest first."""
    found: dict[str, set[str]] = {}
    for file in home.reports_dir.iterdir():
        if match := _REPORT_NAME.fullmatch(file.name):
            found.setdefault(match[1], set()).add(match[2])
    days = sorted((day for day, languages in found.items() if languages == set(LANGUAGES)), reverse=True)
    months: dict[date, list[dict]] = {}
    for text in days:
        day = date.fromisoformat(text)
        pdfs = [language for language in LANGUAGES if (home.reports_dir / f"{text}.{language}.pdf").exists()]
        months.setdefault(day.replace(day=1), []).append({"day": day, "pdfs": pdfs})
    words = {language: Words(language) for language in LANGUAGES}
    page = _template("index.html.j2").render(
        months=months,
        words=words,
        formats={language: formats_of(words[language]) for language in LANGUAGES},
        **inline(),
    )
    write_atomically(home.reports_dir / "index.html", page)
    return days


def _template(name: str) -> jinja2.Template:
    return environment("roundtrip.report").get_template(name)


def inline() -> dict[str, str]:
    """Style and script for the page's head, and the script's hash for its content security policy."""
    loader = jinja2.PackageLoader("roundtrip.report")
    plain = jinja2.Environment(autoescape=False)
    style, script = (loader.get_source(plain, name)[0] for name in ("style.css", "theme.js.j2"))
    digest = hashlib.sha256(script.encode("utf-8")).digest()
    return {"style": style, "script": script, "script_hash": "sha256-" + base64.b64encode(digest).decode()}
