"""What a simulated company delivers: the contract, the order of time, and rows that fit together.

How often things happen is tested in tests/world.
"""

import re
from datetime import date

import pandas as pd
import pytest
import yaml

from roundtrip.company import Company
from roundtrip.contract import source_contract
from roundtrip.simulate import saving
from roundtrip.simulate.company import STATE_FILE
from roundtrip.simulate.defects import KINDS
from tests.simulated_fixture import ledger, lines

CONTRACT = source_contract()
HISTORY_ENDS, ENDS = "2025-12", "2026-03"
OCCURRED = [(name, table.occurred) for name, table in CONTRACT.items() if table.occurred]
ABOUT_CUSTOMERS = [(name, at) for name, at in OCCURRED if "customer_id" in CONTRACT[name].column_names]


def rows(connection, query: str) -> list[tuple]:
    return connection.execute(query).fetchall()


def none(connection, query: str, why: str) -> None:
    found = rows(connection, f"{query} LIMIT 3")
    assert found == [], why


@pytest.fixture(scope="session")
def carried(simulated_company) -> dict[str, set[str]]:
    """Ids that were held back in the last month and would come in the next, by table."""
    _, frames = saving.load(simulated_company.landing / STATE_FILE)
    return {name: set(frame["id"]) for name, frame in frames.items()}


# --- the contract ------------------------------------------------------------------------------------------


def test_every_file_has_the_contracts_columns_and_there_is_one_a_table_and_month(simulated_company):
    months = [str(month) for month in pd.period_range("2024-07", ENDS, freq="M")]
    for name, table in CONTRACT.items():
        files = sorted((simulated_company.landing / name).iterdir())
        assert [file.name for file in files] == [f"{name}-{month}.csv" for month in months]
        for file in files:
            text = file.read_text(encoding="utf-8")
            assert text.split("\n")[0] == ",".join(table.column_names)
            assert text.endswith("\n")
            assert "\r" not in text
    top = {entry.name for entry in simulated_company.landing.iterdir()}
    assert top == {*CONTRACT, "company.yml", "truth", ".lock"}


@pytest.mark.parametrize("name", CONTRACT)
def test_every_row_that_the_ledger_does_not_name_keeps_the_contract(meant, name):
    table, versions = CONTRACT[name], f"{name}_versions"
    assert rows(meant, f"SELECT count(*) FROM {versions}")[0][0] > 0
    for column in table.columns:
        value = f'"{column.name}"'

        def check(condition: str, why: str, column=column):
            none(meant, f"SELECT * FROM {versions} WHERE {condition}", f"{why} of {column.name}")

        check(f"{value} IS NOT NULL AND TRY_CAST({value} AS {column.sql_type}) IS NULL", "type")
        if column.type == "TIMESTAMP":
            check(rf"NOT regexp_full_match({value}, '\d{{4}}-\d\d-\d\dT\d\d:\d\d:\d\dZ')", "form")
        if column.required:
            check(f"{value} IS NULL", "presence")
        if column.values:
            check(f"{value} NOT IN {column.values!r}", "value")
        if column.pattern:
            check(f"NOT regexp_full_match({value}, '{column.pattern}')", "pattern")
        if column.min is not None:
            check(f"{value}::DOUBLE < {column.min}", "least value")
        if column.max is not None:
            check(f"{value}::DOUBLE > {column.max}", "greatest value")
    typed = ", ".join(f'TRY_CAST("{c.name}" AS {c.sql_type}) AS "{c.name}"' for c in table.columns)
    for rule in table.rules:
        none(meant, f"FROM (SELECT {typed} FROM {versions}) WHERE NOT ({rule.holds})", rule.reason)


@pytest.mark.parametrize("name", CONTRACT)
def test_a_row_comes_once_or_again_with_news(meant, name):
    key = ", ".join(CONTRACT[name].key)
    again = rows(meant, f"SELECT {key} FROM {name}_versions GROUP BY {key} HAVING count(*) > 1")
    if name not in ("customers", "bookings", "support_tickets"):
        assert again == []
        return
    assert len(again) > (0 if name == "support_tickets" else 10)
    columns = ", ".join(CONTRACT[name].column_names)
    none(meant, f"SELECT {columns} FROM {name}_versions GROUP BY ALL HAVING count(*) > 1", "nothing is new")
    if name == "bookings":
        none(
            meant,
            f"SELECT {key} FROM bookings_versions WHERE file_month <= '{HISTORY_ENDS}' "
            f"GROUP BY {key} HAVING count(*) > 1",
            "the history has them as they stand at its end",
        )
    if name != "support_tickets":
        none(
            meant,
            f"FROM {name}_versions AS a JOIN {name}_versions AS b USING ({key}) "
            "WHERE a.file_month < b.file_month AND a.updated_at >= b.updated_at",
            "a later version has a later updated_at",
        )


@pytest.mark.parametrize(
    ("name", "column", "target"),
    [(t.name, c.name, c.references) for t in CONTRACT.values() for c in t.columns if c.references]
    + [("support_tickets", "booking_id", "bookings"), ("surveys", "booking_id", "bookings")],
)
def test_every_reference_is_there(simulated_company, meant, carried, name, column, target):
    """But for rows that come next month, and those whose line cannot be read."""
    book = ledger(simulated_company.landing)
    unreadable = set(book.loc[(book["table"] == target) & (book["kind"] == "ragged_line"), "id"])
    key = CONTRACT[target].key[0]
    missing = rows(
        meant,
        f"SELECT DISTINCT {column} FROM {name} WHERE {column} IS NOT NULL "
        f"AND {column} NOT IN (SELECT {key} FROM {target})",
    )
    assert {value for (value,) in missing} <= carried[target] | unreadable
    assert rows(meant, f"SELECT count({column}) FROM {name}")[0][0] > 20


def test_tickets_and_answers_are_about_a_booking_of_the_same_account(meant):
    for name in ("support_tickets", "surveys"):
        none(
            meant,
            f"FROM {name} t JOIN bookings b USING (booking_id) WHERE t.customer_id <> b.customer_id",
            name,
        )


# --- time --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("customers", "updated_at < registered_at"),
        ("bookings", "updated_at < booked_at"),
        ("bookings", "cancelled_at <= booked_at OR cancelled_at > updated_at"),
        ("bookings", "(cancelled_at IS NULL) = (status LIKE 'cancelled%')"),
        ("bookings", "travel_start < left(booked_at, 10)"),
        ("bookings", "travel_end < travel_start"),
        ("bookings", "left(cancelled_at, 10) > travel_start"),
        ("bookings", "status = 'completed' AND left(updated_at, 10) < travel_end"),
        ("bookings", "status = 'confirmed' AND updated_at <> booked_at"),
        ("support_tickets", "first_response_at < opened_at"),
        ("support_tickets", "resolved_at < first_response_at"),
        ("support_tickets", "(resolved_at IS NULL) <> (resolution = 'open')"),
        ("campaigns", "ended_at <= started_at"),
        ("campaign_touches", "sent_at < assigned_at OR opened_at <= sent_at OR clicked_at <= opened_at"),
        ("campaign_touches", "clicked_at IS NOT NULL AND opened_at IS NULL"),
        ("campaign_touches", "arm = 'control' AND coalesce(sent_at, opened_at, clicked_at) IS NOT NULL"),
    ],
)
def test_time_runs_forward_within_a_row(meant, name, wrong):
    none(meant, f"FROM {name}_versions WHERE {wrong}", wrong)


@pytest.mark.parametrize(
    ("join", "wrong"),
    [
        ("support_tickets a JOIN bookings b USING (booking_id)", "a.opened_at <= b.booked_at"),
        ("surveys a JOIN bookings b USING (booking_id)", "a.responded_at <= b.booked_at"),
        ("surveys a JOIN bookings b USING (booking_id)", "b.status = 'cancelled_by_customer'"),
        (
            "surveys a JOIN bookings b USING (booking_id)",
            "b.status = 'completed' AND left(a.responded_at, 10) <= b.travel_end",
        ),
        (
            "campaign_touches a JOIN campaigns b USING (campaign_id)",
            "a.assigned_at < b.started_at OR greatest(a.assigned_at, a.clicked_at) > b.ended_at",
        ),
        (
            "customers a JOIN customers b ON a.referred_by = b.customer_id",
            "b.registered_at >= a.registered_at",
        ),
    ],
)
def test_time_runs_forward_between_tables(meant, join, wrong):
    assert rows(meant, f"SELECT count(*) FROM {join}")[0][0] > 20
    none(meant, f"FROM {join} WHERE {wrong}", wrong)


@pytest.mark.parametrize(("name", "at"), ABOUT_CUSTOMERS)
def test_nothing_happens_before_registration_nor_after_the_wish_to_be_forgotten(meant, name, at):
    none(meant, f"FROM {name} t JOIN customers c USING (customer_id) WHERE t.{at} < c.registered_at", name)
    if name != "erasure_requests":
        none(
            meant,
            f"FROM {name} t JOIN erasure_requests r USING (customer_id) WHERE t.{at} > r.requested_at",
            name,
        )
    assert rows(meant, "SELECT count(*) FROM erasure_requests")[0][0] > 20


@pytest.mark.parametrize(("name", "at"), OCCURRED)
def test_a_row_comes_in_the_file_of_its_month_but_for_late_rows_and_updates(
    meant, simulated_company, name, at
):
    moment = "updated_at" if name == "customers" else at
    other = rows(
        meant,
        f"SELECT {CONTRACT[name].key[0]}, left({moment}, 7), file_month, planted FROM {name}_versions "
        f"WHERE left({moment}, 7) <> file_month",
    )
    book = ledger(simulated_company.landing)
    corrected = set(book.loc[(book["table"] == name) & (book["kind"] == "late_correction"), "id"])
    before = dict.fromkeys([f"{name}:{row_id}" for row_id in corrected])
    for row_id, month, file_month, planted in other:
        assert month < file_month
        is_update = name in ("bookings", "support_tickets") and file_month > HISTORY_ENDS
        assert planted == "late_row" or is_update or f"{name}:{row_id}" in before, (row_id, month, file_month)
    late = book[(book["table"] == name) & (book["kind"] == "late_row")]
    assert len([row for row in other if row[3] == "late_row"]) == len(late)
    if name == "bookings":
        assert len(late) > 0 < len([row for row in other if row[2] > HISTORY_ENDS])


# --- money, points, persons --------------------------------------------------------------------------------


def test_prices_are_in_the_currency_of_home(meant):
    currencies = dict(
        rows(
            meant,
            "SELECT country, list(DISTINCT currency) FROM bookings JOIN customers USING (customer_id) "
            "WHERE country IS NOT NULL GROUP BY country",
        )
    )
    assert currencies["CN"] == ["CNY"]
    assert currencies["HK"] == ["HKD"]
    assert len(currencies) > 4
    assert all(len(used) == 1 for used in currencies.values())
    none(meant, "FROM bookings WHERE gross_amount::DECIMAL(18,2) <= 0", "a price")
    none(meant, "FROM bookings WHERE discount_amount::DOUBLE > gross_amount::DOUBLE", "a discount")
    discounted, margin = rows(
        meant,
        "SELECT avg((discount_amount::DOUBLE > 0)::INT), "
        "sum(margin_amount::DOUBLE) / sum(gross_amount::DOUBLE) FROM bookings WHERE currency = 'CNY'",
    )[0]
    assert 0.05 < discounted < 0.6
    assert 0.05 < margin < 0.25


def test_points_follow_from_trips_and_never_run_out_below_zero(meant):
    balances = rows(
        meant,
        """SELECT min(balance), max(balance) FROM (
               SELECT sum(points::DOUBLE) OVER (
                   PARTITION BY customer_id ORDER BY occurred_at, entry_id) AS balance
               FROM loyalty_ledger)""",
    )[0]
    assert balances[0] >= 0 < balances[1]
    kinds = dict(rows(meant, "SELECT entry_type, count(*) FROM loyalty_ledger GROUP BY ALL"))
    assert {"join", "adjust", "earn", "redeem", "tier_change"} <= set(kinds)
    signs = {"earn": ">", "redeem": "<", "expire": "<", "adjust": ">", "join": "=", "tier_change": "="}
    for kind, sign in signs.items():
        none(
            meant,
            f"FROM loyalty_ledger WHERE entry_type = '{kind}' AND NOT points::DOUBLE {sign} 0",
            f"points of {kind}",
        )
    none(
        meant,
        """FROM loyalty_ledger l LEFT JOIN (SELECT customer_id, min(occurred_at) AS joined_at
               FROM loyalty_ledger WHERE entry_type = 'join' GROUP BY 1) j USING (customer_id)
           WHERE l.occurred_at < j.joined_at""",
        "nothing before joining",
    )


def test_there_is_personal_data_and_it_can_belong_to_nobody(meant):
    """Mail domains of RFC 2606; numbers that no national plan gives out (see paper.PHONES)."""
    people = rows(meant, "SELECT email, phone, full_name FROM customers_versions")
    for column, least in ((0, 0.8), (1, 0.85), (2, 0.9)):
        assert sum(person[column] is not None for person in people) > least * len(people)
    mail = re.compile(r"[^@\s]+@([a-z]+\.)*(example|example\.(com|net|org))", re.IGNORECASE)
    dead = re.compile(
        r"(\+86|0086|\+86-)?[ -]?12\d{9}|(\+|00)852[ -]?0[1-9]\d{6}|(\+|00)853[ -]?[345]\d{7}|"
        r"(\+|00)65[ -]?[45]\d{7}|((\+|00)60[ -]?|0)81\d{7}|((\+|00)61[ -]?|0)6\d{8}|"
        r"((\+|00)64[ -]?|0)5[1-8]\d{7}|((\+|00)1[ -]?)?[34]9\d{8}|((\+|00)44[ -]?|0)4\d{9}|"
        r"0[1-9]\d{6}|[345]\d{7}"
    )
    assert [email for email, _, _ in people if email and not mail.fullmatch(email)] == []
    odd = [phone for _, phone, _ in people if phone and not dead.fullmatch(re.sub(r"(?<=\d)-", "", phone))]
    assert odd == []


def test_texts_vary_and_come_in_two_languages(meant):
    for name in ("surveys", "support_tickets"):
        texts = rows(meant, f"SELECT text, language FROM {name} WHERE text IS NOT NULL")
        assert len({text for text, _ in texts}) > 0.9 * len(texts) > 30
        assert {"zh-CN", "en"} == {language for _, language in texts}
        assert not any(mark in text for text, _ in texts for mark in "{}|\n")
        none(meant, f"FROM {name} WHERE (text IS NULL) <> (language IS NULL)", "language")


# --- the ledger and the truth ------------------------------------------------------------------------------


def test_every_planted_defect_is_on_its_line(simulated_company):
    book = ledger(simulated_company.landing)
    assert set(book["kind"]) == set(KINDS)
    assert not book.duplicated(["file", "line"]).any()
    for name, entries in book.groupby("table"):
        of_file = {(month, number): cells for month, number, cells in lines(simulated_company.landing, name)}
        assert len(entries) < max(20, 0.03 * len(of_file))
        columns = CONTRACT[name].column_names
        for entry in entries.itertuples():
            cells = of_file[entry.file[-len("2025-01.csv") : -len(".csv")], entry.line]
            assert cells[0] == entry.id
            if entry.column and entry.kind != "ragged_line":
                assert cells[columns.index(entry.column)] == entry.delivered != entry.intended
            if entry.kind == "ragged_line":
                assert len(cells) != len(columns)


def test_the_truth_says_whose_two_accounts_are(simulated_company, meant, carried):
    accounts = pd.read_parquet(simulated_company.landing / "truth" / "accounts.parquet")
    known = {row[0] for row in rows(meant, "SELECT customer_id FROM customers")}
    assert known <= set(accounts["customer_id"]) <= known | carried["customers"]
    assert accounts["customer_id"].is_unique
    assert set(accounts["person"]) <= set(accounts["customer_id"])
    per_person = accounts.groupby("person")["customer_id"].count()
    assert set(per_person) == {1, 2}
    assert (per_person == 2).sum() > 20
    meant.register("accounts", accounts)
    none(
        meant,
        """FROM accounts a JOIN customers second USING (customer_id) JOIN customers first
               ON first.customer_id = a.person
           WHERE a.customer_id <> a.person AND (second.registered_at <= first.registered_at
               OR second.country <> first.country)""",
        "the second account is later, in the same country",
    )
    used = rows(
        meant,
        "SELECT count(DISTINCT a.person) FROM accounts a JOIN bookings USING (customer_id) "
        "JOIN bookings b ON b.customer_id = a.person WHERE a.customer_id <> a.person",
    )
    assert used[0][0] > 5, "some book with both"


def test_the_truth_follows_everybody_month_by_month(simulated_company, meant):
    truth = simulated_company.landing / "truth"
    people = pd.read_parquet(truth / "customers.parquet").set_index("customer_id")
    months = pd.read_parquet(truth / "customer_months")
    assert set(months["customer_id"]) == set(people.index)
    assert not months.duplicated(["customer_id", "month"]).any()
    registered = dict(rows(meant, "SELECT customer_id, left(registered_at, 7) FROM customers"))
    span = months.groupby("customer_id")["month"].agg(["min", "max", "count"])
    started = span["min"].dt.strftime("%Y-%m").to_dict()
    assert {who: month for who, month in started.items() if who in registered} == {
        who: month for who, month in registered.items() if who in started
    }
    assert len(set(started) & set(registered)) > 0.9 * len(started)
    lasting = (span["max"].dt.to_period("M") - span["min"].dt.to_period("M")).map(lambda gap: gap.n) + 1
    assert (lasting == span["count"]).all(), "no month is missing"
    is_here = people["state"] != "erased"
    assert (span.loc[people.index[is_here], "max"] == pd.Timestamp("2026-03-01")).all()
    assert (span.loc[people.index[~is_here], "max"] < pd.Timestamp("2026-03-31")).all()
    asked = {row[0] for row in rows(meant, "SELECT customer_id FROM erasure_requests")}
    assert set(people.index[~is_here]) == asked & set(people.index)
    # Who is gone has left for a reason, on a first of a month; all others are still with the company.
    gone = people["state"].isin(["gone", "erased"])
    assert (people["left_on"].notna() == gone).all()
    assert (people["cause"].notna() == gone).all()
    assert (people.loc[gone, "left_on"].dt.day == 1).all()


def test_who_is_gone_books_nothing(simulated_company, meant):
    months = pd.read_parquet(simulated_company.landing / "truth" / "customer_months")
    accounts = pd.read_parquet(simulated_company.landing / "truth" / "accounts.parquet")
    gone = months.loc[months["state"] == "gone", ["customer_id", "month"]]
    gone = gone.assign(month=gone["month"].dt.strftime("%Y-%m")).rename(columns={"customer_id": "person"})
    assert len(gone) > 300
    meant.register("gone", gone)
    meant.register("accounts", accounts)
    none(
        meant,
        "FROM bookings b JOIN accounts USING (customer_id) JOIN gone USING (person) "
        "WHERE left(b.booked_at, 7) = gone.month",
        "booked while gone",
    )


def test_company_yml_says_how_far_it_is(simulated_company):
    for folder, as_of in (
        (simulated_company.history, date(2025, 12, 31)),
        (simulated_company.landing, date(2026, 3, 31)),
    ):
        settings = yaml.safe_load((folder / "company.yml").read_text(encoding="utf-8"))
        assert settings["as_of"] == as_of
        # A quarter of the history: September to December 2025; living on does not move it.
        assert settings["plan_starts_on"] == date(2025, 9, 1)
        described = Company.describe(folder, None).settings
        assert described["reporting_currency"] == "CNY"
        assert described["retention"]["budget_per_round"] > 0
