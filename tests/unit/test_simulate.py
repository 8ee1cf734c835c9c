"""The simulated company: same bytes again, the contract kept, every planted defect in the ledger."""

import csv
from collections import Counter
from datetime import date
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import pytest
import yaml

from roundtrip.company import Company
from roundtrip.contract import source_contract
from roundtrip.errors import BadInput
from roundtrip.home import PROJECT_ROOT
from roundtrip.simulate import company, simulate
from roundtrip.simulate.holidays import epoch_day, make_calendar
from roundtrip.simulate.randomness import Streams

CONTRACT = source_contract()


@pytest.fixture(scope="module")
def landing(tmp_path_factory) -> Path:
    """A company of 500 customers over two years."""
    out = tmp_path_factory.mktemp("simulated") / "landing"
    simulate(out, customers=500, months=24, seed=7)
    return out


@pytest.fixture(scope="module")
def ledger(landing) -> pd.DataFrame:
    return pd.read_csv(landing / "truth" / "defects.csv", keep_default_na=False)


@pytest.fixture(scope="module")
def clean(landing, ledger):
    """A DuckDB connection with every table as text, without the lines that the ledger names."""
    connection = duckdb.connect(config={"threads": 2})
    for name in CONTRACT:
        header, *rows = _lines(landing, name)
        bad = set(ledger.loc[ledger["table"] == name, "line"])
        kept = [row for number, row in enumerate(rows, start=2) if number not in bad]
        frame = pd.DataFrame(kept, columns=header, dtype=object)  # noqa: F841 (DuckDB finds it by name)
        connection.execute(
            f"CREATE TABLE {name} AS SELECT "
            + ", ".join(f'nullif("{column}", \'\') AS "{column}"' for column in header)
            + " FROM frame"
        )
    yield connection
    connection.close()


def _lines(landing: Path, table: str) -> list[list[str]]:
    with (landing / table / f"{table}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file))


def _files(folder: Path) -> dict[str, bytes]:
    return {str(f.relative_to(folder)): f.read_bytes() for f in sorted(folder.rglob("*")) if f.is_file()}


# --- arguments and files -----------------------------------------------------------------------------------


def test_same_arguments_give_the_same_bytes_and_another_seed_does_not(tmp_path):
    for name, seed in (("a", 3), ("b", 3), ("c", 4)):
        simulate(tmp_path / name, customers=60, months=8, seed=seed)
    first, again, other = (_files(tmp_path / name) for name in "abc")
    assert first == again
    assert first["bookings/bookings.csv"] != other["bookings/bookings.csv"]


def test_a_part_that_draws_more_does_not_move_the_others():
    one, other = Streams(5), Streams(5)
    one["texts"].random(1000)
    assert one["trips"].random() == other["trips"].random()
    assert Streams(5)["trips"].random() != Streams(5)["texts"].random()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"customers": 0}, "--customers is 0"),
        ({"customers": -5}, "--customers is -5"),
        ({"months": 0}, "--months is 0"),
        ({"months": 5}, "too short"),
        ({"months": 241}, "holiday calendar"),
        ({"seed": -1}, "--seed is -1"),
    ],
)
def test_bad_arguments_are_refused_and_leave_nothing(tmp_path, arguments, says):
    with pytest.raises(BadInput, match=says) as refusal:
        simulate(tmp_path / "out", **({"customers": 5, "months": 6, "seed": 1} | arguments))
    assert refusal.value.hint
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("kind", ["a folder with something in it", "a file"])
def test_what_exists_is_never_overwritten(tmp_path, kind):
    out = tmp_path / "out"
    if kind == "a file":
        out.write_text("mine")
    else:
        out.mkdir()
        (out / "mine.txt").write_text("mine")
    before = sorted(str(f) for f in tmp_path.rglob("*"))
    with pytest.raises(BadInput, match="not an empty folder"):
        simulate(out, customers=5, months=6, seed=1)
    assert sorted(str(f) for f in tmp_path.rglob("*")) == before


def test_a_failure_half_way_leaves_nothing_behind(tmp_path, monkeypatch):
    def fails(*_):
        raise OSError("the disk is full")

    monkeypatch.setattr(company.defects, "plant", fails)
    with pytest.raises(OSError, match="disk is full"):
        simulate(tmp_path / "out", customers=5, months=6, seed=1)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("customers", [1, 2, 12])
def test_the_smallest_companies_have_all_files(tmp_path, customers):
    (tmp_path / "out").mkdir()
    seen = []
    summary = simulate(
        tmp_path / "out", customers, 6, 0, progress=lambda done, total: seen.append((done, total))
    )
    assert seen[-1] == (6, 6)
    for name, table in CONTRACT.items():
        header, *rows = _lines(tmp_path / "out", name)
        assert tuple(header) == table.column_names
        assert len(rows) == summary["rows"][name]


def test_company_yml_is_what_a_run_needs(landing):
    settings = yaml.safe_load((landing / "company.yml").read_text(encoding="utf-8"))
    assert settings["as_of"] == date(2025, 12, 31)
    assert settings["plan_starts_on"] == date(2025, 9, 1)  # so December 2025 is month 4
    described = Company.describe(landing, None)
    assert described.settings["reporting_currency"] == "CNY"


def test_no_stage_of_the_pipeline_opens_the_truth():
    rooms = ("roundtrip", "ml", "dags", "dbt_project", "expectations", "sources")
    for room in rooms:
        for file in (PROJECT_ROOT / room).rglob("*"):
            if file.suffix in {".py", ".sql", ".yml"} and "simulate" not in file.parts:
                text = file.read_text(encoding="utf-8")
                assert "truth/" not in text, file
                assert '"truth"' not in text, file


# --- the contract ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", CONTRACT)
def test_every_row_keeps_the_contract_but_for_the_ledger(landing, clean, name):
    table = CONTRACT[name]
    assert tuple(_lines(landing, name)[0]) == table.column_names

    def none(condition: str, why: str):
        bad = clean.execute(f"SELECT * FROM {name} WHERE {condition} LIMIT 3").fetchall()
        assert not bad, f"{why}: {bad}"

    for column in table.columns:
        value = f'"{column.name}"'
        none(
            f"{value} IS NOT NULL AND TRY_CAST({value} AS {column.sql_type}) IS NULL",
            f"type of {column.name}",
        )
        if column.type == "TIMESTAMP":
            pattern = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"
            none(f"NOT regexp_full_match({value}, '{pattern}')", f"{column.name} is ISO 8601 in UTC")
        if column.required:
            none(f"{value} IS NULL", f"{column.name} is required")
        if column.values:
            none(f"{value} NOT IN {column.values!r}", f"values of {column.name}")
        if column.pattern:
            none(f"NOT regexp_full_match({value}, '{column.pattern}')", f"pattern of {column.name}")
        for bound, operator in ((column.min, "<"), (column.max, ">")):
            if bound is not None:
                none(f"{value}::DOUBLE {operator} {bound}", f"range of {column.name}")
        if column.references:
            key = CONTRACT[column.references].key[0]
            none(
                f"{value} IS NOT NULL AND {value} NOT IN (SELECT {key} FROM {column.references})",
                f"reference of {column.name}",
            )
    typed = ", ".join(f'TRY_CAST("{c.name}" AS {c.sql_type}) AS "{c.name}"' for c in table.columns)
    for rule in table.rules:
        bad = clean.execute(f"SELECT count(*) FROM (SELECT {typed} FROM {name}) WHERE NOT ({rule.holds})")
        assert bad.fetchone()[0] == 0, rule.reason
    key = ", ".join(table.key)
    repeated = clean.execute(f"SELECT {key} FROM {name} GROUP BY {key} HAVING count(*) > 1").fetchall()
    assert not repeated
    late = clean.execute(f"SELECT count(*) FROM {name} WHERE {table.occurred} > '2025-12-31T23:59:59Z'")
    assert late.fetchone()[0] == 0, "nothing happens after the end"


def test_every_planted_defect_is_on_its_line(landing, ledger):
    assert set(ledger["kind"]) == {
        "duplicate_row",
        "late_correction",
        "broken_date",
        "missing_reference",
        "outside_domain",
        "ragged_line",
    }
    assert not ledger.duplicated(["file", "line"]).any()
    customers = {row[0] for row in _lines(landing, "customers")}
    for name, entries in ledger.groupby("table"):
        header, *rows = _lines(landing, name)
        by_id = {}
        for row in rows:
            by_id.setdefault(row[0], []).append(row)
        for entry in entries.itertuples():
            row = rows[entry.line - 2]
            assert row[0] == entry.id
            if entry.kind == "ragged_line":
                assert len(row) > len(header)
            elif entry.kind == "duplicate_row":
                assert by_id[entry.id].count(row) == 2
            elif entry.kind == "late_correction":
                at = header.index("updated_at")
                assert any(other[at] > row[at] for other in by_id[entry.id])
                assert row[header.index(entry.column)] == entry.delivered
            else:
                assert row[header.index(entry.column)] == entry.delivered != entry.intended
                assert entry.expected == "quarantined"
                if entry.column == "customer_id":
                    assert entry.delivered not in customers


def test_defects_are_few(landing, ledger):
    rows = {name: len(_lines(landing, name)) - 1 for name in CONTRACT}
    for name, planted in Counter(ledger["table"]).items():
        assert planted <= max(10, 0.02 * rows[name])


# --- the world ---------------------------------------------------------------------------------------------


def test_leaving_happens_as_often_as_its_hazard_says(landing):
    months = pd.read_parquet(landing / "truth" / "customer_months.parquet")
    stated, decided = months["hazard"].to_numpy(float), months["has_decided"].to_numpy()
    assert not decided[stated == 0].any()
    spread = np.sqrt((stated * (1 - stated)).sum())
    assert decided.sum() > 100
    assert abs(decided.sum() - stated.sum()) < 4 * spread
    # And not only in total: the riskier half leaves as often as it should, too.
    risky = stated > np.median(stated[stated > 0])
    spread = np.sqrt((stated[risky] * (1 - stated[risky])).sum())
    assert abs(decided[risky].sum() - stated[risky].sum()) < 4 * spread


def test_who_left_books_no_more_and_had_gone_quiet_before(landing, clean):
    truth = landing / "truth"
    after = clean.execute(
        f"""SELECT count(*) FROM bookings b JOIN '{truth}/departures.parquet' d USING (customer_id)
            WHERE b.booked_at::TIMESTAMP >= d.left_on
              AND b.booked_at::TIMESTAMP < coalesce(d.returned_on, DATE '2100-01-01')"""
    ).fetchone()[0]
    assert after == 0
    per_month = dict(
        clean.execute(
            f"""SELECT m.state, count(e.event_id) / count(DISTINCT (m.customer_id, m.month))
                FROM '{truth}/customer_months.parquet' m
                LEFT JOIN web_events e ON e.customer_id = m.customer_id
                     AND date_trunc('month', e.occurred_at::TIMESTAMP) = m.month
                GROUP BY m.state"""
        ).fetchall()
    )
    assert per_month["active"] > 1.5 * per_month["fading"] > 3 * per_month["gone"]


def test_truth_names_the_cause_of_everybody_who_is_gone(landing):
    customers = pd.read_parquet(landing / "truth" / "customers.parquet")
    assert (customers["cause"].notna() == customers["left_on"].notna()).all()
    months = pd.read_parquet(landing / "truth" / "customer_months.parquet")
    last = months.loc[months["month"] == "2025-12-01"].set_index("customer_id")["state"]
    gone_by_then = customers.set_index("customer_id")["left_on"] <= pd.Timestamp("2025-12-01")
    assert ((last == "gone") == gone_by_then).all()


def test_points_follow_from_bookings_and_never_run_out_below_zero(clean):
    lowest, unearned = clean.execute(
        """SELECT min(balance), count(*) FILTER (
                   entry_type = 'earn' AND customer_id NOT IN
                   (SELECT customer_id FROM bookings WHERE status = 'completed'))
           FROM (SELECT *, sum(points::DOUBLE) OVER (
                   PARTITION BY customer_id ORDER BY occurred_at, entry_id) AS balance FROM loyalty_ledger)"""
    ).fetchone()
    assert lowest >= 0
    assert unearned == 0
    before_joining = clean.execute(
        """SELECT count(*) FROM loyalty_ledger l
           JOIN (SELECT customer_id, min(occurred_at) AS joined_at FROM loyalty_ledger
                 WHERE entry_type = 'join' GROUP BY 1) j USING (customer_id)
           WHERE l.occurred_at < j.joined_at"""
    ).fetchone()[0]
    assert before_joining == 0


def test_time_runs_forward_for_every_customer(clean):
    for table, column in (
        ("bookings", "booked_at"),
        ("web_events", "occurred_at"),
        ("support_tickets", "opened_at"),
        ("surveys", "responded_at"),
        ("loyalty_ledger", "occurred_at"),
        ("campaign_touches", "assigned_at"),
        ("consents", "changed_at"),
    ):
        early = clean.execute(
            f"""SELECT count(*) FROM {table} t JOIN customers c USING (customer_id)
                WHERE t.{column} < c.registered_at"""
        ).fetchone()[0]
        assert early == 0, f"{table} before registration"
        forgotten = clean.execute(
            f"""SELECT count(*) FROM {table} t JOIN erasure_requests r USING (customer_id)
                WHERE t.{column} > r.requested_at"""
        ).fetchone()[0]
        assert forgotten == 0, f"{table} after an erasure request"


def test_both_arms_look_alike_and_control_is_never_contacted(clean):
    control_sent, treated, control = clean.execute(
        """SELECT count(*) FILTER (arm = 'control' AND coalesce(sent_at, opened_at, clicked_at) IS NOT NULL),
                  count(*) FILTER (arm = 'treatment'), count(*) FILTER (arm = 'control')
           FROM campaign_touches"""
    ).fetchone()
    assert control_sent == 0
    assert 0.1 < control / (control + treated) < 0.3


def test_travel_follows_the_holidays():
    calendar = make_calendar(36)
    days = [epoch_day(date(2025, 10, 1)), epoch_day(date(2025, 1, 29)), epoch_day(date(2025, 11, 12))]
    golden_week, spring_festival, plain = calendar.demand(np.array(days), np.array(3.0), np.array(0.0))
    assert golden_week > 3 * plain
    assert spring_festival > 3 * plain
    # The festival moves: in 2024 (10 February) January had hardly any of it, in 2025 (29 January) most.
    january = {2024: calendar.festival_share[12], 2025: calendar.festival_share[24]}
    assert january[2024] == 0
    assert january[2025] > 0.3


def test_personal_data_can_belong_to_nobody(clean):
    odd = clean.execute(
        r"""SELECT email, phone FROM customers
            WHERE NOT regexp_full_match(email, '[a-z]+\.[a-z]+\d+@(mail\.)?example\.(com|net|org)')
               OR NOT regexp_full_match(phone, '\+86 12\d{9}')"""
    ).fetchall()
    assert odd == []


def test_texts_vary_and_come_in_two_languages(clean):
    rows = clean.execute("SELECT text, language FROM surveys WHERE text IS NOT NULL").fetchall()
    assert len({text for text, _ in rows}) > 0.8 * len(rows)
    assert {"zh-CN", "en"} == {language for _, language in rows}
    assert not any("{" in text for text, _ in rows)
