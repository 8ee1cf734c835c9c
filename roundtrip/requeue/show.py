"""Refused and mended rows as tables for a reader."""

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.table import Table as Grid

from roundtrip.requeue.deliver import Account
from roundtrip.requeue.states import STATES

#: Problems shown for a file; the count beside says how many there are.
_SHOWN = 20


def show_counts(counts: Sequence[dict], console: Console) -> None:
    """Refused rows by table and by what became of them."""
    if not counts:
        console.print("no row was ever refused here")
        return
    grid = Grid("table", *STATES, title="Refused rows", title_justify="left")
    for column in grid.columns[1:]:
        column.justify = "right"
    for row in counts:
        grid.add_row(row["table"], *(f"{row[state]:,}" if row[state] else "[dim]·[/]" for state in STATES))
    console.print(grid)
    if any(row["open"] for row in counts):
        console.print(
            "mend the open ones: `roundtrip requeue --export FOLDER`, edit, `roundtrip requeue FOLDER`"
        )


def show_export(written: dict[Path, int], console: Console) -> None:
    for file, rows in written.items():
        console.print(f"{rows:>10,} rows  {escape(str(file))}", highlight=False, soft_wrap=True)
    console.print(
        "edit the contract's columns, leave `_id` and `kept:…` as they are, save as CSV, then give the file "
        "(or the folder) to `roundtrip requeue`"
    )


def show_accounts(accounts: Sequence[Account], dry_run: bool, console: Console) -> None:
    grid = Grid("file", "table", "rows", "ready", "still refused", "skipped", title="Mended rows")
    for column in grid.columns[2:]:
        column.justify = "right"
    for account in accounts:
        numbers = (account.rows, account.ready, account.refused, account.skipped)
        grid.add_row(escape(account.file.name), account.table, *(f"{number:,}" for number in numbers))
    console.print(grid)
    for account in accounts:
        for line, _, what in account.problems[:_SHOWN]:
            place = f"{account.file.name} line {line}"
            console.print(f"  {escape(place)}: {escape(what)}", highlight=False, soft_wrap=True)
        if (more := account.refused + account.skipped - _SHOWN) > 0:
            console.print(f"  and {more:,} more")
    if dry_run:
        console.print("a dry run: nothing was kept")
    elif any(account.delivery for account in accounts):
        console.print("the rows that are ready wait for the next run, which counts them as a delivery")
    else:
        console.print("nothing new waits for the next run")
