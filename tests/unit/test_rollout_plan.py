"""The rollout plan: the file that is shipped, the mistakes that are refused, and where a date stands."""

from datetime import date
from pathlib import Path

import pytest

from roundtrip.company import Company
from roundtrip.errors import BadInput
from roundtrip.home import Home
from roundtrip.rollout.calendar import position, window_of
from roundtrip.rollout.names import EVIDENCE, RESOURCE_KINDS, RISK_KINDS, TRIGGERS
from roundtrip.rollout.plan import PLAN_FILE, load_plan, plan_of_company
from roundtrip.rollout.triggers import MEASURES
from roundtrip.rollout.words import LANGUAGES, texts

STARTS_ON = date(2025, 1, 31)


def test_the_shipped_plan_is_that_of_the_definitions():
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
    targets = {target.indicator: target for target in plan.targets}
    assert set(targets) == {"churn_rate", "satisfaction", "revenue", "margin"}
    assert targets["churn_rate"].band(0.02) == pytest.approx((0.016, 0.018))
    assert targets["churn_rate"].nearest(0.02) == pytest.approx(0.018)
    assert targets["revenue"].band(100) == pytest.approx((110, 120))
    assert {risk.kind for risk in plan.risks} == set(RISK_KINDS)
    assert {resource.kind for resource in plan.resources} == set(RESOURCE_KINDS)


def test_every_name_a_plan_may_use_is_there_and_has_its_words():
    assert set(MEASURES) == set(TRIGGERS) == set(texts()["trigger"])
    assert set(EVIDENCE) <= set(texts()["evidence"])
    for group in texts().values():
        for sentence in group.values():
            assert set(sentence) == set(LANGUAGES)
            assert all(sentence.values())
    assert {risk.trigger.measure for risk in load_plan().risks} == set(TRIGGERS)
    assert {task.evidence for task in load_plan().tasks} == set(EVIDENCE)


def changed(tmp_path: Path, old: str, new: str) -> Path:
    text = PLAN_FILE.read_text(encoding="utf-8")
    assert old in text
    file = tmp_path / "rollout.yml"
    file.write_text(text.replace(old, new, 1), encoding="utf-8")
    return file


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("phase: assessment", "phase: dreaming", "unknown phase 'dreaming'"),
        ("phase: assessment", "phase: [assessment]", "unknown phase ['assessment']"),
        ("months: [4, 9]", "months: [3, 9]", "phase implementation overlaps"),
        ("months: [4, 9]", "months: [5, 9]", "leaves out month 4"),
        ("months: [4, 9]", "months: [9, 4]", "do not lie within 1-12"),
        ("months: [4, 9]", "months: []", "months is missing"),
        ("months: [4, 9]", "months: [4, nine]", "not whole numbers"),
        ("months: [10, 12]", "months: [10, 13]", "do not lie within 1-12"),
        ("months: [10, 12]", "months: [10, 11]", "end with month 11"),
        ("    owner: data_team\n", "", "owner is missing"),
        ("owner: data_team", "owner:", "owner is missing"),
        ("owner: data_team", "owner: 7", "owner is 7, not a text"),
        ("owner: data_team", "owner: data_team\n    colour: red", "unknown key colour"),
        ("months: [1, 1]", "months: [1, 5]", "outside phase assessment"),
        ("id: causes_analysed", "id: data_collected", "used twice"),
        ("id: servers", "id: team", "used twice"),
        ("id: late_data", "id: model_decay", "used twice"),
        ("indicator: margin", "indicator: revenue", "used twice"),
        ("depends_on: [data_collected]", "depends_on: [daydream]", "unknown task 'daydream'"),
        ("depends_on: [data_collected]", "depends_on: data_collected", "depends_on must be a list"),
        (
            "depends_on: [data_collected]",
            "depends_on: [causes_analysed]",
            "causes_analysed → causes_analysed",
        ),
        ("depends_on: [data_collected]", "depends_on: [first_strategy]", "tasks wait for each other"),
        (
            "depends_on: [data_collected]",
            "depends_on: [model_released]",
            "is due in month 2, before model_released",
        ),
        ("evidence: gates_passed", "evidence: a_feeling", "unknown evidence 'a_feeling'"),
        ("evidence: gates_passed", "done_on: soon", "done_on is 'soon', not a date"),
        ("kind: people", "kind: horses", "unknown kind 'horses'"),
        ("planned: 18", "planned: -18", "planned is -18, not a number of at least 0"),
        ("planned: 18", "planned: .nan", "planned is nan"),
        ("planned: 18", "spent: -1", "spent is -1"),
        ("measured_by: run_hours", "measured_by: a_guess", "unknown measured_by 'a_guess'"),
        ("measured_by: run_hours", "measured_by: run_hours\n    spent: 3", "computing is measured and said"),
        ("indicator: satisfaction", "indicator: happiness", "unknown indicator 'happiness'"),
        ("direction: down", "direction: sideways", "unknown direction"),
        ("change_percent: [10, 20]", "change_percent: [20, 10]", "not [least, most]"),
        ("change_percent: [10, 20]", "change_percent: [0, 10]", "not [least, most] above 0"),
        ("change_percent: [10, 20]", "change_percent: [10, 120]", "nothing falls by 120 %"),
        ("change_percent: [10, 20]", "change_percent: 10", "change_percent is 10"),
        ("is_seasonal: true", "is_seasonal: sometimes", "write true or false"),
        ("kind: data_security_privacy", "kind: bad_luck", "unknown kind 'bad_luck'"),
        ("probability: low", "probability: slim", "unknown probability"),
        ("measure: erasure_waiting_days", "measure: the_moon", "unknown measure 'the_moon'"),
        ("watch_from: 15, triggered_from: 30", "watch_from: 31, triggered_from: 30", "watched from 31"),
        ("watch_from: 15, triggered_from: 30", "watch_from: 15", "triggered_from is missing"),
        ("{en: Assessment, zh: 评估}", "{en: Assessment}", "zh is missing"),
        ("risks:\n", "risks: []\nold_risks:\n", "unknown key old_risks"),
        ("resources:\n", "resources:\ntargets: []\nold:\n", "targets is given twice"),
    ],
)
def test_a_mistake_is_refused_with_its_line(tmp_path, old, new, message):
    file = changed(tmp_path, old, new)
    with pytest.raises(BadInput) as caught:
        load_plan(file)
    told = caught.value.message + " " + caught.value.hint
    assert message in told
    place, line = caught.value.message.split(": ")[0].rsplit(":", 1)
    assert place == str(file)
    assert caught.value.hint
    # The line named lies at most an entry's length from where the change was made.
    text = PLAN_FILE.read_text(encoding="utf-8")
    changed_at = text[: text.find(old)].count("\n") + 1
    is_elsewhere = message in ("end with month 11", "used twice", "targets is given twice")
    assert is_elsewhere or abs(int(line) - changed_at) <= 6


def test_the_line_is_the_very_line_of_a_wrong_value(tmp_path):
    for old, new in (("phase: assessment", "phase: dreaming"), ("planned: 60", "planned: many")):
        file = changed(tmp_path, old, new)
        line = 1 + file.read_text(encoding="utf-8").split(new)[0].count("\n")
        with pytest.raises(BadInput, match=f"rollout.yml:{line}: "):
            load_plan(file)


def test_no_yaml_and_no_file_are_refused(tmp_path):
    with pytest.raises(BadInput, match="cannot be read"):
        load_plan(tmp_path / "absent.yml")
    for name, text, message in (
        ("bad", "phases: [", "is not YAML"),
        ("empty", "", "expected"),
        ("list", "- phases", "expected"),
        ("one", "phases:\n  - {id: a, title: {en: A, zh: A}, months: [1, 12]}\n", "is missing"),
    ):
        (tmp_path / f"{name}.yml").write_text(text, encoding="utf-8")
        with pytest.raises(BadInput, match=message):
            load_plan(tmp_path / f"{name}.yml")


def test_a_plan_of_one_phase_measures_nothing(tmp_path):
    text = PLAN_FILE.read_text(encoding="utf-8")
    start, end = text.index("  - id: implementation"), text.index("# evidence ")
    text = (text[:start] + text[end:]).replace("months: [1, 3]", "months: [1, 12]", 1)
    (tmp_path / "one.yml").write_text(text, encoding="utf-8")
    with pytest.raises(BadInput, match="one phase only"):
        load_plan(tmp_path / "one.yml")


def test_a_company_gives_a_plan_of_its_own_beside_its_settings(tmp_path):
    landing, own = tmp_path / "landing", tmp_path / "plans" / "ours.yml"
    landing.mkdir()
    own.parent.mkdir()
    own.write_text(
        PLAN_FILE.read_text(encoding="utf-8").replace("planned: 18", "planned: 6"), encoding="utf-8"
    )
    (landing / "company.yml").write_text("plan: ../plans/ours.yml\n", encoding="utf-8")
    home = Home(tmp_path / "home")
    company = Company.describe(landing, None)
    company.save(home)
    assert plan_of_company(home).resources[0].planned == 6
    assert plan_of_company(Home(tmp_path / "another")).resources[0].planned == 18

    own.write_text(own.read_text(encoding="utf-8").replace("kind: people", "kind: horses"), encoding="utf-8")
    with pytest.raises(BadInput, match=r"ours.yml:\d+: unknown kind 'horses'"):
        Company.describe(landing, None)
    (landing / "company.yml").write_text("plan: [a]\n", encoding="utf-8")
    with pytest.raises(BadInput, match="plan is"):
        Company.describe(landing, None)


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


@pytest.mark.parametrize(
    ("as_of", "months", "has_begun", "is_over"),
    [
        (date(2025, 3, 31), 0, False, False),
        (date(2025, 4, 1), 0, True, False),
        (date(2025, 4, 30), 1, True, False),
        (date(2025, 9, 29), 5, True, False),
        (date(2025, 9, 30), 6, True, True),
        (date(2026, 9, 30), 6, True, True),
    ],
)
def test_a_month_counts_when_it_is_over(as_of, months, has_begun, is_over):
    window = window_of(load_plan().phase("implementation"), date(2025, 1, 1), as_of)
    assert (window.months, window.has_begun, window.is_over) == (months, has_begun, is_over)
