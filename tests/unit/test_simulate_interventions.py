"""The interventions file: what is read from it, and every mistake refused with its lines."""

from pathlib import Path

import numpy as np
import pytest

from roundtrip.contract import source_contract
from roundtrip.errors import BadInput
from roundtrip.simulate import interventions
from roundtrip.simulate.interventions import ARMS, read_interventions
from roundtrip.simulate.parameters import ACTIONS, REACH_CHANNELS

KNOWN = np.array([0, 1, 2, 7, 1_000_000, 99_999_999], dtype=np.int64)
HEADER = "customer_id,action,arm,channel,campaign_id\n"


@pytest.fixture
def file(tmp_path):
    def write(content: str | bytes) -> Path:
        path = tmp_path / "orders.csv"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


def rows(frame) -> list[tuple]:
    return list(frame.itertuples(index=False, name=None))


def test_arms_are_the_contracts():
    assert source_contract()["campaign_touches"].column("arm").values == ARMS


def test_codes_and_defaults(file):
    content = HEADER + (
        "C00000007,discount,treatment,sms,W1\nC00000002,content,control,,\nC01000000,care_call,,wechat,\n"
    )
    frame = read_interventions(file(content), KNOWN)
    assert rows(frame) == [
        (2, ACTIONS.index("content"), False, -1, None),
        (7, ACTIONS.index("discount"), True, REACH_CHANNELS.index("sms"), "W1"),
        (1_000_000, ACTIONS.index("care_call"), True, REACH_CHANNELS.index("wechat"), None),
    ]
    assert [str(dtype) for dtype in frame.dtypes] == ["int64", "int8", "bool", "int8", "object"]


def test_the_order_of_rows_and_columns_does_not_matter(file):
    one = read_interventions(
        file(
            "customer_id,action,campaign_id\nC00000001,upgrade,W\nC00000001,discount,\nC00000000,upgrade,W\n"
        ),
        KNOWN,
    )
    other = read_interventions(
        file(
            "action,campaign_id,customer_id\nupgrade,W,C00000000\ndiscount,,C00000001\nupgrade,W,C00000001\n"
        ),
        KNOWN,
    )
    assert rows(one) == rows(other)
    assert list(one["account"]) == [0, 1, 1]
    assert list(one["action"]) == [2, 0, 2]


@pytest.mark.parametrize(
    "content",
    [
        "customer_id,action\nC00000001,content\n",
        "customer_id,action\nC00000001,content",
        "\ufeffcustomer_id, action\r\nC00000001, content\r\n\r\n",
        'action,customer_id,intervention_id\n"content","C00000001",A17\n',
        "\ncustomer_id,action\n\n\nC00000001,content\n",
    ],
    ids=["plain", "no last line end", "bom and crlf", "quotes", "blank lines"],
)
def test_ways_of_writing_the_same(file, content):
    assert rows(read_interventions(file(content), KNOWN)) == [(1, ACTIONS.index("content"), True, -1, None)]


def test_a_header_alone_treats_nobody(file):
    frame = read_interventions(file("customer_id,action\n"), KNOWN)
    assert frame.empty
    assert [str(dtype) for dtype in frame.dtypes] == ["int64", "int8", "bool", "int8", "object"]


def test_many_rows_are_read_in_parts(file, monkeypatch):
    monkeypatch.setattr(interventions, "_CHUNK_ROWS", 3)
    lines = [f"C{i:08d},{action},{action}\n" for i in range(5) for action in ACTIONS]
    content = "customer_id,action,campaign_id\n" + "".join(lines)
    frame = read_interventions(file(content), np.arange(5))
    assert list(frame["account"]) == [i for i in range(5) for _ in ACTIONS]
    assert list(frame["campaign_id"]) == [*ACTIONS] * 5
    with pytest.raises(BadInput, match=r"orders.csv:26: no customer 'C00000004'; 6 such rows"):
        read_interventions(file(content), np.arange(4))
    with pytest.raises(BadInput, match=r"orders.csv:32: 2 cells instead of 3"):
        read_interventions(file(content + "C00000001,content\n"), np.arange(5))


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        # The file.
        ("", "orders.csv is empty|write at least the header"),
        ("\n\n", "orders.csv is empty"),
        (b"customer_id,action\n\nC00000001,disc\xff\n", ":3: not UTF-8"),
        (b"\x1f\x8b\x08\x00", ":1: not UTF-8"),
        ('customer_id,action\nC00000001,content\nC00000002,"content\nC00000007,content\n', ":3: not CSV"),
        # The header.
        ("customer_id;action\nC00000001;content\n", ":1: the cells are not separated by commas"),
        ("customer_id,actoin\n", ":1: unknown column 'actoin'|did you mean action?"),
        ("customer_id,action,reason,\n", ":1: unknown column 'reason', ''|columns: customer_id, action"),
        ("customer_id,action,action\n", ":1: column action is given twice"),
        ("arm,channel\n", ":1: column customer_id, action is missing"),
        ("C00000001,content\n", ":1: unknown column 'C00000001', 'content'"),
        # The rows.
        ("customer_id,action\nC00000001,content,\n", ":2: 3 cells instead of 2"),
        (
            "customer_id,action\nC00000001,content\n\nC1\nC2\n",
            ":4: 1 cells instead of 2; 2 such rows: lines 4, 5",
        ),
        ("customer_id,action\nC00000003,content\n", ":2: no customer 'C00000003'|C and 8 digits"),
        ("customer_id,action\nC1,content\n", ":2: no customer 'C1'"),
        ("customer_id,action\nc00000001,content\n", ":2: no customer 'c00000001'"),
        ("customer_id,action\nC000000010,content\n", ":2: no customer 'C000000010'"),
        ("customer_id,action\nC0000000１,content\n", ":2: no customer 'C0000000１'"),
        ("customer_id,action\n,content\n", ":2: no customer ''"),
        (
            "customer_id,action\nC00000001,content\n" + "C00000003,content\n" * 7,
            ":3: no customer 'C00000003'; 7 such rows: lines 3, 4, 5, 6, 7 …",
        ),
        (
            'customer_id,action,campaign_id\nC00000001,content,"two\nlines"\nX,upgrade,\n',
            ":4: no customer 'X'",
        ),
        ("customer_id,action\nC00000001,discuont\n", ":2: unknown action 'discuont'|did you mean discount?"),
        ("customer_id,action\nC00000001,\n", ":2: action is blank|one of: discount, points_bonus"),
        (HEADER + "C00000001,content,held_out,,\n", ":2: unknown arm 'held_out'|one of: treatment, control"),
        (HEADER + "C00000001,content,,post,\n", ":2: unknown channel 'post'|one of: email, sms, push"),
        (
            "customer_id,action\nC00000001,content\nC00000002,content\nC00000001,upgrade\nC00000001,content\n",
            ":5: C00000001 is given content a second time|one row for each customer and action",
        ),
        (
            HEADER + "C00000001,content,,,W1\nC00000001,content,control,,W2\n",
            ":3: C00000001 is given content a second time",
        ),
        (
            HEADER + "C00000001,content,,,W1\nC00000001,upgrade,,,W1\nC00000002,upgrade,,,W1\n",
            ":3: campaign W1 is upgrade here and content before; 2 such rows: lines 3, 4|another campaign_id",
        ),
    ],
)
def test_a_mistake_is_refused_with_its_line_and_what_to_do(file, content, expected):
    with pytest.raises(BadInput) as caught:
        read_interventions(file(content), KNOWN)
    for part in expected.split("|"):
        assert part in str(caught.value)
    assert caught.value.hint


def test_all_kinds_of_mistakes_are_told_at_once(file):
    with pytest.raises(BadInput) as caught:
        read_interventions(file(HEADER + "C00000003,content,,,\nC00000001,contet,,fax,\n"), KNOWN)
    told = str(caught.value)
    assert "orders.csv:2: no customer" in told
    assert "orders.csv:3: unknown action" in told
    assert "orders.csv:3: unknown channel" in told


def test_nobody_is_known_before_anybody_came(file):
    with pytest.raises(BadInput, match="no customer"):
        read_interventions(file("customer_id,action\nC00000000,content\n"), np.empty(0, dtype=np.int64))


@pytest.mark.parametrize(("name", "told"), [("nowhere.csv", "cannot be read"), (".", "is a folder")])
def test_what_is_no_file_is_refused(tmp_path, name, told):
    with pytest.raises(BadInput, match=told):
        read_interventions(tmp_path / name, KNOWN)
