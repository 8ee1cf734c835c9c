"""What a delivered file may look like: line numbers, delimiters, encodings, headers, and clear refusals."""

import gzip
import json
from datetime import date
from pathlib import Path

import duckdb
import numpy as np
import pyarrow
import pytest

from roundtrip.company import Company
from roundtrip.errors import BadInput
from roundtrip.ingest import csv_shape, read_files

AS_OF = date(2025, 6, 30)
CUSTOMERS = "customer_id,registered_at\nc1,2024-01-01\nc2,2024-01-02\n"
BOOKINGS = "booking_id,customer_id,booked_at,service_line,status\nb1,c1,2024-02-01,hotel,completed\n"


@pytest.fixture
def landing(home, tmp_path) -> Path:
    """A landing folder with one good file for each required table."""
    folder = tmp_path / "landing"
    put(folder, "customers/customers.csv", CUSTOMERS)
    put(folder, "bookings/bookings.csv", BOOKINGS)
    Company.describe(folder, None).save(home)
    return folder


def put(landing: Path, name: str, content: str | bytes) -> Path:
    file = landing / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    return file


def zst(content: bytes) -> bytes:
    return pyarrow.compress(content, "zstd", asbytes=True)


def in_batch(home, query: str) -> list[tuple]:
    with duckdb.connect(str(home.batch_db), read_only=True) as connection:
        return connection.execute(query).fetchall()


def test_line_numbers_hold_with_line_breaks_blank_lines_and_broken_lines(home, landing):
    put(
        landing,
        "surveys/s.csv",
        "response_id,customer_id,responded_at,survey_type,score,text\n"
        's1,c1,2024-03-01,nps,9,"two\nlines"\n'  # lines 2 and 3
        "s2,c1,2024-03-01\n"  # 4: too short
        "\n"  # 5: blank
        's3,c1,2024-03-01,nps,9,"a\n\nb"\n'  # 6 to 8
        's4,c1,2024-03-01,nps,9,"x\ny",too,long\n'  # 9 and 10
        "s5,c1,2024-03-01,nps,99,out of range\n"  # 11
        "s6,c1,2024-03-01,nps,9,last\n",  # 12
    )
    read_files(home, AS_OF)
    assert in_batch(home, "SELECT response_id, _line FROM surveys ORDER BY _line") == [
        ("s1", 2),
        ("s3", 6),
        ("s6", 12),
    ]
    refused = in_batch(home, "SELECT _line, reasons[1].rule, _file FROM surveys__quarantine ORDER BY _line")
    assert refused == [
        (4, "columns", "surveys/s.csv"),
        (9, "columns", "surveys/s.csv"),
        (10, "columns", "surveys/s.csv"),
        (11, "max", "surveys/s.csv"),
    ]


def test_a_quote_that_is_never_closed_costs_lines_that_are_counted_one_by_one(home, landing):
    put(
        landing,
        "surveys/s.csv",
        "response_id,customer_id,responded_at,survey_type,score,text\n"
        "s1,c1,2024-03-01,nps,9,fine\n"
        's2,c1,2024-03-01,nps,9,"never closed\n'
        "s3,c1,2024-03-01,nps,9,swallowed\n"
        "s4,c1,2024-03-01,nps,9,swallowed\n",
    )
    summary = read_files(home, AS_OF)
    assert summary["tables"]["surveys"] == {"files": 1, "rows_in": 4, "accepted": 1, "quarantined": 3}
    assert in_batch(home, "SELECT _line FROM surveys__quarantine ORDER BY 1") == [(3,), (4,), (5,)]


def test_line_numbers_hold_where_quotes_stray(home, landing):
    put(
        landing,
        "surveys/s.csv",
        "response_id,customer_id,responded_at,survey_type,score,text\n"
        's1,c1,2024-03-01,nps,9,a stray " in the middle\n'  # 2
        's2,c1,2024-03-01,nps,9,"two\nlines"\n'  # 3 and 4
        "\n"
        's3,c1,2024-03-01,nps,9,"opened\n'  # 6
        "s4,c1,2024-03-01,nps,9,inside\n"  # 7
        's5,c1,2024-03-01,nps,9,"closed" and more\n'  # 8
        's6,c1,2024-03-01,nps,9,"fine"\n',  # 9
    )
    read_files(home, AS_OF)
    rows = in_batch(home, "SELECT response_id, _line FROM surveys ORDER BY 1")
    assert rows == [("s1", 2), ("s2", 3), ("s6", 9)]
    assert in_batch(home, "SELECT _line FROM surveys__quarantine ORDER BY 1") == [(6,), (7,), (8,)]


def test_lines_that_cannot_be_told_apart_stop_the_reading(home, landing, monkeypatch):
    put(landing, "customers/customers.csv", CUSTOMERS + "\n\nc3,2024-01-03\n")
    original = csv_shape.line_ends

    def no_blank_lines(text):
        ends, is_blank = original(text)
        return ends, np.zeros_like(is_blank)

    monkeypatch.setattr(csv_shape, "line_ends", no_blank_lines)
    with pytest.raises(BadInput, match="lines cannot be told apart"):
        read_files(home, AS_OF)


def test_line_numbers_hold_in_a_large_file(home, landing):
    """Large enough for DuckDB to read it in several pieces, with every oddity spread all over it."""
    kinds = [
        lambda i: f'e{i},c1,2024-03-01,search,"{"x" * (i % 90)}"',
        lambda i: f"broken{i}",
        lambda i: "",
        lambda i: f'e{i},c1,2024-03-01,search,"a\n\n{i}"',
        lambda i: f"e{i},c1,2024-03-01,search,a,b",
    ]
    lines, expected = ["event_id,customer_id,occurred_at,event_type,channel"], []
    at = 2
    for i in range(200_000):
        line = kinds[0 if i % 101 else (i // 101) % 5](i)
        if line.startswith("e") and not line.endswith("a,b"):
            expected.append((i, at))
        lines.append(line)
        at += 1 + line.count("\n")
    put(landing, "web_events/e.csv", "\n".join(lines) + "\n")
    read_files(home, AS_OF)
    assert in_batch(home, "SELECT event_id[2:]::INT AS i, _line FROM web_events ORDER BY i") == expected


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
@pytest.mark.parametrize("start", [b"", b"\xef\xbb\xbf"])
def test_delimiter_line_ends_and_byte_order_mark_do_not_matter(home, landing, delimiter, line_end, start):
    text = 'customer_id,registered_at,city\nc1,2024-01-01,"a\nb"\nc2,2024-01-02, Köln \n'
    quoted = text.replace(",", delimiter).replace("\n", line_end)
    put(landing, "customers/customers.csv", start + quoted.encode())
    read_files(home, AS_OF)
    assert in_batch(home, "SELECT customer_id, city, _line FROM customers ORDER BY 1") == [
        ("c1", f"a{line_end}b", 2),
        ("c2", "Köln", 4),
    ]


def test_gzip_parquet_and_several_files_are_read(home, landing):
    put(landing, "bookings/2.csv.gz", gzip.compress(BOOKINGS.replace("b1", "b2").encode()))
    duckdb.sql(
        "COPY (SELECT 'b3' AS booking_id, 'c1' AS customer_id, "
        "TIMESTAMPTZ '2024-03-01 08:00:00+08' AS booked_at, 'car' AS service_line, "
        "'completed' AS status, 12.5 AS gross_amount, 'EUR' AS currency)"
        f" TO '{landing}/bookings/3.parquet'"
    )
    read_files(home, AS_OF)
    found = in_batch(home, "SELECT booking_id, _file, _line, booked_at::VARCHAR FROM bookings ORDER BY 1")
    assert found == [
        ("b1", "bookings/bookings.csv", 2, "2024-02-01 00:00:00"),
        ("b2", "bookings/2.csv.gz", 2, "2024-02-01 00:00:00"),
        ("b3", "bookings/3.parquet", 1, "2024-03-01 00:00:00"),
    ]


def test_unknown_columns_and_files_are_reported_and_not_fatal(home, landing):
    put(landing, "customers/customers.csv", "customer_id,registered_at,shoe_size\nc1,2024-01-01,42\n")
    put(landing, "bookings/notes.xlsx", "x")
    put(landing, "booking/b.csv", BOOKINGS)
    summary = read_files(home, AS_OF)
    assert sorted(summary["warnings"]) == [
        "booking/ is not read: no contract table; did you mean bookings?",
        "bookings/notes.xlsx is not read: neither CSV, JSON lines nor Parquet",
        "customers/customers.csv: unknown columns are not read: shoe_size",
    ]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("customers/customers.csv", "", "customers/customers.csv: the file is empty"),
        ("surveys/s.csv", "", "surveys/s.csv: the file is empty"),
        ("surveys/s.csv", b"\xef\xbb\xbf", "surveys/s.csv: the file is empty"),
        ("surveys/s.csv", "\n1,2\n", "line 1: the line is blank"),
        ("customers/customers.csv", "customer_id,registered_at\n", "customers has no rows"),
        (
            "customers/customers.csv",
            "customer_id,registred_at\nc1,2024-01-01\n",
            "closest column there is registred_at",
        ),
        (
            "customers/customers.csv",
            "customer_id,registered_at,caf\xe9\nc1,2024-01-01,x\n".encode("latin-1"),
            "line 1: the header is not UTF-8",
        ),
        ("customers/customers.csv", "customer_id,registered_at\n".encode("utf-16"), "has no rows"),
        ("customers/customers.csv", CUSTOMERS.encode("utf-16-le"), "line 1: the header holds zero bytes"),
        ("customers/customers.csv", "customer_id,City,city\nc1,a,b\n", "names city twice"),
        ("customers/customers.csv", CUSTOMERS.replace("\n", "\r"), "carriage return alone"),
        ("bookings/b.csv.gz", gzip.compress(BOOKINGS.encode() * 50)[:-20], "b.csv.gz is cut off"),
        ("bookings/b.csv.gz", BOOKINGS, "b.csv.gz is cut off or no gzip file"),
        ("bookings/b.csv.zst", zst(BOOKINGS.encode() * 50)[:-20], "b.csv.zst is cut off"),
        ("bookings/b.csv.zst", BOOKINGS, "b.csv.zst is cut off or no zstd file"),
        ("bookings/b.jsonl.zst", zst(b"{}\n" * 50)[:-5], "b.jsonl.zst is cut off"),
        ("bookings/b.jsonl", '{"booking_id": "b7"}\n', "the required column customer_id is missing"),
        (
            "bookings/b.jsonl",
            "".join(json.dumps({f"key {i}": i}) + "\n" for i in range(1_001)),
            "more than 1000 different keys",
        ),
        ("bookings/b.parquet", "PAR1 nonsense", "bookings/b.parquet cannot be read"),
    ],
)
def test_unusable_files_are_named_with_what_to_do(home, landing, name, content, message):
    put(landing, name, content)
    with pytest.raises(BadInput) as caught:
        read_files(home, AS_OF)
    assert message in str(caught.value)
    assert caught.value.hint
    assert not list(home.batch_db.parent.glob("*")), "a failed reading leaves nothing behind"


def test_a_missing_required_table_is_named(home, landing):
    (landing / "bookings/bookings.csv").unlink()
    with pytest.raises(BadInput, match="required table bookings was not delivered"):
        read_files(home, AS_OF)


def test_the_batch_depends_on_contents_only(home, landing):
    first = read_files(home, AS_OF)
    (landing / "customers/customers.csv").touch()
    assert read_files(home, AS_OF) == first
    assert first["batch_id"].startswith("20250630-")
    put(landing, "customers/again.csv", CUSTOMERS)
    again = read_files(home, AS_OF)
    assert again["tables"]["customers"]["rows_in"] == 2
    assert again["warnings"] == [
        "not read, since customers/again.csv has the same content: customers/customers.csv"
    ]


def test_a_refused_row_is_kept_as_delivered_with_every_reason(home, landing):
    put(
        landing,
        "bookings/b.csv",
        "booking_id,customer_id,booked_at,service_line,status,travellers,gross_amount,discount_amount\n"
        "b9,,2024-13-40,boat,completed,0,10.00,20.00\n",
    )
    read_files(home, AS_OF)
    ((row_json, reasons),) = in_batch(home, "SELECT row_json, reasons FROM bookings__quarantine")
    assert json.loads(row_json)["booked_at"] == "2024-13-40"
    assert [reason["reason"] for reason in reasons] == [
        "customer_id: a value is required",
        "booked_at: '2024-13-40' is not a timestamp (ISO 8601, UTC)",
        "service_line: 'boat' is not one of flight, hotel, package, rail, car, activity, cruise, insurance",
        "travellers: '0' is less than 1",
        "currency: an amount needs its currency",
        "discount_amount: a discount cannot exceed the gross amount",
    ]


def test_monthly_files_are_accounted_for_one_by_one_and_warned_of_once(home, landing, monkeypatch):
    header = "response_id,customer_id,responded_at,survey_type,score,mood\n"
    for month in range(1, 7):
        put(
            landing,
            f"surveys/surveys-2024-{month:02d}.csv",
            header
            + f"s{month},c1,2024-{month:02d}-01,nps,9,good\n"
            + f"t{month},c1,2024-{month:02d}-01,nps,99,bad\n" * (month % 2)
            + "broken line\n" * (month == 3),
        )
    for month in range(7, 13):
        put(landing, f"surveys/surveys-2024-{month:02d}.csv", header)
        put(landing, f"market/market-2024-{month:02d}.csv", "month\n2024-01\n")
    once = read_files(home, AS_OF)
    assert once["tables"]["surveys"] == {"files": 7, "rows_in": 10, "accepted": 6, "quarantined": 4}
    assert once["warnings"] == [
        "not read, since market/market-2024-07.csv has the same content: "
        "market/market-2024-08.csv, market/market-2024-09.csv and 3 more",
        "surveys/surveys-2024-01.csv, surveys/surveys-2024-02.csv and 5 more: "
        "unknown columns are not read: mood",
    ]
    counted = "SELECT file, rows_in FROM batch_files WHERE table_name = 'surveys' ORDER BY file"
    placed = (
        "SELECT response_id, _file, _line, _file_order FROM surveys ORDER BY ALL",
        "SELECT _file, _line, reasons[1].rule FROM surveys__quarantine ORDER BY ALL",
        counted,
    )
    assert [rows for _, rows in in_batch(home, counted)] == [2, 1, 3, 1, 2, 1, 0]
    together = [in_batch(home, query) for query in placed]
    assert ("surveys/surveys-2024-03.csv", 4, "columns") in together[1]
    # One file at a time must come to the same as all at once.
    monkeypatch.setattr("roundtrip.ingest.read._LOT_BYTES", 1)
    assert read_files(home, AS_OF) == once
    assert [in_batch(home, query) for query in placed] == together
