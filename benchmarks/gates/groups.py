"""The groups of checks of a table, and the columns that each of them reads."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from roundtrip.contract import Table, source_contract
from roundtrip.gates import rows
from roundtrip.gates.delivery import account, keys, references, shape
from roundtrip.gates.doubts import doubts
from roundtrip.gates.drift import drift, new_currencies
from roundtrip.gates.personal import personal
from roundtrip.gates.sides import Sides, accepted, loaded
from roundtrip.gates.suites import read_suite
from roundtrip.gates.volume import period, volume
from roundtrip.gates.watched import watched


@dataclass(frozen=True)
class Group:
    """Checks that are carried out together; `columns` are (relation, names) pairs, each read once."""

    name: str
    columns: Sequence[tuple[str, Sequence[str]]]
    carry_out: Callable[[Sides], object]


def groups(sides: Sides) -> list[Group]:
    """All that the landing gate computes about bookings."""
    table, customers = source_contract()["bookings"], source_contract()["customers"]
    here, before, known = accepted(table), loaded(table), loaded(customers)
    looked_through = watched()["bookings"]
    drifting = [*looked_through.drift, table.occurred]
    doubtful = ["travel_start", "booked_at", "updated_at", "cancelled_at", "status"]
    expectations = read_suite("landing", "bookings").on("rows")
    text = str([each["kwargs"] for each in expectations])
    ruled = [column for column in table.column_names if column in text]
    return [
        Group(
            "rules of the contract",
            [(here, ruled)],
            lambda s: rows.count(s.connection, here, expectations),
        ),
        Group(
            "references",
            [(here, ["customer_id"]), (known, ["customer_id"])],
            lambda s: (shape(s, table), references(s, table)),
        ),
        Group("keys", [(here, [*table.key, "_file"])], lambda s: keys(s, table)),
        Group(
            "doubts",
            [(here, [*doubtful, "customer_id"]), (known, ["customer_id", "registered_at"])],
            lambda s: doubts(s, table),
        ),
        Group(
            "freshness, volume, drift, currencies",
            [(here, drifting), (before, drifting)],
            lambda s: _against_the_past(s, table),
        ),
        Group(
            "personal data",
            [(here, [*looked_through.free_text, *looked_through.names, *looked_through.ids])],
            lambda s: personal(s, table),
        ),
    ]


def _against_the_past(sides: Sides, table: Table) -> None:
    account(sides, table)
    found = period(sides, table)
    volume(found)
    drift(sides, table, found)
    new_currencies(sides, table, found)
