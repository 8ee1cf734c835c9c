"""Reading the interventions file: whom the company approaches in the coming month, with what and how.

One row per customer and action, as CSV (UTF-8, header). Every mistake is refused, since a row that is dropped
in silence would change the measured effect.
"""

import csv
import difflib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import islice, repeat
from pathlib import Path

import numpy as np
import pandas as pd

from roundtrip.errors import BadInput
from roundtrip.simulate.parameters import ACTIONS, REACH_CHANNELS

ARMS = ("treatment", "control")
REQUIRED = ("customer_id", "action")
OPTIONAL = ("arm", "channel", "campaign_id", "intervention_id")

_COLUMNS = "columns: " + ", ".join(REQUIRED) + "; if wanted: " + ", ".join(OPTIONAL)
_CHUNK_ROWS = 10_000
_SHOWN_LINES = 5
_UNKNOWN = -2
_CODES = {
    "action": {name: code for code, name in enumerate(ACTIONS)},
    "arm": {"": 0} | {name: code for code, name in enumerate(ARMS)},
    "channel": {"": -1} | {name: code for code, name in enumerate(REACH_CHANNELS)},
}
_DIGITS = 8


def read_interventions(file: Path, known: np.ndarray) -> pd.DataFrame:
    """The interventions that a file asks for.

    Columns of the file: `customer_id` as in the landing files and `action` are required; `arm` (treatment, or
    control: held out, nothing is sent), `channel` (else the company chooses one that reaches the customer)
    and `campaign_id` (else one campaign per action) may be left out or blank; `intervention_id` is ignored.

    Args:
        known: account numbers of all customers, sorted; int64.

    Returns:
        One row per intervention, by account and action, whatever the order of the file: account (int64),
        action (int8, index into ACTIONS), is_treated (bool), channel (int8, index into REACH_CHANNELS or -1),
        campaign_id (object, None where blank). No rows where the file has only a header.

    Raises:
        BadInput: the file cannot be read, lacks a column or has an unknown one; a row has too many or too few
            cells, an unknown customer, action, arm or channel, or repeats a customer's action; a campaign has
            two actions. The message names the file and the lines.
    """
    rows = _read(file)
    found = list(_mistakes(file, rows, known))
    if len(found) == 1:
        raise BadInput(*found[0])
    if found:
        texts = "\n".join(f"{what} ({hint})" for what, hint in found)
        raise BadInput(texts, "mend these rows; nothing was done")
    order = np.lexsort((rows.codes["action"], rows.account))
    names = np.array([name or None for name in rows.campaign_names], dtype=object)
    return pd.DataFrame(
        {
            "account": rows.account[order],
            "action": rows.codes["action"][order],
            "is_treated": rows.codes["arm"][order] == 0,
            "channel": rows.codes["channel"][order],
            # Else pandas makes strings of it, and NaN of None.
            "campaign_id": pd.Series(names[rows.campaign[order]], dtype=object),
        }
    )


@dataclass
class _Rows:
    """The rows in the order of the file: account (-1 malformed), codes by column (-2 unknown), campaign."""

    account: np.ndarray
    codes: dict[str, np.ndarray]
    campaign: np.ndarray
    #: By code; a blank one is "".
    campaign_names: list[str] = field(default_factory=list)


def _read(file: Path) -> _Rows:
    accounts, campaigns = [np.empty(0, np.int64)], [np.empty(0, np.int32)]
    codes = {column: [np.empty(0, np.int8)] for column in _CODES}
    campaign_codes: dict[str, int] = {}
    start = 0
    for header, rows in _chunks(file):
        widths = np.fromiter(map(len, rows), np.int64, len(rows))
        if (wrong := start + np.flatnonzero(widths != len(header))).size:
            raise BadInput(
                f"{_place(file, wrong)}: {widths[wrong[0] - start]} cells instead of {len(header)}"
                + _such_rows(file, wrong),
                f"each row needs the cells of the header: {', '.join(header)}",
            )
        cells = dict(zip(header, zip(*rows, strict=True), strict=True))
        accounts.append(_accounts(cells["customer_id"]))
        for column, by_name in _CODES.items():
            values = cells.get(column, repeat("", len(rows)))
            found = map(by_name.get, values, repeat(_UNKNOWN))
            codes[column].append(np.fromiter(found, np.int8, len(rows)))
        names = cells.get("campaign_id", ("",) * len(rows))
        # Ids get numbers in the order in which they appear.
        for name in dict.fromkeys(names):
            campaign_codes.setdefault(name, len(campaign_codes))
        campaigns.append(np.fromiter(map(campaign_codes.get, names), np.int32, len(rows)))
        start += len(rows)
    return _Rows(
        np.concatenate(accounts),
        {column: np.concatenate(parts) for column, parts in codes.items()},
        np.concatenate(campaigns),
        list(campaign_codes),
    )


def _chunks(file: Path) -> Iterator[tuple[list[str], list[list[str]]]]:
    """(header, rows), some at a time; blank lines are left out."""
    with _opened(file) as reader:
        header = _checked_header(file, next(filter(None, reader), None))
        while rows := list(islice(filter(None, reader), _CHUNK_ROWS)):
            yield header, rows


def _records(file: Path) -> Iterator[tuple[int, list[str]]]:
    """(line, cells) of the header and of each row: slower, for messages."""
    with _opened(file) as reader:
        ends_before = 0
        for cells in reader:
            if cells:
                yield ends_before + 1, cells
            ends_before = reader.line_num


@contextmanager
def _opened(file: Path) -> Iterator:
    """A CSV reader of the file.

    Raises:
        BadInput: not a file that can be read, not UTF-8, a quote that is never closed.
    """
    if file.is_dir():
        raise BadInput(f"{file} is a folder, not a file", "give the CSV file itself")
    try:
        with file.open(encoding="utf-8-sig", newline="") as stream:
            reader = csv.reader(stream, skipinitialspace=True, strict=True)
            yield reader
    except OSError as error:
        raise BadInput(f"{file} cannot be read: {error.strerror}", "check the path") from error
    except UnicodeDecodeError as error:
        raise BadInput(f"{file}:{_undecodable_line(file)}: not UTF-8", "save it as CSV in UTF-8") from error
    except csv.Error as error:
        raise BadInput(f"{file}:{_broken_line(file)}: not CSV: {error}", "mend the quotes in it") from error


def _broken_line(file: Path) -> int:
    # A quote that is never closed reaches to the end of the file: what counts is where its row begins.
    ends_before = 0
    with file.open(encoding="utf-8-sig", newline="") as stream:
        reader = csv.reader(stream, skipinitialspace=True, strict=True)
        try:
            for _ in reader:
                ends_before = reader.line_num
        except csv.Error:
            pass
    return ends_before + 1


def _undecodable_line(file: Path) -> int:
    # The stream decodes blocks ahead of the reader, so its own position would be wrong.
    with file.open("rb") as stream:
        for line, text in enumerate(stream, start=1):
            try:
                text.decode("utf-8")
            except UnicodeDecodeError:
                return line
    return 1


def _checked_header(file: Path, header: list[str] | None) -> list[str]:
    if header is None:
        raise BadInput(f"{file} is empty", f"write at least the header; {_COLUMNS}")
    header = [name.strip() for name in header]
    if len(header) == 1 and any(mark in header[0] for mark in ";\t|"):
        raise BadInput(f"{file}:1: the cells are not separated by commas", "save the file with commas")
    if unknown := [name for name in header if name not in REQUIRED + OPTIONAL]:
        hint = _did_you_mean(unknown[0], REQUIRED + OPTIONAL)
        raise BadInput(f"{file}:1: unknown column {', '.join(map(repr, unknown))}", f"{hint}{_COLUMNS}")
    if twice := sorted({name for name in header if header.count(name) > 1}):
        raise BadInput(f"{file}:1: column {', '.join(twice)} is given twice", "keep one of the two")
    if missing := [name for name in REQUIRED if name not in header]:
        raise BadInput(f"{file}:1: column {', '.join(missing)} is missing", _COLUMNS)
    return header


def _accounts(cells: tuple[str, ...]) -> np.ndarray:
    """Account numbers of ids such as C00000017; -1 for anything else."""
    letters = np.array(cells, dtype=f"U{_DIGITS + 2}").view(np.uint32).reshape(len(cells), _DIGITS + 2)
    digits = letters[:, 1 : _DIGITS + 1].astype(np.int64) - ord("0")
    is_id = (letters[:, 0] == ord("C")) & ((digits >= 0) & (digits <= 9)).all(axis=1)
    is_id &= letters[:, _DIGITS + 1] == 0
    return np.where(is_id, digits @ 10 ** np.arange(_DIGITS - 1, -1, -1), -1)


def _mistakes(file: Path, rows: _Rows, known: np.ndarray) -> Iterator[tuple[str, str]]:
    """(what is wrong and where, what to do), one for each kind of mistake."""

    def told(wrong: np.ndarray, what: str) -> str:
        return f"{_place(file, wrong)}: {what}" + _such_rows(file, wrong)

    def cell(row: int, column: str) -> str:
        return _cells_of(file, row)[column]

    at = np.searchsorted(known, rows.account)
    is_known = np.zeros(len(rows.account), dtype=bool)
    is_known[at < len(known)] = known[at[at < len(known)]] == rows.account[at < len(known)]
    if (wrong := np.flatnonzero(~is_known)).size:
        yield (
            told(wrong, f"no customer {cell(wrong[0], 'customer_id')!r}"),
            "take customer_id from the customers delivered so far: C and 8 digits",
        )
    for column, by_name in _CODES.items():
        if (wrong := np.flatnonzero(rows.codes[column] == _UNKNOWN)).size:
            value, names = cell(wrong[0], column), [name for name in by_name if name]
            yield (
                told(wrong, f"unknown {column} {value!r}" if value else f"{column} is blank"),
                f"{_did_you_mean(value, names)}one of: {', '.join(names)}",
            )
    yield from _repetitions(rows, told)
    yield from _mixed_campaigns(rows, told)


def _repetitions(rows: _Rows, told) -> Iterator[tuple[str, str]]:
    action = rows.codes["action"]
    # lexsort is stable: within a customer's action, rows keep the order of the file.
    order = np.lexsort((action, rows.account))
    account, action = rows.account[order], action[order]
    is_again = (
        (account[1:] == account[:-1]) & (action[1:] == action[:-1]) & (account[1:] >= 0) & (action[1:] >= 0)
    )
    if (wrong := np.sort(order[1:][is_again])).size:
        first = wrong[0]
        name = ACTIONS[rows.codes["action"][first]]
        yield (
            told(wrong, f"C{rows.account[first]:0{_DIGITS}d} is given {name} a second time"),
            "keep one row for each customer and action",
        )


def _mixed_campaigns(rows: _Rows, told) -> Iterator[tuple[str, str]]:
    action = rows.codes["action"]
    named = np.flatnonzero(
        (action >= 0) & np.array([bool(n) for n in rows.campaign_names], bool)[rows.campaign]
    )
    _, first = np.unique(rows.campaign[named], return_index=True)
    action_of = np.full(len(rows.campaign_names), -1, dtype=np.int8)
    action_of[rows.campaign[named[first]]] = action[named[first]]
    wrong = named[action[named] != action_of[rows.campaign[named]]]
    if wrong.size:
        campaign = rows.campaign[wrong[0]]
        yield (
            told(
                wrong,
                f"campaign {rows.campaign_names[campaign]} is {ACTIONS[action[wrong[0]]]} here and "
                f"{ACTIONS[action_of[campaign]]} before",
            ),
            "a campaign has one action: use another campaign_id",
        )


def _lines(file: Path, wanted: np.ndarray) -> list[int]:
    """Lines of rows (counted from 0, sorted); the file is read again, which only a mistake costs."""
    numbers = set(wanted.tolist())
    rows = islice(enumerate(_records(file), start=-1), wanted[-1] + 2)
    return [line for row, (line, _) in rows if row in numbers]


def _cells_of(file: Path, row: int) -> dict[str, str]:
    records = (cells for _, cells in _records(file))
    header = [name.strip() for name in next(records)]
    return dict(zip(header, next(islice(records, row, None)), strict=True))


def _place(file: Path, wrong: np.ndarray) -> str:
    return f"{file}:{_lines(file, wrong[:1])[0]}"


def _such_rows(file: Path, wrong: np.ndarray) -> str:
    if len(wrong) == 1:
        return ""
    lines = ", ".join(map(str, _lines(file, wrong[:_SHOWN_LINES])))
    return f"; {len(wrong)} such rows: lines {lines}" + (" …" if len(wrong) > _SHOWN_LINES else "")


def _did_you_mean(name: str, known: list[str] | tuple[str, ...]) -> str:
    close = difflib.get_close_matches(name, known, n=1)
    return f"did you mean {close[0]}? " if close else ""
