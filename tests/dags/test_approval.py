"""The DAG `act`: the plan as a human sees it in Airflow, and what becomes of the answer."""

from datetime import UTC, datetime

import pytest

from roundtrip.home import Home
from roundtrip.rounds import approve, decide
from roundtrip.rounds.store import round_named
from tests.rounds_fixture import AS_OF, Scene, arrange, plan_of

ROUND = f"R-{AS_OF}"


@pytest.fixture
def planned(home: Home) -> Home:
    arrange(home, Scene())
    decide(home, AS_OF)
    return home


def answer(option: str, **given) -> dict:
    return {
        "chosen_options": [option],
        "params_input": given,
        "responded_by_user": {"id": "7", "name": "li"},
    }


def test_a_human_stands_between_the_plan_and_the_sending(dags: dict):
    dag = dags["act"]
    assert dag["waits_for"] == ["roundtrip://round"]
    assert {name: task["upstream"] for name, task in dag["tasks"].items()} == {
        "waiting_round": [],
        "approve_plan": ["waiting_round"],
        "record_answer": ["approve_plan"],
        "act": ["record_answer"],
    }
    assert dag["tasks"]["approve_plan"]["operator"] == "HITLOperator"


def test_the_page_tells_cost_gain_and_customers_in_both_languages_and_no_arm(planned: Home):
    from roundtrip.airflow.approval import page_of_waiting

    page = page_of_waiting(planned)
    plan = plan_of(planned)
    assert page["round_id"] == ROUND
    assert "expected net gain" in page["subject"]
    assert "customers are approached" in page["body"]
    assert "本轮触达" in page["body"]
    best = plan.loc[plan["expected_net_value"].idxmax(), "customer_id"]
    assert f"| {best} |" in page["body"]
    assert "| arm" not in page["body"]
    assert "@example.com" not in page["body"]
    approve(planned, ROUND, by="Wang")
    assert page_of_waiting(planned) is None


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (answer("Approve", note="go"), ("approved", "li (Airflow)", "go")),
        (answer("Approve", without_actions=" discount, content "), ("changed", "li (Airflow)", "")),
        (answer("Refuse", note="too soon"), ("refused", "li (Airflow)", "too soon")),
        (
            {"chosen_options": ["Refuse"], "params_input": {}, "responded_by_user": None},
            ("refused", "nobody (no answer in Airflow)", ""),
        ),
    ],
    ids=["approved", "changed", "refused", "no answer"],
)
def test_the_answer_is_kept_beside_the_plan(planned: Home, given, expected):
    from roundtrip.airflow.approval import record_in

    assert record_in(planned, ROUND, given)["is_from_airflow"]
    kept = round_named(planned, ROUND).decision
    assert (kept["decision"], kept["by"], kept["note"]) == expected
    if expected[0] == "changed":
        assert kept["without"] == {"actions": ["content", "discount"]}


def test_what_airflow_hands_on_is_what_is_recorded(planned: Home):
    """The form's fields pass the operator's own checks, and its result is what the next task reads."""
    from roundtrip.airflow.approval import approve_plan, record_in

    given = {"note": "go", "without_actions": "discount, content"}
    event = answer("Approve", **given) | {"responded_at": datetime(2025, 7, 1, tzinfo=UTC)}
    handed_on = approve_plan().execute_complete({}, event)
    assert record_in(planned, ROUND, handed_on)["without"] == {"actions": ["content", "discount"]}


def test_who_was_first_has_decided(planned: Home):
    from roundtrip.airflow.approval import record_in

    approve(planned, ROUND, by="Wang")
    assert record_in(planned, ROUND, answer("Refuse"))["is_from_airflow"] is False
    assert round_named(planned, ROUND).decision["by"] == "Wang"
