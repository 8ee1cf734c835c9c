"""What the comparison with the held-out says, from the newest measurement known on a date."""

from dataclasses import dataclass
from datetime import date
from pathlib import Path

import duckdb

from roundtrip.home import Home
from roundtrip.products import newest

#: All rounds of the plan together; where that is not told, all campaigns with a random control group.
ROUNDS, ALL_CAMPAIGNS = "rounds", "all"


@dataclass(frozen=True)
class Effect:
    """Treated minus held out, per customer, with a 95 % interval; `of`: ROUNDS or ALL_CAMPAIGNS."""

    of: str
    outcome: str
    window_days: int
    value: float
    ci_low: float
    ci_high: float


def newest_effects(connection: duckdb.DuckDBPyConnection, home: Home, as_of: date) -> dict[str, Effect]:
    """The effect by outcome: of the rounds, else of all campaigns; of the longest window that has one."""
    file = newest(home, "campaign_effects", as_of)
    if file is None:
        return {}
    rows = connection.execute(
        f"""
        SELECT campaign_id, outcome, window_days, effect, ci_low, ci_high FROM read_parquet($file)
        WHERE campaign_id IN ('{ROUNDS}', '{ALL_CAMPAIGNS}') AND action = 'all' AND segment_kind = 'all'
            AND isfinite(effect) AND isfinite(ci_low) AND isfinite(ci_high)
        QUALIFY row_number() OVER (
            PARTITION BY outcome ORDER BY campaign_id = '{ROUNDS}' DESC, window_days DESC
        ) = 1
        ORDER BY outcome
        """,
        {"file": str(file)},
    ).fetchall()
    return {row[1]: Effect(*row) for row in rows}


def has_effect_of_a_round(connection: duckdb.DuckDBPyConnection, file: Path) -> bool:
    """Whether campaign_effects tells an effect of the rounds, together or of one (R-<date>-<action>)."""
    (count,) = connection.execute(
        f"""
        SELECT count(*) FROM read_parquet($file)
        WHERE (campaign_id = '{ROUNDS}' OR regexp_matches(campaign_id, '^R-\\d{{4}}-\\d{{2}}-\\d{{2}}-'))
            AND isfinite(effect)
        """,
        {"file": str(file)},
    ).fetchone()
    return count > 0
