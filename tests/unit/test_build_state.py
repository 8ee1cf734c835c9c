"""Whether a build may go on from the last one: what is kept of it, and when it no longer holds."""

from datetime import date

import duckdb
import pytest

from roundtrip.build import state
from roundtrip.build.state import Extent, extent, keep
from roundtrip.home import Home

SETTINGS = {"reporting_currency": "EUR"}


@pytest.fixture
def built(home: Home) -> Home:
    """A home whose warehouse was just built in full for 10 February."""
    home.work_db.parent.mkdir(parents=True)
    with duckdb.connect(str(home.work_db)) as work:
        work.execute("CREATE SCHEMA intermediate")
        work.execute("CREATE TABLE intermediate.int_fingerprints AS SELECT 'customer' AS kind, 'a' AS id")
        work.execute("CREATE TABLE intermediate.int_source_starts AS SELECT DATE '2023-01-01' AS starts_on")
    keep(home, date(2024, 2, 10), SETTINGS, Extent(date(2024, 2, 10)))
    return home


def test_the_next_day_goes_on(built):
    next_day = extent(built, date(2024, 2, 11), SETTINGS)
    assert next_day == Extent(date(2024, 2, 10), previous_as_of=date(2024, 2, 10))
    with duckdb.connect(str(built.work_db), read_only=True) as work:
        assert work.execute("FROM build.fingerprints").fetchall() == [("customer", "a")]
        assert work.execute("FROM build.source_starts").fetchall() == [(date(2023, 1, 1),)]


def test_the_same_day_again_goes_on(built):
    assert extent(built, date(2024, 2, 10), SETTINGS).previous_as_of == date(2024, 2, 10)


@pytest.mark.parametrize(
    ("as_of", "settings", "reason"),
    [
        (date(2024, 2, 9), SETTINGS, "the last build is of a later date, 2024-02-10"),
        (date(2024, 2, 11), SETTINGS | {"reporting_currency": "CNY"}, "models or settings have changed"),
        (date(2024, 3, 12), SETTINGS, "the last full build is of 2024-02-10"),
    ],
)
def test_what_no_longer_holds_is_made_anew(built, as_of, settings, reason):
    chosen = extent(built, as_of, settings)
    assert chosen == Extent(as_of, reason=chosen.reason)
    assert chosen.reason.en == reason
    assert chosen.reason.zh


def test_increments_go_back_to_one_full_build(built):
    """The day of the full build is handed on, or a month of increments would never end."""
    for day in (date(2024, 2, 20), date(2024, 3, 11)):
        chosen = extent(built, day, SETTINGS)
        assert chosen.full_build_on == date(2024, 2, 10)
        keep(built, day, SETTINGS, chosen)
    assert extent(built, date(2024, 3, 12), SETTINGS).reason.en == "the last full build is of 2024-02-10"


def test_a_changed_model_is_seen(built, monkeypatch, tmp_path):
    (tmp_path / "one.sql").write_text("select 1", encoding="utf-8")
    monkeypatch.setattr(state, "PROJECT_DIR", tmp_path)
    monkeypatch.setattr(state, "PROJECT_ROOT", tmp_path)
    monkeypatch.setattr(state, "_CODE", ())
    before = state.recipe(SETTINGS)
    assert state.recipe(SETTINGS) == before
    (tmp_path / "one.sql").write_text("select 2", encoding="utf-8")
    assert state.recipe(SETTINGS) != before


@pytest.mark.parametrize("left", ["nothing", "no file"])
def test_without_a_complete_build_everything_is_made(built, left):
    """dbt drops the table before it touches anything; a killed build leaves the file without it."""
    if left == "nothing":
        with duckdb.connect(str(built.work_db)) as work:
            work.execute("DROP TABLE build.last_build")
    else:
        built.work_db.unlink()
        duckdb.connect(str(built.work_db)).close()
    assert extent(built, date(2024, 2, 11), SETTINGS).reason.en == "there is no complete build to go on from"
