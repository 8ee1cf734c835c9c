"""A database that moves while it is read, refuses, falls silent or goes away: what is told, what is left."""

import os
import shutil
import signal
import subprocess
import sys
import threading
from datetime import date
from pathlib import Path

import pytest

from roundtrip.company import Company
from roundtrip.errors import BadInput, CheckBroken, RoundtripError
from roundtrip.home import PROJECT_ROOT, Home
from roundtrip.ingest import postgres_session, read_files
from roundtrip.ingest.postgres import DatabaseTable
from tests.postgres_fixture import PASSWORD, SMALL, describe, in_batch, small
from tests.unit.test_ingest_load import in_raw, ingest

AS_OF = date(2025, 6, 30)


@pytest.fixture
def landing(tmp_path) -> Path:
    folder = tmp_path / "landing"
    folder.mkdir()
    return folder


class TestOneMomentAndNothingWritten:
    def test_all_tables_are_seen_as_of_one_moment(self, home, landing, crm, monkeypatch):
        small(crm)
        describe(home, landing, SMALL)
        copy_into = DatabaseTable.copy_into

        def meanwhile(self, *rest):
            crm(
                "INSERT INTO customers VALUES ((SELECT max(customer_id) + 1 FROM customers), '2024-01-01');"
                "DELETE FROM bookings WHERE booking_id = (SELECT max(booking_id) FROM bookings);"
                "UPDATE bookings SET service_line = 'rail'"
            )
            return copy_into(self, *rest)

        monkeypatch.setattr(DatabaseTable, "copy_into", meanwhile)
        read_files(home, AS_OF)
        assert in_batch(home, "SELECT count(*) FROM customers") == [(3,)]
        assert in_batch(home, "SELECT service_line, count(*) FROM bookings GROUP BY 1") == [("car", 9)]
        # The next reading sees what happened meanwhile.
        monkeypatch.setattr(DatabaseTable, "copy_into", copy_into)
        read_files(home, AS_OF)
        assert in_batch(home, "SELECT count(*) FROM customers") == [(5,)]

    def test_a_server_that_shows_other_rows_than_it_counted_is_not_believed(
        self, home, landing, crm, monkeypatch
    ):
        small(crm)
        describe(home, landing, SMALL)
        stream = postgres_session.Session.stream
        monkeypatch.setattr(
            postgres_session.Session,
            "stream",
            lambda self, query, relation: stream(self, query + " LIMIT 2", relation),
        )
        with pytest.raises(CheckBroken, match="2 rows came, but the server counted 3"):
            read_files(home, AS_OF)
        assert not home.batch_db.exists()

    def test_the_transaction_is_read_only_and_on_one_connection(
        self, home, landing, crm, postgres, monkeypatch
    ):
        small(crm)
        crm(
            "CREATE TABLE touched (n int);"
            "CREATE FUNCTION touch() RETURNS int LANGUAGE plpgsql SECURITY DEFINER AS "
            "$$ BEGIN INSERT INTO touched VALUES (1); RETURN 1; END $$"
        )
        entries = SMALL + "  queries:\n    surveys: {sql: SELECT touch() AS response_id}\n"
        describe(home, landing, entries)
        with pytest.raises(BadInput, match="crm/surveys cannot be read: its query would change something"):
            read_files(home, AS_OF)
        assert postgres.rows("SELECT count(*) FROM touched", "crm") == [(0,)]

        describe(home, landing, SMALL)
        seen = []
        copy_into = DatabaseTable.copy_into
        reader = "FROM pg_stat_activity WHERE usename = 'reader'"
        activity = f"SELECT count(*), min(application_name), min(state) {reader}"
        monkeypatch.setattr(
            DatabaseTable,
            "copy_into",
            lambda self, *rest: (seen.extend(postgres.rows(activity)), copy_into(self, *rest))[1],
        )
        read_files(home, AS_OF)
        assert seen == [(1, "roundtrip", "idle in transaction")] * 2
        assert postgres.rows(f"SELECT count(*) {reader}") == [(0,)]


class TestWhatGoesWrong:
    """Each with the place in databases.yml, what to do, and without the connection string."""

    def refused(self, home: Home) -> RoundtripError:
        with pytest.raises(RoundtripError) as caught:
            read_files(home, AS_OF)
        text = str(caught.value)
        assert caught.value.hint
        assert "databases.yml:" in text
        for secret in (PASSWORD, "w'ord", os.environ["TEST_CRM"], "rt-pg-"):
            assert secret not in text
        assert not home.batch_db.exists()
        return caught.value

    def test_the_login(self, home, landing, crm, postgres, monkeypatch):
        small(crm)
        describe(home, landing, SMALL)
        for string, message in (
            (postgres.connection_string("crm", password="hunter2"), "refuses the login"),
            (postgres.connection_string("crm", user="nobody_there"), "refuses the login"),
            (postgres.connection_string("nowhere"), "has no database of that name"),
            ("host=127.0.0.1 port=1 dbname=crm", "does not answer"),
            (f"host={landing} dbname=crm", "does not answer"),
            ("hunter2", "TEST_CRM does not hold a connection string"),
        ):
            monkeypatch.setenv("TEST_CRM", string)
            assert message in self.refused(home).message
        monkeypatch.setenv("TEST_CRM", " ")
        with pytest.raises(BadInput, match="variable TEST_CRM is not set"):
            read_files(home, AS_OF)

    def test_a_server_that_does_not_answer_is_not_waited_for(self, home, landing, monkeypatch):
        import socket
        import time

        describe(home, landing, SMALL)
        with socket.socket() as silent:
            silent.bind(("127.0.0.1", 0))
            silent.listen(1)
            port = silent.getsockname()[1]
            monkeypatch.setenv("TEST_CRM", f"host=127.0.0.1 port={port} dbname=crm")
            monkeypatch.setattr(postgres_session, "_CONNECT_SECONDS", 2)
            started = time.monotonic()
            assert "does not answer in time" in self.refused(home).message
            assert time.monotonic() - started < 20

    @pytest.mark.parametrize(
        ("entries", "line", "message"),
        [
            ("    customers: {table: custmers}\n", 4, "no table public.custmers; did you mean customers?"),
            ("    customers: {schema: pubic}\n", 4, "no schema pubic; did you mean public?"),
            ("    customers: {table: hidden}\n", 4, "no table public.hidden; there is one in the schema ops"),
            ("    customers: {schema: ops, table: hidden}\n", 4, "may not read the schema ops"),
            ("    customers: {table: secret}\n", 4, "may not read the table secret"),
            (
                "    customers: {key: customer}\n",
                4,
                "has no column customer that .*; did you mean customer_id?",
            ),
            ("    customers: {by_month: city}\n", 4, "by_month needs a date or timestamp, and city is none"),
            ("    customers: {table: twins}\n", 4, "differ in case only: id"),
            ("  queries:\n    customers: {sql: 'SELECT 1 AS a, 2 AS a'}\n", 6, "two columns of one name"),
            ("  queries:\n    customers: {sql: SELECT 1 FRO t}\n", 6, 'syntax error at or near "t"'),
            (
                "  queries:\n    customers: {sql: SELECT naem FROM customers}\n",
                6,
                'column "naem" does not exist',
            ),
            ("  queries:\n    customers: {sql: SELECT * FROM secret}\n", 6, "may not read all that it needs"),
            (
                "  queries:\n    customers: {sql: SELECT city::int AS c FROM customers}\n",
                6,
                "invalid input syntax",
            ),
        ],
    )
    def test_what_databases_yml_names(self, home, landing, crm, entries, line, message):
        small(crm)
        crm(
            'CREATE SCHEMA ops; CREATE TABLE ops.hidden (a int); CREATE TABLE twins ("Id" int, id int);'
            "CREATE TABLE secret (a int); GRANT SELECT ON twins, ops.hidden TO reader"
        )
        # A table before it, so that a failed question is not the first.
        describe(home, landing, ("    bookings:\n" if "queries" in entries else "") + entries)
        error = self.refused(home)
        assert f"databases.yml:{line}: " in error.message
        with pytest.raises(RoundtripError, match=message):
            raise error
        assert "Rome" not in str(error)

    def test_columns_that_the_login_may_not_read_are_left_out_and_told(self, home, tmp_path, landing, crm):
        small(crm)
        crm("REVOKE SELECT ON customers FROM reader")
        crm("GRANT SELECT (customer_id, registered_at) ON customers TO reader")
        describe(home, landing, SMALL)
        summary = read_files(home, AS_OF)
        assert summary["tables"]["customers"]["accepted"] == 3
        told = ["crm/public.customers: columns that this login may not read: updated_at, city"]
        assert summary["warnings"] == told

        source, other = tmp_path / "source", Home(tmp_path / "other")
        describe(other, landing, SMALL + "    unread: {table: nowhere}\n", source)
        (source / "customers.sql").write_text("SELECT * FROM crm_customers")
        (source / "bookings.sql").write_text("SELECT * FROM crm_bookings")
        assert read_files(other, AS_OF)["warnings"] == told

    def test_a_table_of_no_contract_table_is_told(self, home, landing, crm):
        small(crm)
        crm("CREATE TABLE booking (a int)")
        describe(home, landing, SMALL + "    booking:\n")
        assert read_files(home, AS_OF)["warnings"] == [
            "crm/public.booking is not read: no contract table; did you mean bookings?"
        ]

    def test_a_locked_table_and_a_slow_statement(self, home, landing, crm, postgres, monkeypatch):
        small(crm)
        describe(home, landing, SMALL)
        monkeypatch.setitem(postgres_session.SETTINGS, "lock_timeout", "200ms")
        owner = postgres.connect("crm")
        owner.autocommit = False
        owner.cursor().execute("LOCK TABLE bookings IN ACCESS EXCLUSIVE MODE")
        try:
            assert "something else holds it locked" in self.refused(home).message
        finally:
            owner.close()
        crm("ALTER DATABASE crm SET statement_timeout = '300ms'")
        describe(home, landing, SMALL + "  queries:\n    surveys: {sql: SELECT pg_sleep(5) AS response_id}\n")
        assert "crm/surveys cannot be read: it takes longer than" in self.refused(home).message


#: Reads, and at the second batch of rows does what is to be done, in the middle of a table.
MIDDLE = """
import os, signal, sys
from datetime import date
from pathlib import Path
from roundtrip.home import Home
from roundtrip.ingest import postgres_session, read_files
postgres_session._BATCH_ROWS = 2048
original = postgres_session.Session._noting_failure
def in_the_middle(self, batches):
    for number, batch in enumerate(original(self, batches)):
        if number == 1:
            print("MIDDLE", flush=True)
            sys.stdin.readline()
        yield batch
postgres_session.Session._noting_failure = in_the_middle
try:
    read_files(Home(Path(sys.argv[1])), date(2025, 6, 30))
except Exception as error:
    print(type(error).__name__, error)
    sys.exit(error.exit_code)
"""


class TestInTheMiddle:
    @pytest.fixture
    def reading(self, home, landing, crm, postgres):
        """A process that has read a part of a table, and waits for a line to go on."""
        small(crm, customers=60_000)
        describe(home, landing, SMALL)
        process = subprocess.Popen(
            [sys.executable, "-c", MIDDLE, str(home.root)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            cwd=PROJECT_ROOT,
        )
        timer = threading.Timer(60, process.kill)
        timer.start()
        try:
            assert process.stdout.readline().strip() == "MIDDLE"
            yield process
        finally:
            timer.cancel()
            process.kill()
            process.communicate()

    def test_killed_and_run_again_is_as_if_never_disturbed(self, home, tmp_path, landing, reading, postgres):
        assert home.batch_db.with_name("batch.duckdb.new").exists()
        reading.send_signal(signal.SIGKILL)
        reading.wait()
        assert not home.batch_db.exists()
        other = Home(tmp_path / "other")
        shutil.copytree(home.secrets_dir, other.secrets_dir)
        Company.describe(landing, None).save(other)
        assert ingest(home) == ingest(other)
        for table in ("customers", "bookings", "files"):
            query = f"SELECT count(*), bit_xor(hash(t)) FROM {table} AS t"
            assert in_raw(home, query) == in_raw(other, query)
        assert in_raw(home, "SELECT count(*), max(_line) FROM customers") == [(60_000, 60_000)]
        assert sorted(p.name for p in home.batch_db.parent.iterdir()) == sorted(
            p.name for p in other.batch_db.parent.iterdir()
        )

    def test_a_connection_that_is_lost_is_told_and_nothing_is_left(self, home, reading, postgres):
        postgres.run("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'reader'")
        said, _ = reading.communicate("\n", timeout=60)
        # A transaction that is not ended before the connection is would end the process with a signal.
        assert reading.returncode == RoundtripError.exit_code, said
        assert "crm/public.customers cannot be read: the connection was lost" in said
        assert not home.batch_db.exists()
        assert not home.batch_db.with_name("batch.duckdb.new").exists()
        assert ingest(home)["tables"]["customers"]["loaded"] == 60_000


def test_the_server_listens_on_its_socket_only(postgres):
    assert postgres.rows("SHOW listen_addresses") == [("",)]
