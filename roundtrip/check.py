"""`roundtrip check`: a dry run of reading a company's files; nothing stays of it but what is shown."""

import itertools
import json
import re
import textwrap
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb
from rich.console import Console
from rich.markup import escape
from rich.table import Table as Grid

from roundtrip import duck
from roundtrip.company import Company
from roundtrip.contract import Table, source_contract
from roundtrip.errors import GateFailed
from roundtrip.home import Home
from roundtrip.ingest import read_files, sql

#: Reasons shown for a table, and lines named for each.
_REASONS, _EXAMPLES = 5, 3
#: Words that are refused are shown from so many rows on: a rarer one could be somebody's name.
_FEW = 20
#: A comment that goes on from the line before: one that does not say anew how sure it is.
_COMMENT = re.compile(r"\s*(?:--|#) (?!sure: |guess: |NEEDS YOU: |[a-z]+_\w+:| )")
_QUESTION_WIDTH = 200


@dataclass(frozen=True)
class Reason:
    """Why rows of a table would be refused; `examples` are `file:line`."""

    column: str | None
    what: str
    rows: int
    examples: tuple[str, ...]
    words: tuple[str, ...] = ()


@dataclass(frozen=True)
class TableCheck:
    """What would come of a table; rows_in = loaded + quarantined + superseded."""

    name: str
    rows_in: int
    loaded: int
    quarantined: int
    superseded: int
    reasons: tuple[Reason, ...]


@dataclass
class Check:
    """What a first delivery would bring; `refused` is the error of a landing gate that says no."""

    tables: list[TableCheck]
    warnings: list[str]
    open_questions: list[str]
    gate_warnings: list[str] = field(default_factory=list)
    refused: GateFailed | None = None
    gate_ran: bool = False


def check(company: Company, as_of: date, with_gate: bool = True) -> Check:
    """Read and judge the company's files as a first delivery, in a home that is removed afterwards.

    Args:
        with_gate: carry out the landing gate's checks too, which takes some ten seconds more.

    Raises:
        BadInput: the files or the mapping cannot be read at all.
        CheckBroken: a check of the gate could not be carried out.
    """
    with TemporaryDirectory(prefix="roundtrip-check-") as folder:
        home = Home(Path(folder))
        company.save(home)
        read = read_files(home, as_of)
        with duck.connect(home.batch_db, home.tmp_dir, read_only=True) as batch:
            tables = [
                _table_check(batch, source_contract()[name], counts)
                for name, counts in read["tables"].items()
            ]
        result = Check(tables, read["warnings"], open_questions(company))
        if with_gate:
            _judge(home, as_of, result)
    return result


def open_questions(company: Company) -> list[str]:
    """`<file>:<line>` and text of each `NEEDS YOU` that is still in the mapping."""
    if company.source is None:
        return []
    files = sorted(path for path in Path(company.source).iterdir() if path.suffix in (".sql", ".yml"))
    found = []
    for path in files:
        lines = path.read_text(encoding="utf-8").splitlines()
        for number, line in enumerate(lines, start=1):
            if match := re.match(r"\s*(?:--|#) (NEEDS YOU: .*)", line):
                goes_on = itertools.takewhile(_COMMENT.match, lines[number:])
                text = " ".join([match.group(1), *(_COMMENT.sub("", more) for more in goes_on)])
                found.append(
                    f"{path.name}:{number}: {textwrap.shorten(text, _QUESTION_WIDTH, placeholder=' …')}"
                )
    return found


def _table_check(batch: duckdb.DuckDBPyConnection, table: Table, counts: dict) -> TableCheck:
    keys = ", ".join(sql.name(column) for column in table.key)
    # Nothing was loaded before, so one row of each key is loaded, and the others of it are older versions.
    distinct = f"SELECT DISTINCT {keys} FROM {sql.name(table.name)}"
    loaded = batch.execute(f"SELECT count(*) FROM ({distinct})").fetchone()[0]
    return TableCheck(
        table.name,
        counts["rows_in"],
        loaded,
        counts["quarantined"],
        counts["accepted"] - loaded,
        tuple(_reasons(batch, table)),
    )


def _reasons(batch: duckdb.DuckDBPyConnection, table: Table) -> list[Reason]:
    """The most frequent reasons, without the refused values themselves."""
    rows = batch.execute(
        f"""
        SELECT
            why."column", why.rule, count(*) AS refused,
            any_value(regexp_replace(why.reason, '(?s): ''.*'' ', ': ') ORDER BY _file, _line) AS what,
            list(coalesce(_file || ':' || _line, _file) ORDER BY _file, _line)
                FILTER (_file IS NOT NULL)[:{_EXAMPLES}] AS examples
        FROM (SELECT _file, _line, unnest(reasons) AS why FROM {_quarantine(table)})
        GROUP BY ALL ORDER BY refused DESC, why."column", why.rule LIMIT {_REASONS}
        """
    ).fetchall()
    return [
        Reason(
            column,
            what if rule != "columns" else "the line's columns cannot be told apart",
            refused,
            tuple(examples or ()),
            _refused_words(batch, table, column) if rule == "values" else (),
        )
        for column, rule, refused, what, examples in rows
    ]


def _refused_words(batch: duckdb.DuckDBPyConnection, table: Table, column: str) -> tuple[str, ...]:
    """The commonest words that are not the contract's: codes, as a single customer's would be rare."""
    rows = batch.execute(
        f"SELECT json_extract_string(row_json, ?) AS word, count(*) AS n FROM {_quarantine(table)} "
        f"WHERE list_contains(list_transform(reasons, lambda why: why.\"column\" || ' ' || why.rule), ?) "
        f"GROUP BY word HAVING n >= {_FEW} ORDER BY n DESC, word LIMIT {_REASONS}",
        [f'$."{column}"', f"{column} values"],
    ).fetchall()
    return tuple(f"{word!r} {count:,}" for word, count in rows)


def _quarantine(table: Table) -> str:
    return sql.name(f"{table.name}__quarantine")


def _judge(home: Home, as_of: date, result: Check) -> None:
    from roundtrip.gates import landing_gate
    from roundtrip.gates.results import read_result

    try:
        landing_gate(home, as_of)
    except GateFailed as error:
        # The file that the error points to goes with the temporary home.
        advice = "mend the mapping or the files; max_quarantined_share in company.yml allows more"
        result.refused = GateFailed(error.message, advice)
    judged = read_result(home, "landing", as_of) or {"results": []}
    result.gate_ran = True
    result.gate_warnings = [
        f"{each['table']}.{each['column']}: {each['reason']} (observed {_short(each['observed'])})"
        for each in judged["results"]
        if not each["success"] and each["severity"] == "warn"
    ]


def _short(observed) -> str:
    return f"{observed:.3g}" if isinstance(observed, float) else json.dumps(observed, default=str)


def show(result: Check, console: Console) -> None:
    """The check as tables for a reader."""
    grid = Grid("table", title="What would be loaded, as a first delivery", title_justify="left")
    for heading in ("rows in", "would load", "quarantined", "share", "superseded"):
        grid.add_column(heading, justify="right")
    for table in result.tables:
        share = table.quarantined / table.rows_in if table.rows_in else 0.0
        numbers = (table.rows_in, table.loaded, table.quarantined)
        grid.add_row(table.name, *(f"{n:,}" for n in numbers), f"{share:.1%}", f"{table.superseded:,}")
    console.print(grid)
    if any(table.reasons for table in result.tables):
        console.print(_reason_grid(result.tables))
    for title, lines in (
        ("not read, or doubtful", result.warnings),
        ("the mapping still asks", result.open_questions),
        ("the landing gate warns", result.gate_warnings),
    ):
        if lines:
            console.print(f"[bold]{title}[/]")
        for line in lines:
            console.print(f"  {escape(line)}", highlight=False, soft_wrap=True)
    if not result.gate_ran:
        console.print("The landing gate's checks were left out (--quick).")
    elif result.refused is None:
        console.print("The landing gate would let this through.")


def _reason_grid(tables: list[TableCheck]) -> Grid:
    grid = Grid(
        "table", "rows", "why they would be refused", "where", title="Quarantine", title_justify="left"
    )
    grid.columns[1].justify = "right"
    grid.columns[3].overflow = "fold"
    for table in tables:
        for reason in table.reasons:
            words = f"\n{', '.join(reason.words)}" if reason.words else ""
            where = "\n".join(reason.examples) or "rows that the SELECT puts together"
            grid.add_row(table.name, f"{reason.rows:,}", escape(reason.what + words), escape(where))
    return grid
