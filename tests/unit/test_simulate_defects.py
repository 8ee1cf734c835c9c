"""Planted defects: ingest meets each one on the line that the ledger names, and nothing else."""

import json
import re
from collections import Counter
from datetime import date
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import pytest

from roundtrip.company import Company
from roundtrip.contract import source_contract
from roundtrip.errors import BadInput
from roundtrip.ingest import load, read_files
from roundtrip.simulate import write
from roundtrip.simulate.defects import KINDS, LEDGER_COLUMNS, MAX_SHARE, Planter, nothing_carried
from roundtrip.simulate.defects.catalogue import PLANTED
from roundtrip.simulate.dice import Dice

AS_OF = date(2025, 6, 30)
LABELS = ("2025-01", "2025-02", "2025-03")
OFTEN = dict.fromkeys(KINDS, MAX_SHARE)
TEXTS = (
    "很好，下次再来",
    "Fine, thank you, all of us",
    'He said "no", twice',
    "ok",
    'Room "2"',
    "Bus #2",
    None,
)
PEOPLE = 40


@pytest.fixture(scope="module")
def connection():
    with write.open_connection() as opened:
        yield opened


def frame(table: str, month: int, rows: int) -> pd.DataFrame:
    """Valid rows of a table in codes, with ids of that month."""
    n = np.arange(rows)
    begins = int(np.datetime64(LABELS[month % 3], "s").astype(np.int64))
    at = begins + n * 60
    ids = 1_000_000 * (month + 1) + n

    texts = np.array(TEXTS, dtype=object)[n % len(TEXTS)]

    def words(*choices):
        return pd.Categorical.from_codes((n % len(choices)).astype(np.int8), choices)

    columns = {
        "customers": {
            "customer_id": PEOPLE * month + n, "registered_at": at, "updated_at": at + n % 3 * 7_200,
            "birth_year": np.where(n % 4 == 0, np.nan, 1980), "city": words("Wuhan", "Xi'an", "Sanya"),
        },
        "bookings": {
            "booking_id": ids, "booked_at": at, "updated_at": at + n % 2 * 86_400,
            "service_line": words("hotel", "flight"), "travel_start": begins // 86_400 + n % 20,
            "travel_end": begins // 86_400 + n % 20 + 2, "travellers": 1 + n % 3,
            "gross_amount": 100.0 + 37.5 * n, "discount_amount": 5.0, "margin_amount": 3.33,
            "currency": "CNY", "status": words("confirmed", "completed", "cancelled_by_customer"),
            "cancelled_at": np.where(n % 3 == 2, at + 3_000, -1),
        },
        "web_events": {
            "event_id": ids, "occurred_at": at, "event_type": words("search", "view"),
            "destination": words("Xi'an", "Sanya"),
        },
        "support_tickets": {
            "ticket_id": ids, "booking_id": np.where(n % 2, ids, -1), "opened_at": at,
            "first_response_at": -1, "resolved_at": np.where(n % 2, at + 999, -1), "is_complaint": n % 2 == 0,
            "severity": 1 + n % 4, "text": texts,
        },
        "surveys": {
            "response_id": ids, "booking_id": ids, "responded_at": at, "survey_type": "nps",
            "score": n % 11, "expectation_score": np.nan, "text": texts,
        },
        "loyalty_ledger": {
            "entry_id": ids, "occurred_at": at, "entry_type": words("earn", "redeem"), "points": 40.0 * n,
        },
        "campaign_touches": {
            "touch_id": ids, "campaign_id": "K001", "assigned_at": at, "arm": words("treatment", "control"),
            "sent_at": -1, "opened_at": -1, "clicked_at": -1,
        },
    }[table]  # fmt: skip
    contract = source_contract()[table]
    given = {"customer_id": n % PEOPLE} | columns
    dates = ("TIMESTAMP", "DATE")
    missing = {c.name: -1 if c.type in dates or c.name in ("referred_by", "booking_id") else None
               for c in contract.columns}  # fmt: skip
    return pd.DataFrame({c.name: given.get(c.name, missing[c.name]) for c in contract.columns}, index=n)


def deliver(connection, planters, landing: Path, rows: int) -> pd.DataFrame:
    """Every table over the months of LABELS, a planter for each; the ledger."""
    ledger = []
    for table in PLANTED:
        carried = nothing_carried()
        for month, (label, planter) in enumerate(zip(LABELS, planters, strict=True)):
            clean = frame(table, month, PEOPLE if table == "customers" else rows)
            planted = planter.split(table, month, label, clean, carried)
            file = landing / write.file_name(table, label)
            write.write_csv(connection, clean[planted.keep], table, file)
            write.append_lines(file, planted.appended)
            ledger.append(planted.ledger)
            carried = planted.carried
    return pd.concat(ledger, ignore_index=True)


def ingest(home, landing: Path) -> dict:
    Company.describe(landing, None).save(home)
    batch_id = read_files(home, AS_OF)["batch_id"]
    file = home.gates_dir / "landing" / f"{AS_OF}.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps({"batch_id": batch_id, "success": True, "tables": {}}))
    return load(home, AS_OF)["tables"]


def query(file, sql: str) -> list[tuple]:
    with duckdb.connect(str(file), read_only=True) as database:
        return database.execute(sql).fetchall()


def places(ledger: pd.DataFrame) -> list[tuple[str, int]]:
    return sorted(zip(ledger["file"], ledger["line"].tolist(), strict=True))


def test_ingest_does_with_every_planted_line_what_the_ledger_says(connection, home, tmp_path):
    # Nothing new in the last month, so that all that is carried has arrived.
    often, never = Planter(OFTEN, Dice(5), connection), Planter({}, Dice(5), connection)
    ledger = deliver(connection, (often, often, never), tmp_path / "landing", rows=600)
    assert tuple(ledger.columns) == LEDGER_COLUMNS
    assert set(ledger["kind"]) == set(KINDS)
    assert not ledger.duplicated(["file", "line"]).any()
    counts = ingest(home, tmp_path / "landing")
    for table, defects in PLANTED.items():
        of_table = ledger[ledger["table"] == table]
        assert {(d.kind, d.column) for d in defects} <= set(zip(of_table.kind, of_table.column, strict=True))
        by_fate = {fate: places(of_table[of_table["expected"] == fate]) for fate in set(of_table["expected"])}
        refused = query(home.batch_db, f'SELECT _file, _line FROM "{table}__quarantine" ORDER BY ALL')
        assert refused == by_fate.get("quarantined", [])
        assert counts[table]["superseded"] == len(by_fate["superseded"])
        loaded = set(query(home.raw_db, f"SELECT _file, _line FROM raw.raw.{table}"))
        assert set(by_fate.get("loaded", [])) <= loaded


def test_what_is_loaded_in_the_end_is_the_clean_table(connection, home, tmp_path):
    harmless = dict.fromkeys(("duplicate_row", "late_row", "late_correction"), MAX_SHARE)
    planted, never = Planter(harmless, Dice(6), connection), Planter({}, Dice(6), connection)
    ledger = deliver(connection, (planted, planted, never), tmp_path / "landing", rows=300)
    assert set(ledger["kind"]) == set(harmless)
    ingest(home, tmp_path / "landing")
    for table in PLANTED:
        of_month = [frame(table, m, PEOPLE if table == "customers" else 300) for m in range(3)]
        write.write_csv(connection, pd.concat(of_month), table, tmp_path / "clean.csv")
        columns = [c for c in source_contract()[table].columns if not c.pii]
        typed = ", ".join(f'CAST("{c.name}" AS {c.sql_type})' for c in columns)
        clean = f"SELECT {typed} FROM read_csv('{tmp_path}/clean.csv', all_varchar = true) ORDER BY ALL"
        assert query(home.raw_db, f"SELECT {typed} FROM raw.raw.{table} ORDER BY ALL") == query(
            home.raw_db, clean
        )


def test_the_ledger_tells_what_stands_on_the_line_and_what_should(connection, tmp_path):
    planters = [Planter(OFTEN, Dice(5), connection)] * 3
    ledger = deliver(connection, planters, tmp_path, rows=300)
    texts = {
        table: pd.concat(
            write.as_text(connection, frame(table, m, PEOPLE if table == "customers" else 300), table)
            for m in range(3)
        ).set_index(source_contract()[table].key[0])
        for table in PLANTED
    }
    for entry in ledger.itertuples():
        line = (tmp_path / entry.file).read_text(encoding="utf-8").split("\n")[entry.line - 1]
        assert entry.id in line
        if entry.kind == "late_row":
            assert entry.intended < entry.delivered == entry.file[-len("2025-01.csv") : -len(".csv")]
        elif entry.column:
            assert entry.delivered in line.replace('""', '"')
            assert entry.intended == texts[entry.table].loc[entry.id, entry.column]
            assert (entry.delivered == entry.intended) == (entry.kind == "ragged_line")
        if entry.kind == "missing_reference":
            assert not re.fullmatch(r"C\d{8}", entry.delivered), "may be somebody's"


def test_a_repeated_line_is_the_very_same_bytes(connection, tmp_path):
    clean = frame("support_tickets", 0, 400)
    planted = Planter({"duplicate_row": MAX_SHARE}, Dice(1), connection).split(
        "support_tickets", 0, "2025-01", clean
    )
    write.write_csv(connection, clean, "support_tickets", tmp_path / "t.csv")
    written = (tmp_path / "t.csv").read_bytes().split(b"\n")
    repeated = [*planted.appended, *(line.encode() for line in planted.carried["line"])]
    assert any(b'"' in line for line in repeated)
    assert planted.keep.all()
    assert len(planted.appended) > 0 < len(planted.carried)
    for line in repeated:
        assert written.count(line) == 1


def fates(planted, clean: pd.DataFrame, key: str) -> dict:
    """Row number -> what happens to it, whatever the line."""
    found = {int(number): "withheld" for number in clean[key][~planted.keep]}
    found |= {int(row.id[1:], 16): row.kind for row in planted.ledger.itertuples()}
    return found | {row.number: row.kind for row in planted.carried.itertuples()}


def test_a_row_s_defect_depends_on_that_row_alone(connection):
    planter = Planter(OFTEN, Dice(3), connection)
    clean = frame("bookings", 1, 500)
    before = planter.split("bookings", 1, "2025-02", clean)
    known = fates(before, clean, "booking_id")
    assert len(known) > 40
    gone = next(n for n in clean["booking_id"] if n not in known)
    fewer = clean[clean["booking_id"] != gone].iloc[::-1]
    assert fates(planter.split("bookings", 1, "2025-02", fewer), fewer, "booking_id") == known
    again = Planter(OFTEN, Dice(3), connection).split("bookings", 1, "2025-02", clean)
    assert again.appended == before.appended
    pd.testing.assert_frame_equal(again.ledger, before.ledger)
    other = Planter(OFTEN, Dice(4), connection).split("bookings", 1, "2025-02", clean)
    assert fates(other, clean, "booking_id") != known


@pytest.mark.parametrize("kind", KINDS)
def test_a_kind_that_is_switched_off_is_gone_and_the_others_stay(connection, kind):
    clean = frame("bookings", 1, 800)
    both = fates(
        Planter(OFTEN, Dice(3), connection).split("bookings", 1, "2025-02", clean), clean, "booking_id"
    )
    without = Planter(OFTEN | {kind: 0}, Dice(3), connection).split("bookings", 1, "2025-02", clean)
    assert fates(without, clean, "booking_id") == {n: k for n, k in both.items() if k != kind}


def test_shares_are_kept(connection):
    shares = {"duplicate_row": 0.03, "late_row": 0.01, "missing_reference": 0.02, "outside_domain": 0.005}
    clean = frame("web_events", 0, 40_000)
    planted = Planter(shares, Dice(8), connection).split("web_events", 0, "2025-01", clean)
    found = Counter(fates(planted, clean, "event_id").values())
    for kind, share in shares.items():
        assert found.pop(kind) == pytest.approx(share * len(clean), rel=0.15)
    assert not found


def test_even_a_small_company_meets_every_kind_once(connection):
    rare = Planter(dict.fromkeys(KINDS, 1e-9), Dice(2), connection)
    none = Planter(dict.fromkeys(KINDS, 0), Dice(2), connection)
    for table, defects in PLANTED.items():
        met, carried = Counter(), None
        for month in range(18):
            clean = frame(table, month, 12)
            planted = rare.split(table, month, f"m{month}", clean, carried)
            met.update(planted.ledger["kind"])
            carried = planted.carried
            untouched = none.split(table, month, f"m{month}", clean)
            assert untouched.keep.all()
            assert not untouched.appended
        assert set(met) == {defect.kind for defect in defects}
        # Twice where the eighteen months hold the sure month twice; a wrong encoding twice a year.
        assert all(count <= (3 if kind == "encoding_mistake" else 2) for kind, count in met.items())


def test_a_carried_row_that_has_changed_by_then_is_not_delivered_behind_its_new_version(connection):
    planter = Planter({"late_row": MAX_SHARE}, Dice(1), connection)
    clean = frame("support_tickets", 0, 300)
    first = planter.split("support_tickets", 0, "2025-01", clean)
    assert len(first.carried) > 5
    changed, still = first.carried["number"].iloc[0], first.carried["number"].iloc[1:]
    now = clean[clean["ticket_id"] == changed]
    never = Planter({}, Dice(1), connection)
    second = never.split("support_tickets", 1, "2025-02", now, first.carried)
    assert [int(i[1:], 16) for i in second.ledger["id"]] == still.tolist()
    assert second.ledger["line"].tolist() == list(range(3, 3 + len(still)))
    assert len(second.appended) == len(still)


def test_a_carried_row_is_delivered_where_its_new_version_is_not_usable(connection):
    planter = Planter(OFTEN, Dice(1), connection)
    clean = frame("bookings", 0, 2_000)
    first = planter.split("bookings", 0, "2025-01", clean)
    second = planter.split("bookings", 1, "2025-02", clean, first.carried)
    unusable = np.isin(first.carried["number"], clean["booking_id"][~second.keep])
    assert 20 < unusable.sum() < len(first.carried)
    expected = [line.encode() for line in first.carried["line"][unusable]]
    assert second.appended[: len(expected)] == expected


def test_what_is_carried_can_be_stored(connection, tmp_path):
    planter = Planter(OFTEN, Dice(1), connection)
    carried = planter.split("surveys", 0, "2025-01", frame("surveys", 0, 400)).carried
    carried.to_parquet(tmp_path / "carried.parquet")
    stored = pd.read_parquet(tmp_path / "carried.parquet")
    straight, resumed = (
        planter.split("surveys", 1, "2025-02", frame("surveys", 1, 400), left) for left in (carried, stored)
    )
    assert straight.appended == resumed.appended
    pd.testing.assert_frame_equal(straight.ledger, resumed.ledger)


def test_a_stale_version_is_older_and_never_from_before_the_row_began(connection):
    clean = frame("customers", 0, 400)
    planted = Planter({"late_correction": MAX_SHARE}, Dice(1), connection).split(
        "customers", 0, "2025-01", clean
    )
    columns = source_contract()["customers"].column_names
    stale = [dict(zip(columns, line.decode().split(","), strict=True)) for line in planted.appended]
    right = dict(zip(planted.carried["id"], planted.carried["line"], strict=True))
    assert {row["updated_at"] == "" for row in stale} == {True, False}
    for row in stale:
        assert row["city"] not in right[row["customer_id"]]
        assert row["updated_at"] == "" or row["registered_at"] <= row["updated_at"]
        assert row["updated_at"] < right[row["customer_id"]].split(",")[columns.index("updated_at")]


def test_other_tables_and_empty_months_pass_through(connection):
    planter = Planter(OFTEN, Dice(1), connection)
    for table in ("market", "surveys"):
        clean = pd.DataFrame({c: [] for c in source_contract()[table].column_names})
        planted = planter.split(table, 4, "2025-05", clean, nothing_carried())
        assert len(planted.keep) == len(planted.appended) == len(planted.ledger) == len(planted.carried) == 0


@pytest.mark.parametrize(
    ("shares", "says"),
    [({"typo": 0.1}, "no kind typo"), ({"late_row": -0.1}, "is -0.1"), ({"late_row": 0.2}, "is 0.2")],
)
def test_unusable_shares_are_refused(connection, shares, says):
    with pytest.raises(BadInput, match=says) as refusal:
        Planter(shares, Dice(1), connection)
    assert refusal.value.hint


def test_texts_of_a_frame_are_the_cells_of_its_file(connection, tmp_path):
    for table in PLANTED:
        clean = frame(table, 0, 30)
        write.write_csv(connection, clean, table, tmp_path / "t.csv")
        cells = pd.read_csv(tmp_path / "t.csv", dtype=object, keep_default_na=False)
        texts = write.as_text(connection, clean, table)
        assert texts.to_numpy().tolist() == cells.to_numpy().tolist()
    line = write.as_text(connection, frame("bookings", 0, 3), "bookings").iloc[2].to_dict()
    assert line == {
        "booking_id": "B0000000f4242", "customer_id": "C00000002", "booked_at": "2025-01-01T00:02:00Z",
        "updated_at": "2025-01-01T00:02:00Z", "service_line": "hotel", "destination": "",
        "travel_start": "2025-01-03", "travel_end": "2025-01-05", "travellers": "3", "channel": "",
        "gross_amount": "175.00", "discount_amount": "5.00", "margin_amount": "3.33", "currency": "CNY",
        "status": "cancelled_by_customer", "cancelled_at": "2025-01-01T00:52:00Z",
    }  # fmt: skip
