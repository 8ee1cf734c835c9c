"""The risks of the plan, and whether their triggers have come true."""

from dataclasses import dataclass

from roundtrip.rollout.names import TRIGGERS
from roundtrip.rollout.plan import Plan, Risk, Texts
from roundtrip.rollout.triggers import Scene, read
from roundtrip.rollout.words import amount, say

QUIET, WATCH, TRIGGERED, UNKNOWN = "quiet", "watch", "triggered", "unknown"
STATES = (TRIGGERED, WATCH, UNKNOWN, QUIET)


@dataclass(frozen=True)
class RiskState:
    """A risk on a date.

    Attributes:
        value: of the trigger's measure; None: not known, state unknown.
        trigger: the trigger as a sentence. said: the present value, or why there is none.
    """

    risk: Risk
    value: float | None
    state: str
    trigger: Texts
    said: Texts


def state_of(value: float | None, watch_from: float, triggered_from: float) -> str:
    """quiet, watch, triggered, or unknown without a value."""
    if value is None:
        return UNKNOWN
    return TRIGGERED if value >= triggered_from else WATCH if value >= watch_from else QUIET


def risks_of(plan: Plan, scene: Scene) -> list[RiskState]:
    """Every risk with its state, in the plan's order."""
    states = []
    for risk in plan.risks:
        trigger = risk.trigger
        unit = TRIGGERS[trigger.measure]
        reading = read(trigger.measure, scene)
        value = {} if reading.value is None else {"value": amount(unit, reading.value)}
        states.append(
            RiskState(
                risk,
                reading.value,
                state_of(reading.value, trigger.watch_from, trigger.triggered_from),
                say("trigger", trigger.measure, threshold=amount(unit, trigger.triggered_from)),
                say("state_reason", reading.why, **value, **reading.values),
            )
        )
    return states
