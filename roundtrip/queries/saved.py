"""The saved queries: docs/queries/*.sql with question and columns, and what questions.yml adds to each."""

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import yaml

from roundtrip.errors import BadInput
from roundtrip.home import PROJECT_ROOT

FOLDER = PROJECT_ROOT / "docs" / "queries"


@dataclass(frozen=True)
class Picture:
    """What to draw of an answer.

    Attributes:
        kind: "line" along a date, or "bar" along anything.
        x, y: columns; y is a number.
        series: a column with a line or colour of its own for each value, or None.
        is_share: y is a share of 1.
    """

    kind: str
    x: str
    y: str
    series: str | None = None
    is_share: bool = False


@dataclass(frozen=True)
class Query:
    """A saved query.

    Attributes:
        name: the file's name without its ending.
        group: which of the groups of questions.yml it is in.
        question, note: language -> text; the note may be empty.
        columns: of its answer, in their order.
        sql: the file's text.
        picture: what to draw of the answer, or None where a table says it better.
    """

    name: str
    group: str
    question: dict[str, str]
    note: dict[str, str]
    columns: tuple[str, ...]
    sql: str
    picture: Picture | None


@cache
def saved_queries(folder: Path = FOLDER) -> dict[str, Query]:
    """Name -> query, in the order of questions.yml.

    Raises:
        BadInput: a file and its entry in questions.yml do not go together.
    """
    entries = yaml.safe_load((folder / "questions.yml").read_text(encoding="utf-8"))["questions"]
    files = {file.stem for file in folder.glob("*.sql")}
    if odd := sorted(files ^ set(entries)):
        raise BadInput(
            f"{folder}: questions.yml and the .sql files differ in {', '.join(odd)}",
            "give each query a file and an entry of the same name",
        )
    return {name: _query(folder / f"{name}.sql", entry) for name, entry in entries.items()}


def groups(folder: Path = FOLDER) -> dict[str, dict[str, str]]:
    """Group -> language -> its heading, in the order in which they are shown."""
    return yaml.safe_load((folder / "questions.yml").read_text(encoding="utf-8"))["groups"]


def query_named(name: str, folder: Path = FOLDER) -> Query:
    """The query of that name.

    Raises:
        BadInput: there is none.
    """
    known = saved_queries(folder)
    if name not in known:
        raise BadInput(f"there is no saved query {name!r}", "`roundtrip query list` shows them all")
    return known[name]


def _query(file: Path, entry: dict) -> Query:
    sql = file.read_text(encoding="utf-8")
    header = [line[2:].strip() for line in re.match(r"(?:--.*\n)*", sql)[0].splitlines()]
    told = dict(line.split(": ", 1) for line in header if line.startswith(("Question: ", "Columns: ")))
    if set(told) != {"Question", "Columns"}:
        raise BadInput(
            f"{file} does not begin with its question and columns",
            "begin it with `-- Question: …?` and `-- Columns: a, b`",
        )
    note = " ".join(line for line in header if not line.startswith(("Question: ", "Columns: ")))
    picture = entry.get("picture")
    return Query(
        name=file.stem,
        group=entry["group"],
        question={"en": told["Question"], "zh": entry["zh"]},
        note={"en": note, "zh": entry.get("note_zh", "")},
        columns=tuple(told["Columns"].split(", ")),
        sql=sql,
        picture=Picture(**picture) if picture else None,
    )
