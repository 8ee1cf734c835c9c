"""The indicators of kpi_months by segment and month, and what kpi_gaps says of those that are not there."""

from dataclasses import dataclass
from datetime import date

from roundtrip.queries import Warehouse

#: So many lines can be told apart in one picture; the segments with the largest sample at the end are shown.
MOST_SEGMENTS = 6

_CHOICES = """
SELECT indicator, segment_kind FROM marts.kpi_months GROUP BY ALL
UNION SELECT indicator, segment_kind FROM marts.kpi_gaps GROUP BY ALL
ORDER BY ALL
"""
_SEGMENTS = """
SELECT segment, arg_max(sample_size, month) AS newest
FROM marts.kpi_months WHERE indicator = $indicator AND segment_kind = $kind
GROUP BY segment ORDER BY newest DESC, segment
"""
_MONTHS = """
SELECT month, segment, numerator, denominator, value, sample_size
FROM marts.kpi_months
WHERE indicator = $indicator AND segment_kind = $kind AND list_contains($segments, segment)
ORDER BY month DESC, segment
"""
_GAPS = """
SELECT segment, reason, min(month) AS first_month,
    max(month) AS last_month, count(*) AS months
FROM marts.kpi_gaps
WHERE indicator = $indicator AND segment_kind = $kind
    AND (len($segments) = 0 OR list_contains($segments, segment))
GROUP BY segment, reason ORDER BY segment, reason
"""


@dataclass(frozen=True)
class Indicator:
    """One indicator by one kind of segment.

    Attributes:
        indicators, kinds: what there is to choose from.
        segments: all of this kind, the largest first; shown: those in `months`.
        months: rows of kpi_months, newest first.
        gaps: segment, reason, first_month, last_month, months of kpi_gaps.
    """

    indicator: str
    kind: str
    indicators: list[str]
    kinds: list[str]
    segments: list[str]
    shown: list[str]
    months: list[dict]
    gaps: list[dict]

    @property
    def newest(self) -> date | None:
        return self.months[0]["month"] if self.months else None


def indicator(warehouse: Warehouse, wanted: str, kind: str, segments: list[str]) -> Indicator:
    """The indicator asked for; what is not there is replaced by the churn rate of all customers."""
    choices = warehouse.rows(_CHOICES)
    indicators = sorted({row["indicator"] for row in choices})
    if wanted not in indicators:
        wanted = "churn_rate" if "churn_rate" in indicators else next(iter(indicators), "")
    kinds = sorted({row["segment_kind"] for row in choices if row["indicator"] == wanted})
    if kind not in kinds:
        kind = "all" if "all" in kinds else next(iter(kinds), "")
    asked = {"indicator": wanted, "kind": kind}
    known = [row["segment"] for row in warehouse.rows(_SEGMENTS, asked)]
    shown = [segment for segment in segments if segment in known][:MOST_SEGMENTS] or known[:MOST_SEGMENTS]
    return Indicator(
        indicator=wanted,
        kind=kind,
        indicators=indicators,
        kinds=kinds,
        segments=known,
        shown=shown,
        months=warehouse.rows(_MONTHS, {**asked, "segments": shown}),
        gaps=warehouse.rows(_GAPS, {**asked, "segments": shown}),
    )
