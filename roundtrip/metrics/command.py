"""`roundtrip metrics`: the commands; everything slow is imported inside them."""

import csv
import sys
from datetime import date
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from roundtrip.errors import BadInput
from roundtrip.home import Home
from roundtrip.options import HomeOption

app = typer.Typer(
    help="The indicators as metrics: by any segment, for any period.",
    no_args_is_help=True,
    add_completion=False,
)


@app.command("list")
def list_metrics(
    name: Annotated[str | None, typer.Argument(help="One metric, to see what it can be grouped by.")] = None,
    home: HomeOption = None,
) -> None:
    """All metrics; or one, with what it can be grouped by."""
    from roundtrip.metrics import SemanticLayer

    cards = {card.name: card for card in SemanticLayer(Home.from_env(home)).metrics()}
    console = Console()
    if name is None:
        table = Table("metric", "what it is")
        for card in cards.values():
            table.add_row(card.name, card.description)
        console.print(table)
        return
    if name not in cards:
        raise BadInput(f"there is no metric {name!r}", "`roundtrip metrics list` shows them all")
    console.print(f"[bold]{name}[/]  {cards[name].description}", highlight=False)
    for group in cards[name].group_by:
        console.print(
            f"  {group}" + ("__day, __week, __month, __quarter, __year" if group == "metric_time" else "")
        )


@app.command()
def query(
    metrics: Annotated[str, typer.Option("--metrics", help="Names, separated by commas.")],
    group_by: Annotated[
        str,
        typer.Option("--group-by", help="Such as metric_time__month,customer_month__value_tier."),
    ] = "",
    where: Annotated[
        list[str] | None,
        typer.Option(
            "--where", help="Such as \"{{ Dimension('customer_month__country') }} = 'DE'\"; repeatable."
        ),
    ] = None,
    start: Annotated[str | None, typer.Option(help="First day, as 2025-01-01.")] = None,
    end: Annotated[str | None, typer.Option(help="Last day.")] = None,
    order_by: Annotated[
        str,
        typer.Option("--order-by", help="Names, with - in front for falling; give it as --order-by=-name."),
    ] = "",
    limit: Annotated[int | None, typer.Option(help="The most rows.", min=1)] = None,
    as_csv: Annotated[bool, typer.Option("--csv", help="As CSV, for other programs.")] = False,
    explain: Annotated[bool, typer.Option("--explain", help="Show the SQL instead of running it.")] = False,
    home: HomeOption = None,
) -> None:
    """Ask the published warehouse for metrics."""
    from roundtrip.metrics import Question, SemanticLayer

    layer = SemanticLayer(Home.from_env(home))
    question = Question(
        _names(metrics),
        _names(group_by),
        where or (),
        _day("--start", start),
        _day("--end", end),
        _names(order_by),
        limit,
    )
    if explain:
        print(layer.sql(question))
        return
    answer = layer.query(question)
    rows = [[_shown(value) for value in row] for row in answer.rows]
    if as_csv:
        csv.writer(sys.stdout, lineterminator="\n").writerows([answer.columns, *rows])
        return
    table = Table(*answer.columns)
    for row in rows:
        table.add_row(*row)
    Console().print(table)


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]


def _day(option: str, text: str | None) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError as error:
        raise BadInput(f"{option} {text!r} is not a date", "write it as 2025-12-31") from error


def _shown(value: object) -> str:
    """A value as text: unknown is empty, a day without its midnight, a number with six significant digits."""
    if value is None:
        return ""
    if hasattr(value, "isoformat"):
        return value.isoformat()[:10]
    return f"{value:.6g}" if isinstance(value, float) else str(value)
