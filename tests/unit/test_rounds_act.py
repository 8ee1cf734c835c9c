"""What a human says to a plan, and what then leaves the house."""

import json
from datetime import timedelta

import duckdb
import numpy as np
import pandas as pd
import pytest

from roundtrip.errors import BadInput, Locked, RoundtripError
from roundtrip.home import Home
from roundtrip.rounds import act, approve, decide, orders, receivers, refuse, waiting
from roundtrip.rounds.outbox import file_of, ledger
from roundtrip.rounds.settings import parameters
from roundtrip.rounds.store import round_named
from tests.rounds_fixture import AS_OF, Scene, arrange, interventions, plan_of, publish
from tests.webhook import Webhook

ROUND = f"R-{AS_OF}"


@pytest.fixture
def planned(home: Home) -> Home:
    """A home with a plan that waits."""
    arrange(home, Scene())
    decide(home, AS_OF)
    return home


def files(home: Home) -> dict[str, str]:
    return {file.stem: file.read_text(encoding="utf-8") for file in (home.outbox_dir / ROUND).glob("*.csv")}


def sent_rows(home: Home) -> pd.DataFrame:
    found = sorted((home.outbox_dir / ROUND).glob("*.csv"))
    return pd.concat([pd.read_csv(file, dtype=str).assign(channel=file.stem) for file in found])


def set_retention(home: Home, **settings) -> None:
    company = json.loads(home.company_file.read_text(encoding="utf-8"))
    company["settings"]["retention"] |= settings
    home.company_file.write_text(json.dumps(company), encoding="utf-8")


def test_nothing_leaves_before_somebody_says_so(planned: Home):
    assert waiting(planned) == [ROUND]
    assert act(planned, AS_OF) == {"rounds": {}, "interventions": len(plan_of(planned)), "waiting": [ROUND]}
    assert files(planned) == {}
    assert orders(planned, ROUND).empty


def test_who_is_treated_is_written_to_and_who_is_held_out_is_not(planned: Home):
    approve(planned, ROUND, by="Li", note="go")
    done = act(planned, AS_OF)["rounds"][ROUND]
    plan, sent = plan_of(planned), sent_rows(planned)
    treated = plan[plan["arm"] == "treatment"]
    assert set(sent["intervention_id"]) == set(treated["intervention_id"])
    assert done == {
        "sent": len(treated),
        "held_out": len(plan) - len(treated),
        "failed": 0,
        "channels": treated["channel"].value_counts().sort_index().to_dict(),
    }
    rows = interventions(planned).set_index("intervention_id")
    assert set(rows.loc[treated["intervention_id"], "status"]) == {"sent"}
    assert rows.loc[treated["intervention_id"], "sent_at"].eq(pd.Timestamp(AS_OF)).all()
    assert set(rows.drop(treated["intervention_id"])["status"]) == {"held_out"}
    assert act(planned, AS_OF)["rounds"] == {}, "once"


def test_a_file_holds_what_its_channel_needs_and_is_for_the_owners_eyes(planned: Home):
    approve(planned, ROUND, by="Li")
    act(planned, AS_OF)
    for channel, needed in {"email": ["email"], "sms": ["phone"], "wechat": [], "push": []}.items():
        file = file_of(planned, ROUND, channel)
        if not file.exists():
            continue
        assert file.stat().st_mode & 0o777 == 0o600
        rows = pd.read_csv(file, dtype=str)
        assert list(rows.columns)[8:] == needed
        assert rows["intervention_id"].is_monotonic_increasing
        assert rows["message"].str.contains("Name c0").all(), "each by name"
        assert not rows["message"].str.contains("{", regex=False).any()
        is_chinese = rows["message"].str.contains("尊敬的")
        assert (is_chinese == (rows["language"] == "zh")).all()
        if needed:
            assert rows[needed[0]].notna().all()
    assert planned.outbox_dir.stat().st_mode & 0o777 == 0o700
    emails = pd.read_csv(file_of(planned, ROUND, "email"), dtype=str)
    assert (emails["email"] == emails["customer_id"] + "@example.com").all()


def test_no_personal_data_is_anywhere_else(planned: Home):
    approve(planned, ROUND, by="Li")
    act(planned, AS_OF)
    for file in planned.root.rglob("*"):
        if file.is_file() and planned.outbox_dir / ROUND not in file.parents:
            assert b"@example.com" not in file.read_bytes(), file
            if file.suffix == ".parquet":
                assert "@example.com" not in str(duckdb.sql(f"FROM '{file}'").fetchall()), file


def test_consent_is_looked_at_again_in_both_arms(planned: Home):
    plan = plan_of(planned)
    gone = plan.groupby("arm").head(2)
    approve(planned, ROUND, by="Li")
    with duckdb.connect(str(planned.current_db)) as connection:
        connection.register("gone", gone)
        connection.execute(
            "DELETE FROM marts.customer_consents "
            "WHERE (customer_id, purpose) IN (SELECT customer_id, channel FROM gone)"
        )
        connection.execute("INSERT INTO marts.customer_consents SELECT customer_id, channel, false FROM gone")
        left = plan.groupby("arm")["customer_id"].nth(5)
        connection.register("left_us", left.to_frame())
        connection.execute(
            "DELETE FROM marts.dim_customers WHERE customer_id IN (SELECT customer_id FROM left_us)"
        )
    done = act(planned, AS_OF)["rounds"][ROUND]
    assert done["failed"] == len(gone) + 2
    rows = interventions(planned).set_index("intervention_id")
    assert set(rows.loc[gone["intervention_id"], "status_reason"]) == {"channel closed"}
    assert (rows["status_reason"] == "customer left").groupby(rows["arm"]).sum().tolist() == [1, 1]
    assert not sent_rows(planned)["intervention_id"].isin(gone["intervention_id"]).any()
    assert not orders(planned, ROUND)["intervention_id"].isin(gone["intervention_id"]).any()


def test_what_is_out_stays_out_when_a_killed_run_goes_on_after_a_change_of_mind(planned: Home):
    approve(planned, ROUND, by="Li")
    act(planned, AS_OF)
    files_before, sent = files(planned), sent_rows(planned)
    file = file_of(planned, ROUND, "wechat")
    written = file.stat().st_ino
    round_named(planned, ROUND).sent_file.unlink()
    somebody = sent[sent["channel"] == "wechat"].iloc[0]
    with duckdb.connect(str(planned.current_db)) as connection:
        connection.execute(
            "INSERT INTO marts.customer_consents VALUES (?, 'wechat', false)", [somebody["customer_id"]]
        )
    assert act(planned, AS_OF)["rounds"][ROUND]["sent"] == len(sent)
    assert files(planned) == files_before
    assert file.stat().st_ino == written, "somebody may have taken it: it is not written a second time"
    rows = interventions(planned).set_index("intervention_id")
    assert rows.loc[somebody["intervention_id"], "status"] == "sent"


def test_two_never_send_at_once(planned: Home):
    approve(planned, ROUND, by="Li")
    with ledger(planned), pytest.raises(Locked, match="another process is sending"):
        act(planned, AS_OF)
    assert files(planned) == {}
    assert act(planned, AS_OF)["rounds"][ROUND]["sent"]


def test_a_changed_plan_leaves_out_what_was_taken_out_of_it(planned: Home):
    plan = plan_of(planned)
    somebody = plan["customer_id"].iloc[0]
    without = {"actions": ["discount"], "customers": [somebody]}
    decision = approve(planned, ROUND, by="Li", note="no discounts", without=without)
    assert decision["decision"] == "changed"
    act(planned, AS_OF)
    rows = interventions(planned)
    out = (rows["action"] == "discount") | (rows["customer_id"] == somebody)
    assert set(rows.loc[out, "status"]) == {"refused"}
    assert set(rows.loc[out, "status_reason"]) == {"taken out by hand"}
    assert set(rows.loc[~out, "status"]) == {"sent", "held_out"}
    assert set(sent_rows(planned)["action"]) == set(plan["action"]) - {"discount"}


def test_a_refused_plan_is_kept_and_never_sent(planned: Home):
    refuse(planned, ROUND, by="Li", note="too soon")
    assert act(planned, AS_OF)["rounds"] == {}
    assert files(planned) == {}
    rows = interventions(planned)
    assert set(rows["status"]) == {"refused"}
    kept = round_named(planned, ROUND).decision
    assert (kept["decision"], kept["by"], kept["note"]) == ("refused", "Li", "too soon")


def test_a_decision_stands(planned: Home):
    first = approve(planned, ROUND, by="Li", note="go")
    assert approve(planned, ROUND, by="Li", note="once more") == first
    with pytest.raises(BadInput, match="was approved by Li already"):
        refuse(planned, ROUND, by="Li")
    with pytest.raises(BadInput, match="was approved by Li already"):
        approve(planned, ROUND, by="Wang")
    assert round_named(planned, ROUND).decision == first


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda home: approve(home, "R-2020-01-01", by="Li"), "no round 'R-2020-01-01'"),
        (lambda home: approve(home, ROUND, by=" "), "nobody is named"),
        (lambda home: approve(home, ROUND, by="Li", without={"actions": ["fax"]}), "no action 'fax'"),
        (lambda home: approve(home, ROUND, by="Li", without={"customers": ["x"]}), "no customer_id 'x'"),
        (lambda home: approve(home, ROUND, by="Li", without={"channels": ["sms"]}), "has no channels"),
    ],
)
def test_a_word_that_makes_no_sense_is_refused(planned: Home, call, said):
    with pytest.raises(BadInput, match=said):
        call(planned)
    assert waiting(planned) == [ROUND]


def test_a_plan_that_nobody_decided_on_lapses_with_the_next(planned: Home):
    people = arrange(planned, Scene())
    day = AS_OF + timedelta(days=28)
    publish(planned, Scene(), people, np.random.default_rng(1), day)
    decide(planned, day)
    assert waiting(planned) == [f"R-{day}"]
    with pytest.raises(BadInput, match="has lapsed"):
        approve(planned, ROUND, by="Li")
    rows = interventions(planned, day)
    lapsed = rows[rows["round_id"] == ROUND]
    assert set(lapsed["status_reason"]) == {"plan lapsed"}


def test_orders_are_what_a_simulator_reads(planned: Home):
    approve(planned, ROUND, by="Li")
    act(planned, AS_OF)
    rows = orders(planned, ROUND)
    assert list(rows.columns) == ["customer_id", "action", "arm", "channel", "campaign_id", "intervention_id"]
    assert set(rows["arm"]) == {"treatment", "control"}
    assert (rows.loc[rows["arm"] == "control", "channel"] == "").all()
    assert (rows["campaign_id"] == ROUND + "-" + rows["action"]).all()


def test_a_webhook_gets_each_message_once_with_its_key(planned: Home, monkeypatch):
    approve(planned, ROUND, by="Li")
    with Webhook() as hook:
        monkeypatch.setenv("CRM_WEBHOOK", hook.address)
        set_retention(planned, webhook_env="CRM_WEBHOOK")
        act(planned, AS_OF)
        act(planned, AS_OF)
        sent = sent_rows(planned)
        assert sorted(hook.keys) == sorted(sent["intervention_id"])
        assert all(message["intervention_id"] == key for key, message in hook.taken.items())
        emails = [message for message in hook.taken.values() if message["channel"] == "email"]
        assert all("phone" not in message and message["email"] for message in emails)


def test_a_webhook_that_fails_is_tried_again_and_the_round_goes_on_later(planned: Home, monkeypatch):
    monkeypatch.setitem(parameters()["sending"], "webhook_wait_seconds", 0.001)
    approve(planned, ROUND, by="Li")
    with Webhook() as hook:
        monkeypatch.setenv("CRM_WEBHOOK", hook.address)
        set_retention(planned, webhook_env="CRM_WEBHOOK")
        hook.answers = [503, 200, 429, 500, 409]
        hook.then = 200
        hook.refuses_after = 10
        with pytest.raises(RoundtripError, match=r"did not take R-2025-06-30-\d+: 422") as told:
            act(planned, AS_OF)
        assert hook.address not in str(told.value)
        assert round_named(planned, ROUND).state == "approved"
        hook.refuses_after = None
        done = act(planned, AS_OF + timedelta(days=0))["rounds"][ROUND]
    sent = sent_rows(planned)
    assert len(hook.taken) == len(sent) - 1, "one was answered 409: it was there"
    assert done["sent"] == len(sent)
    # Those of the batch that was broken off were written down as well: nothing is posted a second time.
    assert hook.repeated == 0


@pytest.mark.parametrize(
    "address",
    [
        "http://crm.example/hook",
        "ftp://127.0.0.1/x",
        "crm.example",
        "http://10.0.0.5/hook",
        "http://127.0.0.1.evil.example/x",
    ],
)
def test_an_address_that_would_tell_everybody_is_refused(planned: Home, monkeypatch, address):
    monkeypatch.setenv("CRM_WEBHOOK", address)
    set_retention(planned, webhook_env="CRM_WEBHOOK")
    approve(planned, ROUND, by="Li")
    with pytest.raises(BadInput, match=r"the address in \$CRM_WEBHOOK cannot be used") as told:
        act(planned, AS_OF)
    assert address not in str(told.value)
    assert files(planned) == {}, "nothing leaves before everything is in order"


def test_a_variable_that_is_not_set_is_told_before_anything_leaves(planned: Home, monkeypatch):
    monkeypatch.delenv("CRM_TABLE", raising=False)
    set_retention(planned, postgres_env="CRM_TABLE")
    approve(planned, ROUND, by="Li")
    with pytest.raises(BadInput, match="CRM_TABLE, which is not set"):
        act(planned, AS_OF)
    assert files(planned) == {}


def test_a_webhook_may_be_https_anywhere_or_this_machine():
    for address in (
        "https://crm.example/x",
        "http://localhost:8000/x",
        "http://127.0.0.1:1/x",
        "http://[::1]:1/x",
    ):
        receivers._check_address(address, "CRM")
