"""`roundtrip new-source` on small companies: what is guessed, what is asked, what is never done."""

import random
import re

import pytest

from roundtrip.check import check
from roundtrip.cli import parse_as_of
from roundtrip.company import Company
from roundtrip.draft import draft_source
from roundtrip.errors import BadInput


def write(folder, name: str, header: str, rows: list[str]) -> None:
    file = folder / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")


def column_of(sql: str, column: str) -> tuple[str, str, str]:
    """(level, comment, expression) of a drafted column."""
    pattern = rf"((?:^    -- .*\n)+)((?:^    (?!--).*\n)*?)^    (?:(.*) AS )?{column},?$"
    comment, before, last = re.search(pattern, sql, re.MULTILINE).groups()
    text = " ".join(line.strip()[3:] for line in comment.strip().splitlines())
    level, _, why = text.partition(": ")
    expression = before + (last or column)
    return level, why, " ".join(expression.split())


@pytest.fixture
def landing(tmp_path):
    folder = tmp_path / "landing"
    folder.mkdir()
    return folder


@pytest.fixture
def chinese(landing):
    """客户 and 订单 of a travel agency: Chinese names and words, dates as 2024/1/5, amounts in yuan."""
    dice = random.Random(1)
    genders, places = ["男", "女", "保密"], ["北京", "上海市", "广东"]
    write(
        landing, "客户资料.csv", "客户编号,姓名,性别,省份,手机号,注册时间",
        [
            f"K{n:05},张{n},{genders[n % 3]},{places[n % 3]},138{n:08},"
            f"2023/{n % 12 + 1}/{n % 28 + 1} 10:{n % 60:02}"
            for n in range(200)
        ],
    )  # fmt: skip
    kinds, states = ["机票", "酒店", "跟团游"], ["已完成", "已取消", "已支付"]
    write(
        landing, "订单明细.csv",
        "订单号,客户编号,下单时间,产品类型,目的地,出行日期,人数,订单金额(元),订单状态,渠道",
        [
            f"D{n:06},K{dice.randrange(200):05},2024/{n % 12 + 1}/{n % 28 + 1} 8:05,{kinds[n % 3]},三亚,"
            f"2025/{n % 12 + 1}/3,{n % 4 + 1},{n * 10}.5,{states[n % 3]},{'小程序' if n % 2 else '门店'}"
            for n in range(400)
        ],
    )  # fmt: skip
    return landing


def drafted(landing, tmp_path, name="agency", **options):
    result = draft_source(name, landing, tmp_path / "sources", **options)
    return result, {file.name: file.read_text(encoding="utf-8") for file in sorted(result.folder.iterdir())}


def test_a_chinese_company_goes_through(chinese, tmp_path):
    result, files = drafted(chinese, tmp_path)
    assert set(files) == {"bookings.sql", "customers.sql", "company.yml"}
    bookings, customers = files["bookings.sql"], files["customers.sql"]
    assert column_of(bookings, "booking_id")[0] == "sure"
    assert column_of(bookings, "customer_id")[:2] == (
        "sure",
        '"客户编号", 174 different in 400; 100% of them are in 客户资料',
    )
    for word, value in {"机票": "flight", "酒店": "hotel", "跟团游": "package"}.items():
        assert f"WHEN '{word}' THEN '{value}'" in column_of(bookings, "service_line")[2]
    assert column_of(bookings, "currency")[2] == "'CNY'"
    assert "WHEN '保密' THEN 'unknown'" in column_of(customers, "gender")[2]
    assert column_of(customers, "country")[2] == "CASE WHEN 省份 IS NOT NULL THEN 'CN' END".replace(
        "省份", '"省份"'
    )
    assert column_of(customers, "phone")[2] == '"手机号"'
    company = Company.describe(chinese, result.folder)
    assert company.settings["as_of"] == "2024-12-28"
    found = check(company, parse_as_of(None, company), with_gate=False)
    assert {t.name: (t.rows_in, t.loaded) for t in found.tables} == {
        "customers": (200, 200),
        "bookings": (400, 400),
    }


def test_no_value_of_a_customer_is_written_down(chinese, tmp_path):
    _, files = drafted(chinese, tmp_path)
    everything = "".join(files.values())
    for personal in ("张1", "13800000001", "K00007", "D000007"):
        assert personal not in everything


def test_a_rare_unknown_word_is_not_written_down_and_common_ones_are(landing, tmp_path):
    words = ["m"] * 60 + ["f"] * 60 + ["group"] * 30 + ["Jane Doe"]
    write(
        landing,
        "customers.csv",
        "id,sex,signup_date",
        [f"c{n},{word},2024-01-05" for n, word in enumerate(words)],
    )
    write(
        landing, "orders.csv", "order_id,customer_id,order_date", [f"o{n},c{n},2024-02-05" for n in range(20)]
    )
    _, files = drafted(landing, tmp_path)
    level, why, expression = column_of(files["customers.sql"], "gender")
    assert level == "NEEDS YOU"
    assert "'group' 19.9%" in why
    assert "WHEN 'group' THEN NULL" in expression
    assert "Jane" not in "".join(files.values())


def test_without_customers_and_keys_the_bookings_make_them(landing, tmp_path):
    rows = [
        f"{2023 + n % 2},{['January', 'July', 'December'][n % 3]},{n % 28 + 1},"
        f"{n % 90},{n % 3 + 1},{90 + n}.0,{'PRT' if n % 3 else 'GBR'},{n % 2}"
        for n in range(300)
    ]
    write(
        landing,
        "hotel_stays_booking.csv",
        "arrival_year,arrival_month,arrival_day,lead_time,nights,adr,country,is_canceled",
        [*rows, rows[0]],
    )
    result, files = drafted(landing, tmp_path)
    bookings, customers = files["bookings.sql"], files["customers.sql"]
    assert column_of(bookings, "booking_id")[0] == column_of(bookings, "customer_id")[0] == "NEEDS YOU"
    assert column_of(bookings, "booked_at")[1:] == ('"arrival_on" less the days in "lead_time"', "booked_on")
    assert column_of(bookings, "service_line")[2] == "'hotel'"
    assert "WHEN '1' THEN 'cancelled_by_customer'" in column_of(bookings, "status")[2]
    assert column_of(bookings, "currency")[:1] + column_of(bookings, "currency")[2:] == ("NEEDS YOU", "'EUR'")
    assert "'PRT': 'PT'" in customers
    company = Company.describe(landing, result.folder)
    found = {t.name: t for t in check(company, parse_as_of(None, company), with_gate=False).tables}
    assert (found["bookings"].rows_in, found["bookings"].loaded) == (301, 301), (
        "an equal row is a booking too"
    )
    assert found["customers"].loaded == 301


def test_files_by_month_are_one_table_and_a_big_one_is_sampled(landing, tmp_path):
    header = "booking_id,customer_no,created_at,product,status"
    for month in (1, 2, 3):
        rows = [f"b{month}{n},c{n},2024-0{month}-05 08:00:00,Flights,Confirmed" for n in range(500)]
        write(landing, f"orders_2024_0{month}.csv", header, rows)
    _, files = drafted(landing, tmp_path, sample_rows=300)
    assert "UNION ALL BY NAME" in files["bookings.sql"]
    assert "one row in 5" in files["bookings.sql"]
    company = Company.describe(landing, tmp_path / "sources" / "agency")
    found = {t.name: t for t in check(company, parse_as_of(None, company), with_gate=False).tables}
    assert found["bookings"].loaded == 1500
    assert found["customers"].loaded == 500


def test_arrival_and_departure_are_told_apart_by_their_order(landing, tmp_path):
    rows = [
        f"b{n},c{n % 9},2024-01-05,hotel,confirmed,2024-03-{n % 20 + 1:02},2024-03-{n % 20 + 4:02}"
        for n in range(60)
    ]
    write(
        landing,
        "bookings.csv",
        "booking_id,customer_id,booked_at,service_line,status,arrival_date,departure_date",
        rows,
    )
    _, files = drafted(landing, tmp_path)
    assert column_of(files["bookings.sql"], "travel_start")[2] == "arrival_date"
    assert column_of(files["bookings.sql"], "travel_end")[2] == "departure_date"


def test_an_id_with_a_name_that_says_nothing_is_found_by_its_values(landing, tmp_path):
    write(landing, "members.csv", "member_id,joined_at", [f"m{n:04},2023-01-05" for n in range(100)])
    rows = [f"b{n:04},m{n % 100:04},2024-01-05,hotel,confirmed" for n in range(300)]
    write(landing, "bookings.csv", "booking_id,xq7,booked_at,service_line,status", rows)
    _, files = drafted(landing, tmp_path)
    level, why, expression = column_of(files["bookings.sql"], "customer_id")
    assert (level, expression) == ("guess", "xq7")
    assert "by its values alone" in why


def test_the_same_files_give_the_same_draft(chinese, tmp_path):
    assert drafted(chinese, tmp_path, "one")[1] == drafted(chinese, tmp_path, "one2")[1] | {
        "company.yml": drafted(chinese, tmp_path, "one3")[1]["company.yml"].replace("one3", "one")
    }


def test_what_is_there_is_never_touched(chinese, tmp_path):
    kept = tmp_path / "sources" / "agency"
    kept.mkdir(parents=True)
    before = {path.name: path.read_bytes() for path in chinese.iterdir()}
    with pytest.raises(BadInput, match="exists already; nothing was written"):
        drafted(chinese, tmp_path)
    assert list(kept.iterdir()) == []
    drafted(chinese, tmp_path, "other")
    assert {path.name: path.read_bytes() for path in chinese.iterdir()} == before
    assert sorted(path.name for path in kept.parent.iterdir()) == ["agency", "other"], (
        "nothing half written is left"
    )


def test_nothing_is_left_of_a_draft_that_could_not_be_written(chinese, tmp_path, monkeypatch):
    from pathlib import Path

    def full(self, *args, **kwargs):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(BadInput, match="No space left"):
        draft_source("agency", chinese, tmp_path / "sources")
    assert list((tmp_path / "sources").iterdir()) == []


@pytest.mark.parametrize(
    ("name", "message"), [("../evil", "cannot be a source's name"), ("", "cannot be a source's name")]
)
def test_names_that_are_no_folder(chinese, tmp_path, name, message):
    with pytest.raises(BadInput, match=message):
        drafted(chinese, tmp_path, name)


def test_files_that_look_like_nothing(landing, tmp_path):
    with pytest.raises(BadInput, match="holds no CSV or Parquet file"):
        drafted(landing, tmp_path)
    write(landing, "weights.csv", "a,b", ["1,2"])
    with pytest.raises(BadInput, match="looks like a contract table"):
        drafted(landing, tmp_path)
    assert not (tmp_path / "sources").exists()
