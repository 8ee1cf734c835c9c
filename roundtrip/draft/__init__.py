"""`roundtrip new-source`: a first draft of a company's mapping, from the names and values in its data."""

import re
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from roundtrip.contract import source_contract
from roundtrip.draft import reading, verify
from roundtrip.draft.company_yml import company_yml
from roundtrip.draft.guess import NEEDS_YOU
from roundtrip.draft.match import tables_of
from roundtrip.draft.parts import put_together
from roundtrip.draft.profile import profile
from roundtrip.draft.tables import Company, draft_tables
from roundtrip.draft.write import commented, counts, write_folder
from roundtrip.errors import BadInput
from roundtrip.home import PROJECT_ROOT
from roundtrip.ingest import databases

SOURCES_DIR = PROJECT_ROOT / "sources"
_COUNTED = ("sure", "guessed", "need you", "absent")


@dataclass(frozen=True)
class Drafted:
    """What was written: per table its files and how many columns are sure, guessed, in need of a human."""

    folder: Path
    landing: Path | None
    tables: dict[str, dict]
    notes: list[str]


def draft_source(
    name: str,
    landing: Path | None,
    sources: Path = SOURCES_DIR,
    sample_rows: int = reading.SAMPLE_ROWS,
    databases_file: Path | None = None,
) -> Drafted:
    """Draft `<sources>/<name>/` from the files in `landing` and the tables that a databases.yml names, all of
    which are only read. The draft keeps a copy of that file.

    The same files give the same draft.

    Raises:
        BadInput: the name cannot be a folder's, the folder is there already, or a file cannot be read.
    """
    if not re.fullmatch(r"\w[\w-]*", name):
        raise BadInput(f"{name!r} cannot be a source's name", "use letters, digits, _ and -")
    folder = sources / name
    if folder.exists():
        raise BadInput(
            f"{folder} exists already; nothing was written", "choose another name, or move the folder away"
        )
    with reading.opened(landing, sample_rows, databases_file) as (connection, found):
        fields, prepared = {}, []
        for source in found:
            source, fields[source.name] = put_together(connection, source, profile(connection, source))
            prepared.append(source)
        assignment = tables_of(prepared, fields)
        company = Company(connection, assignment.sources, fields)
        draft_tables(company)
        for draft in company.drafts.values():
            verify.run(company, draft)
        settings = company_yml(company, name)
    drafts = {table: company.drafts[table] for table in source_contract() if table in company.drafts}
    if not drafts:
        raise BadInput(
            f"nothing in {landing or databases_file} looks like a contract table",
            "they are known by their names and columns; docs/sources.md says how to write a mapping",
        )
    notes = [
        f"{source.name} is not used: "
        + (
            f"it looks like {table}, but another file does more so"
            if table
            else "it looks like no contract table"
            if source.rows
            else "it has no rows"
        )
        for source, table in assignment.left
    ]
    notes += [
        f"{NEEDS_YOU}: no file looks like {table.name}, which is required"
        for table in source_contract().values()
        if table.required and table.name not in drafts
    ]
    contents = {f"{table}.sql": commented(draft) for table, draft in drafts.items()}
    if databases_file:
        contents[databases.FILE_NAME] = databases_file.read_text(encoding="utf-8-sig")
    write_folder(folder, {**contents, "company.yml": settings})
    return Drafted(
        folder,
        landing,
        {table: {"from": ", ".join(draft.source.views), **counts(draft)} for table, draft in drafts.items()},
        notes,
    )


def show(drafted: Drafted, console: Console) -> None:
    """What was drafted, and what to do next."""
    grid = Table("table", "from", title=f"Drafted in {drafted.folder}", title_justify="left")
    for heading in _COUNTED:
        grid.add_column(heading, justify="right")
    for table, counted in drafted.tables.items():
        grid.add_row(table, counted["from"], *(str(counted[heading]) for heading in _COUNTED))
    console.print(grid)
    for note in drafted.notes:
        console.print(note, highlight=False, soft_wrap=True)
    console.print(
        "Next: answer each `NEEDS YOU` and read each `guess` in the files, and run "
        f"`roundtrip check --source {drafted.folder}{' --landing …' if drafted.landing else ''}` after each "
        "change.",
        highlight=False,
        soft_wrap=True,
    )


__all__ = ["SOURCES_DIR", "Drafted", "draft_source", "show"]
