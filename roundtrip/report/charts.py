"""The report's pictures: what each of them shows.

altair takes a second to import, so it is imported where it is used.
"""

from markupsafe import Markup

from roundtrip.report.axes import (
    count_axis,
    data_of,
    money_axis,
    point,
    share_axis,
    thickness_of,
    time_axis,
)
from roundtrip.report.drawing import COLOURS, SIZES, Size, picture
from roundtrip.report.words import Words

#: From the bottom of the stack to its top: safe below, in danger above, those who never booked on top.
STAGES = ("maturity", "growth", "introduction", "decline", "lost", "prospect")
SEVERITIES = ("light", "moderate", "severe")
BANDS = ("high", "medium", "low")


def churn_chart(rows: list[dict], band: tuple[float, float] | None, words: Words) -> Markup:
    """Monthly churn as bars with its twelve-month mean, above it the target band where there is one.

    Args:
        rows: of churn_by_month.sql.
        band: lower and upper end of the target for the churn rate, as shares of 1.
    """
    import altair as alt

    data = data_of(rows, ("month", "churn_rate", "churn_rate_12m"))
    has_mean = any(row["churn_rate_12m"] is not None for row in rows)

    def draw(size: Size):
        thickness = thickness_of(size, rows)
        x = time_axis(alt, words, rows, size.ticks, padding=thickness / 2)
        layers = []
        if band:
            edges = alt.Data(values=[{"low": band[0], "high": band[1]}])
            layers.append(
                alt.Chart(edges)
                .mark_rect(color=COLOURS["band"])
                .encode(y=alt.Y("low:Q"), y2="high:Q", x=alt.value(0), x2=alt.value("width"))
            )
        layers.append(
            alt.Chart(data)
            .mark_bar(color=COLOURS["accent"], size=thickness)
            .encode(x=x, y=alt.Y("churn_rate:Q", axis=share_axis(alt, 2), title=None))
        )
        if has_mean:
            layers.append(
                alt.Chart(data)
                .transform_filter("isValid(datum.churn_rate_12m)")
                .mark_line(color=COLOURS["ink"], strokeWidth=2.25)
                .encode(x=x, y=alt.Y("churn_rate_12m:Q"))
            )
        return alt.layer(*layers).properties(width=size.width, height=230)

    return picture("churn", words("churn.chart"), draw)


def retention_chart(rows: list[dict], words: Words) -> Markup:
    """Monthly retention as a line; the axis does not begin at zero, which its labels show."""
    import altair as alt

    data = data_of(rows, ("month", "retention_rate"))

    def draw(size: Size):
        return (
            alt.Chart(data)
            .mark_line(color=COLOURS["accent-2"], strokeWidth=2.25, point=point("accent-2"))
            .encode(
                x=time_axis(alt, words, rows, size.ticks, padding=thickness_of(size, rows) / 2),
                y=alt.Y(
                    "retention_rate:Q",
                    axis=share_axis(alt, 1, ticks=4),
                    title=None,
                    scale=alt.Scale(zero=False, nice=True),
                ),
            )
            .properties(width=size.width, height=150)
        )

    return picture("retention", words("churn.retention_chart"), draw)


def lifecycle_chart(rows: list[dict], words: Words) -> Markup:
    """Customers by lifecycle stage as a stacked area.

    Args:
        rows: of lifecycle_by_month.sql.
    """
    import altair as alt

    order = {stage: place for place, stage in enumerate(STAGES)}
    months = {row["month"] for row in rows}
    counts = {(row["month"], row["stage"]): row["customers"] for row in rows}
    stages = [stage for stage in STAGES if any(row["stage"] == stage for row in rows)]
    data = alt.Data(
        values=[
            {
                "month": month.replace(day=1).isoformat(),
                "stage": stage,
                "place": order[stage],
                "customers": counts.get((month, stage), 0),
            }
            for month in sorted(months)
            for stage in stages
        ]
    )
    is_single = len(months) == 1

    def draw(size: Size):
        chart = alt.Chart(data)
        mark = {"stroke": COLOURS["paper"], "strokeWidth": 1}
        chart = chart.mark_bar(size=60, **mark) if is_single else chart.mark_area(**mark)
        return chart.encode(
            x=time_axis(alt, words, rows, size.ticks),
            y=alt.Y("customers:Q", stack="zero", title=None, axis=count_axis(alt, 5)),
            color=alt.Color(
                "stage:N",
                legend=None,
                scale=alt.Scale(domain=stages, range=[COLOURS[f"stage-{stage}"] for stage in stages]),
            ),
            order=alt.Order("place:O"),
        ).properties(width=size.width, height=300)

    return picture("lifecycle", words("lifecycle.chart"), draw)


def severity_chart(rows: list[dict], severity: str, words: Words) -> Markup:
    """The share of customers with one severity of churn, by month, from zero.

    Args:
        rows: those of severity_by_month.sql with that severity.
    """
    import altair as alt

    data = data_of(rows, ("month", "share"))

    def draw(size: Size):
        colour = f"severity-{severity}"
        return (
            alt.Chart(data)
            .mark_area(
                color=COLOURS[colour],
                opacity=0.35,
                line={"color": COLOURS[colour], "strokeWidth": 2.25},
            )
            .encode(
                x=time_axis(alt, words, rows, size.ticks),
                y=alt.Y("share:Q", axis=share_axis(alt, 1, ticks=3), title=None),
            )
            .properties(width=size.width, height=130)
        )

    title = words("severity.chart", severity=words.label("severity_name", severity))
    sizes = (Size("wide", 240, 12, 3), SIZES[1])
    return picture(f"severity-{severity}", title, draw, sizes)


def risk_chart(rows: list[dict], words: Words) -> Markup:
    """Scored customers by churn probability, each step coloured by risk band.

    Args:
        rows: of risk_distribution.sql.
    """
    import altair as alt

    bands = [band for band in BANDS if any(row["risk_band"] == band for row in rows)]
    data = alt.Data(
        values=[
            {
                "from": float(row["probability_from"]),
                "to": float(row["probability_from"]) + 0.05,
                "band": row["risk_band"],
                "customers": row["customers"],
            }
            for row in rows
        ]
    )

    def draw(size: Size):
        return (
            alt.Chart(data)
            .mark_bar(stroke=COLOURS["paper"], strokeWidth=1)
            .encode(
                x=alt.X(
                    "from:Q",
                    bin="binned",
                    scale=alt.Scale(domain=[0, 1]),
                    axis=alt.Axis(format=".0%", values=[0, 0.2, 0.4, 0.6, 0.8, 1], grid=False),
                    title=words("risk.axis"),
                ),
                x2="to:Q",
                y=alt.Y("customers:Q", stack="zero", title=None, axis=count_axis(alt, 4)),
                color=alt.Color(
                    "band:N",
                    legend=None,
                    scale=alt.Scale(domain=bands, range=[COLOURS[f"risk-{band}"] for band in bands]),
                ),
                order=alt.Order("band:N", sort="descending"),
            )
            .properties(width=size.width, height=200)
        )

    return picture("risk", words("risk.chart"), draw)


def money_chart(rows: list[dict], words: Words) -> Markup:
    """Revenue by month as bars, the margin in it as the darker part of each where it is known.

    Args:
        rows: of money_by_month.sql.
    """
    import altair as alt

    data = data_of(rows, ("month", "revenue", "margin"))
    highest = max(float(row["revenue"]) for row in rows)

    def draw(size: Size):
        thickness = thickness_of(size, rows)
        x = time_axis(alt, words, rows, size.ticks, padding=thickness / 2)
        axis = money_axis(alt, highest, words)
        layers = [
            alt.Chart(data)
            .mark_bar(color=COLOURS["accent"], size=thickness)
            .encode(x=x, y=alt.Y("revenue:Q", axis=axis, title=None)),
            alt.Chart(data)
            .transform_filter("isValid(datum.margin)")
            .mark_bar(color=COLOURS["accent-2"], size=thickness)
            .encode(x=x, y=alt.Y("margin:Q")),
        ]
        return alt.layer(*layers).properties(width=size.width, height=200)

    return picture("money", words("money.chart"), draw)
