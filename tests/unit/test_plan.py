"""The rollout plan: the file that is shipped, the mistakes that are refused, and where a date stands."""

from datetime import date
from pathlib import Path

import pytest

from roundtrip.errors import BadInput
from roundtrip.report.plan import PLAN_FILE, load_plan, position, task_statuses

STARTS_ON = date(2025, 1, 31)


def test_the_shipped_plan_has_the_phases_and_targets_of_the_definitions():
    plan = load_plan()
    assert [(p.id, p.first_month, p.last_month) for p in plan.phases] == [
        ("assessment", 1, 3),
        ("implementation", 4, 9),
        ("optimisation", 10, 12),
    ]
    assert {t.id: t.due_month for t in plan.tasks}.items() >= {
        ("data_collected", 1),
        ("causes_analysed", 2),
        ("first_strategy", 3),
        ("early_warning_live", 4),
        ("retention_activities_live", 6),
        ("first_evaluation", 7),
    }
    assert plan.target("churn_rate").band(0.02) == pytest.approx((0.016, 0.018))
    assert plan.target("revenue").band(100) == pytest.approx((110, 120))


def _changed(tmp_path: Path, old: str, new: str) -> Path:
    text = PLAN_FILE.read_text(encoding="utf-8")
    assert old in text
    file = tmp_path / "rollout.yml"
    file.write_text(text.replace(old, new, 1), encoding="utf-8")
    return file


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("phase: assessment", "phase: dreaming", "unknown phase 'dreaming'"),
        ("months: [4, 9]", "months: [3, 9]", "phase implementation overlaps"),
        ("months: [4, 9]", "months: [5, 9]", "leaves out month 4"),
        ("months: [10, 12]", "months: [10, 13]", "do not lie within 1-12"),
        ("months: [10, 12]", "months: [10, 11]", "end with month 11"),
        ("    owner: data_team\n", "", "owner is missing"),
        ("owner: data_team", "owner:", "owner is missing"),
        ("owner: data_team", "owner: data_team\n    colour: red", "unknown key colour"),
        ("due_month: 1", "due_month: 5", "outside phase assessment"),
        ("due_month: 1", "due_month: soon", "not a whole number"),
        ("id: causes_analysed", "id: data_collected", "used twice"),
        ("direction: down", "direction: sideways", "unknown direction"),
        ("change_percent: [10, 20]", "change_percent: [20, 10]", "not [least, most]"),
        ("probability: low", "probability: slim", "unknown probability"),
        ("{en: Assessment, zh: 评估}", "{en: Assessment}", "zh is missing"),
        ("baseline_window_months: 12", "baseline_window_months: 12\nphases: []", "phases is given twice"),
    ],
)
def test_a_mistake_is_refused_with_its_line(tmp_path, old, new, message):
    file = _changed(tmp_path, old, new)
    with pytest.raises(BadInput) as caught:
        load_plan(file)
    assert message in caught.value.message
    place, line = caught.value.message.split(": ")[0].rsplit(":", 1)
    assert place == str(file)
    assert caught.value.hint
    # The line named lies at most an entry's length from where the change was made.
    changed_at = PLAN_FILE.read_text(encoding="utf-8")[
        : PLAN_FILE.read_text(encoding="utf-8").find(old)
    ].count("\n")
    is_whole_list = message in ("end with month 11", "phases is given twice")
    assert is_whole_list or abs(int(line) - changed_at - 1) <= 6


def test_the_line_is_the_very_line_of_a_wrong_value(tmp_path):
    file = _changed(tmp_path, "phase: assessment", "phase: dreaming")
    line = 1 + file.read_text(encoding="utf-8").split("phase: dreaming")[0].count("\n")
    with pytest.raises(BadInput, match=f"rollout.yml:{line}: "):
        load_plan(file)


def test_no_yaml_and_no_file_are_refused(tmp_path):
    with pytest.raises(BadInput, match="cannot be read"):
        load_plan(tmp_path / "absent.yml")
    (tmp_path / "bad.yml").write_text("phases: [", encoding="utf-8")
    with pytest.raises(BadInput, match="is not YAML"):
        load_plan(tmp_path / "bad.yml")
    (tmp_path / "empty.yml").write_text("", encoding="utf-8")
    with pytest.raises(BadInput, match="expected"):
        load_plan(tmp_path / "empty.yml")


@pytest.mark.parametrize(
    ("as_of", "state", "month", "phase"),
    [
        (date(2025, 1, 30), "not_started", None, None),
        (date(2025, 1, 31), "running", 1, "assessment"),
        (date(2025, 2, 27), "running", 1, "assessment"),
        # A month of a plan that begins on the 31st ends where the next month has a 31st or its last day.
        (date(2025, 2, 28), "running", 2, "assessment"),
        (date(2025, 4, 30), "running", 4, "implementation"),
        (date(2025, 10, 30), "running", 9, "implementation"),
        (date(2025, 10, 31), "running", 10, "optimisation"),
        (date(2026, 1, 30), "running", 12, "optimisation"),
        (date(2026, 1, 31), "finished", None, None),
    ],
)
def test_position(as_of, state, month, phase):
    found = position(load_plan(), STARTS_ON, as_of)
    assert (found.state, found.month, found.phase.id if found.phase else None) == (state, month, phase)


def test_a_plan_without_a_start_has_not_started():
    assert position(load_plan(), None, date(2030, 1, 1)).state == "not_started"


def test_tasks_are_done_by_evidence_and_else_judged_by_date():
    plan = load_plan()

    def statuses(as_of, tables, starts_on=STARTS_ON):
        return {s.task.id: s.status for s in task_statuses(plan, starts_on, as_of, tables)}

    in_march = statuses(date(2025, 3, 31), {"fct_bookings"})
    assert in_march["data_collected"] == "done"
    assert in_march["causes_analysed"] == "overdue"
    assert in_march["first_strategy"] == "open"
    assert in_march["early_warning_live"] == "open"
    assert statuses(date(2025, 3, 31), {"customer_scores"})["early_warning_live"] == "done"
    assert set(statuses(date(2025, 3, 31), set(), starts_on=None).values()) == {"open"}


def test_a_task_is_overdue_only_after_its_last_day():
    plan = load_plan()
    first = task_statuses(plan, STARTS_ON, date(2025, 2, 27), set())[0]
    assert (first.due_on, first.status) == (date(2025, 2, 27), "open")
    assert task_statuses(plan, STARTS_ON, date(2025, 2, 28), set())[0].status == "overdue"
