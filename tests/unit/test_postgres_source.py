"""databases.yml, and what is said when a database cannot be read; no server is needed here."""

import traceback

import pytest

from roundtrip.errors import BadInput, RoundtripError
from roundtrip.ingest import databases, postgres_errors
from roundtrip.ingest.databases import Relation
from roundtrip.ingest.postgres import Databases, Month
from roundtrip.ingest.postgres_session import with_timeout

GOOD = """
crm:
  connection: ACME_CRM
  schema: sales
  tables:
    bookings:
    customers: {table: "Kunden 2", schema: public, key: kunde_nr}
    web_events: {by_month: at, key: [at, id]}
  queries:
    open_tickets:
      sql: SELECT * FROM tickets WHERE NOT closed;
      key: ticket_id
"""


def written(tmp_path, content: str):
    file = tmp_path / "databases.yml"
    file.write_text(content, encoding="utf-8")
    return file


def test_tables_and_queries_with_their_defaults(tmp_path):
    file = written(tmp_path, GOOD)
    bookings, customers, events, tickets = databases.read(file)
    assert bookings == Relation(
        "crm", "ACME_CRM", "bookings", "sales", "bookings", None, (), None, f"{file}:6"
    )
    assert (customers.label, customers.view, customers.key) == (
        "crm/public.Kunden 2",
        "crm_customers",
        ("kunde_nr",),
    )
    assert (events.by_month, events.key) == ("at", ("at", "id"))
    assert (tickets.label, tickets.table, tickets.sql) == (
        "crm/open_tickets",
        None,
        "SELECT * FROM tickets WHERE NOT closed",
    )


def test_the_mapping_folder_comes_before_the_landing_folder(tmp_path):
    landing, source = tmp_path / "landing", tmp_path / "source"
    landing.mkdir()
    source.mkdir()
    assert databases.file_of(landing, source) is None
    there = written(landing, GOOD)
    assert databases.file_of(landing, source) == databases.file_of(landing, None) == there
    assert databases.file_of(landing, source) != written(source, GOOD) == databases.file_of(landing, source)


@pytest.mark.parametrize(
    ("content", "line", "message"),
    [
        ("", 1, "must hold `key: value` lines"),
        ("crm: [a]\n", 1, "crm must hold"),
        ("my-crm:\n  connection: A\n  tables: {t: }\n", 1, "'my-crm' cannot be used as a name"),
        ("crm:\n  tables: {t: }\n", 1, "the name of an environment variable"),
        ("crm:\n  connection: A\n", 1, "crm names no table"),
        ("crm:\n  connection: A\n  tabels: {t: }\n", 3, "unknown key tabels"),
        ("crm:\n  connection: A\n  tables:\n    t: {kee: id}\n", 4, "unknown key kee"),
        ("crm:\n  connection: A\n  tables:\n    t: {sql: SELECT 1}\n", 4, "unknown key sql"),
        ("crm:\n  connection: A\n  tables:\n    t t:\n", 4, "'t t' cannot be used as a name"),
        ("crm:\n  connection: A\n  tables:\n    t: {key: 3}\n", 4, "key must be a column or a list"),
        ("crm:\n  connection: A\n  tables:\n    t: {key: [a, [b]]}\n", 4, "key must be a column or a list"),
        ("crm:\n  connection: A\n  tables:\n    t: {table: 3}\n", 4, "table must be a text"),
        ("crm:\n  connection: A\n  schema: 3\n  tables: {t: }\n", 3, "schema must be a text"),
        ("crm:\n  connection: A\n  queries:\n    q:\n", 4, "the query q has no `sql:`"),
        ("crm:\n  connection: A\n  tables:\n    t:\n    u: {table: t}\n", 5, "crm/public.t is read at"),
        ("crm:\n  connection: A\n  connection: B\n", 3, "connection is given twice"),
    ],
)
def test_a_mistake_is_named_with_its_line(tmp_path, content, line, message):
    file = written(tmp_path, content)
    with pytest.raises(BadInput) as caught:
        Databases(file)
    assert caught.value.message.startswith(f"{file}:{line}: ")
    assert message in caught.value.message
    assert caught.value.hint


@pytest.mark.parametrize(
    "secret", ["postgresql://bob:hunter2@db/crm", "'host=db password=hunter2'", "[hunter2]", "hun-ter2"]
)
def test_a_connection_string_in_the_file_is_refused_and_not_repeated(tmp_path, secret):
    with pytest.raises(BadInput) as caught:
        databases.read(written(tmp_path, f"crm:\n  connection: {secret}\n  tables: {{t: }}\n"))
    assert "never in this file" in str(caught.value)
    assert "hun" not in str(caught.value)


RELATION = Relation("crm", "ACME_CRM", "t", "public", "t", None, (), None, "databases.yml:4")
STRING = "host=db.acme.example dbname=crm user=bob password=hunter2 sslrootcert=/certificate.pem"
CONNECTING = f'IO Error: Unable to connect to Postgres at "{STRING}": '


@pytest.mark.parametrize(
    ("said", "what", "kind"),
    [
        ('connection to server failed: FATAL:  password authentication failed for user "bob"', "login", 2),
        ('FATAL:  role "bob" does not exist', "refuses the login", 2),
        ("fe_sendauth: no password supplied", "refuses the login", 2),
        ('FATAL:  no pg_hba.conf entry for host "10.0.0.1", user "bob"', "does not let this machine", 2),
        ('FATAL:  database "crm" does not exist', "has no database of that name", 2),
        ('could not translate host name "db.acme.example" to address', "its host name is not known", 1),
        ("connection to server failed: timeout expired", "does not answer in time", 1),
        ("connection failed: Connection refused\n\tIs the server running?", "does not answer", 1),
        ("FATAL:  sorry, too many clients already", "has no connection left", 1),
        ("FATAL:  the database system is starting up", "is starting or stopping", 1),
        ('server certificate for "db" does not match host name', "TLS", 2),
        ("FATAL:  echec de l'authentification", "cannot be connected to", 1),
    ],
)
def test_why_there_is_no_connection(said, what, kind):
    error = postgres_errors.of_connecting(CONNECTING + said, STRING, RELATION)
    assert what in error.message
    assert error.message.startswith("databases.yml:4: the server of crm ")
    assert "$ACME_CRM" in str(error) or error.hint
    assert error.exit_code == kind
    for secret in ("hunter2", "db.acme", "bob"):
        assert secret not in str(error)


def test_a_value_that_is_no_connection_string_is_not_repeated():
    said = (
        'IO Error: Unable to connect to Postgres at "hunter2": missing "=" after "hunter2" in connection info'
    )
    error = postgres_errors.of_connecting(said + " string", "hunter2", RELATION)
    assert "$ACME_CRM does not hold a connection string" in error.message
    assert "hunter2" not in str(error)


@pytest.mark.parametrize(
    ("said", "what", "kind"),
    [
        ("server closed the connection unexpectedly", "the connection was lost", 1),
        ("ERROR:  permission denied for table t", "may not read", 2),
        ("ERROR:  canceling statement due to statement timeout", "longer than the server allows", 1),
        ("ERROR:  canceling statement due to lock timeout", "holds it locked", 1),
        ("ERROR:  canceling statement due to conflict with recovery", "the standby server", 1),
        ("ERROR:  cannot execute INSERT in a read-only transaction", "would change something", 2),
        ('ERROR:  invalid byte sequence for encoding "UTF8": 0xe9', "not UTF-8", 2),
        ("ERROR:  temporary file size exceeds temp_file_limit (1kB)", "no room", 1),
        (
            'Failed "SELECT 1": ERROR:  column "naem" does not exist\nLINE 1',
            'column "naem" does not exist',
            2,
        ),
        ('ERROR:  invalid input syntax for type integer: "Ann Lee"', "invalid input syntax for type", 2),
    ],
)
def test_why_a_table_cannot_be_read(said, what, kind):
    error = postgres_errors.of_reading(said, RELATION)
    assert error.message.startswith("databases.yml:4: crm/public.t cannot be read: ")
    assert what in error.message
    assert error.exit_code == kind
    assert "Ann Lee" not in str(error)


def test_a_server_is_not_waited_for_long_unless_the_string_says_so():
    assert with_timeout("host=db") == "host=db connect_timeout=5"
    assert with_timeout("postgresql://db/crm") == "postgresql://db/crm?connect_timeout=5"
    assert with_timeout("postgres://db/crm?sslmode=require").endswith("?sslmode=require&connect_timeout=5")
    assert with_timeout("host=db connect_timeout=60") == "host=db connect_timeout=60"


def test_the_months_of_a_column():
    december = Month("2024-12", 3, "hash").condition("at")
    assert "\"at\" >= '2024-12-01' AND \"at\" < '2025-01-01'" in december
    assert ">= '2024-01-01' AND \"at\" < '2024-02-01'" in Month("2024-01", 3, "hash").condition("at")
    assert Month("none", 3, "hash").condition("at").endswith("= 'none'")


def test_a_variable_that_is_not_set_is_told_when_the_table_is_needed(tmp_path, monkeypatch):
    file = written(tmp_path, GOOD)
    for value in (None, "", "  "):
        if value is None:
            monkeypatch.delenv("ACME_CRM", raising=False)
        else:
            monkeypatch.setenv("ACME_CRM", value)
        with Databases(file) as company, pytest.raises(BadInput) as caught:
            company.tables[0].has_rows()
        assert f"{file}:6: the environment variable ACME_CRM is not set" in str(caught.value)


def test_no_part_of_an_error_carries_the_connection_string(tmp_path, monkeypatch):
    monkeypatch.setenv("ACME_CRM", "host=127.0.0.1 port=1 password=hunter2 sslrootcert=/certificate.pem")
    with (
        Databases(written(tmp_path, GOOD)) as company,
        pytest.raises(RoundtripError) as caught,
    ):
        company.tables[0].has_rows()
    assert "does not answer" in str(caught.value)
    error = caught.value
    while error is not None:
        assert "hunter2" not in "".join(traceback.format_exception(error))
        error = error.__cause__ or error.__context__
