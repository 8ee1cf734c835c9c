"""The tasks of the plan: done where evidence shows it, else open, blocked or overdue by their dates."""

from dataclasses import dataclass
from datetime import date

from roundtrip.rollout.calendar import month_ends_on, month_starts_on
from roundtrip.rollout.plan import Plan, Task, Texts
from roundtrip.rollout.words import LANGUAGES, say

DONE, OPEN, OVERDUE, BLOCKED, NOT_STARTED = "done", "open", "overdue", "blocked", "not_started"
STATUSES = (DONE, OPEN, OVERDUE, BLOCKED, NOT_STARTED)


@dataclass(frozen=True)
class TaskState:
    """A task on a date.

    Attributes:
        done_on: of the earliest evidence; also before `starts_on`, where a company was ahead.
        status: done; overdue (its last day is over); blocked (a task that it waits for is not done); open; or
            not_started (its first month is still to come, or the plan has no start date).
        said: the evidence in words.
    """

    task: Task
    starts_on: date | None
    due_on: date | None
    done_on: date | None
    status: str
    said: Texts


def tasks_of(
    plan: Plan, plan_starts_on: date | None, as_of: date, evidence: dict[str, date | None]
) -> list[TaskState]:
    """Every task with its state.

    Args:
        evidence: first date of each kind (evidence.first_dates).
    """
    done = {task.id: _done_on(task, as_of, evidence) for task in plan.tasks}
    titles = {task.id: task.title for task in plan.tasks}
    states = []
    for task in plan.tasks:
        starts_on = month_starts_on(plan_starts_on, task.first_month) if plan_starts_on else None
        due_on = month_ends_on(plan_starts_on, task.due_month) if plan_starts_on else None
        waits_for = [titles[other] for other in task.depends_on if done[other] is None]
        if done[task.id]:
            status = DONE
        elif starts_on is None or as_of < starts_on:
            status = NOT_STARTED
        elif as_of > due_on:
            status = OVERDUE
        else:
            status = BLOCKED if waits_for else OPEN
        states.append(
            TaskState(
                task,
                starts_on,
                due_on,
                done[task.id],
                status,
                _said(task, done[task.id], evidence, waits_for),
            )
        )
    return states


def _done_on(task: Task, as_of: date, evidence: dict[str, date | None]) -> date | None:
    said = task.done_on if task.done_on and task.done_on <= as_of else None
    return min((day for day in (evidence.get(task.evidence), said) if day), default=None)


def _said(
    task: Task, done_on: date | None, evidence: dict[str, date | None], waits_for: list[Texts]
) -> Texts:
    if done_on:
        is_seen = evidence.get(task.evidence) == done_on
        return say("evidence", task.evidence if is_seen else "by_hand")
    if waits_for:
        names = {
            language: ("、" if language == "zh" else ", ").join(title[language] for title in waits_for)
            for language in LANGUAGES
        }
        return say("evidence", "waits", tasks=names)
    return say("evidence", "none_yet" if task.evidence else "people_say")
