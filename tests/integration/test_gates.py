"""The gates on small hand-made files, through Great Expectations itself (imported once for this module)."""

import hashlib
import re
from datetime import datetime

import pytest

from roundtrip import duck
from roundtrip.company import Company
from roundtrip.contract import source_contract
from roundtrip.errors import CheckBroken, GateFailed
from roundtrip.gates import landing_gate, marts_gate, read_result, suites
from roundtrip.home import PROJECT_ROOT, Home
from roundtrip.publish import publish
from tests.handmade import AS_OF, BOOKINGS, CUSTOMERS, write_batch, write_work


def _tree_hash() -> str:
    files = sorted((PROJECT_ROOT / "expectations").rglob("*"))
    return hashlib.sha256(b"".join(f.read_bytes() for f in files if f.is_file())).hexdigest()


def test_good_batch_passes_and_leaves_result_and_pages(home: Home):
    before = _tree_hash()
    write_batch(home, {"customers": CUSTOMERS, "bookings": BOOKINGS})

    summary = landing_gate(home, AS_OF)

    result = read_result(home, "landing", AS_OF)
    assert (result["gate"], result["batch_id"], result["success"]) == ("landing", "batch-1", True)
    assert summary["checks"] == len(result["results"]) > 30
    assert result["tables"]["bookings"]["checks"] > 10
    assert all(entry["success"] for entry in result["results"] if entry["severity"] == "fail")
    share = next(
        entry
        for entry in result["results"]
        if entry["table"] == "bookings" and entry["column"] == "customer_id_known_share_at_most"
    )
    assert share["observed"] == "10 of 10 are known"
    docs = home.gates_dir / "data_docs"
    overview = (docs / "index.html").read_text()
    assert f"{len(result['results'])} checks" in overview
    assert all((docs / link).exists() for link in re.findall(r'href="(landing/[^"]+)"', overview))
    links = re.findall(r'href="(validations[^"]+)"', (docs / "landing" / "index.html").read_text())
    assert len(links) == 4
    assert all((docs / "landing" / link).exists() for link in links)
    pages = list(docs.rglob("*.html"))
    loads = [
        p for p in pages if 'src="http' in p.read_text() or 'rel="stylesheet" href="http' in p.read_text()
    ]
    assert loads == []
    assert _tree_hash() == before, "a run must not write into expectations/"
    with duck.connect(home.batch_db, home.tmp_dir) as batch:
        batch.execute("CREATE TABLE writable (x INTEGER)")
    assert list(home.tmp_dir.glob("summaries*")) == []


def test_every_kind_of_bad_batch_is_refused_with_table_and_reason(home: Home):
    bookings = [dict(row) for row in BOOKINGS]
    bookings[0] |= {"status": "lost_in_space"}
    bookings[1] |= {"travellers": 0}
    bookings[2] |= {"currency": "euro"}
    bookings[3] |= {"discount_amount": 101}
    for booking in bookings[2:7]:
        booking |= {"customer_id": "nobody"}
    bookings[5] |= {"service_line": None}
    bookings[6] |= {"booked_at": datetime(2025, 7, 1)}
    write_batch(home, {"customers": CUSTOMERS, "bookings": bookings}, {"bookings": 11, "customers": 1})

    with pytest.raises(GateFailed) as caught:
        landing_gate(home, AS_OF)

    result = read_result(home, "landing", AS_OF)
    assert not result["success"]
    failed = {(e["severity"], e["column"], e["expectation"]) for e in result["results"] if not e["success"]}
    between = "expect_column_values_to_be_between"
    assert failed == {
        ("fail", "status", "expect_column_values_to_be_in_set"),
        ("fail", "travellers", between),
        ("fail", "currency", "currency_pattern"),
        ("fail", "discount_amount", "discount_within_gross"),
        ("fail", "service_line", "expect_column_values_to_not_be_null"),
        ("fail", "customer_id_known_share_at_most", between),
        ("warn", "customer_id_known_share_at_most", between),
        ("fail", "quarantined_share", between),
        ("warn", "quarantined_share", between),
        ("warn", "rows_after_as_of", between),
        ("warn", "days_since_newest", between),
    }
    message = str(caught.value)
    for told in ("bookings.status", "lost_in_space", "5 of 10 are known", "company.yml"):
        assert told in message
    assert "rows_after_as_of" not in message, "a warning does not stop the run"


def test_references_known_from_earlier_loads_and_a_company_limit(home: Home):
    home.raw_db.parent.mkdir(parents=True)
    with duck.connect(home.raw_db, home.tmp_dir) as raw:
        raw.execute("CREATE SCHEMA raw.raw")
        for table in source_contract().values():
            columns = ", ".join(f'"{column.name}" {column.sql_type}' for column in table.columns)
            raw.execute(f'CREATE TABLE raw.raw."{table.name}" ({columns})')
        raw.execute(
            "INSERT INTO raw.raw.customers (customer_id, registered_at) "
            "SELECT 'c' || i, TIMESTAMP '2024-01-01' FROM range(1, 11) AS r(i)"
        )
    landing = home.root / "landing"
    landing.mkdir()
    Company("test", str(landing), settings={"max_quarantined_share": {"bookings": 0.01}}).save(home)
    write_batch(home, {"bookings": BOOKINGS}, {"bookings": 1})

    with pytest.raises(GateFailed, match="quarantined_share") as caught:
        landing_gate(home, AS_OF)

    assert "known_share" not in str(caught.value)
    assert "1 check failed" in str(caught.value)


def test_a_broken_check_is_neither_bad_data_nor_a_pass(home: Home, tmp_path, monkeypatch):
    folder = tmp_path / "expectations"
    (folder / "landing").mkdir(parents=True)
    for name in ("customers", "bookings"):
        text = (suites.SUITES_DIR / "landing" / f"{name}.json").read_text()
        if name == "bookings":
            text = text.replace('"column": "travellers"', '"column": "travelers"')
        (folder / "landing" / f"{name}.json").write_text(text)
    monkeypatch.setattr("roundtrip.gates.landing.SUITES_DIR", folder)
    write_batch(home, {"customers": CUSTOMERS, "bookings": BOOKINGS})

    with pytest.raises(CheckBroken, match="travelers"):
        landing_gate(home, AS_OF)

    result = read_result(home, "landing", AS_OF)
    assert not result["success"]
    assert [e["column"] for e in result["results"] if e["broken"]] == ["travelers"]


def test_good_marts_pass_and_bad_ones_leave_the_publication_untouched(home: Home):
    write_work(home)
    assert marts_gate(home, AS_OF)["warnings"] == []
    publish(home, AS_OF)
    published = home.current_db.read_bytes()

    write_work(
        home,
        customers=7,
        then="""
        INSERT INTO marts.fct_bookings SELECT * FROM marts.fct_bookings WHERE booking_id = 'b1';
        UPDATE marts.fct_bookings SET net_amount = -1 WHERE booking_id = 'b2';
        UPDATE marts.kpi_months SET numerator = 11, value = 1.1;
        UPDATE marts.quality_runs SET rows_in = 13;
        UPDATE marts.fct_customer_months SET lifecycle_stage = 'happy' WHERE customer_id = 'c3';
        UPDATE marts.customer_features SET as_of_date = DATE '2025-07-31' WHERE customer_id = 'c4';
        """,
    )
    with pytest.raises(GateFailed):
        marts_gate(home, AS_OF)

    result = read_result(home, "published", AS_OF)
    failed = {
        (entry["table"], entry["column"])
        for entry in result["results"]
        if not entry["success"] and entry["severity"] == "fail"
    }
    assert failed == {
        ("fct_bookings", "booking_id"),
        ("fct_bookings", "net_amount"),
        ("kpi_months", "value"),
        ("quality_runs", "rows_in"),
        ("fct_customer_months", "lifecycle_stage"),
        ("customer_features", "rows_after_as_of"),
        ("dim_customers", "kept_share"),
    }
    with pytest.raises(GateFailed):
        publish(home, AS_OF)
    assert home.current_db.read_bytes() == published


def test_missing_mart_and_missing_column_are_broken_checks(home: Home, monkeypatch):
    write_work(home, then="DROP TABLE marts.churn_labels")
    with pytest.raises(CheckBroken, match=r"marts\.churn_labels"):
        marts_gate(home, AS_OF)

    monkeypatch.setattr("roundtrip.gates.marts.CHECKED", {"kpi_months": "month"})
    write_work(home, then="ALTER TABLE marts.kpi_months DROP COLUMN sample_size")
    with pytest.raises(CheckBroken, match="sample_size"):
        marts_gate(home, AS_OF)
    assert read_result(home, "published", AS_OF)["success"] is False


#: Made-up values of people, in every kind of column; a gate may count them, and tell none of them.
SECRETS = (
    "anna.secret@example.org",
    "13800138000",
    "11010519491231002X",
    "4111111111111111",
    "Zoe Secretname",
    "C-SECRET-77",
    "secretville",
)


def _everything_written(home: Home) -> str:
    """All that a gate leaves: results, pages, whatever else lies beside them."""
    files = [file for file in home.root.rglob("*") if file.is_file() and file.suffix != ".duckdb"]
    assert any(file.suffix == ".html" for file in files)
    assert any(file.suffix == ".json" for file in files)
    return "\n".join(file.read_bytes().decode("utf-8", errors="replace") for file in files)


def test_no_value_of_a_row_leaves_the_landing_gate(home: Home, caplog):
    bookings = [dict(row) for row in BOOKINGS]
    bookings[0] |= {"status": "Zoe Secretname", "destination": "anna.secret@example.org"}
    bookings[1] |= {"status": "13800138000", "customer_id": "C-SECRET-77"}
    bookings[2] |= {"channel": "secretville@example.org", "currency": "C-SECRET-77"}
    bookings[3] |= {"service_line": "lost_in_space", "destination": "11010519491231002X"}
    bookings[4] |= {"booking_id": "anna.secret@example.org", "travellers": 0}
    tickets = [
        {
            "ticket_id": f"t{number}",
            "customer_id": "C-SECRET-77",
            "opened_at": datetime(2025, 6, 2),
            "is_complaint": True,
            "category": "Zoe Secretname",
            "text": text,
        }
        for number, text in enumerate(("Zoe Secretname 13800138000", "card 4111111111111111", "secretville"))
    ]
    customers = [
        *CUSTOMERS,
        CUSTOMERS[0] | {"customer_id": "C-SECRET-77", "email": "anna.secret@example.org"},
    ]
    write_batch(home, {"customers": customers, "bookings": bookings, "support_tickets": tickets})

    with pytest.raises(GateFailed) as caught:
        landing_gate(home, AS_OF)

    written = _everything_written(home) + str(caught.value) + caplog.text
    assert [secret for secret in SECRETS if secret.lower() in written.lower()] == []
    # What helps is told: words of lists, kinds, and numbers.
    for told in ("lost_in_space", "not a code", "1 with telephone numbers, 1 with payment card numbers"):
        assert told in written.replace("&lt;", "<"), told
    personal = {
        (entry["table"], entry["column"])
        for entry in read_result(home, "landing", AS_OF)["results"]
        if not entry["success"] and (entry["column"] or "").endswith("_personal_rows")
    }
    assert personal == {
        ("bookings", "destination_personal_rows"),
        ("bookings", "booking_id_personal_rows"),
        ("support_tickets", "text_personal_rows"),
    }


def test_no_id_leaves_the_marts_gate_and_no_value_a_broken_check(home: Home, monkeypatch, tmp_path, caplog):
    write_work(
        home,
        then="""
        UPDATE marts.dim_customers SET customer_id = 'C-SECRET-77', lifecycle_stage = 'Zoe Secretname'
            WHERE customer_id IN ('c1', 'c2');
        UPDATE marts.fct_bookings SET booking_id = 'C-SECRET-77' WHERE booking_id IN ('b1', 'b2');
        """,
    )
    with pytest.raises(GateFailed) as caught:
        marts_gate(home, AS_OF)
    first = _everything_written(home) + str(caught.value)

    folder = tmp_path / "expectations" / "published"
    folder.mkdir(parents=True)
    suite = (suites.SUITES_DIR / "published" / "dim_customers.json").read_text()
    breaking = suite.replace("first_booking_at > last_booking_at", "lifecycle_stage::INTEGER > 1")
    assert breaking != suite
    (folder / "dim_customers.json").write_text(breaking)
    monkeypatch.setattr("roundtrip.gates.marts.SUITES_DIR", tmp_path / "expectations")
    monkeypatch.setattr("roundtrip.gates.marts.CHECKED", {"dim_customers": "registered_at"})
    with pytest.raises(CheckBroken, match="Conversion Error") as broken:
        marts_gate(home, AS_OF)

    written = first + _everything_written(home) + str(broken.value) + caplog.text
    assert [secret for secret in SECRETS if secret.lower() in written.lower()] == []


def test_great_expectations_counts_the_same_rows_natively(home: Home):
    """Ours and the library's own SQL, over values that both could misread."""
    import great_expectations as gx

    from roundtrip.gates import dialect, rows

    database = home.root / "values.duckdb"
    with duck.connect(database, home.tmp_dir) as connection:
        connection.execute(
            "CREATE TABLE t AS SELECT CASE WHEN i % 7 = 0 THEN NULL ELSE i % 5 END AS size, "
            "[NULL, '', 'a', 'b', 'it''s', 'A'][1 + i % 6] AS word, i // 2 AS pair, "
            "CASE WHEN i % 11 = 0 THEN 'NaN'::DOUBLE WHEN i % 3 = 0 THEN NULL ELSE i / 4 END AS share "
            "FROM range(200) AS r(i)"
        )
    kinds = [
        ("expect_column_values_to_not_be_null", {"column": "size"}),
        ("expect_column_values_to_not_be_null", {"column": "word"}),
        ("expect_column_values_to_be_in_set", {"column": "word", "value_set": ["a", "it's"]}),
        ("expect_column_values_to_be_in_set", {"column": "size", "value_set": [1, 2]}),
        ("expect_column_values_to_be_between", {"column": "size", "min_value": 1, "max_value": 3}),
        ("expect_column_values_to_be_between", {"column": "share", "min_value": 10}),
        ("expect_column_values_to_be_between", {"column": "share", "max_value": 10.5}),
        ("expect_column_values_to_be_unique", {"column": "pair"}),
        ("expect_column_values_to_be_unique", {"column": "size"}),
        ("expect_compound_columns_to_be_unique", {"column_list": ["pair", "word"]}),
        ("expect_compound_columns_to_be_unique", {"column_list": ["size", "word"]}),
        ("unexpected_rows_expectation", {"unexpected_rows_query": "SELECT * FROM {batch} WHERE share > 3"}),
    ]
    written = [{"type": kind, "kwargs": kwargs, "meta": {}} for kind, kwargs in kinds]
    with duck.connect(database, home.tmp_dir, read_only=True) as connection:
        ours = [each.count for each in rows.count(connection, "t", written)]

    dialect.register()
    context = gx.get_context(mode="ephemeral")
    source = context.data_sources.add_sql(
        "source",
        connection_string=f"{dialect.SCHEME}:///{database}",
        create_temp_table=False,
        kwargs={"connect_args": {"read_only": True, "config": duck.settings(home.tmp_dir)}},
    )
    asset = source.add_table_asset("t", table_name="t", schema_name="main")
    suite = context.suites.add(gx.ExpectationSuite(name="s", expectations=written))
    definition = gx.ValidationDefinition(
        name="all", data=asset.add_batch_definition_whole_table("all rows"), suite=suite
    )
    results = context.validation_definitions.add(definition).run(result_format="BASIC").results
    by_id = {each.expectation_config.id: each.result for each in results}
    theirs = [
        by_id[each.id].get("unexpected_count", by_id[each.id].get("observed_value"))
        for each in suite.expectations
    ]
    assert list(zip(kinds, ours, strict=True)) == list(zip(kinds, theirs, strict=True))
