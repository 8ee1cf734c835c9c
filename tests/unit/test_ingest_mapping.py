"""A company's own files, read through one SELECT per contract table."""

from datetime import date

import duckdb
import pytest

from roundtrip.company import Company
from roundtrip.errors import BadInput
from roundtrip.ingest import read_files

AS_OF = date(2025, 6, 30)
CUSTOMERS_SQL = "SELECT DISTINCT \"Client No\" AS customer_id, '2024-01-01' AS registered_at FROM Orders"
BOOKINGS_SQL = """
-- unread.csv is not mentioned but here, in a comment
WITH paid AS (SELECT * FROM orders WHERE "Paid?" = 'y')
SELECT Id AS booking_id, "Client No" AS customer_id, Day AS booked_at, 'car' AS service_line,
       'completed' AS status, _file, _line
FROM paid
"""


@pytest.fixture
def mapped(home, tmp_path):
    """A company with orders.csv (a line too short among them), its mappings, and a function that reads it."""
    landing, source = tmp_path / "landing", tmp_path / "source"
    landing.mkdir()
    source.mkdir()
    (landing / "orders.csv").write_text(
        "Id,Client No,Day,Paid?\n1,a,2024-01-05,y\n2,a\n3,b,2024-01-06,y\n4,b,,n\n"
    )
    (landing / "unread.csv").write_bytes(b"\xff\xfe not even text")
    (source / "customers.sql").write_text(CUSTOMERS_SQL)
    (source / "bookings.sql").write_text(BOOKINGS_SQL)

    def read():
        Company.describe(landing, source).save(home)
        return read_files(home, AS_OF)

    return landing, source, read


def in_batch(home, query: str) -> list[tuple]:
    with duckdb.connect(str(home.batch_db), read_only=True) as connection:
        return connection.execute(query).fetchall()


def test_a_select_is_read_like_a_file(home, mapped):
    _, _, read = mapped
    summary = read()
    assert summary["tables"]["bookings"] == {"files": 1, "rows_in": 3, "accepted": 2, "quarantined": 1}
    assert in_batch(home, "SELECT booking_id, _file, _line FROM bookings ORDER BY 1") == [
        ("1", "orders.csv", 2),
        ("3", "orders.csv", 4),
    ]
    assert in_batch(home, "SELECT _line, reasons[1].rule FROM bookings__quarantine") == [(3, "columns")]
    assert in_batch(home, "SELECT customer_id, _line FROM customers ORDER BY 1") == [("a", None), ("b", None)]


def test_a_folder_of_files_is_one_table_and_may_bear_a_contract_name(home, mapped):
    landing, source, read = mapped
    (landing / "orders.csv").unlink()
    (landing / "bookings").mkdir()
    for day in ("1", "2"):
        (landing / f"bookings/{day}.csv").write_text(f"Id,Client No,Day,Paid?\n{day},a,2024-01-05,y\n")
    for name in ("customers", "bookings"):
        sql = (source / f"{name}.sql").read_text()
        (source / f"{name}.sql").write_text(
            sql.replace("FROM orders", "FROM bookings").replace("FROM Orders", "FROM bookings")
        )
    read()
    assert in_batch(home, "SELECT booking_id, _file, _file_order FROM bookings ORDER BY 1") == [
        ("1", "bookings/1.csv", 1),
        ("2", "bookings/2.csv", 2),
    ]


def test_a_changed_mapping_or_file_is_read_again(home, mapped):
    landing, source, read = mapped
    first = read()["batch_id"]
    assert read()["batch_id"] == first
    (landing / "unread.csv").write_text("changed")
    assert read()["batch_id"] == first
    with (landing / "orders.csv").open("a") as file:
        file.write("5,c,2024-01-07,y\n")
    second = read()["batch_id"]
    (source / "bookings.sql").write_text(BOOKINGS_SQL + "WHERE true")
    assert len({first, second, read()["batch_id"]}) == 3


@pytest.mark.parametrize(
    ("sql", "message"),
    [
        ("SELECT * FROM ordrs", "mentions ordrs, which is not in the landing folder; did you mean orders?"),
        ("DROP TABLE orders", "bookings.sql must be one SELECT"),
        ("SELECT 1; SELECT 2", "bookings.sql must be one SELECT"),
        ("SELECT nonsense FROM orders", "bookings.sql cannot be run"),
        ("SELECT Id AS bookingid FROM orders", "required column booking_id is missing"),
        (
            "SELECT CAST(Day AS INTEGER) AS booking_id, 1 AS customer_id, 1 AS booked_at, 1 AS service_line, "
            "1 AS status FROM orders",
            "Could not convert string '…'",
        ),
    ],
)
def test_mappings_that_cannot_be_used_are_named(mapped, sql, message):
    _, source, read = mapped
    (source / "bookings.sql").write_text(sql)
    with pytest.raises(BadInput) as caught:
        read()
    assert message in str(caught.value)


def test_a_mapping_for_no_contract_table_is_named(mapped):
    _, source, read = mapped
    (source / "booking.sql").write_text("SELECT 1")
    with pytest.raises(BadInput, match="did you mean bookings"):
        read()
