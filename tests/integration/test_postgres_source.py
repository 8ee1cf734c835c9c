"""A company whose data is in PostgreSQL, read from a real server that the tests start themselves."""

import shutil
from datetime import date
from pathlib import Path

import duckdb
import pytest
from typer.testing import CliRunner

from roundtrip.cli import app
from roundtrip.company import Company
from roundtrip.errors import BadInput
from roundtrip.home import Home
from roundtrip.ingest import read_files
from roundtrip.ingest.postgres import Databases, DatabaseTable
from tests.postgres_fixture import PASSWORD, SMALL, YML, describe, in_batch, small
from tests.unit.test_ingest_load import in_raw, ingest

AS_OF = date(2025, 6, 30)

#: In the contract's shape, with what a database has types for, and what spoils a file.
TABLES = r"""
CREATE TYPE trade AS ENUM ('flight', 'hotel', 'helicopter');
CREATE TABLE customers (
    customer_id int PRIMARY KEY, registered_at timestamptz NOT NULL, updated_at timestamptz,
    birth_year smallint, country char(2), city text, email varchar(80), phone text, full_name text,
    preferences jsonb
);
CREATE TABLE bookings (
    booking_id uuid PRIMARY KEY, customer_id int, booked_at timestamptz, updated_at timestamp,
    service_line trade, destination text, travel_start date, travellers int,
    gross_amount numeric, discount_amount numeric(12, 4), currency text, status text
);
CREATE TABLE support_tickets (
    ticket_id bigint PRIMARY KEY, customer_id int, opened_at timestamptz, is_complaint boolean,
    severity float8, text text
);
INSERT INTO customers SELECT g, timestamptz '2024-01-01 23:30+08' + g * interval '37 hours', NULL,
    1950 + g % 50, CASE WHEN g % 7 = 0 THEN NULL ELSE 'DE' END, 'Köln', 'Guest' || g || '@example.org',
    CASE g % 3 WHEN 0 THEN '' WHEN 1 THEN NULL ELSE '+49 170 ' || 1000000 + g END, 'Gäst ' || g,
    '{"a": [1, 2]}'
FROM generate_series(1, 200) AS g;
INSERT INTO bookings SELECT
    md5(g::text)::uuid, g % 200 + 1, timestamptz '2024-03-01 10:00+02' + g * interval '1 h',
    CASE WHEN g % 4 = 0 THEN timestamp '2025-01-01 12:00:00.123456' END,
    CASE WHEN g % 50 = 1 THEN 'helicopter' WHEN g % 2 = 0 THEN 'hotel' ELSE 'flight' END::trade,
    CASE g % 6 WHEN 0 THEN E'Rome, "the city"' WHEN 1 THEN E'two\nlines' WHEN 2 THEN '三亚 🏝'
        WHEN 3 THEN E' \t'
        WHEN 4 THEN E'back\\slash ''n'' NULL' ELSE '' END,
    date '2025-01-01' + g % 100, g % 5, g * 1.005, CASE WHEN g % 3 = 0 THEN 0.5 END,
    'EUR', CASE WHEN g % 3 = 0 THEN 'no_show' ELSE 'completed' END
FROM generate_series(1, 400) AS g;
INSERT INTO support_tickets SELECT g, g, timestamptz '2024-06-01 00:00Z' + g * interval '1 day', g % 2 = 0,
    1 + g % 4, repeat('long ', g) FROM generate_series(1, 60) AS g;
GRANT SELECT ON ALL TABLES IN SCHEMA public TO reader;
"""
ENTRIES = "    customers:\n    bookings:\n    support_tickets:\n"


@pytest.fixture
def landing(tmp_path) -> Path:
    folder = tmp_path / "landing"
    folder.mkdir()
    return folder


class TestTheSameAsFiles:
    def test_a_company_by_database_is_the_company_by_csv(self, home, tmp_path, landing, crm, postgres):
        crm(TABLES)
        describe(home, landing, ENTRIES)
        of_database = ingest(home)["tables"]

        files, other = tmp_path / "files", Home(tmp_path / "other")
        connection = postgres.connect("crm")
        for table in ("customers", "bookings", "support_tickets"):
            (files / table).mkdir(parents=True)
            with (files / table / "1.csv").open("wb") as file, connection.cursor() as cursor:
                # An export says the times as whoever exports lives, and the rows in any order.
                cursor.execute("SET TimeZone = 'Asia/Shanghai'")
                query = f"COPY (SELECT * FROM {table} ORDER BY random()) TO STDOUT (FORMAT csv, HEADER)"
                cursor.copy_expert(query, file)
        connection.close()
        shutil.copytree(home.secrets_dir, other.secrets_dir)
        Company.describe(files, None).save(other)
        of_files = ingest(other)["tables"]

        assert of_database == of_files
        # Those without a traveller, and the helicopters.
        assert of_database["bookings"]["quarantined"] == 80 + 8
        for table in of_database:
            query = f"SELECT * EXCLUDE (_file, _line, _loaded_in) FROM {table} ORDER BY ALL"
            assert in_raw(home, query) == in_raw(other, query)
            assert len(in_raw(home, query)) > 50

        assert in_raw(home, "SELECT count(DISTINCT email) FROM customers") == [(200,)]
        for file in home.root.rglob("*"):
            for secret in ("uest1", "Gäst", PASSWORD):
                assert not file.is_file() or secret.encode() not in file.read_bytes(), file

    def test_values_are_the_text_that_the_server_writes(self, tmp_path, landing, crm):
        crm(
            r"""
            CREATE TABLE customers (id int, n numeric, f float8, r real, b boolean, ts timestamp,
                tz timestamptz, d date, j jsonb, jj json, a text[], u uuid, e text, m money, i interval,
                y bytea, bc date);
            INSERT INTO customers VALUES (1, 12345678901234567890.123456789012345678901, 0.1, 1e-7, true,
                '2024-05-01 10:00:00.5', '2024-05-01 10:00+08', '2024-05-01', '{"b": 1,  "a": "ü"}',
                '{"b" : 1}', '{a,"b,c",NULL}', 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', '', 1234.5, '36:00',
                'ab', '0044-03-15 BC');
            INSERT INTO customers (id) VALUES (2);
            -- What a role or a database sets for itself must not change what is read.
            ALTER DATABASE crm SET DateStyle = 'German';
            ALTER DATABASE crm SET TimeZone = 'Asia/Shanghai';
            ALTER DATABASE crm SET IntervalStyle = 'iso_8601';
            ALTER DATABASE crm SET bytea_output = 'escape';
            GRANT SELECT ON customers TO reader
            """
        )
        (landing / "databases.yml").write_text(YML + "    customers: {key: id}\n")
        with Databases(landing / "databases.yml") as company, duckdb.connect() as connection:
            columns = company.tables[0].copy_into(connection, "t", dict, ("_file", "_line"))
            first, second = connection.execute("FROM t").fetchall()
        assert dict(zip((*columns, "_file"), first, strict=True)) == {
            "id": "1", "n": "12345678901234567890.123456789012345678901", "f": "0.1", "r": "1e-07",
            "b": "true", "ts": "2024-05-01 10:00:00.5", "tz": "2024-05-01 02:00:00+00", "d": "2024-05-01",
            "j": '{"a": "ü", "b": 1}', "jj": '{"b" : 1}', "a": '{a,"b,c",NULL}',
            "u": "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", "e": "", "m": "$1,234.50", "i": "36:00:00",
            "y": r"\x6162", "bc": "0044-03-15 BC", "_file": "crm/public.customers",
        }  # fmt: skip
        assert second == ("2", *([None] * 16), "crm/public.customers")

    def test_a_database_of_another_encoding(self, home, landing, postgres, monkeypatch):
        options = "ENCODING '{}' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0"
        describe(home, landing, "    customers:\n    bookings:\n")
        for encoding in ("LATIN1", "SQL_ASCII"):
            with postgres.database("old", options.format(encoding)):
                postgres.run(
                    "CREATE TABLE customers (customer_id text, registered_at date, city text);"
                    "INSERT INTO customers VALUES ('c1', '2024-01-01', 'K' || chr(246) || 'ln');"
                    "CREATE TABLE bookings (booking_id text, customer_id text, booked_at date, "
                    "service_line text, status text);"
                    "INSERT INTO bookings VALUES ('b1', 'c1', '2024-02-01', 'car', 'completed');"
                    "GRANT SELECT ON ALL TABLES IN SCHEMA public TO reader",
                    "old",
                )
                monkeypatch.setenv("TEST_CRM", postgres.connection_string("old"))
                if encoding == "LATIN1":
                    read_files(home, AS_OF)
                    assert in_batch(home, "SELECT city FROM customers") == [("Köln",)]
                else:
                    with pytest.raises(BadInput, match=r"public\.customers cannot be read: .*not UTF-8"):
                        read_files(home, AS_OF)


class TestWhatIsReadAgain:
    def test_nothing_new_is_not_read_and_a_changed_row_updates(self, home, landing, crm, monkeypatch):
        small(crm)
        describe(home, landing, SMALL)
        assert ingest(home)["tables"]["customers"]["loaded"] == 3

        copied = []
        copy_into = DatabaseTable.copy_into
        monkeypatch.setattr(
            DatabaseTable,
            "copy_into",
            lambda self, *rest: (copied.append(self.name), copy_into(self, *rest))[1],
        )
        # Written anew, in another order: the same rows.
        crm("CREATE TABLE other AS SELECT * FROM customers ORDER BY customer_id DESC; DELETE FROM customers;")
        crm("INSERT INTO customers SELECT * FROM other")
        assert ingest(home)["tables"] == {}
        assert copied == []

        crm("UPDATE customers SET city = 'Oslo', updated_at = '2024-02-01' WHERE customer_id = 2")
        crm("UPDATE customers SET city = 'Bern', updated_at = '2023-01-01' WHERE customer_id = 3")
        assert ingest(home)["tables"] == {
            "customers": {"rows_in": 3, "loaded": 1, "quarantined": 0, "superseded": 2}
        }
        assert copied == ["crm/public.customers"]
        cities = "SELECT customer_id, city FROM customers ORDER BY 1"
        assert in_raw(home, cities) == [("1", "Rome"), ("2", "Oslo"), ("3", "Rome")]

        # Without updated_at the newer delivery wins, and what is gone from the database stays in raw.
        crm("UPDATE bookings SET service_line = 'rail' WHERE booking_id = 'b1'")
        crm("DELETE FROM bookings WHERE booking_id = 'b2'")
        assert ingest(home)["tables"]["bookings"]["loaded"] == 1
        assert in_raw(home, "SELECT service_line, count(*) FROM bookings GROUP BY 1 ORDER BY 1") == [
            ("car", 8),
            ("rail", 1),
        ]

    def test_one_value_more_or_less_makes_another_content(self, tmp_path, landing, crm):
        small(crm)
        (landing / "databases.yml").write_text(YML + SMALL)
        seen = []
        for change in (
            "SELECT 1",
            "UPDATE customers SET city = NULL WHERE customer_id = 1",
            "UPDATE customers SET city = '' WHERE customer_id = 1",
            "INSERT INTO customers VALUES (4, '2024-01-01')",
            "ALTER TABLE customers RENAME city TO town",
        ):
            crm(change)
            with Databases(landing / "databases.yml") as company:
                seen.append(company.tables[0].content_hash)
        assert len(set(seen)) == len(seen)

    @pytest.mark.parametrize("entry", ["", "{key: at}", "{key: [n]}"])
    def test_rows_have_the_same_numbers_in_whatever_order_they_lie(self, tmp_path, landing, crm, entry):
        (landing / "databases.yml").write_text(YML + f"    customers: {entry}\n")
        seen = []
        for order in ("ASC", "DESC"):
            crm(
                "DROP TABLE IF EXISTS customers; CREATE TABLE customers (n int, at date, a text);"
                "INSERT INTO customers SELECT g % 30, date '2024-01-01' + g % 5, nullif('x' || g % 7, 'x3') "
                f"FROM generate_series(1, 3000) AS g ORDER BY g {order}; GRANT SELECT ON customers TO reader"
            )
            with Databases(landing / "databases.yml") as company, duckdb.connect() as connection:
                company.tables[0].copy_into(connection, "t", dict, ("_file", "_line"))
                seen.append(connection.execute("SELECT * FROM t ORDER BY rowid").fetchall())
        assert seen[0] == seen[1]
        if "[n]" in entry:
            assert [int(n) for n, *_ in seen[0]] == sorted(n % 30 for n in range(3000))

    def test_by_month_only_the_months_that_changed_are_read(self, home, landing, crm):
        small(crm)
        crm("UPDATE bookings SET booked_at = '0044-03-15 BC' WHERE booking_id = 'b9'")
        describe(home, landing, "    customers:\n    bookings: {by_month: booked_at}\n")
        counts = ingest(home)["tables"]["bookings"]
        assert counts == {"rows_in": 9, "loaded": 8, "quarantined": 1, "superseded": 0}
        files = "SELECT file, rows_in FROM files WHERE table_name = 'bookings' ORDER BY batch_id, file"
        months = ["2024-01", "2024-02", "2024-03", "2024-04", "none"]
        assert [file for file, _ in in_raw(home, files)] == [f"crm/public.bookings/{m}" for m in months]

        assert ingest(home)["tables"] == {}
        crm("UPDATE bookings SET booked_at = '2024-04-05 12:00Z', status = 'no_show' WHERE booking_id = 'b2'")
        # Its old month lost it (two rows are left), its new one has it (now two).
        counts = ingest(home, date(2025, 7, 1))["tables"]["bookings"]
        assert (counts["rows_in"], counts["loaded"]) == (4, 1)
        assert in_raw(home, "SELECT status, _file FROM bookings WHERE booking_id = 'b2'") == [
            ("no_show", "crm/public.bookings/2024-04")
        ]

    def test_tables_come_after_files_of_the_same_table(self, home, landing, crm):
        small(crm)
        (landing / "bookings").mkdir()
        (landing / "bookings/1.csv").write_text(
            "booking_id,customer_id,booked_at,service_line,status\nb1,1,2024-01-01,hotel,completed\n"
            "b99,1,2024-01-01,hotel,completed\n"
        )
        describe(home, landing, SMALL)
        assert ingest(home)["tables"]["bookings"] == {
            "rows_in": 11, "loaded": 10, "quarantined": 0, "superseded": 1,
        }  # fmt: skip
        assert in_raw(home, "SELECT service_line FROM bookings WHERE booking_id = 'b1'") == [("car",)]


class TestMappings:
    def test_a_select_over_tables_queries_and_files(self, home, tmp_path, landing, crm):
        crm(
            """
            CREATE SCHEMA ops;
            CREATE TABLE ops."Order Lines" (no int, client text, kind int, ordered timestamptz);
            INSERT INTO ops."Order Lines" SELECT g, 'k' || g % 4, CASE g WHEN 11 THEN 9 ELSE 1 END,
                timestamptz '2024-05-01 01:00+02' + g * interval '1 day' FROM generate_series(20, 1, -1) AS g;
            CREATE TABLE clients (code text, since date);
            INSERT INTO clients SELECT 'k' || g, '2024-01-01' FROM generate_series(0, 5) AS g;
            GRANT USAGE ON SCHEMA ops TO reader; GRANT SELECT ON ops."Order Lines", clients TO reader
            """
        )
        source = tmp_path / "source"
        (landing / "kinds.csv").write_text("kind,line\n1,car\n9,balloon\n")
        describe(
            home,
            landing,
            '    lines: {table: "Order Lines", schema: ops, key: "no"}\n    unread: {table: nowhere}\n'
            "  queries:\n    clients:\n      sql: |\n        SELECT * FROM clients -- of this company\n"
            "        WHERE code <> 'k5' -- a test\n",
            source,
        )
        (source / "customers.sql").write_text(
            "SELECT code AS customer_id, since AS registered_at, _file, _line FROM CRM_clients"
        )
        (source / "bookings.sql").write_text(
            "SELECT no AS booking_id, client AS customer_id, ordered AS booked_at, line AS service_line, "
            "'completed' AS status, o._file, o._line FROM crm_lines AS o LEFT JOIN kinds USING (kind)"
        )
        summary = read_files(home, AS_OF)
        assert summary["tables"]["customers"]["accepted"] == 5
        assert summary["warnings"] == []
        read = "SELECT booking_id, booked_at::VARCHAR, _file, _line FROM bookings ORDER BY _line"
        assert in_batch(home, read)[:2] == [
            ("1", "2024-05-01 23:00:00", "crm/ops.Order Lines", 1),
            ("2", "2024-05-02 23:00:00", "crm/ops.Order Lines", 2),
        ]
        # Quarantine names database, table and row, counted in the order of the key.
        refused = "SELECT _file, _line, reasons[1].rule FROM bookings__quarantine"
        assert in_batch(home, refused) == [("crm/ops.Order Lines", 11, "values")]
        assert in_batch(home, "SELECT DISTINCT _file FROM customers") == [("crm/clients",)]

    def test_the_wrong_name_is_told_with_what_there_is(self, home, tmp_path, landing, crm):
        source = tmp_path / "source"
        describe(home, landing, SMALL, source)
        (source / "customers.sql").write_text("SELECT * FROM crm_customer")
        with pytest.raises(BadInput, match=r"nor in databases\.yml; did you mean crm_customers"):
            read_files(home, AS_OF)

    def test_drafted_checked_and_read_without_any_file(self, tmp_path, crm, monkeypatch):
        crm(
            """
            CREATE TABLE kunden (customer_id int PRIMARY KEY, registered_at timestamptz, land text,
                email text);
            INSERT INTO kunden SELECT g, timestamptz '2024-01-01 10:00Z' + g * interval '1 day', 'DE',
                'g' || g || '@example.org' FROM generate_series(1, 120) AS g;
            CREATE TABLE orders (order_id uuid PRIMARY KEY, customer_id int, booked_at timestamptz,
                product text, price numeric(10, 2), currency text, status text);
            INSERT INTO orders SELECT md5(g::text)::uuid, g % 120 + 1,
                timestamptz '2024-06-01 08:00Z' + g * interval '1 h', 'hotel', g, 'EUR', 'completed'
            FROM generate_series(1, 300) AS g;
            GRANT SELECT ON ALL TABLES IN SCHEMA public TO reader
            """
        )
        file = tmp_path / "databases.yml"
        file.write_text(YML + "    customers: {table: kunden}\n    orders:\n")
        cli = CliRunner()
        drafted = cli.invoke(
            app, ["new-source", "acme", "--databases", str(file), "--sources", str(tmp_path / "sources")]
        )
        assert drafted.exit_code == 0, drafted.output
        folder = tmp_path / "sources" / "acme"
        assert (folder / "databases.yml").read_text() == file.read_text()
        assert "FROM crm_orders" in (folder / "bookings.sql").read_text()
        assert "@example.org" not in "".join(each.read_text() for each in folder.iterdir())

        before = {each: each.read_bytes() for each in folder.iterdir()}
        checked = cli.invoke(app, ["check", "--source", str(folder), "--quick"])
        assert checked.exit_code == 0, checked.output
        rows = {line.split()[1]: line.split() for line in checked.output.splitlines() if line.startswith("│")}
        assert (rows["customers"][3], rows["bookings"][3]) == ("120", "300"), checked.output
        assert {each: each.read_bytes() for each in folder.iterdir()} == before
        assert "is not read" not in checked.output

        without = cli.invoke(app, ["check", "--quick"])
        assert "--landing is missing" in str(without.exception)
