"""Whatever is in a file, every row is loaded, quarantined or superseded, or the file is refused by name."""

import json
import shutil
from datetime import date
from pathlib import Path

import duckdb
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from roundtrip.company import Company
from roundtrip.errors import BadInput
from roundtrip.home import Home
from roundtrip.ingest import load, read_files

AS_OF = date(2025, 6, 30)
COLUMNS = ["booking_id", "customer_id", "booked_at", "updated_at", "service_line", "status", "gross_amount"]
GOOD = ["b1", "c1", "2024-02-01T10:00:00Z", "2024-02-02", "hotel", "completed", ""]

cells = st.one_of(
    st.sampled_from(GOOD),
    st.sampled_from(
        ["b2", "NaN", "-inf", "1e999", "9" * 400, "9999-12-31", "2999-01-01", "0000-00-00", "true"]
    ),
    st.sampled_from(
        ["\x00", "a\x07b", "\u202e", "\ufeff", "'; DROP TABLE raw.raw.bookings; --", '"', '""', "{}"]
    ),
    st.sampled_from(["a\nb", "a\r\nb", "\r", "\n\n", ",", "x" * 70_000, "%s", "$1", "\\", "漢字"]),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=12),
)
rows = st.one_of(
    st.builds(
        lambda key, changed, at: [key, *GOOD[1:at], changed, *GOOD[at + 1 :]],
        st.sampled_from(["b1", "b2", "b3"]),
        cells,
        st.integers(1, len(GOOD) - 1),
    ),
    st.lists(cells, max_size=len(COLUMNS) + 2),
)


def as_line(row: list[str], is_quoted: bool) -> str:
    return ",".join('"' + value.replace('"', '""') + '"' if is_quoted else value for value in row)


def as_csv(header: list[str], body: list[list[str]], is_quoted: bool, line_end: str) -> bytes:
    lines = [",".join(header), *(as_line(row, is_quoted) for row in body)]
    return (line_end.join(lines) + line_end).encode()


@settings(
    max_examples=80,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    header=st.one_of(
        st.just(COLUMNS), st.permutations(COLUMNS), st.lists(st.sampled_from(COLUMNS), max_size=8)
    ),
    body=st.lists(rows, max_size=8),
    is_quoted=st.booleans(),
    line_end=st.sampled_from(["\n", "\n", "\r\n"]),
)
@example(COLUMNS, [GOOD, ["b1", 'a"b', "\n", "c\nd"], ["\n"], GOOD], False, "\n")
def test_rows_in_is_always_loaded_plus_quarantined_plus_superseded(
    tmp_path, header, body, is_quoted, line_end
):
    home, landing = start(tmp_path)
    content = as_csv(header, body, is_quoted, line_end)
    (landing / "bookings/x.csv").write_bytes(content)
    try:
        batch_id = read_files(home, AS_OF)["batch_id"]
    except BadInput as error:
        refusal = error.message
    else:
        refusal = None
    if refusal:
        assert "x.csv" in refusal
        return
    gate = home.gates_dir / "landing" / f"{AS_OF}.json"
    gate.parent.mkdir(parents=True)
    gate.write_text(json.dumps({"gate": "landing", "batch_id": batch_id, "success": True, "tables": {}}))
    counts = load(home, AS_OF)["tables"]["bookings"]
    assert counts["rows_in"] == counts["loaded"] + counts["quarantined"] + counts["superseded"]
    with duckdb.connect(str(home.raw_db), read_only=True) as connection:
        stored, keys, files = connection.execute(
            "SELECT count(*), count(DISTINCT booking_id), (SELECT sum(rows_in) FROM raw.raw.files "
            "WHERE table_name = 'bookings') FROM raw.raw.bookings"
        ).fetchone()
    assert stored == keys == counts["loaded"]
    assert files == counts["rows_in"]
    if is_quoted:
        assert counts["rows_in"] == sum(rows_counted(row, len(header)) for row in body)


def rows_counted(row: list[str], columns: int) -> int:
    """A row that fits is one (an empty column too many does no harm); else each line that is not blank."""
    fits = len(row) == columns or (len(row) == columns + 1 and row[-1] == "")
    return 1 if fits else sum(bool(line.strip()) for line in as_line(row, True).split("\n"))


def start(tmp_path: Path) -> tuple[Home, Path]:
    """A fresh home, and a landing folder with one customer and no booking."""
    shutil.rmtree(tmp_path / "case", ignore_errors=True)
    landing = tmp_path / "case/landing"
    for table in ("customers", "bookings"):
        (landing / table).mkdir(parents=True)
    (landing / "customers/c.csv").write_text("customer_id,registered_at\nc1,2024-01-01\n")
    home = Home(tmp_path / "case/home")
    Company.describe(landing, None).save(home)
    return home, landing


@pytest.mark.parametrize("count", [1, 3])
def test_the_account_itself_is_checked(tmp_path, count):
    """The property above would be worth nothing if it could not see a row that is lost."""
    home, landing = start(tmp_path)
    (landing / "bookings/x.csv").write_bytes(as_csv(COLUMNS, [["n", *GOOD[1:]]] * count, True, "\n"))
    summary = read_files(home, AS_OF)["tables"]["bookings"]
    assert summary["rows_in"] == count
