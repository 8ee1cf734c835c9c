"""Axes and data of the pictures: months in UTC, shares, counts, money."""

from datetime import UTC, date, datetime
from typing import Any

from roundtrip.report.drawing import COLOURS, Size
from roundtrip.report.formats import STEPS
from roundtrip.report.words import Words


def data_of(rows: list[dict], columns: tuple[str, ...]) -> Any:
    """The columns of the rows as altair's data; a date becomes the first day of its month."""
    import altair as alt

    def plain(value):
        if value is None:
            return None
        return _month_start(value) if isinstance(value, date) else float(value)

    return alt.Data(values=[{column: plain(row[column]) for column in columns} for row in rows])


def _month_start(month_end: date) -> str:
    """Where a month stands on the time axis: on its first day, which the axis' ticks name."""
    return month_end.replace(day=1).isoformat()


def point(colour: str) -> dict:
    """A small dot of a colour."""
    return {"color": COLOURS[colour], "filled": True, "size": 18}


def time_axis(alt: Any, words: Words, rows: list[dict], labels: int, padding: float = 0) -> Any:
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


def thickness_of(size: Size, rows: list[dict]) -> int:
    """Width of a month's bar in pixels."""
    return max(3, min(26, int(size.width * 0.62 / len(rows))))


def share_axis(alt: Any, digits: int, ticks: int = 5) -> Any:
    """Shares of 1 as per cent."""
    return alt.Axis(format=f".{digits}~%", tickCount=ticks, minExtent=34)


def count_axis(alt: Any, ticks: int) -> Any:
    """Whole numbers."""
    # Wide enough for six digits in any of the page's fonts.
    return alt.Axis(format=",d", tickCount=ticks, minExtent=48)


def money_axis(alt: Any, highest: float, words: Words, ticks: int = 4) -> Any:
    """Amounts in the largest of the language's steps that the highest one reaches: 2m, 200万."""
    size, unit = next(((size, unit) for size, unit in STEPS[words.language] if highest >= size), (1, ""))
    shown = f"datum.value ? format(datum.value / {size:.0f}, ',~f') + '{unit}' : '0'"
    return alt.Axis(labelExpr=shown, tickCount=ticks, minExtent=48)
