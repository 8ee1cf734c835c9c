"""Which pictures a page has: those with something to show."""

from typing import Any

from markupsafe import Markup

from roundtrip.report import charts
from roundtrip.report.facts import Facts
from roundtrip.report.flows import Flow, Group, flow_picture
from roundtrip.report.formats import Formats
from roundtrip.report.segments import NONE_YET, SEGMENTS
from roundtrip.report.words import Words


def formats_of(words: Words) -> Formats:
    """The formats of the language of the texts."""
    return Formats(words.language, words("not_available"))


def pictures_of(facts: Facts, words: Words) -> dict[str, Markup]:
    """The pictures by name. A line needs two months; what has nothing to show is not there."""
    formats = formats_of(words)
    found: dict[str, Markup] = {}
    answers = facts.answers
    if churn := answers["churn_by_month"].rows:
        found["churn"] = charts.churn_chart(churn, facts.churn_band, words)
        retention = [row for row in churn if row["retention_rate"] is not None]
        if len(retention) > 1:
            found["retention"] = charts.retention_chart(retention, words)
    if lifecycle := answers["lifecycle_by_month"].rows:
        found["lifecycle"] = charts.lifecycle_chart(lifecycle, words)
    if moves := answers["lifecycle_moves"].rows:
        found["lifecycle_moves"] = _stages(moves, words, formats)
    for severity in charts.SEVERITIES:
        rows = [row for row in answers["severity_by_month"].rows if row["severity"] == severity]
        if len(rows) > 1:
            found[severity] = charts.severity_chart(rows, severity, words)
    if moves := answers["segment_moves"].rows:
        found["segment_moves"] = _segments(moves, words, formats)
    if risks := answers["risk_distribution"].rows:
        found["risk"] = charts.risk_chart(risks, words)
    money = answers["money_by_month"].rows
    if len(money) > 1:
        found["money"] = charts.money_chart(money, words)
    return found


def _stages(rows: list[dict], words: Words, formats: Formats) -> Markup:
    """Changes of stage in a quarter; who stays is not in it."""
    return flow_picture(
        "lifecycle-moves",
        words("lifecycle.moves_chart"),
        [Flow(row["from_stage"], row["to_stage"], row["changes"]) for row in rows],
        {stage: Group(words(f"stage.{stage}"), f"stage-{stage}") for stage in charts.STAGES[::-1]},
        (words("lifecycle.from"), words("lifecycle.to")),
        formats.integer,
    )


def _segments(rows: list[dict[str, Any]], words: Words, formats: Formats) -> Markup:
    """Segments a year ago and now, of everybody who is in one now."""
    return flow_picture(
        "segment-moves",
        words("segments.moves_chart"),
        [Flow(row["from_segment"], row["to_segment"], row["customers"]) for row in rows],
        {name: Group(words(f"segment.{name}"), f"segment-{name}") for name in (*SEGMENTS, NONE_YET)},
        (words("segments.year_ago"), words("segments.now")),
        formats.integer,
    )
