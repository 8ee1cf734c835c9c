"""What to do next: sentences that rules make from the tables, the most urgent first."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from roundtrip.answers import Answer
from roundtrip.rollout.follow import Progress
from roundtrip.rollout.risks import TRIGGERED
from roundtrip.rollout.tasks import OVERDUE

#: More than five things to do are none.
MOST_STEPS = 5
_MISSED = ("missed", "at_risk")


@dataclass(frozen=True)
class Step:
    """One thing to do.

    Attributes:
        rule: names the sentence (text key `next.<rule>`).
        section: of the page, where more stands.
        n: how many, where the sentence says it.
        names: each in both languages, or a code that the texts have words for; shown as a list.
        values: what else the sentence tells.
    """

    rule: str
    section: str
    n: int = 0
    names: tuple[Any, ...] = ()
    values: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Situation:
    """What the rules look at: answers by query, the plan, the model's card, optional sources not there."""

    answers: dict[str, Answer]
    rollout: Progress
    model: dict[str, Any]
    missing_sources: tuple[str, ...]


def next_steps(now: Situation) -> tuple[Step, ...]:
    """At most five steps, in the order of RULES: first what makes the numbers doubtful, then what somebody
    waits for, what is going wrong, what is late, and last what would help. Empty: nothing asks for anything.
    """
    found = (rule(now) for rule in RULES)
    return tuple(step for step in found if step)[:MOST_STEPS]


def failed_checks(now: Situation) -> Step | None:
    """Checks of the newest delivery failed."""
    rows = now.answers["failed_checks"].rows
    n = int(sum(row["failed_checks"] for row in rows))
    return Step("failed_checks", "quality", n, tuple(row["table_name"] for row in rows)) if n else None


def round_waits(now: Situation) -> Step | None:
    """A round waits for a human: the newest, since earlier ones lapse."""
    row = now.answers["rounds"].first
    if row.get("state") != "proposed":
        return None
    return Step("round_waits", "actions", int(row["treated"]), values={key: row[key] for key in _ROUND})


_ROUND = ("round_id", "cost", "expected_net_value")


def risks_true(now: Situation) -> Step | None:
    """Risks of the plan have come true."""
    names = tuple(each.risk.title for each in now.rollout.risks if each.state == TRIGGERED)
    return Step("risks_true", "targets", len(names), names) if names else None


def model_alarms(now: Situation) -> Step | None:
    """The last look at the model in use raised alarms."""
    rows = now.answers["model_alarms"].rows
    if not rows:
        return None
    kinds = tuple(dict.fromkeys(row["kind"] for row in rows))
    return Step("model_alarms", "model", len(rows), kinds, {"day": rows[0]["as_of_date"]})


def action_harms(now: Situation) -> Step | None:
    """An action was shown to bring fewer customers back."""
    rows = now.answers["effects"].rows
    names = tuple(row["action"] for row in rows if row["verdict"] == "harms" and row["action"] != "all")
    return Step("action_harms", "actions", len(names), names) if names else None


def tasks_overdue(now: Situation) -> Step | None:
    """Tasks of the plan are overdue."""
    names = tuple(each.task.title for each in now.rollout.tasks if each.status == OVERDUE)
    return Step("tasks_overdue", "plan", len(names), names) if names else None


def targets_in_danger(now: Situation) -> Step | None:
    """Targets of the present phase are at risk or missed."""
    names = tuple(target.title for target, kpi in now.rollout.shown_kpis if kpi.status in _MISSED)
    return Step("targets_in_danger", "targets", len(names), names) if names else None


def warnings_overdue(now: Situation) -> Step | None:
    """Open warnings are past the day on which somebody should have acted."""
    n = int(sum(row["overdue"] for row in now.answers["open_warnings"].rows))
    return Step("warnings_overdue", "actions", n) if n else None


def no_round(now: Situation) -> Step | None:
    """Customers are warned about, and no round was ever planned: there is no budget."""
    rounds, warnings = now.answers["rounds"], now.answers["open_warnings"]
    n = int(sum(row["customers"] for row in warnings.rows))
    return Step("no_round", "actions", n) if n and not rounds.rows and not rounds.missing_tables else None


def no_model(now: Situation) -> Step | None:
    """A rule scores, since no model was good enough or there is too little to learn from."""
    status = now.model.get("status")
    return Step(f"model_{status}", "model") if status in ("refused", "too_little_data") else None


def plan_without_start(now: Situation) -> Step | None:
    """Nobody has said when the plan begins."""
    return None if now.rollout.plan_starts_on else Step("plan_without_start", "plan")


def source_missing(now: Situation) -> Step | None:
    """Optional sources are not delivered."""
    names = now.missing_sources
    return Step("source_missing", "missing", len(names), names) if names else None


RULES: tuple[Callable[[Situation], Step | None], ...] = (
    failed_checks,
    round_waits,
    risks_true,
    model_alarms,
    action_harms,
    tasks_overdue,
    targets_in_danger,
    warnings_overdue,
    no_round,
    no_model,
    plan_without_start,
    source_missing,
)
#: Rule → the query it looks at; the others look at the plan or the model's card.
SOURCES = {
    "failed_checks": "failed_checks",
    "round_waits": "rounds",
    "model_alarms": "model_alarms",
    "action_harms": "effects",
    "targets_in_danger": "targets",
    "warnings_overdue": "open_warnings",
    "no_round": "open_warnings",
    "source_missing": "warehouse",
}
#: Rule → the group of texts that has words for its names; other names are texts in both languages, or codes.
WORDS_FOR = {"model_alarms": "alarm_kind", "action_harms": "action", "source_missing": "source_name"}
