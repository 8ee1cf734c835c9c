"""Which encoding a text is in, told by its content where the company does not say.

UTF-16 has its byte order mark. What is UTF-8 as a whole is UTF-8: other encodings hardly ever look like it.
GB18030 (with GBK and GB2312 within it) is believed only if it reads as Chinese and UTF-8 does not: almost any
bytes are *some* Chinese characters, but only Chinese text is made of the common ones. Everything else counts
as UTF-8 with wrong bytes, whose lines go to quarantine: no text is guessed.
"""

import codecs
import fnmatch
import hashlib
import itertools
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cache

import numpy as np

from roundtrip.errors import BadInput

SETTING = "encodings"
_TEXTS = ("csv", "jsonl")
UTF_8, UTF_16, GB18030 = "utf-8", "utf-16", "gb18030"
_READ = {
    *(UTF_8, UTF_16, "utf-16-le", "utf-16-be", GB18030, "big5", "big5hkscs", "shift_jis", "cp932", "euc_jp"),
    *("euc_kr", "cp949", *(f"cp125{i}" for i in range(9)), *(f"iso8859-{i}" for i in range(1, 17))),
}
_UTF_16_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)

#: Characters in the first rows of GB2312 (punctuation, full-width letters, the 3,755 hanzi of level 1) are
#: nearly all of a Chinese text. UTF-8 that is read as GB18030 has 13 % of them (Chinese) to 86 % (French).
_LEAST_COMMON = 0.8
#: Broken characters, of all that are not ASCII.
_MOST_BROKEN = 0.01
#: Characters that UTF-8 finds, to places where it fails: 0.3 for Chinese text in GBK, hundreds for UTF-8 with
#: a wrong line here and there.
_MOST_UTF_8 = 0.5


@dataclass(frozen=True)
class Evidence:
    """What reading some bytes both ways gave.

    Attributes:
        characters: not ASCII, read as GB18030.
        common: of these, the share that Chinese text is made of.
        broken: places where GB18030 fails.
        utf_8_characters, utf_8_broken: the same of UTF-8.
    """

    characters: int
    common: float
    broken: int
    utf_8_characters: int
    utf_8_broken: int

    @property
    def is_chinese(self) -> bool:
        return (
            self.characters > 0
            and self.common >= _LEAST_COMMON
            and self.broken <= _MOST_BROKEN * self.characters
            and self.utf_8_characters <= _MOST_UTF_8 * self.utf_8_broken
        )


def marked(first_bytes: bytes) -> str | None:
    """The encoding that a byte order mark tells, else None."""
    return UTF_16 if first_bytes.startswith(_UTF_16_MARKS) else None


def checked(name: str) -> str:
    """Python's own name of an encoding that a company gives.

    Raises:
        BadInput: it is none of those that are read.
    """
    try:
        known = codecs.lookup(name).name
    except (LookupError, TypeError):
        known = ""
    # GBK and GB2312 are parts of GB18030, and files called so often hold more than they should.
    known = {"gbk": GB18030, "gb2312": GB18030, "utf-8-sig": UTF_8}.get(known, known)
    if known not in _READ:
        raise BadInput(
            f"encodings: {name!r} is no encoding that is read",
            "write utf-8, utf-16, gb18030, big5, shift_jis, euc_kr, windows-1252 or iso-8859-1",
        )
    return known


def as_told(deliveries: list, settings: dict, warnings: list[str]) -> list:
    """Deliveries (discover.Delivery) with the encodings that company.yml gives its files.

    Another encoding makes another text, so the same bytes count as new, and are read again.

    Raises:
        BadInput: the setting is no such list, or an encoding is not read.
    """
    told = settings.get(SETTING) or {}
    if not isinstance(told, dict):
        raise BadInput(
            f"company.yml: {SETTING} is {told!r}", "give an encoding per file, such as {orders*.csv: gb18030}"
        )
    told = {str(pattern): checked(str(name)) for pattern, name in told.items()}
    names = {file.name for delivery in deliveries for file in delivery.files if file.kind in _TEXTS}
    for pattern in sorted(told):
        if not fnmatch.filter(names, pattern):
            warnings.append(f"company.yml: {SETTING} names {pattern}, and no CSV or JSON lines are called so")
    return [_as_told(delivery, told) for delivery in deliveries]


def _as_told(delivery, told: dict[str, str]):
    encodings = {
        file: name
        for file in delivery.files
        for pattern, name in told.items()
        if file.kind in _TEXTS and fnmatch.fnmatchcase(file.name, pattern)
    }
    if not encodings:
        return delivery
    files = {
        file: replace(file, encoding=encodings[file]) if file in encodings else file
        for file in delivery.files
    }
    said = "\n".join(f"{file.name} {name}" for file, name in encodings.items())
    return replace(
        delivery,
        files=tuple(files.values()),
        views={view: tuple(files[file] for file in behind) for view, behind in delivery.views.items()},
        content_hash=hashlib.sha256(f"{delivery.content_hash}\n{said}".encode()).hexdigest(),
    )


def evidence(chunks: Iterable[bytes]) -> Evidence:
    """Read bytes as GB18030 and as UTF-8, in one go."""
    gb, utf_8 = (codecs.getincrementaldecoder(name)(errors="replace") for name in (GB18030, UTF_8))
    counts = np.zeros(3, np.int64)
    utf_8_counts = np.zeros(3, np.int64)
    for chunk in itertools.chain(chunks, [b""]):
        # No chunk of a file is empty.
        counts += _counted(gb.decode(chunk, final=not chunk))
        utf_8_counts += _counted(utf_8.decode(chunk, final=not chunk))
    characters, common, broken = (int(count) for count in counts)
    return Evidence(
        characters, common / characters if characters else 0.0, broken, *map(int, utf_8_counts[[0, 2]])
    )


def _counted(text: str) -> np.ndarray:
    """How many characters beyond ASCII: sound, common in Chinese, broken."""
    units = np.frombuffer(text.encode("utf-16-le", "surrogatepass"), np.uint16)
    beyond = units[units > 0x7F]
    is_broken = beyond == 0xFFFD
    return np.array([np.count_nonzero(~is_broken), np.count_nonzero(_common()[beyond]), is_broken.sum()])


@cache
def _common() -> np.ndarray:
    table = np.zeros(1 << 16, bool)
    for row in (*range(0xA1, 0xA4), *range(0xB0, 0xD8)):
        cells = bytes(byte for cell in range(0xA1, 0xFF) for byte in (row, cell))
        table[[ord(character) for character in cells.decode("gb2312", errors="ignore")]] = True
    return table
