"""The draft of company.yml: what the files tell of the company, the rest as comments."""

import math

from roundtrip.company import KNOWN_SETTINGS
from roundtrip.contract import source_contract
from roundtrip.draft.guess import NEEDS_YOU
from roundtrip.draft.tables import Company, bookings_cte
from roundtrip.ingest import rules

_COMMENTED = ("plan_starts_on", "label_horizon_min_days", "label_horizon_max_days")
#: Label, embargo and test period of the default horizon need about so much history.
_SHORT_HISTORY_DAYS = 730


def company_yml(company: Company, name: str) -> str:
    """Settings that the files tell, each with its evidence; the others commented out."""
    lines = [f"name: {name.replace('_', ' ')}"]
    days = _days_booked(company)
    if days:
        first, last = days
        lines += [
            f"# guess: the last day with a booking in the files; the first is {first:%Y-%m}.",
            f"as_of: {last:%Y-%m-%d}",
        ]
        span = (last - first).days
        if span < _SHORT_HISTORY_DAYS:
            lines += [
                f"# {NEEDS_YOU}: {span} days of history hardly hold a label of 180 days, an embargo of",
                "# as many and a test period. A shorter horizon:",
                "# label_horizon_min_days: 90",
                "# label_horizon_max_days: 90",
            ]
    currency = company.drafts["bookings"].guess("currency") if "bookings" in company.drafts else None
    if currency and currency.sql.startswith("'"):
        lines += [f"# {currency.level}: {currency.why}.", f"reporting_currency: {currency.sql[1:-1]}"]
    elif currency and currency.sql != "NULL":
        lines += [
            "# Reports are in the most booked currency unless you choose one.",
            "# reporting_currency: EUR",
        ]
    refused = {
        table: draft.refused_share for table, draft in company.drafts.items() if draft.refused_share > 0.05
    }
    if refused:
        lines += [
            f"# {NEEDS_YOU}: so many rows are refused as drafted; the landing gate allows half of a table.",
            "# Mend the mapping first; what is right to refuse, allow here:",
            "# max_quarantined_share:",
            *(f"#   {table}: {math.ceil(share * 100) / 100:g}" for table, share in sorted(refused.items())),
        ]
    lines += ["", "# Settings that the files do not tell:"]
    lines += [f"# {key}: {KNOWN_SETTINGS[key]}" for key in _COMMENTED]
    return "\n".join(lines) + "\n"


def _days_booked(company: Company):
    bookings = company.drafts.get("bookings")
    if bookings is None or bookings.guess("booked_at").sql == "NULL":
        return None
    booked = rules.typed(source_contract()["bookings"].column("booked_at"))
    first, last = company.connection.execute(
        f"SELECT min(day), max(day) FROM (SELECT {booked}::DATE AS day FROM "
        f"(SELECT as_text(booked_at) AS booked_at FROM ({bookings_cte(bookings, ('booked_at',))})) ) "
        f"WHERE year(day) BETWEEN {rules.FIRST_YEAR} AND {rules.LAST_YEAR}"
    ).fetchone()
    return (first, last) if first else None
