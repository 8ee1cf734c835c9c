"""Which defects are planted in which table, and what ingest must do with each.

References between tables are checked as shares by the landing gate, never row by row, so a row that points to
nobody is loaded (and stays out of the marts). The files stay UTF-8 throughout, so a text in the wrong
encoding arrives as readable UTF-8 and is loaded; benchmarks/ingest/mutants.py plants lines that are no UTF-8.
"""

from collections.abc import Callable
from dataclasses import dataclass

from roundtrip.simulate.defects import changes as c
from roundtrip.simulate.defects import lines
from roundtrip.simulate.defects.lines import Row

SUPERSEDED, QUARANTINED, LOADED = "superseded", "quarantined", "loaded"
DUPLICATE, LATE, CORRECTION = "duplicate_row", "late_row", "late_correction"
DATE, REFERENCE, DOMAIN = "broken_date", "missing_reference", "outside_domain"
RAGGED, ENCODING = "ragged_line", "encoding_mistake"
KINDS = (DUPLICATE, LATE, CORRECTION, DATE, REFERENCE, DOMAIN, RAGGED, ENCODING)


@dataclass(frozen=True)
class Defect:
    """One way to spoil a row.

    Attributes:
        column: what the ledger's `delivered` and `intended` are about; empty for the whole row.
        change: the row as delivered, None where the defect does not fit the row.
        expected: what ingest does with the line: LOADED means accepted, so that it is what is known until a
            newer version of the same row comes.
        line: how the changed row is written.
    """

    kind: str
    column: str = ""
    change: c.Change = c.unchanged
    expected: str = QUARANTINED
    line: Callable[[Row], str] = lines.whole


_REPEATED = Defect(DUPLICATE, expected=SUPERSEDED)
_DELAYED = Defect(LATE, expected=LOADED)


def _stale(column: str, change: c.Change, started: str) -> Defect:
    return Defect(CORRECTION, column, c.stale(change, started), SUPERSEDED)


def _date(column: str, change: c.Change) -> Defect:
    return Defect(DATE, column, change)


def _nobody() -> Defect:
    return Defect(REFERENCE, "customer_id", c.nobody("customer_id"), LOADED)


def _outside(column: str, text: str) -> Defect:
    return Defect(DOMAIN, column, c.to(column, text))


def _unquoted(column: str) -> Defect:
    return Defect(RAGGED, column, c.has_separator(column), line=lines.without_quotes)


def _misread(column: str, written_in: str) -> Defect:
    return Defect(ENCODING, column, c.misread(column, written_in), LOADED)


#: A customer who is late or unusable would drag all bookings along, so customers are repeated and corrected.
#: Only bookings, tickets and surveys have ragged lines: ingest reads such a file a second time, line by line,
#: and web_events is too long for that.
PLANTED: dict[str, tuple[Defect, ...]] = {
    "customers": (_REPEATED, _stale("city", c.another("city", "Wuhan", "Tianjin"), "registered_at")),
    "bookings": (
        _REPEATED,
        _DELAYED,
        _stale("status", c.not_yet_over, "booked_at"),
        _stale("gross_amount", c.doubled("gross_amount"), "booked_at"),
        _date("booked_at", c.thirtieth_of_february("booked_at")),
        _date("booked_at", c.day_first("booked_at")),
        _date("travel_end", c.days_before("travel_end", "travel_start", 3)),
        _nobody(),
        _outside("status", "done"),
        _outside("service_line", "boat"),
        _outside("travellers", "0"),
        Defect(DOMAIN, "discount_amount", c.above("discount_amount", "gross_amount")),
        Defect(DOMAIN, "gross_amount", c.thousands_separators("gross_amount")),
        Defect(RAGGED, line=lines.cut_off),
    ),
    "web_events": (
        _REPEATED,
        _DELAYED,
        _date("occurred_at", c.day_first("occurred_at")),
        _nobody(),
        _outside("event_type", "hover"),
    ),
    "support_tickets": (
        _REPEATED,
        _DELAYED,
        _date("opened_at", c.to("opened_at", "0000-00-00T00:00:00Z")),
        _date("resolved_at", c.days_before("resolved_at", "opened_at", 2)),
        _nobody(),
        _outside("severity", "9"),
        _outside("is_complaint", "maybe"),
        _unquoted("text"),
        _misread("text", "utf-8"),
        _misread("text", "gbk"),
    ),
    "surveys": (
        _REPEATED,
        _DELAYED,
        _date("responded_at", c.excel_serial("responded_at")),
        _nobody(),
        _outside("score", "11"),
        _unquoted("text"),
        _misread("text", "utf-8"),
        _misread("text", "gbk"),
    ),
    "loyalty_ledger": (
        _REPEATED,
        _DELAYED,
        _date("occurred_at", c.thirtieth_of_february("occurred_at")),
        _nobody(),
        _outside("entry_type", "bonus"),
        Defect(DOMAIN, "points", c.thousands_separators("points")),
    ),
    "campaign_touches": (
        _REPEATED,
        _DELAYED,
        _date("assigned_at", c.excel_serial("assigned_at")),
        Defect(REFERENCE, "campaign_id", c.to("campaign_id", "K999"), LOADED),
        _outside("arm", "placebo"),
    ),
}
