"""A round's plan before a human in Airflow: a task shows it and waits for an answer."""

from datetime import date, timedelta

from airflow.providers.standard.operators.hitl import HITLOperator
from airflow.sdk import Param, TriggerRule, task
from airflow.sdk.exceptions import AirflowSkipException

from roundtrip.airflow.assets import ROUND
from roundtrip.airflow.tasks import as_of_for
from roundtrip.follow_up import follow_up
from roundtrip.home import Home

APPROVE, REFUSE = "Approve", "Refuse"
#: A plan that nobody answers is refused a day before the next round is due, so that it holds up no other run.
ANSWER_WITHIN = timedelta(days=27)
NOBODY = "nobody (no answer in Airflow)"
_SHOWN_ROWS = 20


def announce_round():
    """A task for the DAG that decides: announces `roundtrip://round` when a plan waits, else is skipped."""

    @task(
        task_id="announce_round", doc_md="Calls the DAG `act` when a plan waits for a human.", outlets=[ROUND]
    )
    def announce(**context):
        from roundtrip.rounds import waiting

        if not waiting(Home.from_env()):
            raise AirflowSkipException("no plan waits for a human")
        context["outlet_events"][ROUND].extra = {"as_of": as_of_for(context).isoformat()}

    return announce()


def waiting_round():
    """A task that writes the plan that waits as Markdown; where none does, the human is skipped."""

    @task.short_circuit(
        task_id="waiting_round",
        doc_md="The plan that waits, as Markdown for the next task.",
        ignore_downstream_trigger_rules=False,
    )
    def look():
        return page_of_waiting(Home.from_env())

    return look()


def approve_plan() -> HITLOperator:
    """The task that waits for a human's answer."""
    look = "ti.xcom_pull(task_ids='waiting_round')"
    return HITLOperator(
        task_id="approve_plan",
        doc_md="Waits for a human: the plan of a round is carried out only if somebody says so.",
        subject=f"{{{{ {look}['subject'] }}}}",
        body=f"{{{{ {look}['body'] }}}}",
        options=[APPROVE, REFUSE],
        defaults=[REFUSE],
        response_timeout=ANSWER_WITHIN,
        params={
            "note": Param(
                "", type=["null", "string"], title="Note", description="Why; kept with the decision."
            ),
            "without_actions": Param(
                "",
                type=["null", "string"],
                title="Without these actions",
                description="Separated by commas, such as upgrade, discount; empty: the plan as it stands.",
            ),
        },
    )


def record_answer():
    """A task that writes the answer into the round's decision.json."""

    @task(task_id="record_answer", doc_md="Writes the human's answer beside the plan.")
    def record(**context):
        ti = context["ti"]
        round_id = ti.xcom_pull(task_ids="waiting_round")["round_id"]
        return record_in(Home.from_env(), round_id, ti.xcom_pull(task_ids="approve_plan"))

    return record()


def act_now():
    """A task that sends what is approved, by the consents that are published now."""

    @task(
        task_id="act",
        doc_md="Stage `act`: sends what is approved, once.",
        # Also where nobody had to be asked: a plan may have been approved on the command line.
        trigger_rule=TriggerRule.NONE_FAILED,
    )
    def act():
        from roundtrip.stages import run_stage

        home = Home.from_env()
        as_of = published_day(home)
        summary = run_stage("act", home, as_of)
        follow_up(home, as_of, "act")
        return summary

    return act()


def published_day(home: Home) -> date:
    """The date of the published warehouse: the consents that count are the newest."""
    from roundtrip.publish import published

    with published(home) as warehouse:
        return warehouse.execute("SELECT as_of_date FROM marts.warehouse_info").fetchone()[0]


def page_of_waiting(home: Home) -> dict | None:
    """round_id, subject and body (Markdown, English and Chinese) of the plan that waits; None: none does."""
    from roundtrip.rounds import waiting
    from roundtrip.rounds.store import round_named
    from roundtrip.rounds.words import money

    if not (ids := waiting(home)):
        return None
    found = round_named(home, ids[-1])
    plan = found.plan
    cost = f"{money(plan['cost'])} {plan['currency'] or ''}".strip()
    gain = money(plan["expected_gain"]["value"])
    lines = [f"- {sentence}" for language in ("en", "zh") for sentence in plan["texts"][language]]
    rows = [
        f"| {action} | {row['treatment']:,} | {row['control']:,} | {row['cost']:,.0f} "
        f"| {row['expected_net_value']:,.0f} |"
        for action, row in plan["by_action"].items()
    ]
    return {
        "round_id": found.id,
        "subject": f"{found.id}: {plan['treatment']:,} customers for {cost}, expected net gain {gain}",
        "body": "\n".join(
            [
                *lines,
                "",
                "| action | treated | held out | cost | expected net gain |",
                "| --- | --- | --- | --- | --- |",
                *rows,
                "",
                *_first_customers(found),
                "",
                f"All of it: `{found.plan_file}`, or `roundtrip round show {found.id}`.",
            ]
        ),
    }


def _first_customers(found) -> list[str]:
    """The customers of most expected worth; both arms, so that nobody is taken out by the arm they are in."""
    import pandas as pd

    columns = ["customer_id", "action", "channel", "segment", "cause", "unit_cost", "expected_net_value"]
    plan = pd.read_parquet(found.plan_file, columns=columns)
    most = plan.nlargest(_SHOWN_ROWS, "expected_net_value") if len(plan) else plan
    if most.empty:
        most = plan.head(_SHOWN_ROWS)
    cells = most.round(2).astype(object).where(most.notna(), "–").astype(str)
    return [
        f"The {len(cells)} customers of most expected worth, of {len(plan):,}, in either arm:",
        "",
        f"| {' | '.join(columns)} |",
        f"| {' | '.join(['---'] * len(columns))} |",
        *("| " + " | ".join(row) + " |" for row in cells.to_numpy().tolist()),
    ]


def record_in(home: Home, round_id: str, answer: dict) -> dict:
    """Write what was answered in Airflow; somebody may have decided elsewhere meanwhile, which then stands.

    Args:
        answer: of the HITL operator: chosen_options, params_input, responded_by_user.
    """
    from roundtrip.rounds import approve, refuse
    from roundtrip.rounds.store import round_named

    if made := round_named(home, round_id).decision:
        return {**made, "is_from_airflow": False}
    user = answer.get("responded_by_user") or {}
    by = f"{user.get('name') or user['id']} (Airflow)" if user else NOBODY
    given = answer.get("params_input") or {}
    note = given.get("note") or ""
    if answer["chosen_options"] != [APPROVE]:
        return {**refuse(home, round_id, by, note), "is_from_airflow": True}
    actions = [name.strip() for name in (given.get("without_actions") or "").split(",") if name.strip()]
    made = approve(home, round_id, by, note, without={"actions": actions})
    return {**made, "is_from_airflow": True}
