"""In which encoding a text is read: told by its content, by the company, or by line what is wrong."""

from datetime import date
from pathlib import Path

import duckdb
import pytest
import yaml

from roundtrip.company import Company
from roundtrip.errors import BadInput
from roundtrip.ingest import encoding, read_files

AS_OF = date(2025, 6, 30)
CHINESE = "客户您好,我们预订的酒店房间在入住当天没有了,客服电话一直打不通。张伟 欧阳修 乌鲁木齐"
FRENCH = "L'été à la plage, café très agréable, déjà réservé. "
HEADER = "response_id,customer_id,responded_at,survey_type,score,text\n"


@pytest.fixture
def landing(tmp_path) -> Path:
    folder = tmp_path / "landing"
    for name, content in {
        "customers/c.csv": "customer_id,registered_at\nc1,2024-01-01\n",
        "bookings/b.csv": "booking_id,customer_id,booked_at,service_line,status\n"
        "b1,c1,2024-02-01,hotel,completed\n",
    }.items():
        put(folder, name, content.encode())
    return folder


def put(landing: Path, name: str, content: bytes) -> None:
    (landing / name).parent.mkdir(parents=True, exist_ok=True)
    (landing / name).write_bytes(content)


def read(home, landing: Path, **settings) -> dict:
    (landing / "company.yml").write_text(yaml.safe_dump(settings, allow_unicode=True), encoding="utf-8")
    Company.describe(landing, None).save(home)
    return read_files(home, AS_OF)


def in_batch(home, query: str) -> list[tuple]:
    with duckdb.connect(str(home.batch_db), read_only=True) as connection:
        return connection.execute(query).fetchall()


def survey(number: int, text: str) -> str:
    return f's{number},c1,2024-03-01,nps,9,"{text}"\n'


@pytest.mark.parametrize("written_in", ["gbk", "gb18030", "utf-16", "utf-16-be", "utf-8", "utf-8-sig"])
@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_chinese_arrives_whole_in_every_encoding(home, landing, written_in, line_end):
    texts = [CHINESE, "两行\n文字", "plain"]
    content = (HEADER + "".join(survey(i, text) for i, text in enumerate(texts))).replace("\n", line_end)
    mark = b"\xfe\xff" if written_in == "utf-16-be" else b""
    put(landing, "surveys/s.csv", mark + content.encode(written_in))
    warnings = read(home, landing)["warnings"]
    assert in_batch(home, "SELECT text, _line FROM surveys ORDER BY response_id") == [
        (CHINESE, 2),
        (texts[1].replace("\n", line_end), 3),
        ("plain", 5),
    ]
    # A guess is said; a byte order mark and UTF-8 are none.
    said = [f"surveys/s.csv: read as GB18030 {x}" for x in warnings if "GB18030" in x]
    assert bool(said) == written_in.startswith("gb")


def test_large_gbk_files_are_decoded_across_chunks(home, landing):
    rows = "".join(survey(i, CHINESE[i % 20 :]) for i in range(30_000))
    put(landing, "surveys/s.csv", (HEADER + rows).encode("gbk"))
    summary = read(home, landing)["tables"]["surveys"]
    assert summary == {"files": 1, "rows_in": 30_000, "accepted": 30_000, "quarantined": 0}
    is_wrong = "response_id[2:]::INT + 2 <> _line OR NOT contains(text, '乌鲁木齐')"
    assert in_batch(home, f"SELECT count(*) FROM surveys WHERE {is_wrong}") == [(0,)]


@pytest.mark.parametrize(
    "wrong",
    [
        "caf\xe9,".encode("latin-1"),
        "房间很差".encode("gbk"),
        "房间".encode()[:-1],
        b"\xff\xfe",
        b"\xed\xa0\x80",
    ],
)
def test_one_line_in_another_encoding_costs_that_line_alone(home, landing, wrong):
    before, after = (survey(i, CHINESE).encode() for i in (1, 3))
    put(
        landing,
        "surveys/s.csv",
        HEADER.encode() + before + b's2,c1,2024-03-01,nps,9,"x' + wrong + b'\ntwo lines"\n\n' + after,
    )
    summary = read(home, landing)["tables"]["surveys"]
    assert in_batch(home, "SELECT response_id, _line FROM surveys ORDER BY 1") == [("s1", 2), ("s3", 6)]
    refused = in_batch(home, "SELECT _line, reasons[1].rule, reasons[1].reason FROM surveys__quarantine")
    assert sorted(refused) == [(line, "encoding", "the line is not UTF-8") for line in (3, 4)]
    assert summary == {"files": 1, "rows_in": 4, "accepted": 2, "quarantined": 2}


def test_wrong_bytes_in_a_column_that_is_not_read_count_too(home, landing):
    put(landing, "surveys/s.csv", HEADER.replace("text", "mood").encode() + b"s1,c1,2024-03-01,nps,9,\xff\n")
    assert read(home, landing)["tables"]["surveys"]["quarantined"] == 1


def test_a_broken_character_in_a_gbk_file_costs_one_line(home, landing):
    lines = [survey(i, CHINESE).encode("gbk") for i in range(100)]
    lines[41] = lines[41].replace("酒店".encode("gbk"), "酒店".encode("gbk")[:-1] + b",")
    put(landing, "surveys/s.csv", HEADER.encode() + b"".join(lines))
    assert read(home, landing)["tables"]["surveys"]["accepted"] == 99
    reasons = in_batch(home, "SELECT _line, reasons[1].reason FROM surveys__quarantine")
    assert reasons == [(43, "the line is not GB18030")]


@pytest.mark.parametrize(
    ("content", "is_chinese"),
    [
        (CHINESE.encode("gbk"), True),
        ("张伟".encode("gbk"), True),
        ((CHINESE * 100).encode("gbk") + b"\xff", True),
        (CHINESE.encode(), False),
        (CHINESE.encode()[:-1], False),
        # One wrong line must not turn a whole UTF-8 file into Chinese.
        (FRENCH.encode() * 100 + b"caf\xe9,", False),
        (FRENCH.encode() * 20 + CHINESE.encode("gbk"), False),
        (FRENCH.encode("latin-1"), False),
        ("Zürich Köln straße Ägypten".encode("cp1252"), False),
        ("客戶您好我們預訂的酒店房間在入住當天沒有了".encode("big5"), False),
        ("お客様のご予約はキャンセルされました".encode("shift_jis"), False),
        ("Москва гостиница".encode("cp1251"), False),
        (b"plain", False),
    ],
)
def test_only_chinese_is_taken_for_gb18030(content, is_chinese):
    assert encoding.evidence([content]).is_chinese is is_chinese


def test_a_company_can_say_the_encoding_and_the_file_is_read_again(home, landing):
    put(landing, "surveys/de-1.csv", (HEADER + survey(1, "Köln")).encode("cp1252"))
    first = read(home, landing)
    assert first["tables"]["surveys"]["quarantined"] == 1
    told = read(home, landing, encodings={"surveys/de-*": "windows-1252", "gone.csv": "gbk"})
    assert told["tables"]["surveys"] == {"files": 1, "rows_in": 1, "accepted": 1, "quarantined": 0}
    assert in_batch(home, "SELECT text FROM surveys") == [("Köln",)]
    assert told["batch_id"] != first["batch_id"]
    assert told["warnings"] == [
        "company.yml: encodings names gone.csv, and no CSV or JSON lines are called so"
    ]


@pytest.mark.parametrize("encodings", [["gbk"], {"*": "klingon"}, {"*": "rot13"}, {"*": None}])
def test_an_encoding_that_is_none_is_refused(home, landing, encodings):
    with pytest.raises(BadInput, match="encodings"):
        read(home, landing, encodings=encodings)
