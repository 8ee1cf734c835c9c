"""Months of the plan and of the calendar: where a date stands, and which whole months a phase covers."""

import calendar
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal

from roundtrip.rollout.names import PLAN_MONTHS
from roundtrip.rollout.plan import Phase, Plan


@dataclass(frozen=True)
class Position:
    """Where a date stands: `month` and `phase` are set only while the plan is running."""

    state: Literal["not_started", "running", "finished"]
    month: int | None = None
    phase: Phase | None = None


@dataclass(frozen=True)
class Window:
    """The whole calendar months of a phase that are over by the date.

    Attributes:
        months: how many there are so far.
        has_begun: the phase's first day has come.
        is_over: the phase has ended, so that no further month comes.
    """

    phase: Phase
    starts_on: date
    ends_on: date
    first_day: date
    last_day: date
    months: int
    has_begun: bool
    is_over: bool


def add_months(day: date, months: int) -> date:
    """The same day `months` later, or the last day of that month where it is shorter."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))


def month_starts_on(plan_starts_on: date, month: int) -> date:
    """First day of a month of the plan (1-12)."""
    return add_months(plan_starts_on, month - 1)


def month_ends_on(plan_starts_on: date, month: int) -> date:
    """Last day of a month of the plan (1-12)."""
    return add_months(plan_starts_on, month) - timedelta(days=1)


def position(plan: Plan, plan_starts_on: date | None, as_of: date) -> Position:
    """Month and phase of the plan on `as_of`; not started without a start date or before it."""
    if plan_starts_on is None or as_of < plan_starts_on:
        return Position("not_started")
    month = next((m for m in range(1, PLAN_MONTHS + 1) if as_of <= month_ends_on(plan_starts_on, m)), None)
    if month is None:
        return Position("finished")
    phase = next(p for p in plan.phases if p.first_month <= month <= p.last_month)
    return Position("running", month, phase)


def window_of(phase: Phase, plan_starts_on: date, as_of: date) -> Window:
    """A phase's whole calendar months up to `as_of`.

    Indicators are told by calendar month. Where the plan begins within one, a month that lies in two phases
    counts in neither.
    """
    starts_on = month_starts_on(plan_starts_on, phase.first_month)
    ends_on = month_ends_on(plan_starts_on, phase.last_month)
    first_day = starts_on if starts_on.day == 1 else add_months(starts_on.replace(day=1), 1)
    beyond = min(ends_on, as_of) + timedelta(days=1)
    last_day = beyond.replace(day=1) - timedelta(days=1)
    months = (last_day.year - first_day.year) * 12 + last_day.month - first_day.month + 1
    return Window(
        phase, starts_on, ends_on, first_day, last_day, max(0, months), as_of >= starts_on, as_of >= ends_on
    )
