"""Names of files and columns, in the ways that companies write them."""

import pytest

from roundtrip.contract import source_contract
from roundtrip.draft import codes
from roundtrip.draft.words import concepts, likeness, table_words


@pytest.mark.parametrize(
    ("name", "meaning"),
    [
        ("customer_id", ("customer", "id")),
        ("CustomerID", ("customer", "id")),
        ("userid", ("customer", "id")),
        ("customer_no", ("customer", "id")),
        ("Loyalty Number", ("customer", "id")),
        ("客户编号", ("customer", "id")),
        ("kehu_bianhao", ("customer", "id")),
        ("kehubianhao", ("customer", "id")),
        ("orderTime", ("booking", "when")),
        ("下单时间", ("booking", "when")),
        ("arrival_date_day_of_month", ("arrival", "when", "day")),
        ("commentsKeyWords", ("review", "text")),
        ("E-Mail", ("email",)),
        ("zzqx", ("?zzqx",)),
    ],
)
def test_names_are_cut_into_what_they_mean(name, meaning):
    assert concepts(name) == meaning


def test_a_word_of_another_meaning_counts_against():
    words = table_words()["bookings"]
    when = words.columns["booked_at"]
    assert likeness(concepts("order_time"), when, words.means) == 1
    assert likeness(concepts("reservation_status_date"), when, words.means) < 0.7


def test_the_words_speak_of_the_contract():
    for table, words in table_words().items():
        assert set(words.columns) == set(source_contract()[table].column_names), table


def test_codes_speak_of_the_contract():
    for table in source_contract().values():
        for column in table.columns:
            for value in column.values:
                assert codes.value_of(table.name, column, value) in (value, "unknown"), (
                    table.name,
                    column.name,
                )


@pytest.mark.parametrize(
    ("word", "code"),
    [("PRT", "PT"), ("GBR", "GB"), ("CN", "CN"), ("Canada", "CA"), ("德国", "DE"), ("Nowhere", None)],
)
def test_countries_by_code_and_name(word, code):
    assert codes.country(word) == code


@pytest.mark.parametrize(
    ("text", "currency"),
    [("price_eur", "EUR"), ("订单金额(元)", "CNY"), ("$ 12.50", "USD"), ("all_amounts", None), ("adr", None)],
)
def test_currencies_by_name_and_sign(text, currency):
    assert codes.currency_named(text) == currency
