"""`roundtrip model`: what was in production, and going back; everything slow is imported inside."""

from datetime import UTC, date, datetime
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.padding import Padding

from roundtrip.company import Company
from roundtrip.home import Home
from roundtrip.lock import one_run_at_a_time
from roundtrip.options import HomeOption

app = typer.Typer(
    help="The churn model in production: its history, and going back.",
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


def _date_of_data(home: Home) -> date:
    """The date that is published, else that of the last move."""
    from ml.history import moves
    from roundtrip.publish import published

    if home.current_db.exists():
        with published(home) as warehouse:
            return warehouse.execute("SELECT as_of_date FROM marts.warehouse_info").fetchone()[0]
    last = moves(home)[-1:]
    return date.fromisoformat(last[0].as_of) if last else datetime.now(UTC).date()
