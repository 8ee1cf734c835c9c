"""What to do next: each rule on what calls for it and on what does not, and at most five of them."""

import re
from dataclasses import replace
from datetime import date
from types import SimpleNamespace

import pytest

from roundtrip.answers import Answer
from roundtrip.home import PROJECT_ROOT
from roundtrip.report import steps
from roundtrip.report.steps import RULES, SOURCES, Situation, next_steps

NAME = {"en": "Name", "zh": "名称"}
ROUND = {"round_id": "R-1", "state": "proposed", "treated": 8, "cost": 96.0, "expected_net_value": 40.0}
WARNED = {"cause": "price", "customers": 3, "overdue": 0}
ALARM = {"kind": "population", "as_of_date": date(2025, 11, 30)}


def _answers(**rows: list[dict]) -> dict[str, Answer]:
    names = ("failed_checks", "rounds", "model_alarms", "effects", "open_warnings")
    return {name: Answer(name, "", (), {}, rows.get(name, [])) for name in names}


def _rollout(task="done", risk="quiet", kpi="on_track", starts_on=date(2025, 1, 1)):
    return SimpleNamespace(
        tasks=[SimpleNamespace(task=SimpleNamespace(title=NAME), status=task)],
        risks=[SimpleNamespace(risk=SimpleNamespace(title=NAME), state=risk)],
        shown_kpis=[(SimpleNamespace(title=NAME), SimpleNamespace(status=kpi))],
        plan_starts_on=starts_on,
    )


CALM = Situation(_answers(), _rollout(), {"status": "champion"}, ())
#: What calls for a rule, and what comes close and does not.
STORIES = {
    "failed_checks": (
        {"failed_checks": [{"table_name": "bookings", "failed_checks": 2}]},
        {"failed_checks": []},
    ),
    "round_waits": ({"rounds": [ROUND]}, {"rounds": [ROUND | {"state": "sent"}, ROUND]}),
    "model_alarms": ({"model_alarms": [ALARM, ALARM]}, {}),
    "action_harms": (
        {"effects": [{"action": "upgrade", "verdict": "harms"}]},
        {"effects": [{"action": "all", "verdict": "harms"}, {"action": "upgrade", "verdict": "open"}]},
    ),
    "warnings_overdue": (
        {"open_warnings": [WARNED | {"overdue": 2}], "rounds": [ROUND | {"state": "sent"}]},
        {"open_warnings": [WARNED], "rounds": [ROUND | {"state": "sent"}]},
    ),
    "no_round": ({"open_warnings": [WARNED]}, {"open_warnings": []}),
}
OF_THE_PLAN = {
    "risks_true": ({"risk": "triggered"}, {"risk": "watch"}),
    "tasks_overdue": ({"task": "overdue"}, {"task": "blocked"}),
    "targets_in_danger": ({"kpi": "missed"}, {"kpi": "not_yet_measurable"}),
    "plan_without_start": ({"starts_on": None}, {}),
}


def test_where_nothing_calls_there_is_nothing_to_do():
    assert next_steps(CALM) == ()


@pytest.mark.parametrize("rule", STORIES)
def test_rules_on_what_the_tables_say(rule):
    calls, does_not = (replace(CALM, answers=_answers(**rows)) for rows in STORIES[rule])
    (step,) = next_steps(calls)
    assert step.rule == rule
    assert rule not in [step.rule for step in next_steps(does_not)]
    assert rule in SOURCES


@pytest.mark.parametrize("rule", OF_THE_PLAN)
def test_rules_on_what_the_plan_says(rule):
    calls, does_not = (replace(CALM, rollout=_rollout(**told)) for told in OF_THE_PLAN[rule])
    assert [step.rule for step in next_steps(calls)] == [rule]
    assert next_steps(does_not) == ()


def test_rules_on_the_model_and_what_is_not_delivered():
    for status in ("refused", "too_little_data"):
        (step,) = next_steps(replace(CALM, model={"status": status}))
        assert step.rule == f"model_{status}"
    (step,) = next_steps(replace(CALM, missing_sources=("has_prices", "has_surveys")))
    assert (step.rule, step.n, step.section) == ("source_missing", 2, "missing")


def test_a_step_tells_what_it_is_about():
    rows = [{"table_name": "bookings", "failed_checks": 2}, {"table_name": "surveys", "failed_checks": 1}]
    step = steps.failed_checks(replace(CALM, answers=_answers(failed_checks=rows)))
    assert (step.n, step.names) == (3, ("bookings", "surveys"))
    step = steps.round_waits(replace(CALM, answers=_answers(rounds=[ROUND])))
    assert (step.n, step.values["round_id"], step.values["cost"]) == (8, "R-1", 96.0)
    step = steps.model_alarms(replace(CALM, answers=_answers(model_alarms=[ALARM, ALARM])))
    assert (step.n, step.names, step.values["day"]) == (2, ("population",), date(2025, 11, 30))


def test_at_most_five_in_the_order_of_the_rules():
    rows = {"failed_checks": STORIES["failed_checks"][0]["failed_checks"], "rounds": [ROUND]}
    rows |= {"model_alarms": [ALARM], "effects": STORIES["action_harms"][0]["effects"]}
    everything = Situation(
        _answers(**rows),
        _rollout("overdue", "triggered", "missed", None),
        {"status": "refused"},
        ("has_prices",),
    )
    names = [step.rule for step in next_steps(everything)]
    assert names == [rule.__name__ for rule in RULES][:5]


def test_the_page_on_the_report_explains_every_rule_in_their_order():
    page = (PROJECT_ROOT / "docs" / "report.md").read_text(encoding="utf-8")
    explained = re.findall(r"^\| `(\w+)` \| ", page[page.index("## What to do next") :], re.MULTILINE)
    assert explained == [rule.__name__ for rule in RULES]
