"""The loop on the screen: where it is, and in the end what it changed."""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from roundtrip.simulate.loop.compare import Comparison, Lives
from roundtrip.simulate.loop.measured import Measured
from roundtrip.simulate.loop.months import OnStage


@contextmanager
def months_shown(months: int, console: Console) -> Iterator[OnStage]:
    """A bar of months with the stage that is at work; yields what `live_the_plan` tells.

    Where nobody watches (a file, a log) each month is a line when it begins.
    """
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("months"),
        TimeElapsedColumn(),
        TextColumn("[dim]{task.fields[stage]}"),
    )
    with Progress(*columns, console=console) as bar:
        task = bar.add_task("living the plan", total=months, stage="")

        seen = set()

        def tell(month: int, day: date, stage: str) -> None:
            if not console.is_terminal and day not in seen:
                seen.add(day)
                console.print(f"{day}: month {month} of {months} lived", highlight=False)
            bar.update(task, completed=month, stage=f"{day} {stage}")

        yield tell
        bar.update(task, completed=months, stage="")


def show(compared: Comparison, found: Measured, currency: str, console: Console) -> None:
    """What really changed, of all and by action, and what the holdouts said."""
    table = Table(title="What the plan changed: the company beside itself, untouched")
    for head in ("", "untouched", "with the plan", "change"):
        table.add_column(head, justify="left" if not head else "right")
    for name, lives in (("everybody", compared.everybody), ("who was treated", compared.treated)):
        table.add_section()
        table.add_row(f"[bold]{name}[/]", f"{lives.untouched.customers:,} customers", "", "")
        for label, value, form in _MEASURES:
            before, after = value(lives.untouched), value(lives.with_plan)
            table.add_row(f"  {label}", form.format(before), form.format(after), _change(before, after))
    console.print(table)
    if compared.by_action:
        console.print(_by_action(compared.by_action))
    extra = compared.everybody.with_plan.margin - compared.everybody.untouched.margin
    console.print(
        f"{found.sent:,} treated, {found.held_out:,} held out; {found.cost:,.0f} {currency} spent of "
        f"{found.budget:,.0f}, {found.cost_of_exploring:,.0f} of it to learn; "
        f"{extra:,.0f} {currency} more margin than untouched: net {extra - found.cost:+,.0f} {currency}"
    )
    kept = compared.everybody.untouched.gone - compared.everybody.with_plan.gone
    console.print(
        f"the plans expected to keep {found.expected_kept:,.1f} customers; at the end {kept:+,} are there"
    )
    for what, effect, form in (
        ("a booking within 90 days", found.effect_on_return, "{:+.1%}"),
        (f"margin within 90 days, {currency}", found.effect_on_margin, "{:+,.1f}"),
    ):
        if effect is None:
            console.print(f"the holdouts cannot say yet what the rounds did to {what}")
        else:
            told, low, high = (form.format(number) for number in effect)
            console.print(f"the holdouts say, of {what}: {told} ({low} to {high})")


def _by_action(by_action: dict[str, Lives]) -> Table:
    table = Table(title="Who was treated, by action, with all else they had")
    for head in ("action", "customers", "churn untouched", "with the plan", "change", "change of margin"):
        table.add_column(head, justify="left" if head == "action" else "right")
    for action, lives in by_action.items():
        untouched, with_plan = lives.untouched, lives.with_plan
        table.add_row(
            action,
            f"{untouched.customers:,}",
            _percent(untouched.churn_rate),
            _percent(with_plan.churn_rate),
            _change(untouched.churn_rate, with_plan.churn_rate),
            _change(untouched.margin, with_plan.margin),
        )
    return table


def _percent(rate: float) -> str:
    return "–" if math.isnan(rate) else f"{rate:.1%}"


def _change(before: float, after: float) -> str:
    return f"{after / before - 1:+.1%}" if before > 0 else "–"


_MEASURES = (
    ("churn (gone at the end)", lambda life: life.churn_rate, "{:.1%}"),
    ("satisfaction of those who stayed", lambda life: life.satisfaction, "{:.3f}"),
    ("revenue", lambda life: life.revenue, "{:,.0f}"),
    ("margin", lambda life: life.margin, "{:,.0f}"),
)
