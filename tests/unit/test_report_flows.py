"""Pictures of who moved: ribbons as wide as they are many, names that do not overlap."""

import re
from itertools import pairwise

from roundtrip.report.flows import Flow, Group, flow_picture

GROUPS = {key: Group(key.upper(), f"stage-{key}") for key in ("a", "b", "c", "d")}
FLOWS = [
    Flow("a", "b", 300),
    Flow("a", "c", 100),
    Flow("b", "c", 1),
    Flow("c", "d", 1),
    Flow("d", "<b>", 2),
]


def _picture(flows=FLOWS) -> str:
    groups = GROUPS | {"<b>": Group("<b>&", "ink")}
    return str(flow_picture("moves", 'who "moved"', flows, groups, ("then", "now"), str))


def test_ribbons_are_as_wide_as_they_are_many():
    wide = _picture().split("</svg>")[0]
    numbers = r'd="M\d+ ([\d.]+)C[^L]*L\d+ ([\d.]+)C[^Z]* \d+ ([\d.]+)Z"[^>]*><title>([^<]+)<'
    found = {name: float(end) - float(start) for start, _, end, name in re.findall(numbers, wide)}
    assert len(found) == len(FLOWS)
    assert abs(found["A → C: 100"] * 3 - found["A → B: 300"]) < 0.5
    # A column's parts add up to all ribbons that leave it.
    heights = [float(height) for height in re.findall(r'<rect [^>]* height="([\d.]+)"', wide)]
    assert abs(sum(heights) - 2 * sum(found.values())) < 3


def test_names_of_small_parts_do_not_overlap():
    for svg, least in zip(_picture().split("</svg>")[:2], (17.9, 10.9), strict=True):
        height = float(re.search(r'viewBox="0 0 \d+ (\d+)"', svg)[1])
        for anchor in ("end", "start"):
            ys = [float(y) for y in re.findall(rf'y="([\d.]+)" text-anchor="{anchor}"', svg)]
            assert ys[0] == 13
            assert all(after - before >= least for before, after in pairwise(ys[1:]))
            assert max(ys) <= height


def test_every_size_has_its_name_and_texts_are_texts():
    picture = _picture()
    assert re.findall(r'<svg[^>]*class="picture (\w+)"', picture) == ["wide", "narrow"]
    assert picture.count("<title id=") == 2
    assert "who &#34;moved&#34;" in picture
    assert "&lt;b&gt;&amp;" in picture
    assert "<b>" not in picture
