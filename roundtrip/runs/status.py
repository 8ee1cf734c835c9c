"""The status page: what is healthy now, what needs a hand, and the last runs side by side."""

import shutil
from collections.abc import Callable
from contextlib import suppress
from datetime import date
from pathlib import Path
from stat import S_ISREG
from statistics import median
from typing import Any

from markupsafe import Markup

from roundtrip.files import write_atomically
from roundtrip.home import Home
from roundtrip.report.formats import Formats
from roundtrip.report.words import LANGUAGES, Words
from roundtrip.runs import pictures, runbooks
from roundtrip.runs.history import PARTS, PastRound, PastRun, parameters, past_rounds, past_runs
from roundtrip.runs.now import BAD, NONE, WATCH, Sign, signs
from roundtrip.runs.parts import TEXTS_DIR, company_name, rendered
from roundtrip.stages import STAGES

#: Parts of a home and the folders or files that hold them, for the account of its disk.
_PLACES = {
    "raw": ("raw", "quarantine", "requeued"),
    "warehouse": ("warehouse",),
    "published": ("published",),
    "products": ("products", "rounds", "outbox"),
    "models": ("mlflow",),
    "pages": ("reports", "gates", "runs", "logs"),
}


def status_file(home: Home, language: str) -> Path:
    return home.reports_dir / "runs" / f"index.{language}.html"


def status_page(home: Home) -> dict[str, Path]:
    """Write `reports/runs/index.<language>.html`, and `runbooks.html` beside it.

    Returns:
        The files by language.
    """
    runs = past_runs(home)
    found = {
        "company": company_name(home),
        "runs": runs,
        "open_runs": parameters()["runs_open"],
        "rounds": past_rounds(home),
        "signs": signs(home, runs),
        "stage_times": stage_times(runs),
        "sizes": _sizes(home),
        "parts": PARTS,
        "part_colours": pictures.PART_COLOURS,
        "row_colours": pictures.ROW_COLOURS,
        "cost_colours": pictures.COST_COLOURS,
        "sections": runbooks.sections(),
        "has_data_docs": (home.gates_dir / "data_docs" / "index.html").exists(),
    }
    files = {}
    for language in LANGUAGES:
        files[language] = status_file(home, language)
        write_atomically(files[language], render(found, language))
    if found["sections"]:
        words = Words("en", TEXTS_DIR)
        page = rendered("runbooks.html.j2", words, body=runbooks.body(), chinese=Words("zh", TEXTS_DIR))
        write_atomically(files["en"].with_name(runbooks.FILE_NAME), page)
    return files


def render(found: dict, language: str, words: Words | None = None) -> str:
    """The page of one language as HTML, from what `status_page` has gathered."""
    words = words or Words(language, TEXTS_DIR)
    return rendered(
        "status.html.j2",
        words,
        **found,
        pictures=_pictures(found["runs"], found["rounds"], words),
        said=lambda sign: said(sign, words),
        gib=lambda size: gib(size, Formats(words.language, words("not_available"))),
        to_do=[sign for sign in found["signs"] if sign.state in (BAD, WATCH)],
        is_well=all(sign.state not in (BAD, WATCH) for sign in found["signs"]),
        has_nothing=all(sign.state == NONE for sign in found["signs"] if sign.name == "run"),
    )


def said(sign: Sign, words: Words) -> str:
    """A sign in a sentence of one language."""
    formats = Formats(words.language, words("not_available"))
    return words(
        f"sign.{sign.name}.{sign.says}",
        **{name: _text(name, value, words, formats) for name, value in sign.values.items()},
    )


def _text(name: str, value: Any, words: Words, formats: Formats) -> str:
    if isinstance(value, date):
        return formats.day(value)
    if name == "stage":
        return words.label("stage", value or "")
    if name in ("free", "room"):
        return gib(value, formats)
    if isinstance(value, float):
        return formats.decimal(value, 3)
    return formats.integer(value) if isinstance(value, int) else str(value)


def gib(size: int, formats: Formats) -> str:
    """Bytes as GiB, below one as MiB, below one of these as KiB."""
    for unit, name, digits in ((2**30, "GiB", 1), (2**20, "MiB", 0)):
        if size >= unit:
            return f"{formats.decimal(size / unit, digits)} {name}"
    return f"{formats.decimal(size / 2**10, 0)} KiB"


def stage_times(runs: list[PastRun]) -> list[dict]:
    """Of each stage that ran: its name, and seconds of the newest run with it, the median and the longest."""
    found = []
    for place, stage in enumerate(STAGES):
        times = [run.stages[place].seconds for run in runs if run.stages[place].state == "done"]
        times = [seconds for seconds in times if seconds is not None]
        if times:
            found.append(
                {"name": stage.name, "last": times[0], "median": median(times), "longest": max(times)}
            )
    return found


def _pictures(runs: list[PastRun], rounds: list[PastRound], words: Words) -> dict[str, Markup]:
    """Two runs make a course; of one the table says everything. So it is with rounds."""
    drawn: dict[str, tuple[bool, Callable, list]] = {
        "durations": (any(run.seconds for run in runs), pictures.duration_chart, runs),
        "rows": (any(run.rows_in for run in runs), pictures.rows_chart, runs),
        "costs": (any(each.cost for each in rounds), pictures.cost_chart, rounds),
    }
    return {name: draw(of, words) for name, (has_any, draw, of) in drawn.items() if has_any and len(of) > 1}


def _sizes(home: Home) -> dict[str, int]:
    """Bytes by part of the home (a file with several names once), and `free`: what the disk has left."""
    found = {name: _bytes([home.root / folder for folder in folders]) for name, folders in _PLACES.items()}
    free = shutil.disk_usage(home.root).free if home.root.exists() else 0
    return {name: size for name, size in found.items() if size} | {"free": free}


def _bytes(folders: list[Path]) -> int:
    size_of = {}
    for file in (file for folder in folders for file in folder.rglob("*")):
        # Another process may have removed it meanwhile.
        with suppress(FileNotFoundError):
            stat = file.lstat()
            if S_ISREG(stat.st_mode):
                size_of[stat.st_dev, stat.st_ino] = stat.st_size
    return sum(size_of.values())
