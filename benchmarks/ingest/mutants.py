"""Small files in the contract's shape, spoiled in ways that are seen in the wild. Same seed, same bytes."""

import gzip
import json
import random
from collections.abc import Callable
from dataclasses import dataclass

import pyarrow
import pyarrow.parquet

Row = dict[str, str]

TABLES = {
    "bookings": {
        "booking_id": "B{i}", "customer_id": "c{c}", "booked_at": "2024-0{m}-11T10:00:00Z",
        "updated_at": "2024-0{m}-12T08:30:00Z", "service_line": "hotel", "destination": "Köln",
        "gross_amount": "{c}10.50", "currency": "EUR", "status": "completed",
    },
    "surveys": {
        "response_id": "S{i}", "customer_id": "c{c}", "responded_at": "2024-0{m}-15T09:00:00Z",
        "survey_type": "nps", "score": "{m}", "text": "房间干净, 早餐一般", "language": "zh-CN",
    },
    "support_tickets": {
        "ticket_id": "T{i}", "customer_id": "c{c}", "opened_at": "2024-0{m}-20T11:00:00Z",
        "is_complaint": "true", "category": "price", "severity": "{s}", "text": 'He said "no", twice',
    },
    "web_events": {
        "event_id": "E{i}", "customer_id": "c{c}", "occurred_at": "2024-0{m}-21T12:00:00Z",
        "event_type": "search", "channel": "web",
    },
    "customers": {
        "customer_id": "C{i}", "registered_at": "2023-0{m}-01", "email": "p{i}@example.org",
        "full_name": "李 {i}", "country": "CN",
    },
}  # fmt: skip


@dataclass(frozen=True)
class Mutant:
    """One spoiled file: `kinds` says how, `suffix` is its ending."""

    table: str
    kinds: tuple[str, ...]
    suffix: str
    content: bytes

    @property
    def key(self) -> str:
        return next(iter(TABLES[self.table]))


@dataclass
class _Draft:
    """A file on its way: its cells, then its text, then its bytes."""

    dice: random.Random
    header: list[str]
    rows: list[list[str]]
    form: str
    delimiter: str = ","
    quotes_all: bool = False
    line_end: str = "\n"

    def cell(self) -> tuple[list[str], int]:
        """A row and a place in it, both drawn; mostly not the key."""
        row = self.dice.choice(self.rows)
        return row, self.dice.randrange(0 if self.dice.random() < 0.1 else 1, len(row))

    def text(self) -> str:
        if self.form == "jsonl":
            objects = (dict(zip(self.header, row, strict=False)) for row in self.rows)
            return "".join(json.dumps(o, ensure_ascii=False) + self.line_end for o in objects)
        lines = (self.delimiter.join(map(self._quoted, row)) for row in [self.header, *self.rows])
        return "".join(line + self.line_end for line in lines)

    def _quoted(self, value: str) -> str:
        if self.quotes_all or any(c in value for c in f'"{self.delimiter}\r\n'):
            return '"' + value.replace('"', '""') + '"'
        return value


def _values(*choices: str) -> Callable[[_Draft], None]:
    def change(draft: _Draft) -> None:
        for _ in range(draft.dice.randint(1, 2)):
            row, place = draft.cell()
            row[place] = draft.dice.choice(choices)

    return change


def _duplicate_row(draft: _Draft) -> None:
    row = list(draft.dice.choice(draft.rows))
    if draft.dice.random() < 0.5:
        row[-1] += "x"
    draft.rows.insert(draft.dice.randrange(len(draft.rows) + 1), row)


def _duplicate_header(draft: _Draft) -> None:
    place = draft.dice.randrange(1, len(draft.header))
    draft.header[place] = draft.header[draft.dice.randrange(place)].upper()


def _unknown_header(draft: _Draft) -> None:
    draft.header[draft.dice.randrange(len(draft.header))] = draft.dice.choice(
        ["shoe_size", "", "_line", "客户"]
    )


def _line_breaks(draft: _Draft) -> None:
    for _ in range(draft.dice.randint(1, 3)):
        row, place = draft.cell()
        row[place] = draft.dice.choice(
            ["two\nlines", "a\n\nb", "\nbegins", "ends\n", "a\r\nb", '"\n"', "1\n2\n3"]
        )


#: What is done to values, before the file is written.
CELLS: dict[str, Callable[[_Draft], None]] = {
    "none": lambda draft: None,
    "wrong type": _values("abc", "12,5", "3.5", "true", "2024-13-40", "31/12/2024", "{}", "[1]", "null"),
    "huge number": _values("9" * 400, "1e308", "1e999", "99999999999999999999", "-9223372036854775809"),
    "nan and inf": _values("NaN", "inf", "-Infinity", "nan", "1e-999"),
    "control characters": _values(
        "a\x07b", "\x1b[31m", "\x7f", "a\x0bb", "\u202e", "\ufeff", "\u0085", "a\x01b"
    ),
    "zero bytes": _values("\x00", "a\x00b", "\x00" * 50),
    "megabyte string": _values("x" * 1_000_000, "漢" * 300_000, "x y" * 333_000),
    "line over the limit": _values("x" * 2_100_000),
    "future date": _values("2999-01-01T00:00:00Z", "9999-12-31", "2199-12-31", "0000-00-00", "0001-01-01"),
    "formula": _values("=cmd|' /C calc'!A0", "=1+1", "@SUM(A1)", "+49 170 1234567", "-1+1|x", "%s", "$1"),
    "sql": _values("'; DROP TABLE raw.raw.bookings; --", "\\", "' OR 1=1", "\\N", "NULL"),
    "line breaks in values": _line_breaks,
    "duplicate row": _duplicate_row,
    "duplicate header": _duplicate_header,
    "unknown header": _unknown_header,
}

Lines = list[bytes]


def _some_line(dice: random.Random, lines: Lines) -> int:
    return dice.randrange(min(1, len(lines) - 1), len(lines))


def _on_a_line(change: Callable[[random.Random, bytes], bytes]) -> Callable[[random.Random, Lines], Lines]:
    def on_lines(dice: random.Random, lines: Lines) -> Lines:
        if not lines:
            return lines
        place = _some_line(dice, lines)
        return [*lines[:place], change(dice, lines[place]), *lines[place + 1 :]]

    return on_lines


def _insert(*choices: bytes) -> Callable[[random.Random, Lines], Lines]:
    def on_lines(dice: random.Random, lines: Lines) -> Lines:
        for _ in range(dice.randint(1, 3)):
            place = dice.randrange(1, len(lines) + 1) if lines else 0
            lines = [*lines[:place], dice.choice(choices), *lines[place:]]
        return lines

    return on_lines


def _at_a_byte(*choices: bytes) -> Callable[[random.Random, Lines], Lines]:
    def change(dice: random.Random, line: bytes) -> bytes:
        place = dice.randrange(len(line)) if line else 0
        return line[:place] + dice.choice(choices) + line[place:]

    return _on_a_line(change)


def _unclosed(dice: random.Random, line: bytes) -> bytes:
    place = line.rfind(b",")
    return line[: place + 1] + b'"' + line[place + 1 :]


def _unclosed_and_long(dice: random.Random, lines: Lines) -> Lines:
    """The quote swallows more than DuckDB keeps of a broken record."""
    if not lines:
        return lines
    place = _some_line(dice, lines)
    filler = [b"x,y," + bytes([97 + dice.randrange(26)]) * 90 for _ in range(dice.choice([20, 200, 2_000]))]
    closing = dice.choice([[], [b'a,"b" c,d'], [b'closed",x']])
    return [*lines[:place], _unclosed(dice, lines[place]), *filler, *closing, *lines[place + 1 :]]


def _shorter(dice: random.Random, line: bytes) -> bytes:
    return line[: dice.randrange(len(line) + 1)]


def _longer(dice: random.Random, line: bytes) -> bytes:
    tail = dice.choice([b",1", b",,,", b',"a\nb",c', b"," + b"z" * 12_000, b',"' + b"a\n" * 8_000 + b'",c'])
    return line.rstrip(b"\r") + tail


def _other_delimiter(dice: random.Random, lines: Lines) -> Lines:
    by = dice.choice([b";", b"\t", b"|", b" "])
    first = dice.choice([0, 1, len(lines) // 2])
    return [*lines[:first], *(line.replace(b",", by) for line in lines[first:])]


def _other_line_ends(dice: random.Random, lines: Lines) -> Lines:
    return [line.rstrip(b"\r") + dice.choice([b"", b"\r"]) for line in lines]


_NESTED = b'{"more": {"a": [1, {"b": null}]}, "deep": ' + b"[" * 99 + b"]" * 99 + b", "

#: What is done to lines of a text: bytes without their line feed, the header first (JSON lines have none).
LINES: dict[str, Callable[[random.Random, Lines], Lines]] = {
    "wrong encoding": _at_a_byte(
        *("caf\xe9 ".encode("latin-1"), "房间很差".encode("gbk"), "房间".encode()[:-1]),
        *(b"\xff", b"\xc3", b"\xed\xa0\x80"),
    ),
    "short line": _on_a_line(_shorter),
    "long line": _on_a_line(_longer),
    "blank lines": _insert(b"", b"  ", b"\t", b"\r", b","),
    "junk line": _insert(b"hello", b"-- 12 rows --", b"{", b"[]", b'"', b'""', b",,,,", b"\x1a", b"null"),
    "stray quote": _at_a_byte(b'"', b'""', b'" ', b'\\"', b"'"),
    "unclosed quote": _on_a_line(_unclosed),
    "unclosed quote, long": _unclosed_and_long,
    "other delimiter": _other_delimiter,
    "mixed line ends": _other_line_ends,
    "carriage return inside": _at_a_byte(b"\r", b"\r\r"),
    "line twice in one": _on_a_line(lambda dice, line: line + line),
    "lines lost": lambda dice, lines: lines[: dice.randrange(1, len(lines) + 1)] if lines else lines,
    "no line at all": lambda dice, lines: [],
    "key twice (JSON)": _on_a_line(lambda dice, line: line.replace(b"{", b'{"customer_id": "x", ', 1)),
    "nested (JSON)": _on_a_line(lambda dice, line: line.replace(b"{", _NESTED, 1)),
    "number (JSON)": _on_a_line(
        lambda dice, line: line.replace(b": ", b": " + dice.choice([b"1e999, ", b"NaN, ", b"01, ", b"-"]) , 1)
    ),
}  # fmt: skip


def _cut(dice: random.Random, content: bytes) -> bytes:
    return content[: dice.randrange(len(content) + 1)]


def _flip(dice: random.Random, content: bytes) -> bytes:
    changed = bytearray(content)
    for _ in range(dice.randint(1, 4)):
        if changed:
            changed[dice.randrange(len(changed))] = dice.randrange(256)
    return bytes(changed)


def _without_a_piece(dice: random.Random, content: bytes) -> bytes:
    begin = dice.randrange(len(content) + 1)
    return content[:begin] + content[begin + dice.randint(1, 40) :]


def _in(encoding: str) -> Callable[[random.Random, bytes], bytes]:
    return lambda dice, content: content.decode("utf-8", "replace").encode(encoding, "replace")


#: What is done to the text's bytes as a whole.
BYTES: dict[str, Callable[[random.Random, bytes], bytes]] = {
    "truncation": _cut,
    "flipped bytes": _flip,
    "lost bytes": _without_a_piece,
    "byte order mark": lambda dice, content: b"\xef\xbb\xbf" + content,
    "GBK": _in("gb18030"),
    "UTF-16": _in("utf-16"),
    "Windows-1252": _in("cp1252"),
    "UTF-16, cut": lambda dice, content: _cut(dice, _in("utf-16")(dice, content)),
    "no last line feed": lambda dice, content: content.rstrip(b"\r\n"),
}
_OF_ANY_BYTES = {"truncation", "lost bytes"}
#: What is done to the packed bytes.
PACKED: dict[str, Callable[[random.Random, bytes], bytes]] = {
    "packed, cut": _cut,
    "packed, flipped bytes": _flip,
    "packed twice over": lambda dice, content: content + content,
    "not packed at all": lambda dice, content: b"booking_id\n1\n",
}
KINDS = (*CELLS, *LINES, *BYTES, *PACKED)


def mutant(seed: int, number: int) -> Mutant:
    """The file `number` of a seed. Kinds come in turn, so every one comes often enough."""
    dice = random.Random(f"{seed} {number}")
    kind = KINDS[number % len(KINDS)]
    kinds = [kind, *(dice.choice(KINDS[: -len(PACKED)]) for _ in range(dice.choice([0, 0, 1, 1, 2])))]
    form = dice.choice(["csv", "csv", "jsonl"]) if "(JSON)" not in kind else "jsonl"
    packing = dice.choice(["", "", ".gz", ".zst"]) if kind not in PACKED else dice.choice([".gz", ".zst"])
    table = dice.choice(list(TABLES))
    draft = _Draft(dice, list(TABLES[table]), _rows(dice, table, number), form)
    if form == "csv":
        draft.delimiter = dice.choice([",", ",", ",", ";", "\t", "|"])
        draft.quotes_all = dice.random() < 0.2
    draft.line_end = dice.choice(["\n", "\n", "\r\n"])
    for name in kinds:
        if name in CELLS:
            CELLS[name](draft)
    if dice.random() < 0.1 and all(name in CELLS or name in _OF_ANY_BYTES for name in kinds):
        content = _parquet(draft)
        for name in kinds:
            content = BYTES[name](dice, content) if name in _OF_ANY_BYTES else content
        return Mutant(table, tuple(kinds), ".parquet", content)
    lines = draft.text().encode("utf-8", "surrogatepass").split(b"\n")[:-1]
    for name in kinds:
        if name in LINES:
            lines = LINES[name](dice, lines)
    content = b"".join(line + b"\n" for line in lines)
    for name in kinds:
        if name in BYTES:
            content = BYTES[name](dice, content)
    if packing:
        content = gzip.compress(content, 1, mtime=0) if packing == ".gz" else _zst(content)
    for name in kinds:
        if name in PACKED:
            content = PACKED[name](dice, content)
    return Mutant(table, tuple(kinds), f".{form}{packing}", content)


def _rows(dice: random.Random, table: str, number: int) -> list[list[str]]:
    """Sound rows, with keys that no other file has."""
    return [
        [
            value.format(
                i=f"{number}x{row}", c=dice.randrange(1, 9), m=dice.randint(1, 9), s=dice.randint(1, 4)
            )
            for value in TABLES[table].values()
        ]
        for row in range(dice.randint(3, 12))
    ]


def _zst(content: bytes) -> bytes:
    packed = pyarrow.BufferOutputStream()
    with pyarrow.CompressedOutputStream(packed, "zstd") as stream:
        stream.write(content)
    return packed.getvalue().to_pybytes()


def _parquet(draft: _Draft) -> bytes:
    names = [name or f"column_{i}" for i, name in enumerate(draft.header)]
    columns = [pyarrow.array([row[i] for row in draft.rows]) for i in range(len(names))]
    written = pyarrow.BufferOutputStream()
    pyarrow.parquet.write_table(pyarrow.Table.from_arrays(columns, names=names), written)
    return written.getvalue().to_pybytes()
