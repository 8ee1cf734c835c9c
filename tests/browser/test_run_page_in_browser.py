"""The page of a run as a reader sees it: a real browser, both languages, desk and phone, light and dark."""

import re
from datetime import date
from itertools import pairwise
from pathlib import Path

import pytest
from playwright.sync_api import expect

from roundtrip.home import Home
from roundtrip.runs import run_page
from tests.browser.contrast import CONTRAST, LEAST_CONTRAST
from tests.run_fixture import AS_OF, ROWS, a_publication, a_run

GATE = ("GateFailed", "the landing gate refuses the data: 1 check failed", "mend the files; `x` " + "y/" * 80)
RUNS = {
    "done": {},
    "failed": {"stops_at": "landing_gate", "error": GATE},
    "running": {"stops_at": "build_warehouse", "status": "running"},
}


@pytest.fixture(scope="module")
def pages(tmp_path_factory) -> dict[str, Path]:
    """Per run the folder of its pages."""
    found = {}
    for name, settings in RUNS.items():
        home = Home(tmp_path_factory.mktemp(name))
        if name == "failed":
            a_publication(home, date(2025, 10, 31))
        a_run(home, **settings)
        run_page(home, AS_OF)
        found[name] = home.reports_dir / "runs"
    return found


@pytest.fixture
def visit(open_file, pages):
    """Open a run's page."""

    def visit_page(run: str, language: str = "en", width: int = 1280, scheme: str = "light"):
        return open_file(pages[run] / f"{AS_OF}.{language}.html", width, scheme)

    return visit_page


@pytest.mark.parametrize("run", RUNS)
@pytest.mark.parametrize("language", ["en", "zh"])
def test_no_width_needs_sideways_scrolling(visit, run, language):
    for width in (360, 390, 768, 1280):
        page = visit(run, language, width)
        assert page.evaluate("document.documentElement.scrollWidth") == width
        wider = (
            "[...document.querySelectorAll('main *')].filter((e) => !e.closest('.skip') && "
            "e.checkVisibility() && e.getBoundingClientRect().right > innerWidth + 1).map((e) => e.outerHTML)"
        )
        assert page.evaluate(wider) == []


@pytest.mark.parametrize("run", RUNS)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_all_text_can_be_read(visit, run, scheme):
    worst = visit(run, scheme=scheme).evaluate(CONTRAST)
    assert len(worst) > 20
    assert {name: ratio for name, ratio in worst.items() if ratio < LEAST_CONTRAST} == {}


def test_bars_are_as_long_as_their_numbers(visit):
    page = visit("done")
    bars = page.locator(".bars .bar")
    shown = [name for name, counts in ROWS.items() if counts[0]]
    assert bars.count() == len(shown)
    for number, name in enumerate(shown):
        total, loaded, *_ = ROWS[name]
        measured = bars.nth(number).evaluate(
            "(bar) => bar.querySelector('.loaded').getBoundingClientRect().width"
            " / bar.getBoundingClientRect().width"
        )
        # Small parts are at least three pixels wide, so that nobody overlooks them.
        assert measured == pytest.approx(loaded / total, abs=0.05)
        parts = bars.nth(number).evaluate(
            "(bar) => [...bar.children].filter((e) => !e.hidden).map((e) => e.getBoundingClientRect().width)"
        )
        assert min(parts) >= 2.9
    spans = page.evaluate(
        "[...document.querySelectorAll('.road .span')].map((e) => { const s = e.getBoundingClientRect(), "
        "t = e.parentElement.getBoundingClientRect(); return [s.left - t.left, s.right - t.right]; })"
    )
    assert all(later[0] >= earlier[0] for earlier, later in pairwise(spans))
    assert all(right <= 4 for _, right in spans), "a stage ends after the run"


def test_landmarks_headings_and_names(visit):
    page = visit("failed")
    for landmark in ("banner", "main", "contentinfo"):
        assert page.get_by_role(landmark).count() == 1
    assert page.get_by_role("heading", level=1).count() == 1
    levels = page.evaluate("[...document.querySelectorAll('h1,h2,h3')].map((h) => +h.tagName[1])")
    assert all(after - before <= 1 for before, after in pairwise(levels))
    assert page.get_by_role("img", name="bookings: 99.4% loaded, 0.65% refused").count() == 1
    assert page.evaluate("[...document.querySelectorAll('table')].every((t) => t.querySelector('th[scope]'))")
    assert page.get_by_role("heading", name="The run stopped at “Checks what came in”").is_visible()


def test_one_can_walk_to_the_other_language_and_the_report(visit):
    page = visit("done")
    page.get_by_role("link", name="中文").click()
    expect(page.locator("html")).to_have_attribute("lang", "zh-Hans")
    page.get_by_role("link", name="报告", exact=True).click()
    expect(page).to_have_url(re.compile(rf"/reports/{AS_OF}\.zh\.html$"))


def test_the_theme_can_be_changed(visit):
    page = visit("done")
    paper = "getComputedStyle(document.body).backgroundColor"
    before = page.evaluate(paper)
    page.locator("#theme").click()
    assert page.evaluate(paper) != before
