"""Mended rows through a run: once, whole, counted, and nobody comes back who was erased."""

import json
import os
import re
import shutil
from collections import Counter
from datetime import date
from pathlib import Path

import duckdb
import pytest

from roundtrip.company import Company
from roundtrip.erase import erase
from roundtrip.home import PROJECT_ROOT
from roundtrip.ingest import requeued, rules
from roundtrip.requeue import export, requeue
from roundtrip.vault import encrypted
from tests.refused_fixture import (
    AS_OF,
    BOOKINGS,
    SECRETS,
    assert_no_secret_under,
    ingest,
    mend,
    put,
    raw,
    rows_of,
    state_of,
    vaulted_values,
    waiting_rows,
)


def test_a_mended_row_is_loaded_and_every_account_adds_up(refused, tmp_path):
    (file,) = export(refused, tmp_path / "b.csv", table="bookings")
    mended = mend(file, {0: {"booked_at": "2024-02-28", "gross_amount": "5"}, 1: {"service_line": "cruise"}})
    (account,) = requeue(refused, mended)
    assert (account.rows, account.ready, account.refused, account.skipped) == (2, 2, 0, 0)
    assert state_of(refused)["bookings"] == {"requeued": 2}
    assert raw(refused, "SELECT count(*) FROM raw.raw.bookings") == [(1,)], "nothing is loaded but by a run"

    assert ingest(refused, date(2025, 7, 1))["bookings"] == {
        "rows_in": 2,
        "loaded": 2,
        "quarantined": 0,
        "superseded": 0,
    }
    assert state_of(refused)["bookings"] == {"loaded": 2}
    assert raw(
        refused,
        "SELECT booking_id, booked_at::DATE, gross_amount, _file, _line FROM raw.raw.bookings ORDER BY 1",
    ) == [
        ("book-0001", date(2024, 2, 28), 5, f"requeued/{account.delivery}", 2),
        ("book-0002", date(2024, 2, 1), 10, f"requeued/{account.delivery}", 3),
        ("book-0003", date(2024, 2, 1), 10, "bookings/b.csv", 4),
    ]
    assert raw(
        refused,
        "SELECT count(*) FROM raw.raw.quality_runs "
        "WHERE rows_in <> rows_loaded + rows_quarantined + rows_superseded",
    ) == [(0,)]
    assert requeued.waiting_files(refused) == [], "mended rows are not kept once they are loaded"


def test_the_same_file_twice_costs_nothing(refused, tmp_path):
    (file,) = export(refused, tmp_path / "b.csv", table="bookings", rule="values")
    mended = mend(file, {0: {"service_line": "cruise"}})
    requeue(refused, mended)
    left = {f: f.read_bytes() for f in refused.requeued_dir.iterdir()}
    (again,) = requeue(refused, mended)
    assert (again.ready, again.skipped, again.delivery) == (0, 1, None)
    assert {f: f.read_bytes() for f in refused.requeued_dir.iterdir()} == left
    ingest(refused, date(2025, 7, 1))
    (later,) = requeue(refused, mended)
    assert (later.ready, later.skipped) == (0, 1)
    assert "loaded already" in later.problems[0][2]
    assert ingest(refused, date(2025, 7, 2)) == {}
    assert raw(refused, "SELECT count(*) FROM raw.raw.bookings") == [(2,)]


def test_rows_that_are_still_wrong_stay_open_and_the_others_go(refused, tmp_path):
    (file,) = export(refused, tmp_path / "b.csv", table="bookings")
    mended = mend(file, {0: {"booked_at": "2024-02-28"}, 1: {"service_line": "cruise"}})
    dry = requeue(refused, mended, dry_run=True)[0]
    assert (dry.ready, dry.refused, dry.delivery) == (1, 1, None)
    assert dry.problems[0][0] == 2
    assert "gross_amount: '-5' is less than 0" in dry.problems[0][2]
    assert not refused.requeued_dir.exists()
    requeue(refused, mended)
    assert state_of(refused)["bookings"] == {"open": 1, "requeued": 1}
    # The rest, mended in the same file, goes by itself.
    better = mend(mended, {0: {"gross_amount": "5"}}, "better.csv")
    (account,) = requeue(refused, better)
    assert (account.ready, account.skipped) == (1, 1)
    assert ingest(refused, date(2025, 7, 1))["bookings"]["loaded"] == 2


def test_what_nobody_edited_stays_what_was_delivered(refused, tmp_path):
    """The same pseudonym, never one of a pseudonym; the vault gets the value from the company's file."""
    before = json.loads(
        duckdb.sql(
            f"SELECT row_json FROM '{refused.quarantine_dir}/customers/*.parquet' "
            "WHERE row_json LIKE '%never%'"
        ).fetchone()[0]
    )
    (file,) = export(refused, tmp_path / "c.csv", table="customers", rule="type")
    requeue(refused, mend(file, {0: {"registered_at": "2024-05-01"}}))
    assert_no_secret_under(refused.root)
    ingest(refused, date(2025, 7, 1))
    assert raw(
        refused, "SELECT email, phone, full_name FROM raw.raw.customers WHERE customer_id = 'cust-0001'"
    ) == [(before["email"], before["phone"], before["full_name"])]
    values = vaulted_values(refused)
    assert [values[("cust-0001", c)] for c in ("email", "phone", "full_name")] == list(SECRETS[:3])
    assert_no_secret_under(refused.root)


def test_a_masked_text_is_the_delivered_one_again(refused, tmp_path):
    (file,) = export(refused, tmp_path / "t.csv", table="support_tickets")
    assert rows_of(file)[0]["text"] == "Please write to <address>"
    (account,) = requeue(refused, mend(file, {0: {"is_complaint": "true"}}))
    assert account.ready == 1
    assert_no_secret_under(refused.requeued_dir)
    ingest(refused, date(2025, 7, 1))
    assert raw(refused, "SELECT text FROM raw.raw.support_tickets") == [(f"Please write to {SECRETS[0]}",)]


def test_without_the_companys_file_the_pseudonym_stays_and_the_vault_may_know(refused, tmp_path):
    landing = Path(Company.load(refused).landing)
    (file,) = export(refused, tmp_path / "c.csv", table="customers", rule="type")
    mended = mend(file, {0: {"registered_at": "2024-05-01"}})
    # Somebody else with the same address is in the vault; nobody with the same name.
    put(landing, "customers/d.csv", f"customer_id,registered_at,email\ncust-0009,2024-01-01,{SECRETS[0]}\n")
    ingest(refused, date(2025, 7, 1))
    shutil.rmtree(landing / "customers")
    requeue(refused, mended)
    ingest(refused, date(2025, 7, 2))
    pseudonyms = raw(
        refused, "SELECT email, full_name FROM raw.raw.customers WHERE customer_id = 'cust-0001'"
    )
    was = rows_of(file)[0]
    assert pseudonyms == [(was["email"].removeprefix("kept:"), was["full_name"].removeprefix("kept:"))]
    values = vaulted_values(refused)
    assert values[("cust-0001", "email")] == SECRETS[0]
    assert ("cust-0001", "full_name") not in values


def test_an_edited_address_is_made_a_pseudonym_once(refused, tmp_path):
    (file,) = export(refused, tmp_path / "c.csv", table="customers", rule="type")
    requeue(refused, mend(file, {0: {"registered_at": "2024-05-01", "email": SECRETS[3], "phone": ""}}))
    assert_no_secret_under(refused.root)
    ingest(refused, date(2025, 7, 1))
    connection = encrypted.workbench(refused)
    key = (refused.secrets_dir / "pseudonym.key").read_text().strip()
    (expected,) = connection.execute("SELECT left(sha256($1 || $2), 32)", [key, SECRETS[3]]).fetchone()
    connection.close()
    assert raw(refused, "SELECT email, phone FROM raw.raw.customers WHERE customer_id = 'cust-0001'") == [
        (expected, None)
    ]
    assert vaulted_values(refused)[("cust-0001", "email")] == SECRETS[3]
    assert ("cust-0001", "phone") not in vaulted_values(refused)


def test_formulas_come_back_as_they_were(refused, tmp_path):
    (file,) = export(refused, tmp_path / "c.csv", table="customers", rule="pattern")
    requeue(refused, mend(file, {0: {"country": "DE"}}))
    ingest(refused, date(2025, 7, 1))
    assert raw(refused, "SELECT city FROM raw.raw.customers WHERE customer_id = 'cust-0003'") == [
        ('=HYPERLINK("http://x")',)
    ]


def test_a_line_that_could_not_be_told_apart_can_be_written_anew(refused, tmp_path):
    (file,) = export(refused, tmp_path / "c.csv", table="customers", rule="columns")
    requeue(refused, mend(file, {0: {"customer_id": "cust-0004", "registered_at": "2024-01-01"}}))
    assert ingest(refused, date(2025, 7, 1))["customers"]["loaded"] == 1


def test_a_mapped_source_takes_mended_rows_in_the_contracts_shape(home, tmp_path):
    landing, source = tmp_path / "landing", tmp_path / "source"
    put(landing, "people.csv", f"nr,since,mail\nc1,2024-01-01,a@x.org\nc2,soon,{SECRETS[0]}\n")
    put(
        source, "customers.sql", "SELECT nr AS customer_id, since AS registered_at, mail AS email FROM people"
    )
    put(
        source,
        "bookings.sql",
        "SELECT nr AS booking_id, nr AS customer_id, '2024-01-01' AS booked_at, 'car' AS service_line, "
        "'completed' AS status, _file, _line FROM people",
    )
    Company.describe(landing, source).save(home)
    ingest(home)
    (file,) = export(home, tmp_path / "c.csv")
    assert rows_of(file)[0]["_file"] == ""
    (account,) = requeue(home, mend(file, {0: {"registered_at": "2024-03-01"}}))
    assert account.ready == 1
    assert ingest(home, date(2025, 7, 1))["customers"] == {
        "rows_in": 1,
        "loaded": 1,
        "quarantined": 0,
        "superseded": 0,
    }
    assert raw(home, "SELECT customer_id, email FROM raw.raw.customers WHERE customer_id = 'c2'") == [
        ("c2", rows_of(file)[0]["email"].removeprefix("kept:"))
    ]
    assert_no_secret_under(home.root)
    assert state_of(home) == {"customers": {"loaded": 1}}


def test_a_newer_mapping_and_a_mended_row_in_one_run(home, tmp_path):
    test_a_mapped_source_takes_mended_rows_in_the_contracts_shape(home, tmp_path)
    put(tmp_path / "landing", "people.csv", "nr,since,mail\nc1,2024-01-01,a@x.org\nc5,later,\n")
    ingest(home, date(2025, 7, 2))
    (file,) = export(home, tmp_path / "d.csv")
    requeue(home, mend(file, {0: {"registered_at": "2024-03-01"}}))
    put(tmp_path / "landing", "people.csv", "nr,since,mail\nc1,2024-01-01,a@x.org\nc6,2024-06-06,\n")
    counts_ = ingest(home, date(2025, 7, 3))["customers"]
    assert counts_["rows_in"] == 3
    assert {row[0] for row in raw(home, "SELECT customer_id FROM raw.raw.customers")} == {
        "c1",
        "c2",
        "c5",
        "c6",
    }


def test_whoever_was_erased_does_not_come_back(refused, tmp_path):
    (file,) = export(refused, tmp_path / "b.csv", table="bookings", rule="values")
    mended = mend(file, {0: {"service_line": "cruise"}})
    requeue(refused, mended)
    assert len(requeued.waiting_files(refused)) == 1
    assert waiting_rows(refused) == 1
    erase(refused, AS_OF, ["cust-0002"])
    assert waiting_rows(refused) == 0, "rows of an erased person wait"
    # Neither with the rows that waited …
    assert ingest(refused, date(2025, 7, 1)).get("bookings", {}).get("loaded", 0) == 0
    assert raw(refused, "SELECT count(*) FROM raw.raw.bookings") == [(0,)]
    # … nor by the same file, nor under another row's id.
    (account,) = requeue(refused, mended)
    assert (account.ready, account.refused) == (0, 1)
    assert "cannot come back" in account.problems[0][2]
    put(
        Path(Company.load(refused).landing),
        "bookings/later.csv",
        BOOKINGS.splitlines()[0] + "\nbook-0009,cust-0009,2024-02-30,hotel,completed,5,EUR\n",
    )
    ingest(refused, date(2025, 7, 2))
    (other,) = export(refused, tmp_path / "other.csv", table="bookings")
    (account,) = requeue(
        refused, mend(other, {0: {"customer_id": "cust-0002", "booked_at": "2024-02-01"}}, "x.csv")
    )
    assert (account.ready, account.refused) == (0, 1)
    assert "erased on request" in account.problems[0][2]


def test_a_row_refused_by_the_run_is_refused_again_and_open_as_itself(refused, tmp_path, monkeypatch):
    (file,) = export(refused, tmp_path / "b.csv", table="bookings", rule="values")
    requeue(refused, mend(file, {0: {"service_line": "cruise"}}))
    every = rules.checks

    def stricter(table):
        found = every(table)
        if table.name == "bookings":
            found.append(rules.Check("status", "stricter", "service_line = 'cruise'", "'no more cruises'"))
        return found

    monkeypatch.setattr(rules, "checks", stricter)
    assert ingest(refused, date(2025, 7, 1))["bookings"]["quarantined"] == 1
    assert state_of(refused)["bookings"] == {"open": 2, "refused again": 1}


def test_a_killed_delivery_leaves_nothing_half_done(refused, tmp_path, monkeypatch):
    (file,) = export(refused, tmp_path / "b.csv", table="bookings", rule="values")
    mended = mend(file, {0: {"service_line": "cruise"}})
    replace = os.replace

    def killed(beside, target):
        if Path(target).suffix == ".parquet":
            raise KeyboardInterrupt
        replace(beside, target)

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", killed)
        with pytest.raises(KeyboardInterrupt):
            requeue(refused, mended)
    # Rows without their ledger are no delivery: nothing is read, and the next try clears them away.
    assert ingest(refused, date(2025, 7, 1)) == {}
    assert len(requeued.waiting_files(refused)) == 1
    requeue(refused, mended, dry_run=True)
    assert requeued.waiting_files(refused) == [], "rows without a ledger were left lying"
    (account,) = requeue(refused, mended)
    assert account.ready == 1
    assert ingest(refused, date(2025, 7, 2))["bookings"]["loaded"] == 1


def test_raw_put_back_from_a_backup_opens_the_rows_again(refused, tmp_path):
    backup = refused.raw_db.read_bytes()
    (file,) = export(refused, tmp_path / "b.csv", table="bookings", rule="values")
    mended = mend(file, {0: {"service_line": "cruise"}})
    requeue(refused, mended)
    ingest(refused, date(2025, 7, 1))
    refused.raw_db.write_bytes(backup)
    assert state_of(refused)["bookings"] == {"open": 2}
    (account,) = requeue(refused, mended)
    assert account.ready == 1
    assert ingest(refused, date(2025, 7, 1))["bookings"]["loaded"] == 1


def test_ids_that_are_personal_stay_the_same_pseudonyms(home, tmp_path):
    put(
        tmp_path / "landing",
        "customers/c.csv",
        "customer_id,registered_at\nann@x.org,2024-01-01\nbo@x.org,soon\n",
    )
    put(
        tmp_path / "landing",
        "bookings/b.csv",
        "booking_id,customer_id,booked_at,service_line,status\nb1,bo@x.org,2024-01-01,boat,completed\n",
    )
    put(tmp_path / "landing", "company.yml", "personal_columns: {customers: [customer_id]}\n")
    Company.describe(tmp_path / "landing", None).save(home)
    ingest(home)
    export(home, tmp_path / "out")
    requeue(home, mend(tmp_path / "out/customers.csv", {0: {"registered_at": "2024-02-02"}}))
    requeue(home, mend(tmp_path / "out/bookings.csv", {0: {"service_line": "cruise"}}))
    ingest(home, date(2025, 7, 1))
    (customer,) = raw(home, "SELECT customer_id FROM raw.raw.customers WHERE registered_at > '2024-02-01'")
    assert raw(home, "SELECT customer_id FROM raw.raw.bookings") == [customer]
    was = rows_of(tmp_path / "out/customers.csv")[0]["customer_id"]
    assert was == f"kept:{customer[0]}"
    assert vaulted_values(home)[(customer[0], "customer_id")] == "bo@x.org"


def test_a_column_that_became_personal_later_is_made_a_pseudonym_once(refused, tmp_path):
    put(tmp_path / "landing", "company.yml", "personal_columns: {customers: [city]}\n")
    Company.describe(tmp_path / "landing", None).save(refused)
    (file,) = export(refused, tmp_path / "c.csv", table="customers", rule="type")
    assert rows_of(file)[0]["city"] == "Bonn", "the quarantine holds it as it was refused"
    requeue(refused, mend(file, {0: {"registered_at": "2024-05-01"}}))
    ingest(refused, date(2025, 7, 1))
    ((city,),) = raw(refused, "SELECT city FROM raw.raw.customers WHERE customer_id = 'cust-0001'")
    assert len(city) == 32
    assert vaulted_values(refused)[("cust-0001", "city")] == "Bonn"


def test_the_sql_of_the_page_runs_and_says_what_the_command_says(refused, tmp_path, monkeypatch):
    page = (PROJECT_ROOT / "docs" / "sources.md").read_text(encoding="utf-8")
    asked = re.findall(r"(?s)```sql\n(.*?)```", page[page.index("## Quarantine") :])
    (file,) = export(refused, tmp_path / "b.csv", table="bookings")
    requeue(refused, mend(file, {1: {"service_line": "cruise"}}))
    monkeypatch.chdir(refused.root)
    found = []
    for block in asked:
        with duckdb.connect() as connection:
            for statement in block.replace("'data/", "'").split(";\n"):
                if statement.strip():
                    found.append(connection.execute(statement).fetchall())
    every, most, _, states = found
    assert {row[0] for row in every} == {"bookings/b.csv"}
    assert ("bookings", "values", "service_line", 1) in most
    assert Counter((row[0], row[-1]) for row in states) == {
        (table, state): count for table, by in state_of(refused).items() for state, count in by.items()
    }
