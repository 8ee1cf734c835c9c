"""Pictures of who moved from where to where: ribbons between two columns, as wide as they are many.

Vega-Lite has no such picture, so it is written as SVG, in the sizes and colours of the others.
"""

from collections.abc import Callable
from dataclasses import dataclass

from markupsafe import Markup, escape

from roundtrip.report.drawing import SIZES, Size, svg_root

#: In pixels: the columns, the gap between two of their parts, the headings above them, and the picture.
_COLUMN, _GAP, _HEADINGS, _HEIGHT = 9, 9, 26, 330
#: Between a column and its names, and what a name takes in height.
_BESIDE = 8
_NAME_HEIGHTS = {"wide": 18, "narrow": 29}


@dataclass(frozen=True)
class Flow:
    """So many customers from one group to another; groups by their keys."""

    origin: str
    target: str
    customers: int


@dataclass(frozen=True)
class Group:
    """A group's name for the reader, its count as text, and the CSS variable of its colour."""

    name: str
    colour: str


def flow_picture(
    name: str,
    title: str,
    flows: list[Flow],
    groups: dict[str, Group],
    headings: tuple[str, str],
    counted: Callable[[float], str],
) -> Markup:
    """The picture in each size.

    Args:
        name: unique within the page.
        title: its accessible name.
        flows: at least one, every count above 0.
        groups: by key, in the order from top to bottom.
        headings: above the left and the right column.
        counted: number → text.
    """
    return Markup("").join(_svg(size, name, title, flows, groups, headings, counted) for size in SIZES)


@dataclass(frozen=True)
class _Part:
    key: str
    top: float
    height: float
    customers: int

    @property
    def middle(self) -> float:
        return self.top + self.height / 2


def _parts(totals: dict[str, int], groups: dict[str, Group], scale: float) -> dict[str, _Part]:
    """A column: its groups from top to bottom."""
    parts: dict[str, _Part] = {}
    top = float(_HEADINGS)
    for key in groups:
        if key in totals:
            parts[key] = _Part(key, top, totals[key] * scale, totals[key])
            top += parts[key].height + _GAP
    return parts


def _width(text: str) -> float:
    """Of a text, in its font's size, generously: an SVG does not know the reader's fonts."""
    return sum(1.05 if ord(letter) >= 0x2E80 else 0.62 for letter in text)


def _totals(flows: list[Flow], side: str) -> dict[str, int]:
    totals: dict[str, int] = {}
    for flow in flows:
        key = getattr(flow, side)
        totals[key] = totals.get(key, 0) + flow.customers
    return totals


def _name_heights(parts: list[_Part], least: float, bottom: float) -> list[float]:
    """Where the names stand: beside the middle of their parts, pushed apart where two would overlap."""
    places: list[float] = []
    for part in parts:
        highest = places[-1] + least if places else _HEADINGS + least / 2
        places.append(max(part.middle, highest))
    limit = bottom
    for number in range(len(places) - 1, -1, -1):
        places[number] = min(places[number], limit)
        limit = places[number] - least
    return places


def _margin(size: Size, parts: list[_Part], groups, headings, counted) -> float:
    """Room for the names beside a column; on a phone the counts stand below them."""
    texts = [groups[part.key].name for part in parts]
    if size.name == "wide":
        texts = [f"{groups[part.key].name} {counted(part.customers)}" for part in parts]
    return _BESIDE + max(_width(text) for text in (*texts, *headings)) * size.font


def _svg(size: Size, name: str, title: str, flows, groups, headings, counted) -> Markup:
    origins, targets = _totals(flows, "origin"), _totals(flows, "target")
    most = max(len(origins), len(targets))
    scale = (_HEIGHT - _HEADINGS - _GAP * (most - 1)) / sum(flow.customers for flow in flows)
    left, right = _parts(origins, groups, scale), _parts(targets, groups, scale)
    margin = _margin(size, [*left.values(), *right.values()], groups, headings, counted)
    x = (margin + _COLUMN, size.width - margin - _COLUMN)
    shapes = [
        svg_root(name, title, size, f"0 0 {size.width} {_HEIGHT + 6}"),
        *_ribbons(flows, groups, left, right, x, scale, counted),
    ]
    for parts, at, anchor, heading in (
        (left, margin, "end", headings[0]),
        (right, x[1], "start", headings[1]),
    ):
        text_x = at - _BESIDE if anchor == "end" else at + _COLUMN + _BESIDE
        shapes.append(_text(text_x, 13, anchor, size.font, heading, "muted"))
        shown = list(parts.values())
        least = _NAME_HEIGHTS[size.name]
        names = _name_heights(shown, least, _HEIGHT + 9 - least / 2)
        for part, y in zip(shown, names, strict=True):
            shapes.append(
                f'<rect x="{at:.0f}" y="{part.top:.1f}" width="{_COLUMN}" height="{max(part.height, 1):.1f}" '
                f'fill="var(--{groups[part.key].colour})"/>'
            )
            shapes += _name(size, text_x, y, anchor, groups[part.key].name, counted(part.customers))
    return Markup("".join(shapes) + "</svg>")


def _ribbons(flows, groups, left, right, x: tuple[float, float], scale: float, counted) -> list[str]:
    order = {key: place for place, key in enumerate(groups)}
    used = {("origin", key): part.top for key, part in left.items()}
    used |= {("target", key): part.top for key, part in right.items()}
    middle = (x[0] + x[1]) / 2
    shapes = []
    for flow in sorted(flows, key=lambda each: (order[each.origin], order[each.target])):
        height = flow.customers * scale
        a, b = used["origin", flow.origin], used["target", flow.target]
        used["origin", flow.origin] += height
        used["target", flow.target] += height
        told = f"{groups[flow.origin].name} → {groups[flow.target].name}: {counted(flow.customers)}"
        shapes.append(
            f'<path d="M{x[0]:.0f} {a:.1f}C{middle:.0f} {a:.1f} {middle:.0f} {b:.1f} {x[1]:.0f} {b:.1f}'
            f"L{x[1]:.0f} {b + height:.1f}C{middle:.0f} {b + height:.1f} {middle:.0f} {a + height:.1f} "
            f'{x[0]:.0f} {a + height:.1f}Z" fill="var(--{groups[flow.origin].colour})" fill-opacity="0.5">'
            f"<title>{escape(told)}</title></path>"
        )
    return shapes


def _name(size: Size, x: float, y: float, anchor: str, name: str, count: str) -> list[str]:
    if size.name == "wide":
        return [_text(x, y + 4, anchor, size.font, name, "ink", count)]
    return [
        _text(x, y - 2, anchor, size.font, name, "ink"),
        _text(x, y + 11, anchor, size.font, count, "muted"),
    ]


def _text(x: float, y: float, anchor: str, font: int, text: str, colour: str, after: str = "") -> str:
    more = f' <tspan fill="var(--muted)">{escape(after)}</tspan>' if after else ""
    return (
        f'<text x="{x:.0f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{font}" '
        f'fill="var(--{colour})">{escape(text)}{more}</text>'
    )
