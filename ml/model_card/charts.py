"""The card's pictures, drawn by matplotlib to SVG that takes its colours from the page's CSS.

Each is drawn twice, for a wide page and for a phone; CSS shows one of the two. Texts stay texts, in the fonts
of the page, so that Chinese needs no font on the machine that trains.
"""

import io
import re
import warnings
from collections.abc import Callable
from dataclasses import dataclass

from markupsafe import Markup, escape

#: Stand-ins for the CSS variables of roundtrip/report/templates/style.css, and their colours on paper.
COLOURS = {
    "ink": "#1c1d1f",
    "muted": "#5c5f63",
    "rule": "#dcd8cc",
    "accent": "#3d87a8",
    "accent-2": "#12506b",
    "stage-lost": "#b4461f",
}


@dataclass(frozen=True)
class Size:
    """Attributes: name (a CSS class), width and height in pixels."""

    name: str
    width: int
    height: int


SIZES = (Size("wide", 760, 330), Size("narrow", 342, 280))
_FONT_PX = 13


def gains_chart(evaluation: dict, kind: str, words) -> Markup:
    """Share of churners reached by share of customers called, of the model, the rule and chance."""

    def draw(ax, size):
        ax.plot([0, 1], [0, 1], color=COLOURS["rule"], linewidth=1.5)
        for name, colour, style in ((kind, "accent-2", "-"), ("rule", "stage-lost", "--")):
            points = evaluation["gains"].get(name)
            if points:
                ax.plot(*zip(*points, strict=True), color=COLOURS[colour], linestyle=style, linewidth=2.25)
        _shares(ax.xaxis), _shares(ax.yaxis)
        ax.set(xlim=(0, 1), ylim=(0, 1.02), xlabel=words("chart.called"), ylabel=words("chart.reached"))

    return drawn("gains", words("chart.gains"), draw)


def calibration_chart(evaluation: dict, kind: str, words) -> Markup:
    """Seen against said with intervals, and the diagonal on which both agree."""
    points = evaluation["calibration_curve"][kind]

    def draw(ax, size):
        said, seen = [p["said"] for p in points], [p["value"] for p in points]
        bars = [[p["value"] - p["low"] for p in points], [p["high"] - p["value"] for p in points]]
        top = min(1.0, 1.08 * max(*said, *(p["high"] for p in points)))
        ax.plot([0, top], [0, top], color=COLOURS["rule"], linewidth=1.5)
        ax.errorbar(
            said,
            seen,
            yerr=bars,
            color=COLOURS["accent-2"],
            marker="o",
            markersize=4,
            linewidth=2,
            elinewidth=1.2,
        )
        _shares(ax.xaxis), _shares(ax.yaxis)
        ax.set(xlim=(0, top), ylim=(0, top), xlabel=words("chart.said"), ylabel=words("chart.seen"))

    return drawn("calibration", words("chart.calibration"), draw)


def warning_chart(early_warning: dict, words) -> Markup:
    """Share of losses warned about at least so many days before, of the model and the best rule."""
    return drawn("warning", words("chart.warning"), warning_drawing(early_warning, words))


def warning_drawing(early_warning: dict, words) -> Callable:
    curve = early_warning["curve"]

    def draw(ax, size):
        days = [0, *(point["days"] for point in curve)]
        for name, colour, style in (("model", "accent-2", "-"), ("rule", "stage-lost", "--")):
            shares = [point[name] for point in curve]
            ax.step(days, [shares[0], *shares], color=COLOURS[colour], linestyle=style, linewidth=2.25)
        _shares(ax.yaxis)
        top = 1.08 * max(0.05, *(max(point["model"], point["rule"]) for point in curve))
        ax.set(xlim=(days[-1], 0), ylim=(0, min(1.02, top)))
        ax.set(xlabel=words("chart.days_before"), ylabel=words("chart.warned"))

    return draw


def decay_chart(decay: dict, words) -> Markup:
    """AUC by month of a model that is never retrained, with its interval, beside one that is."""
    return drawn("decay", words("chart.decay"), decay_drawing(decay, words))


def decay_drawing(decay: dict, words) -> Callable:
    months = decay["months"]

    def draw(ax, size):
        x = list(range(len(months)))
        old = [month["models"]["old"]["roc_auc"] for month in months]
        low, high = [auc["low"] for auc in old], [auc["high"] for auc in old]
        ax.fill_between(x, low, high, color=COLOURS["accent"], alpha=0.2, linewidth=0)
        ax.plot(x, [auc["value"] for auc in old], color=COLOURS["accent"], linewidth=2.25)
        if decay["refits"]:
            new = [month["models"]["refitted"]["roc_auc"]["value"] for month in months]
            ax.plot(x, new, color=COLOURS["accent-2"], linestyle="--", linewidth=2.25)
        step = -(-len(months) // (8 if size.name == "wide" else 3))
        ax.set_xticks(x[::step], [month["month"] for month in months][::step])
        ax.set(ylim=(min(0.5, min(low) - 0.02), min(1.0, max(high) + 0.03)), ylabel=words("chart.pairs"))
        _shares(ax.yaxis)

    return draw


def drawn(name: str, title: str, draw: Callable) -> Markup:
    """Both sizes of a picture, each an SVG with the title for those who cannot see it."""
    return Markup("").join(_svg(name, title, size, draw) for size in SIZES)


def as_file(picture: Markup) -> str:
    """The wide size of a picture as an SVG file of its own, with real colours on paper."""
    svg = str(picture)[: str(picture).index("</svg>") + len("</svg>")]
    for variable, colour in COLOURS.items():
        svg = svg.replace(f"var(--{variable})", colour)
    return svg.replace("<svg ", '<svg style="background: #fbfaf6; font-family: sans-serif" ', 1)


def figure_of(draw: Callable, size: Size):
    """A matplotlib figure; without pyplot, so that there is no global state and no window."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(size.width / 72, size.height / 72), layout="constrained")
    figure.patch.set_alpha(0)
    ax = figure.subplots()
    ax.patch.set_alpha(0)
    ax.spines[["top", "right"]].set_visible(False)
    ax.spines[["left", "bottom"]].set_color(COLOURS["muted"])
    ax.grid(axis="y", color=COLOURS["rule"], linewidth=0.6)
    ax.set_axisbelow(True)
    ax.tick_params(colors=COLOURS["muted"], labelsize=_FONT_PX)
    draw(ax, size)
    for label in (ax.xaxis.label, ax.yaxis.label):
        label.set(color=COLOURS["muted"], fontsize=_FONT_PX)
    return figure


def _shares(axis) -> None:
    from matplotlib.ticker import PercentFormatter

    axis.set_major_formatter(PercentFormatter(1.0, decimals=0))


def _svg(name: str, title: str, size: Size, draw: Callable) -> Markup:
    import matplotlib

    text = io.StringIO()
    # The salt makes the ids of clip paths the same each time; no date for the same reason.
    settings = {"svg.fonttype": "none", "svg.hashsalt": f"{name}-{size.name}"}
    with matplotlib.rc_context(settings), warnings.catch_warnings():
        # Widths of Chinese words are only estimated here; the browser sets them.
        warnings.filterwarnings("ignore", message="Glyph .* missing")
        figure_of(draw, size).savefig(text, format="svg", metadata={"Date": None, "Creator": None})
    found = text.getvalue()
    found = found[found.index("<svg") :]
    head, body = found[: found.index(">") + 1], found[found.index(">") + 1 :]
    view = re.search(r'viewBox="[^"]+"', head)[0]
    body = re.sub(r"<(metadata|style)\b.*?</\1>", "", body, flags=re.DOTALL)
    body = re.sub(r"font-family: [^;\"]+; ?", "", body)
    body = re.sub(r"font: (?:\w+ )*([\d.]+px) [^;\"]+", r"font-size: \1", body)
    for variable, colour in COLOURS.items():
        body = body.replace(colour, f"var(--{variable})")
    # The ids of the two sizes and of other pictures must not meet in one page.
    body = re.sub(r'(id="|href="#|url\(#)', rf"\1{name}-{size.name}-", body)
    start = (
        f'<svg class="picture {size.name}" xmlns="http://www.w3.org/2000/svg" '
        f'xmlns:xlink="http://www.w3.org/1999/xlink" {view} role="img"><title>{escape(title)}</title>'
    )
    return Markup(start + body)
