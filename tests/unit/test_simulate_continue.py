"""A company lives on: how it is cut into runs does not matter, and what came before stays as it was."""

import json
import shutil
from datetime import date
from pathlib import Path

import duckdb
import pandas as pd
import pytest

from roundtrip.company import Company
from roundtrip.contract import source_contract
from roundtrip.errors import BadInput
from roundtrip.home import Home
from roundtrip.ingest import load, read_files
from roundtrip.simulate import live_on, saving
from roundtrip.simulate.company import STATE_FILE
from tests.simulated_fixture import as_meant, delivered, files, ledger

CONTRACT = source_contract()
#: What may become news about a row of the history.
MAY_CHANGE = {
    "customers": {"updated_at", "city"},
    "bookings": {"updated_at", "status", "cancelled_at"},
    "support_tickets": {"first_response_at", "resolved_at", "resolution"},
}


@pytest.fixture(scope="module")
def before(simulated_company):
    """The history's rows as they were meant."""
    with as_meant(simulated_company.history) as connection:
        yield connection


def table(connection, name: str) -> pd.DataFrame:
    columns = ", ".join(CONTRACT[name].column_names)
    return connection.execute(f"SELECT {columns} FROM {name}").df().set_index(list(CONTRACT[name].key))


def test_three_months_at_once_are_three_times_one_month(simulated_company, tmp_path):
    shutil.copytree(simulated_company.history, tmp_path / "at_once")
    seen = []
    orders = simulated_company.interventions
    live_on(tmp_path / "at_once", 3, orders, lambda done, total: seen.append((done, total)))
    assert seen == [(1, 3), (2, 3), (3, 3)]
    at_once, one_by_one = files(tmp_path / "at_once"), files(simulated_company.landing)
    assert list(at_once) == list(one_by_one)
    assert [name for name in at_once if at_once[name] != one_by_one[name]] == []


def test_living_on_only_adds_files(simulated_company):
    old, new = delivered(simulated_company.history), delivered(simulated_company.landing)
    assert [name for name in old if old[name] != new[name]] == ["company.yml"]
    added = sorted(set(new) - set(old))
    assert added == sorted(
        f"{name}/{name}-{month}.csv" for name in CONTRACT for month in ("2026-01", "2026-02", "2026-03")
    )
    # The truth's months, too; and the ledger of defects goes on below what it said.
    old, new = files(simulated_company.history), files(simulated_company.landing)
    months = [name for name in old if name.count("/") == 2 and name.startswith("truth/")]
    assert len(months) == 3 * 18
    assert [name for name in months if old[name] != new[name]] == []
    assert new["truth/defects.csv"].startswith(old["truth/defects.csv"])
    assert len(new["truth/defects.csv"]) > len(old["truth/defects.csv"])
    assert old["truth/parameters.yml"] == new["truth/parameters.yml"]


@pytest.mark.parametrize("name", CONTRACT)
def test_what_is_known_of_the_history_changes_only_by_news(before, meant, name):
    was, now = table(before, name), table(meant, name)
    assert was.index.isin(now.index).all(), "nothing is taken back"
    now = now.loc[was.index]
    is_other = (was.astype(object).fillna("") != now.astype(object).fillna("")).any(axis=1)
    if name not in MAY_CHANGE:
        assert not is_other.any()
        return
    assert is_other.sum() > (20 if name == "bookings" else 0)
    was, now = was[is_other], now[is_other]
    kept = [column for column in was.columns if column not in MAY_CHANGE[name]]
    pd.testing.assert_frame_equal(was[kept], now[kept])
    if "updated_at" in was:
        assert (now["updated_at"] > was["updated_at"]).all()
        assert (now["updated_at"] >= "2026-01-01").all()


def test_bookings_get_their_ends(simulated_company, before, meant):
    """Nothing stays open for ever: what the history left open has ended by now, unless it lies ahead."""
    for landing, connection, as_of in (
        (simulated_company.history, before, "2025-12-31"),
        (simulated_company.landing, meant, "2026-03-31"),
    ):
        # An activity is a day of a trip that may still go on.
        forgotten = connection.execute(
            f"""SELECT booking_id FROM bookings WHERE status = 'confirmed' AND travel_end < '{as_of}'
                AND service_line <> 'activity'
                AND customer_id NOT IN (SELECT customer_id FROM erasure_requests)"""
        ).fetchall()
        _, carried = saving.load(landing / STATE_FILE)
        assert {booking for (booking,) in forgotten} <= set(carried["bookings"]["id"])
        query = f"SELECT count(*) FROM bookings WHERE travel_end > '{as_of}'"
        assert connection.execute(query).fetchone()[0] > 10
        query = f"SELECT count(*) FROM bookings WHERE updated_at > '{as_of}T23:59:59Z'"
        assert connection.execute(query).fetchone()[0] == 0
    was, now = table(before, "bookings"), table(meant, "bookings")
    ended = was.index[was["status"] == "confirmed"]
    assert {"completed", "cancelled_by_customer", "confirmed"} <= set(now.loc[ended, "status"])


def test_newcomers_come_as_before(before, meant):
    registered = meant.execute(
        "SELECT left(registered_at, 7) AS month, count(*) FROM customers GROUP BY 1 ORDER BY 1"
    ).fetchall()
    assert [month for month, _ in registered][-3:] == ["2026-01", "2026-02", "2026-03"]
    usual = sum(n for _, n in registered[-9:-3]) / 6
    assert all(0.6 * usual < n < 1.6 * usual for _, n in registered[-3:])
    assert len(table(meant, "customers")) > len(table(before, "customers"))


def test_what_was_ordered_is_what_was_done(simulated_company, meant):
    orders = simulated_company.orders.set_index(["customer_id", "action"])
    campaigns = table(meant, "campaigns")
    ours = campaigns[campaigns["started_at"] >= "2026-01-01"]
    assert dict(ours["action"]) == {"I202601-discount": "discount", "CALLS": "care_call"}
    touches = table(meant, "campaign_touches").join(ours["action"], on="campaign_id", how="inner")
    touches = touches.reset_index().set_index(["customer_id", "action"])
    missing = orders.index.difference(touches.index)
    # A touch whose line was held back to February or repeated is there; one that cannot be read is not.
    assert len(missing) <= 2
    assert touches.index.difference(orders.index).empty
    orders = orders.loc[touches.index]
    assert (orders["arm"] == touches["arm"]).all()
    assert set(touches["arm"]) == {"treatment", "control"}
    assert (touches["channel"] == orders["channel"])[orders["channel"].notna()].all()
    sent = touches["sent_at"].notna()
    assert sent[(touches["arm"] == "treatment") & touches["channel"].notna()].all()
    assert not sent[touches["arm"] == "control"].any()
    assert touches.loc[orders["channel"].isna(), "channel"].notna().any(), "a channel is chosen"

    effects = pd.read_parquet(simulated_company.landing / "truth" / "touch_effects" / "2026-01.parquet")
    assert set(touches["touch_id"]) <= set(effects["touch_id"])
    assert len(effects) == len(simulated_company.orders)
    assert set(effects["action"]) == {"discount", "care_call"}


def test_nobody_is_approached_who_is_not_in_the_orders(meant):
    for name, at in (("campaign_touches", "assigned_at"), ("campaigns", "started_at")):
        query = f"SELECT count(*) FROM {name} WHERE {at} >= '2026-02-01'"
        assert meant.execute(query).fetchone() == (0,)


def test_who_asked_to_be_forgotten_is_not_approached(simulated_company, tmp_path):
    with as_meant(simulated_company.history) as connection:
        asked = connection.execute("SELECT min(customer_id) FROM erasure_requests").fetchone()[0]
    orders = tmp_path / "orders.csv"
    orders.write_text(f"customer_id,action\n{asked},discount\n")
    shutil.copytree(simulated_company.history, tmp_path / "company")
    with pytest.raises(BadInput, match=f"1 customers have asked to be forgotten: {asked}"):
        live_on(tmp_path / "company", 1, orders)
    assert files(tmp_path / "company") == files(simulated_company.history)


def ingest(home: Home, landing: Path, as_of: date) -> None:
    """The stages read_files and load; the gate between them is tested elsewhere."""
    Company.describe(landing, None).save(home)
    batch_id = read_files(home, as_of)["batch_id"]
    gate = home.gates_dir / "landing" / f"{as_of}.json"
    gate.parent.mkdir(parents=True, exist_ok=True)
    gate.write_text(json.dumps({"batch_id": batch_id, "success": True, "tables": {}}))
    load(home, as_of)


def test_the_pipeline_sees_what_was_meant(simulated_company, meant, tmp_path):
    """Ingested at the end of the history and again three months later, rows are as they stand by then."""
    home, landing = Home(tmp_path / "home"), tmp_path / "landing"
    shutil.copytree(simulated_company.history, landing)
    ingest(home, landing, date(2025, 12, 31))
    shutil.copytree(simulated_company.landing, landing, dirs_exist_ok=True)
    ingest(home, landing, date(2026, 3, 31))
    spoilt = ledger(landing).groupby("table")["id"].agg(set)
    with duckdb.connect(str(home.raw_db), read_only=True) as raw:
        for name, table in CONTRACT.items():
            columns = [column for column in table.columns if not column.pii]
            names = ", ".join(column.name for column in columns)
            typed = ", ".join(f"CAST({c.name} AS {c.sql_type}) AS {c.name}" for c in columns)
            seen = raw.execute(f"SELECT {names} FROM raw.raw.{name} ORDER BY ALL").fetchall()
            known = meant.execute(f"FROM (SELECT {typed} FROM {name}) ORDER BY ALL").fetchall()
            but = spoilt.get(name, set())
            assert [row for row in seen if row[0] not in but] == [row for row in known if row[0] not in but]
            assert len(seen) > 0.9 * len(known)
