"""Pictures of answers: lines along months, bars of anything, in the report's colours."""

from datetime import date, datetime
from typing import Any

from markupsafe import Markup

from roundtrip.queries import Answer
from roundtrip.queries.saved import Picture
from roundtrip.report.drawing import COLOURS, Size, picture
from roundtrip.report.formats import is_missing

#: Told apart in light and dark, and by those who see colours differently; beside each stands its name.
SERIES = ("accent-2", "stage-decline", "stage-lost", "accent", "muted", "stage-introduction")
_MOST_BARS = 24
_BAR_PX = 26
#: The numbers below the bars.
_AXIS_PX = 30


def answer_picture(
    answer: Answer, chosen: Picture, name: str, title: str, month_format: str
) -> Markup | None:
    """The picture of an answer, or None where there is nothing to draw.

    Args:
        name: unique within the page.
        title: the accessible name.
        month_format: how the time axis names a month (d3).
    """
    rows = [dict(zip(answer.columns, row, strict=True)) for row in answer.rows]
    return rows_picture(rows, chosen, name, title, month_format, series_of(answer, chosen))


def rows_picture(
    rows: list[dict], chosen: Picture, name: str, title: str, month_format: str, names: list[str]
) -> Markup | None:
    """The same of rows of column -> value.

    Args:
        names: values of the series, in the order of their colours.
    """
    rows = [row for row in rows if not is_missing(row[chosen.y]) and row[chosen.x] is not None]
    if not rows or (chosen.kind == "line" and len({row[chosen.x] for row in rows}) < 2):
        return None
    if chosen.kind == "line":
        return picture(name, title, lambda size: _lines(rows, chosen, size, month_format, names))
    return picture(name, title, lambda size: _bars(rows, chosen, size))


def legend(values: list[str]) -> list[tuple[str, str]]:
    """Value -> name of the CSS colour of its line."""
    return list(zip(values, SERIES, strict=False))


def series_of(answer: Answer, chosen: Picture) -> list[str]:
    """The values that have a line of their own, in the answer's order."""
    if not chosen.series:
        return []
    place = list(answer.columns).index(chosen.series)
    return list(dict.fromkeys(str(row[place]) for row in answer.rows))[: len(SERIES)]


def _lines(rows: list[dict], chosen: Picture, size: Size, month_format: str, names: list[str]) -> Any:
    import altair as alt

    # Without a series there is one line.
    names = names[: len(SERIES)] or ["all"]
    told = [(row, str(row[chosen.series]) if chosen.series else "all") for row in rows]
    data = alt.Data(
        values=[
            {"x": _day(row[chosen.x]), "y": float(row[chosen.y]), "series": series}
            for row, series in told
            if series in names
        ]
    )
    colours = [COLOURS[name] for name in SERIES[: len(names)]]
    return (
        alt.Chart(data)
        .mark_line(strokeWidth=2.25, point={"filled": True, "size": 14})
        .encode(
            x=alt.X(
                "x:T",
                scale=alt.Scale(type="utc"),
                title=None,
                axis=alt.Axis(
                    format=month_format, grid=False, labelFlush=True, labelOverlap=True, tickCount=size.ticks
                ),
            ),
            y=alt.Y("y:Q", title=None, axis=_axis(alt, chosen)),
            color=alt.Color("series:N", legend=None, scale=alt.Scale(domain=names, range=colours)),
        )
        .properties(width=size.width, height=240)
    )


def _bars(rows: list[dict], chosen: Picture, size: Size) -> Any:
    import altair as alt

    values = [
        {"x": f"{_name(row[chosen.x])}", "y": float(row[chosen.y]), "place": place}
        for place, row in enumerate(rows[:_MOST_BARS])
    ]
    return (
        alt.Chart(alt.Data(values=values))
        .mark_bar(color=COLOURS["accent"])
        .encode(
            y=alt.Y(
                "x:N", sort=alt.SortField("place"), title=None, axis=alt.Axis(labelLimit=size.width // 3)
            ),
            x=alt.X("sum(y):Q", title=None, axis=_axis(alt, chosen)),
        )
        .properties(width=size.width, height=_AXIS_PX + _BAR_PX * len({value["x"] for value in values}))
    )


def _axis(alt: Any, chosen: Picture) -> Any:
    return alt.Axis(format=".3~%" if chosen.is_share else "~s", tickCount=4, minExtent=34)


def _name(value: Any) -> str:
    return value.isoformat()[:7] if isinstance(value, date) else str(value)


def _day(value: Any) -> str:
    return value.date().isoformat() if isinstance(value, datetime) else value.isoformat()
