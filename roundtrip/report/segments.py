"""Need segments and the strategies that address them."""

from dataclasses import dataclass
from datetime import date

from roundtrip.answers import Answer
from roundtrip.home import Home
from roundtrip.strategies import of_company
from roundtrip.strategies.check import VALUES

#: In the order in which the rules are tried.
SEGMENTS = VALUES["need_segment"]
#: In segment_moves.sql: had not booked yet, or was not there.
NONE_YET = "none"


@dataclass(frozen=True)
class Addressed:
    """What is offered to a segment.

    Attributes:
        made_for: names (by language) and actions of the strategies in force whose conditions name the
            segment.
        warned: its customers with an open warning. most_recommended: the name of the strategy that most of
            these recommend, and by how many; None: there are none.
    """

    made_for: tuple[tuple[dict[str, str], str], ...]
    warned: int
    most_recommended: tuple[dict[str, str], int] | None


def addressed(home: Home, as_of: date, warnings: Answer) -> dict[str, Addressed]:
    """Every segment, with what the company's table of strategies and its open warnings say.

    Args:
        warnings: of segment_warnings.sql.

    Raises:
        BadInput: the company's own table cannot be read or has a mistake.
    """
    table = of_company(home, as_of)
    names = {row.id: row.name for row in table.rows}
    found = {}
    for segment in SEGMENTS:
        rows = [row for row in warnings.rows if row["segment"] == segment]
        top = next((row for row in rows if row["strategy_id"]), None)
        name = names.get(top["strategy_id"], dict.fromkeys(("en", "zh"), top["strategy_id"])) if top else None
        found[segment] = Addressed(
            tuple(
                (row.name, row.action) for row in table.rows if segment in row.when.get("need_segment", ())
            ),
            sum(row["customers"] for row in rows),
            (name, top["customers"]) if top else None,
        )
    return found
