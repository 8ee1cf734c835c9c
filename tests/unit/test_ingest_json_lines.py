"""JSON lines as a delivery: keys are columns, and a line that is no object is refused alone."""

import gzip
import json
from datetime import date
from pathlib import Path

import duckdb
import pyarrow
import pytest

from roundtrip.company import Company
from roundtrip.ingest import read_files

AS_OF = date(2025, 6, 30)
BOOKING = {
    "booking_id": "b1",
    "customer_id": "c1",
    "booked_at": "2024-02-01T10:00:00Z",
    "service_line": "hotel",
    "status": "completed",
}


@pytest.fixture
def landing(home, tmp_path) -> Path:
    folder = tmp_path / "landing"
    put(folder, "customers/c.csv", b"customer_id,registered_at\nc1,2024-01-01\n")
    put(folder, "bookings/b.jsonl", as_lines([BOOKING]))
    Company.describe(folder, None).save(home)
    return folder


def put(landing: Path, name: str, content: bytes) -> None:
    (landing / name).parent.mkdir(parents=True, exist_ok=True)
    (landing / name).write_bytes(content)


def as_lines(rows: list[dict]) -> bytes:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode()


def in_batch(home, query: str) -> list[tuple]:
    with duckdb.connect(str(home.batch_db), read_only=True) as connection:
        return connection.execute(query).fetchall()


@pytest.mark.parametrize(
    ("name", "packed"),
    [
        ("x.ndjson", lambda content: content),
        ("x.jsonl.gz", gzip.compress),
        ("x.jsonl.zst", lambda content: pyarrow.compress(content, "zstd", asbytes=True)),
        ("x.jsonl", lambda content: content.replace(b"\n", b"\r\n")),
        ("x.jsonl", lambda content: b"\xef\xbb\xbf" + content.rstrip(b"\n")),
        ("x.jsonl", lambda content: content.decode().encode("utf-16")),
        ("x.jsonl", lambda content: content.replace(b"\n", b"\r\n", 1)),
    ],
)
def test_values_of_every_kind_and_packing_are_read(home, landing, name, packed):
    rows = [
        BOOKING
        | {"booking_id": "x1", "destination": 'Köln, "东京"\n', "gross_amount": 12.5, "currency": "EUR"},
        BOOKING | {"booking_id": "x2", "travellers": 2, "destination": {"city": "Lyon", "zip": [69001]}},
        {"STATUS": "no_show"}
        | {key: value for key, value in BOOKING.items() if key != "status"}
        | {"booking_id": 17},
        BOOKING | {"booking_id": "x4", "destination": None, "gross_amount": ""},
    ]
    put(landing, f"bookings/{name}", packed(as_lines(rows)))
    read_files(home, AS_OF)
    found = in_batch(
        home,
        "SELECT booking_id, destination, gross_amount::VARCHAR, travellers, status, _line FROM bookings "
        f"WHERE _file = 'bookings/{name}' ORDER BY _line",
    )
    assert found == [
        ("x1", 'Köln, "东京"', "12.50", None, "completed", 1),
        ("x2", '{"city":"Lyon","zip":[69001]}', None, 2, "completed", 2),
        ("17", None, None, None, "no_show", 3),
        ("x4", None, None, None, "completed", 4),
    ]


def test_a_line_that_is_no_object_is_refused_with_its_number_and_reason(home, landing):
    sound = [json.dumps(BOOKING | {"booking_id": f"x{i}"}).encode() for i in range(3)]
    lines = [
        *(sound[0], b"", b"{", b"[1, 2]", b"null", b'"text"', b'{"a": 1} {"b": 2}', sound[1], b"   "),
        *(b'{"booking_id": "x7", "Booking_ID": "x8"}', b'{"a": "\xff"}', b'{"a": "\\ud800"}', b"\x01,"),
        *(b'{"a": "' + b"x" * 2_100_000 + b'"}', b"[" * 1_000_000, sound[2]),
    ]
    put(landing, "bookings/x.jsonl", b"\n".join(lines))
    summary = read_files(home, AS_OF)["tables"]["bookings"]
    accepted = in_batch(home, "SELECT booking_id, _line FROM bookings WHERE booking_id[1] = 'x' ORDER BY 2")
    assert accepted == [("x0", 1), ("x1", 8), ("x2", 16)]
    refused = in_batch(
        home, "SELECT _line, reasons[1].rule, reasons[1].reason FROM bookings__quarantine ORDER BY _line"
    )
    assert refused == [
        (3, "json", "the line is not JSON"),
        (4, "json", "the line is JSON, but no object"),
        (5, "json", "the line is JSON, but no object"),
        (6, "json", "the line is JSON, but no object"),
        (7, "json", "the line is not JSON"),
        (10, "json", "the object names a key twice"),
        (11, "encoding", "the line is not UTF-8"),
        (12, "json", "the line is not JSON"),
        (13, "json", "the line is not JSON"),
        (14, "line_length", "the line is longer than 2000000 bytes"),
        (15, "json", "the line is not JSON"),
    ]
    assert summary["rows_in"] == 1 + 3 + len(refused)


def test_a_file_without_a_line_is_a_delivery_of_no_rows(home, landing):
    put(landing, "surveys/s.jsonl", b"")
    put(landing, "web_events/e.jsonl", b"\n  \n")
    put(landing, "loyalty_ledger/l.jsonl", b"nothing\n")
    tables = read_files(home, AS_OF)["tables"]
    counts = {name: (table["rows_in"], table["quarantined"]) for name, table in tables.items()}
    assert counts["surveys"] == counts["web_events"] == (0, 0)
    assert counts["loyalty_ledger"] == (1, 1)


def test_a_mapping_reads_json_lines(home, tmp_path):
    landing, source = tmp_path / "landing", tmp_path / "acme"
    put(landing, "people.jsonl", b'{"id": "c1", "since": {"day": "2024-01-01"}}\nbroken\n')
    put(
        landing,
        "orders.ndjson.gz",
        gzip.compress(as_lines([{"no": 7, "who": "c1", "": "x", "a/b~c": "hotel"}])),
    )
    source.mkdir()
    (source / "customers.sql").write_text(
        "SELECT id AS customer_id, since ->> '$.day' AS registered_at, _file, _line FROM people"
    )
    (source / "bookings.sql").write_text(
        "SELECT no AS booking_id, who AS customer_id, '2024-02-01' AS booked_at, \"a/b~c\" AS service_line, "
        "'completed' AS status, \"(empty)\" AS destination FROM orders"
    )
    Company.describe(landing, source).save(home)
    tables = read_files(home, AS_OF)["tables"]
    assert tables["customers"] == {"files": 1, "rows_in": 2, "accepted": 1, "quarantined": 1}
    assert in_batch(home, "SELECT booking_id, service_line, destination FROM bookings") == [
        ("7", "hotel", "x")
    ]
    assert in_batch(home, "SELECT registered_at::VARCHAR, _line FROM customers") == [
        ("2024-01-01 00:00:00", 1)
    ]
