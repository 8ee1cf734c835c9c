"""One person with two accounts is one customer; two people who share a telephone are not."""

import csv
import json
import random
from datetime import date
from pathlib import Path

import duckdb
import pytest

from roundtrip import duck
from roundtrip.company import Company
from roundtrip.errors import BadInput
from roundtrip.home import Home
from roundtrip.identity.stage import identify
from roundtrip.ingest import load, read_files
from roundtrip.simulate import simulate
from roundtrip.vault.encrypted import attach, workbench

AS_OF = date(2025, 6, 30)
COLUMNS = [
    "customer_id",
    "registered_at",
    "updated_at",
    "birth_year",
    "gender",
    "city",
    "email",
    "phone",
    "full_name",
]
#: Each story: accounts as (id, day of registration, year of birth, gender, city, e-mail, phone, name).
STORIES = {
    "written otherwise": [
        (
            "otherwise-1",
            "2024-01-01",
            1980,
            "female",
            "Lyon",
            "eve.larue@example.com",
            "+33 40912345678",
            "Ève Larue",
        ),
        (
            "otherwise-2",
            "2025-01-01",
            1980,
            "",
            "Lyon",
            "EveLarue+club@Example.com",
            "0409-1234-5678",
            "LARUE Eve",
        ),
    ],
    "three accounts": [
        ("third-b", "2024-02-01", 1971, "male", "Oslo", "", "+47 99112233", "Odd Hansteen"),
        (
            "third-a",
            "2024-01-01",
            1971,
            "male",
            "Oslo",
            "odd.hansteen@example.org",
            "+47 99112233",
            "Odd Hansteen",
        ),
        ("third-c", "2024-03-01", 1971, "male", "Oslo", "odd.hansteen@example.org", "", "Odd Hansteen"),
    ],
    "a household": [
        (
            "mother",
            "2024-01-01",
            1975,
            "female",
            "Lima",
            "casa@example.net",
            "+51 1 555 98701",
            "Rosa Quispe",
        ),
        ("son", "2024-01-01", 2004, "male", "Lima", "casa@example.net", "+51 1 555 98701", "Julio Mamani"),
    ],
    "a common name": [
        ("wang-1", "2024-01-01", 1990, "male", "Wuhan", "", "+86 12011112222", "王伟"),
        ("wang-2", "2024-01-01", 1990, "male", "Xi'an", "", "+86 12033334444", "王伟"),
    ],
    "an office": [
        (f"office-{n}", "2024-01-01", 1960 + n, "", "Rome", "", "+39 06 1234567", f"Guest {'ABCDEFG'[n]}")
        for n in range(7)
    ],
}


def crowd(size: int = 1500) -> list[tuple]:
    """Strangers: everybody has a mailbox and a number of their own, names and years repeat."""
    dice = random.Random(4)
    families, given = "王李张刘陈杨赵黄", "伟芳娜敏静丽强磊洋艳"
    return [
        (
            f"stranger-{n}",
            "2024-01-01",
            1950 + dice.randrange(50),
            dice.choice(["female", "male"]),
            dice.choice(["Wuhan", "Xi'an", "Lyon", "Rome"]),
            f"s{n}@example.com",
            f"+86 13{dice.randrange(10**9):09d}",
            dice.choice(families) + dice.choice(given),
        )
        for n in range(size)
    ]


def deliver(landing: Path, accounts: list[tuple], name: str = "1") -> None:
    (landing / "customers").mkdir(parents=True, exist_ok=True)
    with (landing / "customers" / f"{name}.csv").open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(COLUMNS)
        rows.writerows((who, on, "", *rest) for who, on, *rest in accounts)
    (landing / "bookings").mkdir(exist_ok=True)
    (landing / "bookings" / "1.csv").write_text(
        "booking_id,customer_id,booked_at,service_line,status\nb1,mother,2024-02-01,hotel,completed\n"
    )


def ingest(home: Home, landing: Path, settings: dict | None = None, as_of: date = AS_OF) -> None:
    if settings:
        (landing / "company.yml").write_text(json.dumps(settings), encoding="utf-8")
    Company.describe(landing, None).save(home)
    batch_id = read_files(home, as_of)["batch_id"]
    gate = home.gates_dir / "landing" / f"{as_of}.json"
    gate.parent.mkdir(parents=True, exist_ok=True)
    gate.write_text(json.dumps({"gate": "landing", "batch_id": batch_id, "success": True, "tables": {}}))
    load(home, as_of)


def persons(home: Home) -> dict[str, str]:
    with duck.connect(home.raw_db, home.tmp_dir, read_only=True) as raw:
        return dict(
            raw.execute(
                "SELECT account_id, customer_id FROM raw.raw.customer_identities ORDER BY 1"
            ).fetchall()
        )


LINKED = {
    "otherwise-1": "otherwise-1",
    "otherwise-2": "otherwise-1",
    "third-a": "third-a",
    "third-b": "third-a",
    "third-c": "third-a",
}
EVERYBODY = [account for story in STORIES.values() for account in story]


@pytest.fixture(scope="module")
def told(tmp_path_factory) -> tuple[Home, Path, dict]:
    folder = tmp_path_factory.mktemp("identity")
    home, landing = Home(folder / "home"), folder / "landing"
    deliver(landing, crowd() + EVERYBODY)
    ingest(home, landing)
    return home, landing, identify(home, AS_OF)


def test_who_is_one_person_and_who_is_not(told):
    home, _, summary = told
    assert persons(home) == LINKED
    assert summary == {
        "accounts": 1516,
        "comparable": 1516,
        "persons_with_several": 2,
        "linked_accounts": 5,
        "left_apart": 0,
        "is_compared": True,
    }
    with duck.connect(home.raw_db, home.tmp_dir, read_only=True) as raw:
        evidence = dict(
            raw.execute("SELECT account_id, evidence FROM raw.raw.customer_identities").fetchall()
        )
    assert evidence["otherwise-2"] == "e-mail, phone, name, birth year, city"


def test_nothing_new_is_not_compared_again_and_the_order_of_rows_does_not_matter(told, tmp_path):
    home, _, _ = told
    assert identify(home, AS_OF)["is_compared"] is False
    other = Home(tmp_path / "home")
    deliver(tmp_path / "landing", (crowd() + EVERYBODY)[::-1])
    ingest(other, tmp_path / "landing")
    assert identify(other, AS_OF)["is_compared"] is True
    with duckdb.connect() as both:
        both.execute(f"ATTACH '{home.raw_db}' AS one (READ_ONLY); ATTACH '{other.raw_db}' AS two (READ_ONLY)")
        different = both.execute(
            "(FROM one.raw.customer_identities EXCEPT FROM two.raw.customer_identities) UNION ALL "
            "(FROM two.raw.customer_identities EXCEPT FROM one.raw.customer_identities)"
        ).fetchall()
    assert different == []


def test_it_can_be_taken_back_for_all_and_for_one_pair(told):
    home, landing, _ = told
    before = persons(home)
    ingest(home, landing, {"link_accounts": False})
    assert identify(home, AS_OF)["linked_accounts"] == 0
    ingest(home, landing, {"never_link": [["otherwise-2", "otherwise-1"]]})
    identify(home, AS_OF)
    assert set(before) - set(persons(home)) == {"otherwise-1", "otherwise-2"}
    # b and c are hers by way of a as well, so the whole group is in doubt.
    ingest(home, landing, {"never_link": [["third-b", "third-c"]]})
    assert identify(home, AS_OF)["left_apart"] == 3
    assert set(persons(home)) == {"otherwise-1", "otherwise-2"}
    ingest(home, landing, {"never_link": []})
    identify(home, AS_OF)
    assert persons(home) == before


def test_an_account_of_tomorrow_is_not_known_today(told):
    home, _, _ = told
    identify(home, date(2024, 12, 31))
    assert set(persons(home)) == {"third-a", "third-b", "third-c"}
    identify(home, AS_OF)
    assert persons(home) == LINKED


def test_names_and_contacts_stay_in_the_vault(told):
    home, _, _ = told
    told_by_raw = home.raw_db.read_bytes().lower()
    assert b"otherwise-2" in told_by_raw
    for word in ("evelarue", "eve.larue", "larue", "40912345678", "12345678", "王伟"):
        assert word.encode() not in told_by_raw, word
    with workbench(home) as bench, pytest.raises((BadInput, duckdb.Error)):
        attach(bench, home.vault_db, "vault", read_only=True)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"link_accounts": "yes please"}, "link_accounts is 'yes please'"),
        ({"link_min_probability": 0.2}, "link_min_probability is 0.2"),
        ({"link_min_probability": True}, "link_min_probability is True"),
        ({"never_link": ["C1", "C2"]}, "never_link is"),
    ],
)
def test_settings_that_make_no_sense_are_told(home, tmp_path, settings, message):
    deliver(tmp_path / "landing", EVERYBODY)
    with pytest.raises(BadInput, match=message):
        ingest(home, tmp_path / "landing", settings)
    assert not home.raw_db.exists(), "told before anything is read"


def test_a_company_without_such_columns_has_its_accounts_as_they_are(home, tmp_path):
    landing = tmp_path / "landing"
    deliver(landing, [])
    (landing / "customers" / "1.csv").write_text(
        "customer_id,registered_at\nmother,2024-01-01\nb,2024-01-01\n"
    )
    ingest(home, landing)
    summary = identify(home, AS_OF)
    assert (summary["accounts"], summary["comparable"], summary["linked_accounts"]) == (2, 0, 0)
    assert persons(home) == {}


@pytest.mark.parametrize("accounts", [crowd(1), crowd(2), crowd(40)], ids=len)
def test_a_small_company_without_any_pair_has_none(home, tmp_path, accounts):
    deliver(tmp_path / "landing", accounts)
    ingest(home, tmp_path / "landing")
    assert identify(home, AS_OF)["linked_accounts"] == 0


def test_precision_on_the_simulated_company(home, tmp_path):
    landing = tmp_path / "landing"
    simulate(landing, 4000, 24, 3)
    ingest(home, landing, as_of=date(2026, 12, 31))
    identify(home, date(2026, 12, 31))
    with duckdb.connect() as judge:
        judge.execute(f"ATTACH '{home.raw_db}' AS raw_db (READ_ONLY)")
        found, right, all_pairs = judge.execute(
            f"""
            WITH known AS (
                SELECT customer_id, person FROM '{landing}/truth/accounts.parquet'
                SEMI JOIN raw_db.raw.customers USING (customer_id)
            ), true_pairs AS (
                SELECT a.customer_id AS l, b.customer_id AS r FROM known AS a
                INNER JOIN known AS b ON a.person = b.person AND a.customer_id < b.customer_id
            ), found AS (
                SELECT a.account_id AS l, b.account_id AS r FROM raw_db.raw.customer_identities AS a
                INNER JOIN raw_db.raw.customer_identities AS b
                    ON a.customer_id = b.customer_id AND a.account_id < b.account_id
            )
            SELECT count(*), count(true_pairs.l), (SELECT count(*) FROM true_pairs)
            FROM found LEFT JOIN true_pairs USING (l, r)
            """
        ).fetchone()
    assert all_pairs > 30
    assert right / found >= 0.97
    # A tenth cannot be linked by anybody: nothing stayed the same.
    assert right / all_pairs >= 0.5
