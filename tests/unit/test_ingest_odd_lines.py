"""The table in docs/sources.md, line by line: what becomes of odd lines, and on which line each is found."""

import threading
from datetime import date
from pathlib import Path

import duckdb
import numpy as np
import pytest

from roundtrip.company import Company
from roundtrip.errors import BadInput
from roundtrip.ingest import feed, places, read_files

AS_OF = date(2025, 6, 30)
HEADER = b"response_id,customer_id,responded_at,survey_type,score,text\n"


@pytest.fixture
def landing(home, tmp_path) -> Path:
    folder = tmp_path / "landing"
    for name, content in {
        "customers/c.csv": "customer_id,registered_at\nc1,2024-01-01\n",
        "bookings/b.jsonl": '{"booking_id": "b1", "customer_id": "c1", "booked_at": "2024-02-01", '
        '"service_line": "hotel", "status": "completed"}\n',
    }.items():
        (folder / name).parent.mkdir(parents=True)
        (folder / name).write_text(content)
    (folder / "surveys").mkdir()
    Company.describe(folder, None).save(home)
    return folder


def survey(number: int, text: bytes = b"fine") -> bytes:
    return b"s%d,c1,2024-03-01,nps,9,%s\n" % (number, text)


def outcome(home, landing: Path, lines: bytes) -> tuple[list[tuple], list[tuple]]:
    """(response id, line) of accepted rows, (line, rule) of refused ones."""
    (landing / "surveys/s.csv").write_bytes(HEADER + lines)
    read_files(home, AS_OF)
    with duckdb.connect(str(home.batch_db), read_only=True) as batch:
        accepted = batch.execute("SELECT response_id, _line FROM surveys ORDER BY _line").fetchall()
        refused = "SELECT _line, reasons[1].rule FROM surveys__quarantine ORDER BY _line"
        return accepted, batch.execute(refused).fetchall()


@pytest.mark.parametrize(
    ("lines", "accepted", "refused"),
    [
        # LF and CRLF, in whichever order.
        (survey(2) + survey(3).replace(b"\n", b"\r\n") + survey(4), [2, 3, 4], []),
        # A carriage return within quotes is part of the value; elsewhere it ends no line.
        (survey(2, b'"a\rb"') + survey(3), [2, 3], []),
        (survey(2) + survey(3, b"a\rb") + survey(4), [2, 4], [(3, "encoding")]),
        # One empty column too many does no harm, a full one does.
        (survey(2, b"x,") + survey(3, b"x,y") + survey(4), [2, 4], [(3, "columns")]),
        (survey(2) + b"s3,c1\n" + survey(4), [2, 4], [(3, "columns")]),
        # Blank lines are no rows; an empty row is one.
        (b"\n" + survey(3) + b"  \n\t\n\r\n,,,,,\n" + survey(8), [3, 8], [(7, "required")]),
        # A megabyte is read, what is over the limit is refused, and line numbers hold behind both.
        (survey(2, b"x" * 1_000_000) + survey(3, b"y" * 2_000_001) + survey(4), [2, 4], [(3, "line_length")]),
        # Zero bytes and control characters: kept in a text, refused in an id and in a number.
        (survey(2, b"a\x00b\x07") + survey(3).replace(b"s3", b"s\x003"), [2], [(3, "control_characters")]),
        (survey(2).replace(b",9,", b",9\x00,") + survey(3), [3], [(2, "type")]),
        # Formulas and statements are text.
        (survey(2, b"=cmd|' /C calc'!A0") + survey(3, b"'; DROP TABLE surveys; --"), [2, 3], []),
        (survey(2).replace(b"2024-03-01", b"2124-03-01") + survey(3), [2, 3], []),
        (survey(2).replace(b"2024-03-01", b"9999-03-01"), [], [(2, "year")]),
        # Another delimiter from line 3 on.
        (survey(2) + survey(3).replace(b",", b";"), [2], [(3, "columns")]),
        # Cut off: the last line is too short.
        (survey(2) + survey(3)[:9], [2], [(3, "columns")]),
        # A quote closed too early swallows up to the end of its line only.
        (survey(2, b'"a" b') + survey(3, b'"two\nlines"') + survey(5), [3, 5], [(2, "columns")]),
    ],
)  # fmt: skip
def test_odd_lines(home, landing, lines, accepted, refused):
    found = outcome(home, landing, lines)
    assert [line for _, line in found[0]] == accepted
    assert found[1] == refused


@pytest.mark.parametrize("filler", [b"z" * 60, "漢字".encode() * 10])
@pytest.mark.parametrize("end", [b"", b'closed",x\n'])
def test_a_quote_that_swallows_more_than_duckdb_keeps(home, landing, filler, end):
    """DuckDB hands over the first 10,000 bytes of a broken record; its lines are counted nonetheless."""
    swallowed = b"".join(survey(i, filler) for i in range(4, 1_004))
    lines = survey(2) + survey(3, b'"opened') + swallowed + end
    after = [1_005, 1_006] if end else []
    accepted, refused = outcome(home, landing, lines + b"".join(survey(i) for i in after))
    assert [line for _, line in accepted] == [2, *after]
    last = 1_004 if end else 1_003
    assert refused == [(line, "columns") for line in range(3, last + 1)]


def test_a_long_broken_line_cut_within_a_character(home, landing):
    """DuckDB cannot store what is left of such a record, and would give the whole file up."""
    long = "漢".encode() * 5_000
    lines = b"".join(survey(2, b"x" * extra + long + b",too many") for extra in range(3)) + survey(5, long)
    accepted, refused = outcome(home, landing, lines)
    assert accepted == [("s5", 5)]
    assert [line for line, _ in refused] == [2, 3, 4]


def test_crlf_files_with_broken_records_of_every_kind(home, landing):
    lines = [
        *(survey(2), b"short\n", survey(4, b'"two\nlines"'), b"\n", survey(7, b"caf\xe9"), survey(8, b"x,y")),
        *(survey(9, b'"a\n\nb",too,long'), survey(12)),
    ]
    crlf = b"".join(lines).replace(b"\n", b"\r\n")
    accepted, refused = outcome(home, landing, crlf)
    assert [line for _, line in accepted] == [2, 4, 12]
    columns = [(line, "columns") for line in (3, 8, 9, 11)]
    assert refused == sorted([*columns, (7, "encoding")])


def test_rows_are_placed_only_if_it_comes_out_exactly():
    none = (np.array([], int), np.array([], int))
    broken = places.BrokenPlaces(np.array([2]), np.array([1]))
    blank = np.array([False, False, False, True, False])
    assert places.of_rows(1, blank, 2, none, broken).tolist() == [2, 5]
    assert places.of_rows(1, blank, 3, none, broken) is None
    # A row of three lines cannot reach over a broken one, nor beyond the end.
    assert places.of_rows(1, blank, 2, (np.array([0]), np.array([2])), broken) is None
    assert places.of_rows(1, blank, 2, (np.array([1]), np.array([2])), broken) is None


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        (b'a,"b\nc",d\ne\n', [2, 1]),
        (b'a,b"c\nd\n', [1, 1]),
        (b'"a""\n"" b"\nc\n', [2, 1]),
        (b'"a" b\n"c"d,"e\nf"\n', [1, 2]),
        (b'"never\nclosed\n', [2]),
    ],
)
def test_records_are_cut_as_duckdb_cuts_them(text, lines):
    assert list(places.record_lines(text.splitlines(keepends=True), b",")) == lines


def test_a_pipe_ends_whether_or_not_it_is_read():
    before = threading.active_count()
    with feed.pipe([b"never read"]) as path:
        assert path.is_fifo()
    with feed.pipe([b"x" * 1_000_000] * 5) as path, path.open("rb") as reader:
        assert reader.read(10) == b"x" * 10
    with feed.pipe([b"a", b"", b"b"]) as path:
        assert path.read_bytes() == b"ab"
    assert not path.exists()

    def broken():
        yield b"a"
        raise BadInput("the file is cut off")

    with pytest.raises(BadInput, match="cut off"), feed.pipe(broken()) as path:
        assert path.read_bytes() == b"a"
    assert threading.active_count() == before
