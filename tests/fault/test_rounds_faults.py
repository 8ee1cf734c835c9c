"""Rounds that are killed between any two of their steps: every receiver has each message once, in the end."""

import subprocess
import sys
from datetime import date
from pathlib import Path

import pandas as pd
import pytest

from roundtrip.home import PROJECT_ROOT, Home
from roundtrip.rounds import act, approve, decide
from roundtrip.rounds.store import round_named
from tests.rounds_fixture import AS_OF, Scene, arrange, interventions, plan_of
from tests.unit.test_rounds_act import set_retention
from tests.webhook import Webhook

ROUND = f"R-{AS_OF}"
KILLED = 9

#: Runs a stage and ends the process, as a power cut would, before or after the n-th call of a function.
_CHILD = """
import importlib, os, sys
from datetime import date
from pathlib import Path
from roundtrip.home import Home
stage, home, place, when, number = sys.argv[1:6]
module_name, name = place.rsplit(".", 1)
owner = importlib.import_module(module_name) if "Ledger" not in place else \\
    importlib.import_module("roundtrip.rounds.outbox").Ledger
original, calls = getattr(owner, name), 0
def counted(*args, **kwargs):
    global calls
    calls += 1
    if calls == int(number) and when == "before":
        os._exit(9)
    result = original(*args, **kwargs)
    if calls == int(number):
        os._exit(9)
    return result
setattr(owner, name, counted)
stage_function = getattr(importlib.import_module("roundtrip.rounds"), stage)
stage_function(Home(Path(home)), date.fromisoformat(sys.argv[6]))
"""


def killed(stage: str, home: Home, place: str, when: str, number: int, day: date = AS_OF) -> None:
    """Run a stage in a process of its own that is killed there; it must get so far."""
    ended = subprocess.run(
        [sys.executable, "-c", _CHILD, stage, home.root, place, when, str(number), str(day)],
        cwd=PROJECT_ROOT,
        check=False,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert ended.returncode == KILLED, ended.stderr


@pytest.mark.parametrize(
    ("place", "number"),
    [
        # plan.parquet, then plan.json, then the folder is put in place, then the product is written.
        ("roundtrip.rounds.plan.write_product", 1),
        ("roundtrip.rounds.plan.write_atomically", 1),
        ("roundtrip.rounds.deciding.write_round", 1),
        ("roundtrip.rounds.deciding.approve_by_itself", 1),
    ],
)
def test_a_plan_is_whole_or_absent_and_the_same_in_the_end(home: Home, tmp_path: Path, place, number):
    undisturbed = Home(tmp_path / "undisturbed")
    small = Scene(retention={"budget_per_round": 100, "auto_approve_up_to": 100})
    arrange(undisturbed, small)
    decide(undisturbed, AS_OF)
    arrange(home, small)
    killed("decide", home, place, "after", number)
    for folder in home.rounds_dir.glob("R-*"):
        assert {"plan.parquet", "plan.json"} <= {file.name for file in folder.iterdir()}
    decide(home, AS_OF)
    for name in ("rounds/R-2025-06-30/plan.parquet", "rounds/R-2025-06-30/decision.json",
                 "rounds/R-2025-06-30/plan.json", "products/interventions/2025-06-30.parquet"):  # fmt: skip
        ours, theirs = ((each.root / name).read_bytes() for each in (home, undisturbed))
        assert ours.replace(bytes(home.root), b"") == theirs.replace(bytes(undisturbed.root), b""), name
    assert not list(home.rounds_dir.glob(".*"))


@pytest.mark.parametrize(
    ("place", "when", "number"),
    [
        ("roundtrip.rounds.outbox.write_atomically", "after", 1),
        ("roundtrip.rounds.outbox.write_atomically", "before", 2),
        ("roundtrip.rounds.outbox.Ledger.note", "before", 1),
        ("roundtrip.rounds.outbox.Ledger.note", "after", 1),
        ("roundtrip.rounds.receivers._post_one", "after", 3),
        ("roundtrip.rounds.receivers._post_one", "after", 15),
        ("roundtrip.rounds.acting._close", "before", 1),
        ("roundtrip.rounds.acting.write_product", "after", 1),
    ],
)
def test_killed_anywhere_and_run_again_everything_has_arrived_once(
    home: Home, postgres, monkeypatch, place, when, number
):
    arrange(home, Scene(retention={"budget_per_round": 150}))
    decide(home, AS_OF)
    approve(home, ROUND, by="Li")
    with postgres.database("crm_round"), Webhook() as hook:
        postgres.run("GRANT ALL ON SCHEMA public TO reader", "crm_round")
        monkeypatch.setenv("CRM_TABLE", postgres.connection_string("crm_round"))
        monkeypatch.setenv("CRM_WEBHOOK", hook.address)
        set_retention(home, webhook_env="CRM_WEBHOOK", postgres_env="CRM_TABLE")
        killed("act", home, place, when, number)
        before = {file: file.read_bytes() for file in (home.outbox_dir / ROUND).glob("*.csv")}
        act(home, AS_OF)
        act(home, AS_OF)
        rows = postgres.rows(
            "SELECT intervention_id, channel, email FROM roundtrip_interventions", "crm_round"
        )
        taken = dict(hook.taken)
    for file, content in before.items():
        assert file.read_bytes() == content, "a file that is there stays as it is"
    plan = plan_of(home)
    treated = set(plan.loc[plan["arm"] == "treatment", "intervention_id"])
    found = pd.concat([pd.read_csv(file) for file in (home.outbox_dir / ROUND).glob("*.csv")])
    assert sorted(found["intervention_id"]) == sorted(treated)
    assert set(taken) == treated
    assert sorted(row[0] for row in rows) == sorted(treated)
    assert all((row[2] is not None) == (row[1] == "email") for row in rows)
    assert round_named(home, ROUND).state == "sent"
    assert not list((home.outbox_dir / ROUND).glob(".*"))
    assert set(interventions(home)["status"]) == {"sent", "held_out"}


def test_killed_after_the_tables_yes_and_before_the_ledger_nothing_is_doubled(
    home: Home, postgres, monkeypatch
):
    arrange(home, Scene(retention={"budget_per_round": 150}))
    decide(home, AS_OF)
    approve(home, ROUND, by="Li")
    with postgres.database("crm_round"):
        postgres.run("GRANT ALL ON SCHEMA public TO reader", "crm_round")
        monkeypatch.setenv("CRM_TABLE", postgres.connection_string("crm_round"))
        set_retention(home, postgres_env="CRM_TABLE")
        plan = plan_of(home)
        channels = plan.loc[plan["arm"] == "treatment", "channel"].nunique()
        # The ledger notes every channel's file first, then the table.
        killed("act", home, "roundtrip.rounds.outbox.Ledger.note", "before", channels + 1)
        query = "SELECT count(*), count(DISTINCT intervention_id) FROM roundtrip_interventions"
        after_kill = postgres.rows(query, "crm_round")
        act(home, AS_OF)
        in_the_end = postgres.rows(query, "crm_round")
    treated = (plan["arm"] == "treatment").sum()
    assert after_kill == in_the_end == [(treated, treated)]


@pytest.mark.parametrize(
    ("prepare", "said"),
    [
        ("", "InsufficientPrivilege 42501"),
        (
            "CREATE TABLE roundtrip_interventions (a int); GRANT ALL ON roundtrip_interventions TO reader",
            "42703",
        ),
    ],
    ids=["may not create it", "other columns"],
)
def test_a_table_that_cannot_be_used_is_told_without_a_secret(
    home: Home, postgres, monkeypatch, prepare, said
):
    arrange(home, Scene(retention={"budget_per_round": 150}))
    decide(home, AS_OF)
    approve(home, ROUND, by="Li")
    with postgres.database("crm_round"):
        if prepare:
            postgres.run(prepare, "crm_round")
        monkeypatch.setenv("CRM_TABLE", postgres.connection_string("crm_round"))
        set_retention(home, postgres_env="CRM_TABLE")
        with pytest.raises(Exception, match=said) as told:
            act(home, AS_OF)
    assert "w'ord" not in str(told.value)
    assert "@example.com" not in str(told.value)
    assert round_named(home, ROUND).state == "approved"
