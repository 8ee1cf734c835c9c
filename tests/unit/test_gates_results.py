"""What a gate does with what it found: three endings that must never be mixed up."""

import sys
from dataclasses import replace
from datetime import date

import pytest

from roundtrip import duck
from roundtrip.errors import BadInput, CheckBroken, GateFailed
from roundtrip.gates import landing_gate, read_result, work_fingerprint
from roundtrip.gates.results import Outcome, conclude, forget
from roundtrip.gates.run import _broken
from roundtrip.home import Home
from tests.handmade import AS_OF, write_batch


def outcome(severity="fail", success=True, broken=None) -> Outcome:
    return Outcome(
        table="bookings",
        expectation="expect_column_values_to_be_in_set",
        column="status",
        severity=severity,
        reason="the contract's values",
        success=success,
        observed=["lost"],
        unexpected_count=3,
        broken=broken,
    )


def test_warnings_pass_and_are_told(home: Home):
    summary = conclude(home, "landing", AS_OF, [outcome(), outcome("warn", False)], {"batch_id": "b"}, "mend")
    assert summary["success"]
    assert summary["checks"] == 2
    assert "bookings.status" in summary["warnings"][0]
    assert summary["tables"] == {"bookings": {"checks": 2, "failed": 1}}
    assert (home.root / summary["result"]).exists()


def test_a_figure_is_told_in_four_digits():
    share = replace(outcome("warn", False), column="known_share", observed=0.999398654, unexpected_count=None)
    assert "(observed 0.9994): " in str(share)


def test_a_refusal_names_table_expectation_observation_and_advice(home: Home):
    with pytest.raises(GateFailed) as caught:
        conclude(home, "landing", AS_OF, [outcome(success=False)], {}, "mend the file")
    text = str(caught.value)
    for told in (
        "bookings.status",
        "expect_column_values_to_be_in_set",
        "lost",
        "3 unexpected",
        "mend the file",
    ):
        assert told in text
    assert read_result(home, "landing", AS_OF)["success"] is False


def test_broken_beats_refused(home: Home):
    found = [outcome(success=False), outcome(success=False, broken="list index out of range")]
    with pytest.raises(CheckBroken, match="list index out of range"):
        conclude(home, "landing", AS_OF, found, {}, "mend")
    assert read_result(home, "landing", AS_OF)["success"] is False


def test_a_broken_warning_is_broken_too(home: Home):
    with pytest.raises(CheckBroken):
        conclude(home, "landing", AS_OF, [outcome("warn", False, broken="no column")], {}, "mend")


@pytest.mark.parametrize(
    ("exception_info", "message"),
    [
        (None, None),
        ({}, None),
        ({"raised_exception": False, "exception_message": None}, None),
        ({"raised_exception": True, "exception_message": "boom"}, "boom"),
        ({"metric 1": {"raised_exception": True, "exception_message": "boom"}}, "boom"),
    ],
)
def test_both_shapes_of_exceptions_are_seen(exception_info, message):
    assert _broken(exception_info) == message


def test_an_earlier_pass_does_not_outlive_a_killed_gate(home: Home):
    conclude(home, "published", AS_OF, [outcome()], {}, "")
    forget(home, "published", AS_OF)
    assert read_result(home, "published", AS_OF) is None


def test_an_empty_batch_passes_without_great_expectations(home: Home, monkeypatch):
    monkeypatch.setitem(sys.modules, "great_expectations", None)  # importing it now raises
    write_batch(home, {})
    assert landing_gate(home, AS_OF)["checks"] == 0
    assert read_result(home, "landing", AS_OF)["success"] is True


def test_no_batch_is_no_pass(home: Home):
    with pytest.raises(BadInput, match="read_files"):
        landing_gate(home, date(2025, 1, 31))


def test_the_fingerprint_follows_every_change(home: Home):
    with duck.connect(home.work_db, home.tmp_dir) as work:
        work.execute("CREATE TABLE t AS SELECT 1 AS x")
    first = work_fingerprint(home.work_db)
    assert work_fingerprint(home.work_db) == first
    with duck.connect(home.work_db, home.tmp_dir) as work:
        work.execute("UPDATE t SET x = 2")
        work.execute("CHECKPOINT")
    second = work_fingerprint(home.work_db)
    assert second != first
    home.work_db.with_name("work.duckdb.wal").write_bytes(b"uncheckpointed")
    assert work_fingerprint(home.work_db) != second
