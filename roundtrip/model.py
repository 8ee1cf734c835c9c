"""`roundtrip model`: what was in production, and going back; everything slow is imported inside."""

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.padding import Padding
from rich.table import Table

from roundtrip.company import Company
from roundtrip.errors import BadInput
from roundtrip.home import Home
from roundtrip.lock import one_run_at_a_time
from roundtrip.options import HomeOption

app = typer.Typer(
    help="The churn model in production: its history, going back, and whether expected years came true.",
    no_args_is_help=True,
    add_completion=False,
)
_WORDS = {"promoted": "promoted", "rolled_back": "back to", "found": "found"}


@app.command()
def history(home: HomeOption = None) -> None:
    """What was in production, when, why, and what before it; the oldest first."""
    from ml import history as kept
    from ml import registry

    place, console = Home.from_env(home), Console()
    moves = kept.moves(place)
    if not moves:
        console.print("no model was ever in production: the inactivity rule scores")
        return
    for move in moves:
        at = move.at[:16].replace("T", " ") + " UTC" if move.at else "time not recorded"
        before = f", in place of {move.predecessor}" if move.predecessor else ""
        what = f"{_WORDS[move.action]} version {move.version}{before}"
        by = f" by {move.by}" if move.by else ""
        console.print(
            f"[bold]{move.number}[/]  {at}  as of {move.as_of}  [bold]{what}[/]{by}", highlight=False
        )
        trained = [f"trained because {move.trigger}"] if move.trigger else []
        for words in [*trained, move.reason]:
            console.print(Padding(escape(words), (0, 0, 0, 3)), highlight=False)
    _say_in_force(registry.in_force(place, date.max), console)


def _say_in_force(in_force, console: Console) -> None:
    for warning in in_force.warnings:
        console.print(f"[yellow]{escape(warning)}[/]", highlight=False, soft_wrap=True)
    if in_force.versions:
        version = in_force.versions[0]
        console.print(
            f"in production: version {version.number}, trained for {version.as_of}", highlight=False
        )


@app.command()
def rollback(
    reason: Annotated[str, typer.Option("--reason", help="Why; it is kept for good.")],
    to: Annotated[
        str | None,
        typer.Option("--to", help="The version to go back to; without it the one in force before."),
    ] = None,
    home: HomeOption = None,
) -> None:
    """Put a version that was in production before in production again, and write down who and why."""
    from ml import registry
    from ml.card import write_card
    from ml.profit import with_company_costs
    from ml.settings import digest, parameters
    from roundtrip.publish import Actor

    place, console = Home.from_env(home), Console()
    Company.load(place)
    day = _date_of_data(place)
    with one_run_at_a_time(place):
        actor = Actor.at(datetime.now(UTC))
        move = registry.roll_back(
            place, to, day, reason, actor, digest(with_company_costs(parameters(), place))
        )
        write_card(place, day, {"status": "rolled_back", "reason": move.reason})
    console.print(f"in production: version {move.version}, in place of {move.predecessor}", highlight=False)
    for stage in ("score", "publish_scores", "report"):
        console.print(f"next: `roundtrip stage {stage} --as-of {day}`", highlight=False)


@app.command()
def value(
    cutoff: Annotated[
        datetime | None,
        typer.Option(
            "--cutoff",
            formats=["%Y-%m-%d"],
            help="A month end; without it the last one a year before the data ends.",
        ),
    ] = None,
    picture: Annotated[
        Path | None, typer.Option("--picture", help="Draw expected against counted into this PNG file.")
    ] = None,
    home: HomeOption = None,
) -> None:
    """Was the expected year what came? Bookings and value expected on a month end, against those counted."""
    from ml import value_check
    from roundtrip.publish import published

    place, console = Home.from_env(home), Console()
    with published(place) as warehouse:
        day = cutoff.date() if cutoff else _a_year_before_the_end(warehouse)
    with console.status("fitting on what was known by then …"):
        found = value_check.backtest(place, day)
    if found is None:
        raise BadInput(
            f"the year after {day} cannot be checked: it is not all in the warehouse, or too few customers' "
            "outcomes were known by then",
            "give --cutoff a month end twelve months before the data ends, and two years after it begins",
        )
    table = Table(title=f"{found['customers']:,} customers of {day}, a year on", title_justify="left")
    for head in (
        "of twelve months",
        "expected",
        "counted",
        f"in the {found['interval']:.0%} interval",
        "rank correlation",
    ):
        table.add_column(head, justify="left" if head == "of twelve months" else "right")
    for kind in ("bookings", "value"):
        if kind in found:
            told = found[kind]
            table.add_row(
                kind,
                f"{told['mean_expected']:,.2f}",
                f"{told['mean_counted']:,.2f}",
                f"{told['inside']:.0%}",
                f"{told['rank_correlation']:.2f}",
            )
    console.print(table)
    if "value" not in found:
        console.print("no prices are delivered: bookings only")
    if picture:
        value_check.picture(found).savefig(picture)
        console.print(f"drawn: {picture}", highlight=False, soft_wrap=True)


def _a_year_before_the_end(warehouse) -> date:
    """The last month end whose next twelve months are in the warehouse."""
    return warehouse.execute(
        "SELECT last_day(max(as_of_date) - INTERVAL 12 MONTH) FROM marts.customer_features WHERE is_month_end"
    ).fetchone()[0]


def _date_of_data(home: Home) -> date:
    """The date that is published, else that of the last move."""
    from ml.history import moves
    from roundtrip.publish import published

    if home.current_db.exists():
        with published(home) as warehouse:
            return warehouse.execute("SELECT as_of_date FROM marts.warehouse_info").fetchone()[0]
    last = moves(home)[-1:]
    return date.fromisoformat(last[0].as_of) if last else datetime.now(UTC).date()
