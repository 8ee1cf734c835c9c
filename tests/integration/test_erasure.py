"""Somebody asks to be forgotten: no byte under the home tells of them any more, and the proof stands."""

import json
import os
import subprocess
import sys
from datetime import date
from pathlib import Path

import duckdb
import pytest

from roundtrip import duck
from roundtrip.company import Company
from roundtrip.erase import erase
from roundtrip.errors import BadInput
from roundtrip.home import PROJECT_ROOT, Home
from roundtrip.ingest import load, read_files
from roundtrip.publish import versions
from tests.everything_told import everything_told

AS_OF = date(2025, 6, 30)
GONE = "cust-00017"
#: Everything by which the erased person could be told, and what must still be there.
TRACES = (GONE, "Ann.Gone@example.com", "+491715550017", "Ann Gonerstein", "book-00017", "tick-00017")
STAYING = ("cust-00018", "cust-00019")

CUSTOMERS = """customer_id,registered_at,updated_at,city,referred_by,email,phone,full_name
cust-00017,2024-01-01,,Bonn,,Ann.Gone@example.com,+491715550017,Ann Gonerstein
cust-00018,2024-01-01,,Bonn,cust-00017,bo@example.com,+491715550018,Bo Stayer
cust-00019,2024-01-01,,Bonn,,cy@example.com,+491715550017,Cy Sharer
cust-00017,never,,Bonn,,Ann.Gone@example.com,,
"""
BOOKINGS = """booking_id,customer_id,booked_at,service_line,status
book-00017,cust-00017,2024-02-01,hotel,completed
book-00018,cust-00018,2024-02-01,hotel,completed
book-00017-refused,cust-00017,2024-02-30,hotel,completed
cust-00017,2024-02-30,,hotel,completed
book-00017,cust-00017
"""
TICKETS = """ticket_id,customer_id,opened_at,is_complaint,text
tick-00017,cust-00017,2024-03-01,true,My name is Ann Gonerstein
tick-00018,cust-00018,2024-03-01,true,Call me
"""
REQUEST = "request_id,customer_id,requested_at\nreq-1,cust-00017,2025-06-01\n"


def put(landing: Path, name: str, content: str) -> None:
    file = landing / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(content)


def ingest(home: Home) -> dict:
    batch_id = read_files(home, AS_OF)["batch_id"]
    gate = home.gates_dir / "landing" / f"{AS_OF}.json"
    gate.parent.mkdir(parents=True, exist_ok=True)
    gate.write_text(json.dumps({"gate": "landing", "batch_id": batch_id, "success": True, "tables": {}}))
    return load(home, AS_OF)["tables"]


def publish_something(home: Home) -> None:
    """Two versions of a warehouse with customers in it, scores, a report, a log: what later stages leave."""
    for day in (date(2025, 5, 31), AS_OF):
        upcoming = home.published_dir / ".next-1.duckdb"
        with duck.connect(upcoming, home.tmp_dir) as connection:
            connection.execute("CREATE SCHEMA marts")
            connection.execute(f"ATTACH '{home.raw_db}' AS raw_db (READ_ONLY)")
            connection.execute(
                "CREATE TABLE marts.dim_customers AS "
                "SELECT customer_id, referred_by FROM raw_db.raw.customers"
            )
            connection.execute("COMMENT ON TABLE marts.dim_customers IS 'people'")
            connection.execute("CREATE TABLE marts.fct_bookings AS FROM raw_db.raw.bookings")
            connection.execute(f"CREATE TABLE marts.warehouse_info AS SELECT DATE '{day}' AS as_of_date")
            connection.execute("DETACH raw_db")
            tables = ["dim_customers", "fct_bookings", "warehouse_info"]
            content = versions.content_hash(connection, tables)
        record = {"content_hash": content, "as_of": str(day), "rows": {}}
        versions.put_in_place(home, upcoming, day, record, manifest=None, keep=3)
    scores = home.products_dir / "customer_scores"
    scores.mkdir(parents=True)
    with duck.connect(home.current_db, home.tmp_dir, read_only=True) as connection:
        connection.execute(
            f"COPY (SELECT customer_id, 0.5 AS churn_probability FROM marts.dim_customers) "
            f"TO '{scores}/{AS_OF}.parquet' (FORMAT parquet)"
        )
    home.work_db.parent.mkdir(parents=True)
    home.work_db.write_bytes(home.current_db.read_bytes())
    put(home.root, "reports/2025-06-30.en.html", f"<th>{GONE}</th><th>cust-00018</th>")
    put(home.root, "logs/dbt/dbt.log", f"bad row: '{GONE}'.")
    _send_a_round(home)
    put(home.root, "gates/published/2025-06-30.json", json.dumps({"observed": [GONE]}))


def _send_a_round(home: Home) -> None:
    """A plan with everybody in it, changed by a human and sent by e-mail; and another, half-made."""
    for folder in ("R-2025-06-30", ".R-2025-07-31.new"):
        (home.rounds_dir / folder).mkdir(parents=True)
        plan = home.rounds_dir / folder / "plan.parquet"
        duckdb.execute(
            f"COPY (SELECT customer_id, 'R-' || right(customer_id, 5) AS intervention_id "
            f"FROM read_parquet('{home.products_dir}/customer_scores/{AS_OF}.parquet')) TO '{plan}'"
        )
    put(home.root, "rounds/R-2025-06-30/decision.json", json.dumps({"without": {"customers": [GONE]}}))
    put(
        home.root,
        "outbox/R-2025-06-30/email.csv",
        "intervention_id,customer_id,message,email\n"
        f'R-00017,{GONE},"Dear Ann Gonerstein, hello",Ann.Gone@example.com\n'
        'R-00018,cust-00018,"Dear ""Bo"", hello",bo@example.com\nR-00019,cust-00019,,cy@example.com\n',
    )
    put(home.root, "outbox/R-2025-06-30/.email.csv.1.tmp", f"R-00017,{GONE},half a file")


@pytest.fixture(scope="module")
def template(tmp_path_factory) -> Path:
    """A folder with `landing/` and a `home/` in which all stages left something; copied for each test."""
    folder = tmp_path_factory.mktemp("erasure")
    landing, home = folder / "landing", Home(folder / "home")
    put(landing, "customers/1.csv", CUSTOMERS)
    put(landing, "bookings/1.csv", BOOKINGS)
    put(landing, "support_tickets/1.csv", TICKETS)
    Company.describe(landing, None).save(home)
    ingest(home)
    publish_something(home)
    return folder


@pytest.fixture
def full_home(template, home, tmp_path) -> Home:
    # cp keeps the hard link between the current publication and its version.
    subprocess.run(["cp", "-a", f"{template}/home", f"{template}/landing", tmp_path], check=True)
    Company.describe(tmp_path / "landing", None).save(home)
    return home


@pytest.fixture
def landing(full_home, tmp_path) -> Path:
    return tmp_path / "landing"


def places_that_tell(home: Home, traces=TRACES) -> list[tuple[str, str]]:
    key = (home.secrets_dir / "pseudonym.key").read_text().strip()
    pseudonyms = [
        duckdb.execute("SELECT left(sha256($1 || lower($2)), 32)", [key, trace]).fetchone()[0]
        for trace in traces[1:3]
        # The phone number is Cy's as well.
        if trace != "+491715550017"
    ]
    told = everything_told(home)
    words = [*(trace for trace in traces if trace != "+491715550017"), *pseudonyms]
    return [(place, word) for place, text in told.items() for word in words if word.lower() in text.lower()]


def test_no_byte_tells_of_them_and_the_others_stay(full_home, landing):
    home = full_home
    assert len(places_that_tell(home)) > 20, "the search must find what is there"
    before = places_that_tell(home, STAYING)
    put(landing, "erasure_requests/1.csv", REQUEST)
    ingest(home)
    done = erase(home, AS_OF)
    assert (done["customers"], done["requests"], done["accounts_sharing_contacts"]) == (1, 1, 1)
    assert places_that_tell(home) == []
    assert done["rows"]["raw.customers"] == done["rows"]["raw.bookings"] == 1
    # The batch is by now that of the request alone, and the work file is built again.
    after = places_that_tell(home, STAYING)
    assert _rooms(home, before) - _rooms(home, after) == {"warehouse"}


def test_their_messages_leave_the_outbox_and_the_others_are_as_they_were(full_home, landing):
    put(landing, "erasure_requests/1.csv", REQUEST)
    ingest(full_home)
    done = erase(full_home, AS_OF)
    assert (done["rows"]["outbox"], done["rows"]["rounds"]) == (1, 1)
    file = full_home.outbox_dir / "R-2025-06-30" / "email.csv"
    assert file.read_text(encoding="utf-8") == (
        "intervention_id,customer_id,message,email\n"
        'R-00018,cust-00018,"Dear ""Bo"", hello",bo@example.com\nR-00019,cust-00019,,cy@example.com\n'
    )
    assert file.stat().st_mode & 0o777 == 0o600
    decision = json.loads((full_home.rounds_dir / "R-2025-06-30" / "decision.json").read_text())
    assert decision == {"without": {"customers": ["erased"]}}


def _rooms(home: Home, found: list[tuple[str, str]]) -> set[str]:
    """The first folder below the home of every place."""
    return {Path(place).relative_to(home.root).parts[0] for place, _ in found}


def test_the_proof_names_nobody_and_counts_add_up(full_home, landing):
    put(landing, "erasure_requests/1.csv", REQUEST)
    ingest(full_home)
    erase(full_home, AS_OF)
    with duck.connect(full_home.raw_db, full_home.tmp_dir, read_only=True) as raw:
        (proof,) = raw.execute("SELECT requested_on, erased_as_of FROM raw.raw.erasures").fetchall()
        counts = dict(raw.execute("SELECT place, rows_erased FROM raw.raw.erasure_counts").fetchall())
        account = raw.execute(
            "SELECT bool_and(rows_in = rows_loaded + rows_quarantined + rows_superseded) "
            "FROM raw.raw.quality_runs"
        ).fetchone()
        referred = raw.execute("SELECT referred_by FROM raw.raw.customers ORDER BY 1").fetchall()
    assert proof == (date(2025, 6, 1), AS_OF)
    assert (counts["raw.support_tickets"], counts["vault"]) == (1, 3)
    assert account == (True,)
    assert referred == [(None,), (None,)]
    current = duckdb.connect(str(full_home.current_db), read_only=True)
    assert current.execute("SELECT customer_id FROM marts.dim_customers ORDER BY 1").fetchall() == [
        (customer,) for customer in STAYING
    ]
    comments = current.execute("SELECT comment FROM duckdb_tables() ORDER BY table_name").fetchall()
    assert comments[0] == ("people",)
    current.close()
    names = {file.stem for file in (full_home.published_dir / "versions").glob("*.duckdb")}
    lineages = {file.stem for file in (full_home.published_dir / "versions").glob("*.json")}
    assert len(names) == 2
    assert names == lineages
    assert versions.current(full_home).lineage["rows"]["dim_customers"] == 2


def test_whoever_was_erased_is_turned_away_at_the_door(full_home, landing):
    put(landing, "erasure_requests/1.csv", REQUEST)
    ingest(full_home)
    erase(full_home, AS_OF)
    put(landing, "customers/2.csv", CUSTOMERS + "cust-00020,2024-01-01,,Bonn,cust-00017,,,Di\n")
    put(landing, "bookings/2.csv", BOOKINGS + "book-00019,cust-00019,2024-02-01,hotel,completed\n")
    put(landing, "erasure_requests/2.csv", REQUEST + "\n")
    tables = ingest(full_home)
    assert tables["customers"] == {"rows_in": 5, "loaded": 1, "quarantined": 2, "superseded": 2}
    assert tables["bookings"] == {"rows_in": 6, "loaded": 1, "quarantined": 4, "superseded": 1}
    assert tables["erasure_requests"]["quarantined"] == 1
    assert places_that_tell(full_home) == []
    assert erase(full_home, AS_OF)["customers"] == 0
    files = [str(file) for file in full_home.quarantine_dir.glob("*/*.parquet")]
    with duckdb.connect() as connection:
        rules = connection.execute(
            "SELECT DISTINCT row_json, why.rule FROM (SELECT row_json, unnest(reasons) AS why FROM "
            "read_parquet($1)) WHERE why.rule = 'erased'",
            [files],
        ).fetchall()
    assert rules == [("{}", "erased")]


def test_by_hand_and_between_reading_and_loading(full_home, landing):
    put(landing, "bookings/2.csv", BOOKINGS.replace("book-00018", "book-00028"))
    batch_id = read_files(full_home, AS_OF)["batch_id"]
    assert erase(full_home, AS_OF, [GONE])["customers"] == 1
    assert places_that_tell(full_home) == []
    gate = full_home.gates_dir / "landing" / f"{AS_OF}.json"
    gate.write_text(json.dumps({"gate": "landing", "batch_id": batch_id, "success": True, "tables": {}}))
    counts = load(full_home, AS_OF)["tables"]["bookings"]
    assert counts == {"rows_in": 5, "loaded": 1, "quarantined": 4, "superseded": 0}
    assert places_that_tell(full_home) == []
    with pytest.raises(BadInput, match="erased already"):
        erase(full_home, AS_OF, [GONE])
    with pytest.raises(BadInput, match="no row of a customer 'cust-0017'"):
        erase(full_home, AS_OF, ["cust-0017"])


def test_nothing_asked_nothing_written(full_home):
    before = {file: file.stat().st_mtime_ns for file in full_home.root.rglob("*") if file.is_file()}
    assert erase(full_home, AS_OF) == {
        "customers": 0,
        "requests": 0,
        "rows": {},
        "accounts_sharing_contacts": 0,
    }
    assert {f: f.stat().st_mtime_ns for f in full_home.root.rglob("*") if f.is_file()} == before


#: Ends the process like a power cut, after the named function of places was called or instead of it.
KILLED = """
import os, sys
from datetime import date
from pathlib import Path
from roundtrip.erase import erase, places, publications
from roundtrip.home import Home
from roundtrip.ingest import batch
when, owner, function = sys.argv[2:5]
owner = {"places": places, "publications": publications, "batch": batch}[owner]
original = getattr(owner, function)
def die(*arguments, **options):
    if when == "after":
        original(*arguments, **options)
    os._exit(9)
setattr(owner, function, die)
erase(Home(Path(sys.argv[1])), date(2025, 6, 30))
"""


@pytest.mark.parametrize(
    ("when", "owner", "function"),
    [
        ("after", "places", "_quarantine"),
        ("after", "publications", "exchange"),
        ("before", "places", "raw"),
        ("after", "places", "raw"),
    ],
)
def test_killed_in_the_middle_and_run_again(full_home, landing, when, owner, function):
    put(landing, "erasure_requests/1.csv", REQUEST)
    ingest(full_home)
    run = subprocess.run(
        [sys.executable, "-c", KILLED, str(full_home.root), when, owner, function],
        cwd=PROJECT_ROOT,
        env={**os.environ, "PYTHONPATH": str(PROJECT_ROOT)},
        check=False,
    )
    assert run.returncode == 9
    erase(full_home, AS_OF)
    assert places_that_tell(full_home) == []
    with duck.connect(full_home.raw_db, full_home.tmp_dir, read_only=True) as raw:
        assert raw.execute("SELECT count(*) FROM raw.raw.erasures").fetchone() == (1,)
        assert raw.execute("SELECT count(*) FROM raw.raw.customers").fetchone() == (2,)


def test_rows_published_under_a_linked_account_go_and_that_account_stays(full_home, landing):
    home = full_home
    for file, schema in [(home.raw_db, "raw"), *((f, "marts") for f in home.versions_dir.glob("*.duckdb"))]:
        file.chmod(0o644)
        connection = duckdb.connect()
        connection.execute(f"ATTACH '{file}' AS held")
        columns = "(account_id VARCHAR, customer_id VARCHAR, link_probability DOUBLE, evidence VARCHAR)"
        connection.execute(f"CREATE TABLE IF NOT EXISTS held.{schema}.customer_identities {columns}")
        connection.execute(
            f"INSERT INTO held.{schema}.customer_identities VALUES ('cust-00018', 'cust-00018', 1, 'phone'), "
            f"('{GONE}', 'cust-00018', 1, 'phone')"
        )
        if schema == "marts":
            connection.execute(
                f"UPDATE held.marts.fct_bookings SET customer_id = 'cust-00018' WHERE customer_id = '{GONE}'"
            )
        connection.close()
    erase(home, AS_OF, [GONE])
    assert places_that_tell(home) == []
    for file in home.versions_dir.glob("*.duckdb"):
        with duckdb.connect(str(file), read_only=True) as version:
            assert version.execute("SELECT customer_id FROM marts.dim_customers").fetchall() == [
                ("cust-00019",)
            ]
            assert version.execute("SELECT count(*) FROM marts.fct_bookings").fetchone() == (0,)
    with duck.connect(home.raw_db, home.tmp_dir, read_only=True) as raw:
        bookings = raw.execute("SELECT booking_id FROM raw.raw.bookings").fetchall()
        assert bookings == [("book-00018",)]
        assert raw.execute("SELECT account_id FROM raw.raw.customer_identities").fetchall() == [
            ("cust-00018",)
        ]
