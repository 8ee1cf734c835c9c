"""Drawing a picture: Vega-Lite through altair, to SVG that takes its colours from the page's CSS.

Each picture is drawn twice, for a wide page and for a phone; CSS shows one of the two.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from markupsafe import Markup, escape

_STYLE = (Path(__file__).parent / "templates" / "style.css").read_text(encoding="utf-8")
# Vega wants real colours. These stand for the page's CSS variables and are replaced by them, so that one
# picture serves light, dark and print.
COLOURS = {
    name: f"#00fe{number:02x}"
    for number, name in enumerate(dict.fromkeys(re.findall(r"--([\w-]+): #", _STYLE)))
}

WIDE_PX = 760
NARROW_PX = 342


@dataclass(frozen=True)
class Size:
    """A picture's width in pixels, the size of its letters, and how much is named on its time axis."""

    name: str
    width: int
    font: int
    #: At most so many months are named on the time axis.
    ticks: int


SIZES = (Size("wide", WIDE_PX, 13, 8), Size("narrow", NARROW_PX, 12, 3))


def picture(name: str, title: str, draw: Callable[[Size], Any], sizes: tuple[Size, ...] = SIZES) -> Markup:
    """The picture in each size, one SVG beside the other.

    Args:
        name: unique within the page.
        title: its accessible name.
        draw: makes altair's chart of a size, with colours of COLOURS.
    """
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
            "labelColor": COLOURS["muted"],
            "titleColor": COLOURS["muted"],
            "labelFontSize": size.font,
            "titleFontSize": size.font,
            "titleFontWeight": "normal",
            "labelPadding": 6,
            "gridColor": COLOURS["rule"],
            "domainColor": COLOURS["rule"],
            "ticks": False,
        },
        "axisY": {"domain": False},
        "axisX": {"domainColor": COLOURS["muted"], "ticks": True, "tickColor": COLOURS["muted"]},
    }
    svg = vl_convert.vegalite_to_svg(spec)
    for colour, stand_in in COLOURS.items():
        svg = svg.replace(stand_in, f"var(--{colour})")
    # vl-convert counts clip paths through the whole process: the same input would give other bytes.
    ids = {
        old: f"{name}-{size.name}-{i}" for i, old in enumerate(dict.fromkeys(re.findall(r'id="(\w+)"', svg)))
    }
    for old, new in ids.items():
        svg = svg.replace(f'id="{old}"', f'id="{new}"').replace(f"url(#{old})", f"url(#{new})")
    svg = re.sub(r' (?:role|aria-[\w]+)="[^"]*"', "", svg)
    root = svg_root(name, title, size, re.search(r'viewBox="([^"]+)"', svg).group(1))
    return Markup(re.sub(r"^<svg[^>]*>", lambda _: root, svg, count=1))


def svg_root(name: str, title: str, size: Size, view_box: str) -> str:
    """The opening tag of a picture of that size, with its accessible name."""
    title_id, width = f"picture-{name}-{size.name}", float(view_box.split()[2])
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="picture {size.name}" viewBox="{view_box}" '
        f'style="max-width:{width:.0f}px" role="img" aria-labelledby="{title_id}">'
        f'<title id="{title_id}">{escape(title)}</title>'
    )
