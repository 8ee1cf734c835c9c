"""A PostgreSQL server of the tests' own, from the wheel pgserver, on a unix socket in a temporary folder; and
companies whose data is in it."""

import shutil
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb
import psycopg2
import pytest

from roundtrip.company import Company
from roundtrip.home import Home

PASSWORD = "pa55 w'ord"
#: A databases.yml up to its tables; those of `small`.
YML = "crm:\n  connection: TEST_CRM\n  tables:\n"
SMALL = "    customers:\n    bookings:\n"


class Server:
    """The server, and SQL as its superuser. It listens on its socket only."""

    def __init__(self, server):
        self._server = server
        self.socket_dir = Path(server.get_postmaster_info().socket_dir)

    def connect(self, database: str = "postgres"):
        connection = psycopg2.connect(host=str(self.socket_dir), user="postgres", dbname=database)
        connection.autocommit = True
        return connection

    def run(self, statements: str, database: str = "postgres") -> None:
        connection = self.connect(database)
        try:
            connection.cursor().execute(statements)
        finally:
            connection.close()

    def rows(self, query: str, database: str = "postgres") -> list[tuple]:
        connection = self.connect(database)
        try:
            cursor = connection.cursor()
            cursor.execute(query)
            return cursor.fetchall()
        finally:
            connection.close()

    @contextmanager
    def database(self, name: str, options: str = "") -> Iterator[str]:
        """A database of that name, dropped afterwards."""
        self.run(f'CREATE DATABASE "{name}" {options}')
        try:
            yield name
        finally:
            self.run(f'DROP DATABASE "{name}" WITH (FORCE)')

    def connection_string(self, database: str, user: str = "reader", password: str = PASSWORD) -> str:
        quoted = password.replace("\\", "\\\\").replace("'", "\\'")
        return f"host={self.socket_dir} dbname={database} user={user} password='{quoted}'"


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    """A server with the role `reader`, which needs its password and owns nothing."""
    # Run as root, it makes a system user of its own, since PostgreSQL does not run as root.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import pgserver

        # A path short enough for a socket's.
        folder = Path(tempfile.mkdtemp(prefix="rt-pg-"))
        started = pgserver.get_server(folder / "data", cleanup_mode="delete")
    try:
        server = Server(started)
        server.run(f"CREATE ROLE reader LOGIN PASSWORD '{PASSWORD.replace(chr(39), chr(39) * 2)}'")
        rules = folder / "data" / "pg_hba.conf"
        rules.write_text("local all reader scram-sha-256\n" + rules.read_text())
        server.run("SELECT pg_reload_conf()")
        yield server
    finally:
        started.cleanup()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def crm(postgres, monkeypatch):
    """An empty database `crm`, and SQL as its owner; the role `reader` may log in and read nothing yet."""
    with postgres.database("crm"):
        monkeypatch.setenv("TEST_CRM", postgres.connection_string("crm"))
        yield lambda statements: postgres.run(statements, "crm")


def describe(home: Home, landing: Path, entries: str, source: Path | None = None) -> None:
    """Make it the company of this home: what databases.yml names, in the mapping folder if there is one."""
    (source or landing).mkdir(exist_ok=True)
    ((source or landing) / "databases.yml").write_text(YML + entries, encoding="utf-8")
    Company.describe(landing, source).save(home)


def in_batch(home: Home, query: str) -> list[tuple]:
    with duckdb.connect(str(home.batch_db), read_only=True) as connection:
        return connection.execute(query).fetchall()


def small(crm, customers: int = 3) -> None:
    """So many customers and nine bookings, in the contract's shape."""
    crm(
        f"""
        CREATE TABLE customers (customer_id int PRIMARY KEY, registered_at date, updated_at date, city text);
        INSERT INTO customers
        SELECT g, '2024-01-01', '2024-01-01', 'Rome' FROM generate_series(1, {customers}) AS g;
        CREATE TABLE bookings (booking_id text, customer_id int, booked_at timestamptz, service_line text,
            status text, PRIMARY KEY (booking_id));
        INSERT INTO bookings SELECT 'b' || g, 1, timestamptz '2024-01-15 00:00Z' + g * interval '10 days',
            'car', 'completed' FROM generate_series(1, 9) AS g;
        GRANT SELECT ON ALL TABLES IN SCHEMA public TO reader
        """
    )
