"""The pictures: Vega-Lite through altair, drawn to SVG that takes its colours from the page's CSS.

Each picture is drawn twice, for a wide page and for a phone; CSS shows one of the two. altair takes a second
to import, so it is imported where it is used.
"""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from markupsafe import Markup, escape

from roundtrip.report.words import Words

#: From the bottom of the stack to its top: safe below, in danger above, those who never booked on top.
STAGES = ("maturity", "growth", "introduction", "decline", "lost", "prospect")
SEVERITIES = ("light", "moderate", "severe")
BANDS = ("high", "medium", "low")

# Vega wants real colours. These stand for CSS variables of the page and are replaced by them, so that one
# picture serves light, dark and print.
_NAMES = (
    *("ink", "muted", "rule", "paper", "accent", "accent-2", "band"),
    *(f"stage-{stage}" for stage in STAGES),
    *(f"severity-{severity}" for severity in SEVERITIES),
    *(f"risk-{band}" for band in BANDS),
)
_STAND_INS = {name: f"#00fe{number:02x}" for number, name in enumerate(_NAMES)}

WIDE_PX = 760
NARROW_PX = 342


@dataclass(frozen=True)
class Size:
    name: str
    width: int
    font: int
    #: At most so many months are named on the time axis.
    ticks: int


SIZES = (Size("wide", WIDE_PX, 13, 8), Size("narrow", NARROW_PX, 12, 3))


def churn_chart(rows: list[dict], band: tuple[float, float] | None, words: Words) -> Markup:
    """Monthly churn as bars with its twelve-month mean, above it the target band where there is one.

    Args:
        rows: of churn_by_month.sql.
        band: lower and upper end of the target for the churn rate, as shares of 1.
    """
    import altair as alt

    data = _data(rows, ("month", "churn_rate", "churn_rate_12m"))
    has_mean = any(row["churn_rate_12m"] is not None for row in rows)

    def draw(size: Size):
        thickness = _thickness(size, rows)
        x = _months(alt, words, rows, size.ticks, padding=thickness / 2)
        layers = []
        if band:
            edges = alt.Data(values=[{"low": band[0], "high": band[1]}])
            layers.append(
                alt.Chart(edges)
                .mark_rect(color=_STAND_INS["band"])
                .encode(y=alt.Y("low:Q"), y2="high:Q", x=alt.value(0), x2=alt.value("width"))
            )
        layers.append(
            alt.Chart(data)
            .mark_bar(color=_STAND_INS["accent"], size=thickness)
            .encode(x=x, y=alt.Y("churn_rate:Q", axis=_share_axis(alt, 2), title=None))
        )
        if has_mean:
            layers.append(
                alt.Chart(data)
                .transform_filter("isValid(datum.churn_rate_12m)")
                .mark_line(color=_STAND_INS["ink"], strokeWidth=2.25)
                .encode(x=x, y=alt.Y("churn_rate_12m:Q"))
            )
        return alt.layer(*layers).properties(width=size.width, height=230)

    return _draw("churn", words("churn.chart"), draw)


def retention_chart(rows: list[dict], words: Words) -> Markup:
    """Monthly retention as a line; the axis does not begin at zero, which its labels show."""
    import altair as alt

    data = _data(rows, ("month", "retention_rate"))

    def draw(size: Size):
        return (
            alt.Chart(data)
            .mark_line(color=_STAND_INS["accent-2"], strokeWidth=2.25, point=_point("accent-2"))
            .encode(
                x=_months(alt, words, rows, size.ticks, padding=_thickness(size, rows) / 2),
                y=alt.Y(
                    "retention_rate:Q",
                    axis=_share_axis(alt, 1, ticks=4),
                    title=None,
                    scale=alt.Scale(zero=False, nice=True),
                ),
            )
            .properties(width=size.width, height=150)
        )

    return _draw("retention", words("churn.retention_chart"), draw)


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
                "month": _month_start(month),
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
        mark = {"stroke": _STAND_INS["paper"], "strokeWidth": 1}
        chart = chart.mark_bar(size=60, **mark) if is_single else chart.mark_area(**mark)
        return chart.encode(
            x=_months(alt, words, rows, size.ticks),
            y=alt.Y("customers:Q", stack="zero", title=None, axis=alt.Axis(format=",d", tickCount=5)),
            color=alt.Color(
                "stage:N",
                legend=None,
                scale=alt.Scale(domain=stages, range=[_STAND_INS[f"stage-{stage}"] for stage in stages]),
            ),
            order=alt.Order("place:O"),
        ).properties(width=size.width, height=300)

    return _draw("lifecycle", words("lifecycle.chart"), draw)


def severity_chart(rows: list[dict], severity: str, words: Words) -> Markup:
    """The share of customers with one severity of churn, by month, from zero.

    Args:
        rows: those of severity_by_month.sql with that severity.
    """
    import altair as alt

    data = _data(rows, ("month", "share"))

    def draw(size: Size):
        colour = f"severity-{severity}"
        return (
            alt.Chart(data)
            .mark_area(
                color=_STAND_INS[colour],
                opacity=0.35,
                line={"color": _STAND_INS[colour], "strokeWidth": 2.25},
            )
            .encode(
                x=_months(alt, words, rows, size.ticks),
                y=alt.Y("share:Q", axis=_share_axis(alt, 1, ticks=3), title=None),
            )
            .properties(width=size.width, height=130)
        )

    title = words("severity.chart", severity=words.label("severity_name", severity))
    sizes = (Size("wide", 240, 12, 3), SIZES[1])
    return _draw(f"severity-{severity}", title, draw, sizes)


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
            .mark_bar(stroke=_STAND_INS["paper"], strokeWidth=1)
            .encode(
                x=alt.X(
                    "from:Q",
                    bin="binned",
                    scale=alt.Scale(domain=[0, 1]),
                    axis=alt.Axis(format=".0%", values=[0, 0.2, 0.4, 0.6, 0.8, 1], grid=False),
                    title=words("risk.axis"),
                ),
                x2="to:Q",
                y=alt.Y("customers:Q", stack="zero", title=None, axis=alt.Axis(format=",d", tickCount=4)),
                color=alt.Color(
                    "band:N",
                    legend=None,
                    scale=alt.Scale(domain=bands, range=[_STAND_INS[f"risk-{band}"] for band in bands]),
                ),
                order=alt.Order("band:N", sort="descending"),
            )
            .properties(width=size.width, height=200)
        )

    return _draw("risk", words("risk.chart"), draw)


def _data(rows: list[dict], columns: tuple[str, ...]) -> Any:
    import altair as alt

    def plain(value):
        if value is None:
            return None
        return _month_start(value) if isinstance(value, date) else float(value)

    return alt.Data(values=[{column: plain(row[column]) for column in columns} for row in rows])


def _month_start(month_end: date) -> str:
    """Where a month stands on the time axis: on its first day, which the axis' ticks name."""
    return month_end.replace(day=1).isoformat()


def _point(colour: str) -> dict:
    return {"color": _STAND_INS[colour], "filled": True, "size": 18}


def _months(alt: Any, words: Words, rows: list[dict], labels: int, padding: float = 0) -> Any:
    """The time axis in UTC, so that no time zone moves a month.

    Args:
        labels: at most so many months are named.
        padding: pixels at both ends, for bars.
    """
    return alt.X(
        "month:T",
        scale=alt.Scale(type="utc", padding=padding),
        axis=alt.Axis(
            values=_labelled({row["month"] for row in rows}, labels),
            format=words("chart.month_format"),
            grid=False,
            labelFlush=True,
            labelOverlap=True,
        ),
        title=None,
    )


def _labelled(months: set[date], labels: int) -> list[int]:
    """The months to name, as milliseconds since 1970: every one, every second … counted from January."""
    for step in (1, 2, 3, 6, 12, 24):
        chosen = [month for month in sorted(months) if (month.year * 12 + month.month - 1) % step == 0]
        if len(chosen) <= labels:
            break
    chosen = chosen or [min(months)]
    return [int(datetime(m.year, m.month, 1, tzinfo=UTC).timestamp() * 1000) for m in chosen]


def _thickness(size: Size, rows: list[dict]) -> int:
    """Width of a month's bar in pixels."""
    return max(3, min(26, int(size.width * 0.62 / len(rows))))


def _share_axis(alt: Any, digits: int, ticks: int = 5) -> Any:
    return alt.Axis(format=f".{digits}~%", tickCount=ticks, minExtent=34)


def _draw(name: str, title: str, draw: Any, sizes: tuple[Size, ...] = SIZES) -> Markup:
    return Markup("").join(_svg(draw(size), name, title, size) for size in sizes)


def _svg(chart: Any, name: str, title: str, size: Size) -> Markup:
    import vl_convert

    spec = chart.to_dict()
    spec["autosize"] = {"type": "fit", "contains": "padding"}
    spec["padding"] = {"left": 0, "right": 2, "top": 6, "bottom": 0}
    spec["config"] = {
        "background": "transparent",
        "aria": False,
        "font": "sans-serif",
        "view": {"stroke": None},
        "axis": {
            "labelColor": _STAND_INS["muted"],
            "titleColor": _STAND_INS["muted"],
            "labelFontSize": size.font,
            "titleFontSize": size.font,
            "titleFontWeight": "normal",
            "labelPadding": 6,
            "gridColor": _STAND_INS["rule"],
            "domainColor": _STAND_INS["rule"],
            "ticks": False,
        },
        "axisY": {"domain": False},
        "axisX": {"domainColor": _STAND_INS["muted"], "ticks": True, "tickColor": _STAND_INS["muted"]},
    }
    svg = vl_convert.vegalite_to_svg(spec)
    for colour, stand_in in _STAND_INS.items():
        svg = svg.replace(stand_in, f"var(--{colour})")
    # vl-convert counts clip paths through the whole process: the same input would give other bytes.
    ids = {
        old: f"{name}-{size.name}-{i}" for i, old in enumerate(dict.fromkeys(re.findall(r'id="(\w+)"', svg)))
    }
    for old, new in ids.items():
        svg = svg.replace(f'id="{old}"', f'id="{new}"').replace(f"url(#{old})", f"url(#{new})")
    svg = re.sub(r' (?:role|aria-[\w]+)="[^"]*"', "", svg)
    view_box = re.search(r'viewBox="([^"]+)"', svg).group(1)
    width = float(view_box.split()[2])
    title_id = f"picture-{name}-{size.name}"
    root = (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="picture {size.name}" viewBox="{view_box}" '
        f'style="max-width:{width:.0f}px" role="img" aria-labelledby="{title_id}">'
        f'<title id="{title_id}">{escape(title)}</title>'
    )
    return Markup(re.sub(r"^<svg[^>]*>", lambda _: root, svg, count=1))
