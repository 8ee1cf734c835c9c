"""Small multiples: each quantity's real shape in grey, the simulated one in colour."""

import re
import textwrap
from html import escape
from pathlib import Path

import altair as alt
import numpy as np
import pandas as pd

from benchmarks.believable import distances, shapes
from benchmarks.believable.shapes import Comparison, Shape

FORMAT = "svg"
REAL, SIMULATED = "real", "simulated"
GREY, COLOUR = "#a3a8ad", "#0b7a75"
INK, MUTED = "#22272b", "#5b6269"
PANEL_WIDTH, PANEL_HEIGHT = 330, 150
COLUMNS = 2
_TITLES = {
    "simulated-rhythm": "Rhythm of orders",
    "simulated-bookings": "Hotel bookings",
    "simulated-activity": "Activity of members",
    "simulated-texts": "Scores and texts",
}


def write(comparisons: list[Comparison], folder: Path) -> list[Path]:
    """One file per picture, replaced as a whole."""
    folder.mkdir(parents=True, exist_ok=True)
    files = []
    for name in _TITLES:
        shown = _shown(name, comparisons)
        if shown:
            file = folder / f"{name}.{FORMAT}"
            file.write_text(draw(name, shown), encoding="utf-8")
            files.append(file)
    return files


def description(name: str, comparisons: list[Comparison]) -> str:
    """What the picture shows, for those who cannot see it."""
    panels = "; ".join(f"{found.quantity.title} ({found.verdict})" for found in _shown(name, comparisons))
    return f"{_TITLES[name]}, real in grey beside simulated in colour: {panels}"


def draw(name: str, shown: list[Comparison]) -> str:
    """The picture as SVG with a title and a description inside."""
    panels = [_panel(found) for found in shown if not _is_single(found)]
    singles = [found for found in shown if _is_single(found)]
    if singles:
        panels.append(_singles(singles))
    chart = (
        alt.concat(*panels, columns=COLUMNS, spacing={"row": 104, "column": 72}, bounds="flush")
        # Flush: titles and axes of differing size would move the panels out of line.
        # Shared, the bars' places would be those of the widest categories of any panel.
        .resolve_scale(x="independent", xOffset="independent", y="independent")
        .configure(font="sans-serif", background="white", padding=10)
        .configure_view(stroke=None)
        .configure_axis(
            labelColor=MUTED,
            titleColor=MUTED,
            labelFontSize=11,
            titleFontSize=11,
            titleFontWeight="normal",
            gridColor="#e8eaec",
            domainColor="#c9cdd1",
            tickColor="#c9cdd1",
        )
        .configure_title(
            anchor="start", frame="group", color=INK, fontSize=13, subtitleColor=MUTED, subtitleFontSize=11
        )
        .configure_legend(labelFontSize=12, labelColor=INK, orient="top", title=None, symbolType="square")
    )
    import vl_convert

    svg = vl_convert.vegalite_to_svg(chart.to_dict())
    labels = (
        f'<title id="title">{escape(_TITLES[name])}: real beside simulated</title>'
        f'<desc id="desc">{escape(description(name, shown))}</desc>'
    )
    return re.sub(r"<svg([^>]*)>", rf'<svg\1 role="img" aria-labelledby="title desc">{labels}', svg, count=1)


def _shown(name: str, comparisons: list[Comparison]) -> list[Comparison]:
    return [found for found in comparisons if found.quantity.picture == name]


def _is_single(found: Comparison) -> bool:
    """Whether all there is to show are two numbers."""
    return not (found.quantity.bins or found.quantity.order or found.quantity.kind == "survival")


def _colours() -> alt.Color:
    return alt.Color("side:N", scale=alt.Scale(domain=[REAL, SIMULATED], range=[GREY, COLOUR]))


def _heading(found: Comparison) -> alt.TitleParams:
    sizes = f"{found.real.n:,} real, {found.simulated.n:,} simulated"
    return alt.TitleParams(found.quantity.title, subtitle=f"{sizes}: {found.verdict}", offset=8)


def _panel(found: Comparison) -> alt.Chart:
    quantity = found.quantity
    if quantity.kind == "survival":
        return _curve(found)
    if quantity.kind == "numeric":
        sides = [_in_bins(shape, quantity.bins) for shape in (found.real, found.simulated)]
        return _bars(_heading(found), _bin_labels(quantity.bins), sides, f"{quantity.unit}, from", "% of all")
    sides = [
        shapes.in_percent(shape, quantity.kind, quantity.order) for shape in (found.real, found.simulated)
    ]
    return _bars(_heading(found), list(quantity.order), sides, "", f"% of {quantity.unit}")


def _singles(singles: list[Comparison]) -> alt.Chart:
    """The quantities that are one number a side, in a panel of their own."""
    sides = [
        np.concatenate([shapes.in_percent(shape, found.quantity.kind, ("all",)) for found, shape in of_side])
        for of_side in (
            [(found, found.real) for found in singles],
            [(found, found.simulated) for found in singles],
        )
    ]
    width = 60 // len(singles)
    labels = [
        "\n".join(textwrap.wrap(found.quantity.title, width, break_on_hyphens=False)) for found in singles
    ]
    verdicts = ", ".join(found.verdict for found in singles)
    order = "from left to right: " if len(singles) > 1 else ""
    heading = alt.TitleParams("In one number", subtitle=order + verdicts, offset=8)
    return _bars(heading, labels, sides, "", "%")


def _bars(
    heading: alt.TitleParams, labels: list[str], sides: list[np.ndarray], below: str, beside: str
) -> alt.Chart:
    """Pairs of bars.

    Args:
        labels: one per pair; a line break or an underscore breaks the line.
        sides: heights of the real and of the simulated bars.
        below, beside: what the two axes are called.
    """
    between = max(0.25, 0.9 - 0.1 * len(labels))  # two pairs of bars across the whole panel would be walls
    longest = max(len(word) for label in labels for word in re.split(r"[_\n]", label))
    rows = pd.DataFrame(
        {
            "label": labels * 2,
            "side": [REAL] * len(labels) + [SIMULATED] * len(labels),
            "percent": np.nan_to_num(np.concatenate(sides)),
        }
    )
    return (
        alt.Chart(rows, title=heading, width=PANEL_WIDTH, height=PANEL_HEIGHT)
        .mark_bar()
        .encode(
            x=alt.X(
                "label:N",
                sort=labels,
                title=below,
                scale=alt.Scale(paddingInner=between, paddingOuter=between / 2),
                axis=alt.Axis(
                    labelAngle=0,
                    labelExpr="split(datum.label, /[_\\n]/)",
                    labelFontSize=11 if longest * len(labels) <= 60 else 9.5,
                    labelOverlap=False,
                    ticks=False,
                ),
            ),
            xOffset=alt.XOffset("side:N", sort=[REAL, SIMULATED]),
            y=_height(rows, beside),
            color=_colours(),
        )
    )


def _height(rows: pd.DataFrame, title: str) -> alt.Y:
    # Some air above: a tick's label at the very top would push the panel's title up.
    scale = alt.Scale(domain=[0, float(rows["percent"].max()) * 1.06 or 1.0], nice=False)
    return alt.Y("percent:Q", title=title, scale=scale, axis=alt.Axis(tickCount=4))


def _curve(found: Comparison) -> alt.Chart:
    until = min(found.real.until, found.simulated.until)
    days = np.arange(0, until + 1)
    rows = pd.concat(
        pd.DataFrame(
            {
                "day": days,
                "percent": distances.share_by((shape.values, shape.events), days) * 100,
                "side": side,
            }
        )
        for side, shape in ((REAL, found.real), (SIMULATED, found.simulated))
    )
    return (
        alt.Chart(rows, title=_heading(found), width=PANEL_WIDTH, height=PANEL_HEIGHT)
        .mark_line(interpolate="step-after", strokeWidth=2.5)
        .encode(
            x=alt.X("day:Q", title="days since the first order", axis=alt.Axis(grid=False)),
            y=_height(rows, "% back"),
            color=_colours(),
        )
    )


def _in_bins(shape: Shape, bins: tuple[float, ...]) -> np.ndarray:
    """Per cent of values by bin; what lies under the first bin's lower end counts with the first."""
    place = np.searchsorted(np.asarray(bins), shape.values, side="right").clip(1) - 1
    return np.bincount(place, weights=shape.counts, minlength=len(bins)) / shape.counts.sum() * 100


def _bin_labels(bins: tuple[float, ...]) -> list[str]:
    """The bins' lower ends (ranges would not fit side by side); the last bin is open."""
    return [*(f"{low:g}" for low in bins[:-1]), f"{bins[-1]:g}+"]
