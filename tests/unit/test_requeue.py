"""Refused rows on their way out and in: what is shown, what is judged, what is hidden."""

import duckdb
import pytest

from roundtrip.company import Company
from roundtrip.errors import BadInput
from roundtrip.requeue import cells, counts, export, requeue
from tests.refused_fixture import assert_no_secret_under, mend, put, raw, rows_of


def test_an_export_says_what_where_and_why_and_tells_no_secret(refused, tmp_path):
    out = tmp_path / "out"
    written = export(refused, out)
    assert {file.name: n for file, n in written.items()} == {
        "bookings.csv": 2,
        "customers.csv": 3,
        "support_tickets.csv": 1,
    }
    first, second, broken = rows_of(out / "customers.csv")
    run = raw(refused, "SELECT DISTINCT run_id FROM raw.raw.quality_runs")[0][0]
    assert first["_id"].startswith(f"customers/{run}/")
    assert (first["_file"], first["_line"]) == ("customers/c.csv", "2")
    assert "registered_at" in first["_reasons"]
    assert first["registered_at"] == "never"
    assert first["email"].startswith("kept:")
    assert len(first["email"]) == len("kept:") + 32
    assert second["city"] == '\'=HYPERLINK("http://x")', "a formula would be run by a spreadsheet"
    assert broken["_content"].startswith("withheld"), "a line that cannot be told apart may hold anything"
    assert rows_of(out / "bookings.csv")[0]["gross_amount"] == "-5", "a number is no formula"
    assert (out / "customers.csv").read_bytes().startswith(b"\xef\xbb\xbf")
    assert (out / "customers.csv").stat().st_mode & 0o777 == 0o600
    assert_no_secret_under(out, refused.root)
    with pytest.raises(BadInput, match="there already"):
        export(refused, out)


def test_what_is_exported_can_be_chosen(refused, tmp_path):
    (file,) = export(refused, tmp_path / "one.csv", table="bookings", rule="values")
    assert [row["booking_id"] for row in rows_of(file)] == ["book-0002"]
    with pytest.raises(BadInput, match="several tables"):
        export(refused, tmp_path / "all.csv")
    with pytest.raises(BadInput, match="no refused row is open that fits"):
        export(refused, tmp_path / "none", run="20200101-nothing")
    with pytest.raises(BadInput, match="no contract table"):
        export(refused, tmp_path / "none", table="ships")


def test_a_pseudonym_of_another_row_is_refused(refused, tmp_path):
    (file,) = export(refused, tmp_path / "c.csv", table="customers")
    other = "kept:" + "0" * 32
    # Where the row had nothing …
    nothing = mend(file, {1: {"country": "DE", "phone": other}}, "nothing.csv")
    assert requeue(refused, nothing, dry_run=True)[0].ready == 0
    # … nor where it had something else.
    mended = mend(file, {0: {"registered_at": "2024-05-01", "full_name": other}, 1: {"country": "DE"}})
    (account,) = requeue(refused, mended)
    assert (account.ready, account.refused) == (1, 2)
    assert any("full_name: stands for another row's value" in what for _, _, what in account.problems)


@pytest.mark.parametrize(
    "cell",
    ["=1+1", "+1 2", "-5", "-5,5", "@x", "'=x", "''@", "＝x", "-", "plain", "'quoted'", "it's", "=", "+49"],
)
def test_guarding_a_cell_is_undone_exactly(cell):
    with duckdb.connect() as connection:
        cells.create_macros(connection)
        guarded, back = connection.execute("SELECT guarded($1) AS g, unguarded(g)", [cell]).fetchone()
    assert back == cell
    assert guarded[0] not in "=@＝"
    assert guarded[0] not in "+-" or guarded[1:].replace(",", "").isdigit()


def test_a_file_that_is_not_the_export_is_told_so(refused, tmp_path):
    (file,) = export(refused, tmp_path / "b.csv", table="bookings")
    with pytest.raises(BadInput, match="does not exist"):
        requeue(refused, tmp_path / "nothing.csv")
    put(tmp_path, "no_id.csv", "booking_id\nb1\n")
    with pytest.raises(BadInput, match="the column _id is missing"):
        requeue(refused, tmp_path / "no_id.csv")
    put(tmp_path, "typo.csv", file.read_text("utf-8-sig").replace("gross_amount", "gros_amount", 1))
    with pytest.raises(BadInput, match="bookings has no column gros_amount"):
        requeue(refused, tmp_path / "typo.csv")
    put(tmp_path, "strange.csv", "_id\nships/20250630-x/1\n")
    with pytest.raises(BadInput, match="names no refused row"):
        requeue(refused, tmp_path / "strange.csv")
    put(tmp_path, "short.csv", file.read_text("utf-8-sig").rsplit(",", 3)[0] + '"\n')
    with pytest.raises(BadInput, match="line 3"):
        requeue(refused, tmp_path / "short.csv")
    assert not refused.requeued_dir.exists()


def test_an_unknown_or_repeated_row_is_refused_by_its_line(refused, tmp_path):
    (file,) = export(refused, tmp_path / "b.csv", table="bookings")
    first = rows_of(file)[0]["_id"]
    mended = mend(
        file,
        {
            0: {"booked_at": "2024-02-28", "gross_amount": "5"},
            1: {"_id": first, "service_line": "cruise"},
        },
    )
    (account,) = requeue(refused, mended)
    assert [(line, what) for line, _, what in account.problems] == [
        (3, "an earlier line stands for the same row")
    ]
    unknown = mend(file, {1: {"_id": "bookings/20250630-00000000/7"}}, "unknown.csv")
    (account,) = requeue(refused, unknown, dry_run=True)
    assert account.problems[0][2].startswith("_id names no refused row")


def test_nothing_refused_is_no_error(home, tmp_path):
    put(tmp_path / "landing", "customers/c.csv", "customer_id,registered_at\nc1,2024-01-01\n")
    Company.describe(tmp_path / "landing", None).save(home)
    assert counts(home) == []
    with pytest.raises(BadInput, match="no refused row is open"):
        export(home, tmp_path / "out")


def test_a_file_that_a_spreadsheet_saved_is_read(refused, tmp_path):
    """Semicolons, CRLF, a byte order mark, columns moved and the read-only ones gone."""
    (file,) = export(refused, tmp_path / "b.csv", table="bookings", rule="values")
    (row,) = rows_of(file)
    names = [name for name in reversed(row) if name not in ("_file", "_line", "_reasons", "_content")]
    cells_ = [{**row, "service_line": "cruise"}[name] for name in names]
    text = "\ufeff" + ";".join(names) + "\r\n" + ";".join(cells_) + "\r\n"
    (tmp_path / "saved.csv").write_bytes(text.encode())
    (account,) = requeue(refused, tmp_path / "saved.csv", dry_run=True)
    assert (account.rows, account.ready) == (1, 1)
