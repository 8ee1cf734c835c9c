"""Personal data is found where it should not be, and counted. Every number here is made up."""

from datetime import date

import pytest

from roundtrip.contract import source_contract
from roundtrip.gates.personal import personal, told
from roundtrip.home import Home
from tests.sides import sides_of, write_sides

AS_OF = date(2025, 6, 30)

FOUND = [
    ("please write to anna.b@example.co.uk", {"email"}),
    ("mail: 'x_y+z@mail.example.org'.", {"email"}),
    ("我的手机13812345678，谢谢", {"phone"}),
    ("call +86 138 1234 5678", {"phone"}),
    ("call +44 20 7946 0958 or (212) 555-0123", {"phone"}),
    ("0049 30 1234567", {"phone"}),
    # The example of GB 11643-1999, with and without its right check character.
    ("身份证11010519491231002X", {"id_card"}),
    ("11010519491231002x", {"id_card"}),
    # The test number of the card industry.
    ("card 4111 1111 1111 1111!", {"payment_card"}),
    ("4111-1111-1111-1111", {"payment_card"}),
    ("378282246310005", {"payment_card"}),
    ("13812345678 a@b.cn", {"email", "phone"}),
]
NOT_FOUND = [
    "",
    "110105194912310021",
    "4111 1111 1111 1112",
    "from 2025-01-02 to 2025-01-09",
    "booked 2025-01-02 10:15, order 20250102101500",
    "flight CA1234, room 1204, 3 of 4",
    "@home for 1,299.00 at 5pm",
    "订单号B13812345678X",
    "ref 12345678901234567890123",
    "三亚",
]


def counted(home: Home, texts: list[str]) -> tuple[dict, dict]:
    values = ", ".join(
        f"({number}, '{text.replace(chr(39), chr(39) * 2)}')" for number, text in enumerate(texts)
    )
    select = (
        "SELECT 't' || i AS ticket_id, 'c1' AS customer_id, TIMESTAMP '2025-06-01' AS opened_at, "
        f"true AS is_complaint, nullif(text, '') AS text FROM (VALUES {values}) AS v(i, text)"
    )
    write_sides(home, {"support_tickets": select})
    with sides_of(home, AS_OF) as sides:
        return personal(sides, source_contract()["support_tickets"])


@pytest.mark.parametrize(("text", "kinds"), FOUND)
def test_is_found(home: Home, text, kinds):
    figures, found = counted(home, [text])
    assert set(found["text"]) == kinds
    assert (figures["text_personal_rows"], figures["text_personal_share"]) == (1, 1.0)


def test_is_not_found(home: Home):
    figures, found = counted(home, NOT_FOUND)
    assert found["text"] == {}
    assert (figures["text_personal_rows"], figures["text_personal_share"]) == (0, 0.0)


def test_rows_are_counted_once_each_and_told_by_kind(home: Home):
    figures, found = counted(home, ["a@b.cn", "a@b.cn", "13812345678 a@b.cn", "fine", ""])
    assert figures["text_personal_rows"] == 3
    assert figures["text_personal_share"] == pytest.approx(3 / 4)
    assert told(found["text"]) == "3 with e-mail addresses, 1 with telephone numbers"


def test_a_telephone_like_id_is_an_id_and_an_address_is_none(home: Home):
    customers = (
        "SELECT * FROM (VALUES ('13812345678', TIMESTAMP '2025-06-01'), "
        "('4111111111111111', TIMESTAMP '2025-06-01'), "
        "('anna@example.org', TIMESTAMP '2025-06-01'), "
        "('11010519491231002X', TIMESTAMP '2025-06-01')) AS v(customer_id, registered_at)"
    )
    write_sides(home, {"customers": customers})
    with sides_of(home, AS_OF) as sides:
        figures, found = personal(sides, source_contract()["customers"])
    assert found["customer_id"] == {"email": 1, "id_card": 1}
    assert figures["customer_id_personal_rows"] == 2
    # Of a column without a value nothing can be said.
    assert (figures["city_personal_rows"], figures["city_personal_share"]) == (0, None)
