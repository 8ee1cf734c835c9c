"""Writing the card: HTML and Markdown, English and Chinese, from a training's summary alone.

So the card can be written again whenever more becomes known (the version's number, an oracle's ratio).
"""

import re
from datetime import date
from pathlib import Path

import jinja2
from markupsafe import Markup

from ml.evaluate import METRICS
from ml.fairness import MEASURES
from ml.model_card import charts, facts
from ml.settings import catalogue, parameters
from roundtrip.files import write_atomically
from roundtrip.report.formats import Formats, is_missing
from roundtrip.report.jinja import environment
from roundtrip.report.page import HTML_LANGUAGE, inline
from roundtrip.report.words import LANGUAGES, Words

_TEXTS = Path(__file__).parent / "texts"
_SECTIONS = (
    *("brief", "quality", "groups", "fairness", "warning", "decay", "drivers", "use"),
    *("verdict", "origin", "words"),
)
_UNTRAINED_SECTIONS = ("brief", "use", "verdict", "origin")


class Told(Formats):
    """The formats of the report, and those that only the card needs."""

    def __init__(self, words: Words):
        super().__init__(words.language, words("not_available"))

    def points(self, value, digits: int = 1, sign: str = "") -> str:
        """A difference of shares in percentage points: 0.029 is 2.9."""
        return self.not_available if is_missing(value) else f"{100 * float(value):{sign}.{digits}f}"

    def interval(self, of: dict, kind: str = "percent", digits: int = 1) -> str:
        """low to high in the format `kind`, a method's name; a dash where there is none."""
        if is_missing(of["low"]) or is_missing(of["high"]):
            return "–"
        form = getattr(self, kind)
        between = " 至 " if self.language == "zh" else " to "
        return f"{form(of['low'], digits)}{between}{form(of['high'], digits)}"

    def iso(self, text: str) -> str:
        """2025-12-31 as 31 December 2025."""
        return self.day(date.fromisoformat(text))

    def joined(self, items: list[str]) -> str:
        return ("、" if self.language == "zh" else ", ").join(items)


def write_card_pages(
    folder: Path, summary: dict, version: str | None = None, oracle: dict | None = None
) -> list:
    """Write model_card.<language>.html and .md into a folder; returns the files.

    Args:
        summary: of a training (ml.train), with `about`.
        version: the registered version's name, once it is in use; else the card says what the gate said.
        oracle: `ratio` (value, low, high) of the simulated company (benchmarks/oracle.py).
    """
    (folder / "pictures").mkdir(parents=True, exist_ok=True)
    files = []
    for language in LANGUAGES:
        pictures = _pictures(summary, card_words(language))
        for ending, template in (("html", "card.html.j2"), ("md", "card.md.j2")):
            page = render(summary, language, template, pictures, version, oracle)
            files.append(folder / f"model_card.{language}.{ending}")
            write_atomically(files[-1], tidied(page) if ending == "md" else page)
        for name, picture in pictures.items():
            files.append(folder / "pictures" / f"{name}.{language}.svg")
            write_atomically(files[-1], charts.as_file(picture))
    return files


def render(
    summary: dict,
    language: str,
    template: str,
    pictures: dict[str, Markup],
    version: str | None = None,
    oracle: dict | None = None,
) -> str:
    """One page as text."""
    words = card_words(language)
    told = Told(words)
    return _template(template, told).render(
        s=summary,
        about=summary["about"],
        e=summary.get("evaluation"),
        kind=summary.get("kind"),
        verdict=_verdict(summary, version),
        version=version,
        oracle=oracle,
        words=words,
        f=told,
        name=lambda kind: words.label("model", kind),
        column=lambda name: words.label("columns", name),
        level=lambda column, group: words.label(f"levels.{column}", group),
        metrics=METRICS,
        measures=MEASURES,
        bounds=parameters()["evaluation"]["fairness"],
        facts=facts,
        drivers=_drivers(summary, language),
        pictures=pictures,
        sections=_SECTIONS if "evaluation" in summary else _UNTRAINED_SECTIONS,
        language=HTML_LANGUAGE[language],
        this_language=language,
        other_language=next(other for other in LANGUAGES if other != language),
        is_missing=is_missing,
        **inline(),
    )


def _verdict(summary: dict, version: str | None) -> str:
    if "evaluation" not in summary:
        return "too_little_data"
    # A version may be in use by a rollback that its own training's gate had refused.
    return "promoted" if version or summary["status"] == "promoted" else "refused"


def card_words(language: str) -> Words:
    """The card's texts in one language."""
    return Words(language, _TEXTS)


def model_name(kind: str, language: str = "en") -> str:
    """A kind of model in words; its own name where there are none."""
    return card_words(language).label("model", kind)


def tidied(text: str) -> str:
    """Markdown without runs of empty lines, which blocks that say nothing leave behind."""
    return re.sub(r"\n{3,}", "\n\n", text).strip() + "\n"


def _drivers(summary: dict, language: str) -> list[tuple[str, float]]:
    known = catalogue()
    group_of = {name: entry["group"] for name, entry in known["features"].items()}
    shares = facts.driver_shares(summary.get("importance", {}), group_of)
    return [(known["groups"][group][language], share) for group, share in shares]


def _pictures(summary: dict, words: Words) -> dict[str, Markup]:
    """The pictures that have something to show, by name."""
    if "evaluation" not in summary:
        return {}
    evaluation, kind = summary["evaluation"], summary["kind"]
    found = {}
    if "gains" in evaluation:
        found["gains"] = charts.gains_chart(evaluation, kind, words)
        found["calibration"] = charts.calibration_chart(evaluation, kind, words)
    if evaluation.get("early_warning", {}).get("status") == "measured":
        found["warning"] = charts.warning_chart(evaluation["early_warning"], words)
    decay = evaluation.get("decay", {})
    if decay.get("status") == "measured" and len(decay["months"]) > 1:
        found["decay"] = charts.decay_chart(decay, words)
    return found


def _template(name: str, told: Told) -> jinja2.Template:
    is_page = jinja2.select_autoescape(enabled_extensions=("html.j2",))
    templates = environment("ml.model_card", "roundtrip.report", autoescape=is_page)
    templates.filters["told_day"] = told.iso
    return templates.get_template(name)
