"""The report as a reader sees it: a real browser, both languages, a desk and a phone, light and dark."""

from itertools import pairwise
from pathlib import Path

import pytest
from playwright.sync_api import expect

from roundtrip import duck
from roundtrip.home import Home
from roundtrip.report import report
from roundtrip.report.formats import Formats
from tests.browser.contrast import CONTRAST, LEAST_CONTRAST
from tests.report_fixture import AS_OF, publish_by_hand


@pytest.fixture(scope="module")
def reports(tmp_path_factory) -> Path:
    home = Home(tmp_path_factory.mktemp("reports"))
    publish_by_hand(home)
    with pytest.MonkeyPatch.context() as patch:
        # PDFs have tests of their own.
        patch.setenv("ROUNDTRIP_CHROMIUM", "")
        report(home, AS_OF)
    return home.reports_dir


@pytest.fixture
def visit(open_file, reports):
    """Open a page of the report, by its file's name."""

    def visit_page(name: str, width: int = 1280, scheme: str = "light"):
        return open_file(reports / name, width, scheme)

    return visit_page


@pytest.mark.parametrize("language", ["en", "zh"])
def test_headline_numbers_equal_the_table(visit, reports, language):
    page = visit(f"{AS_OF}.{language}.html")
    home = Home(reports.parent)
    connection = duck.connect(home.current_db, home.tmp_dir, read_only=True)
    rows = connection.execute(
        "SELECT indicator, value FROM marts.kpi_months WHERE month = ? AND segment = 'all'", [AS_OF]
    ).fetchall()
    connection.close()
    values, formats = dict(rows), Formats(language, "?")
    for name, text in {
        "customers": formats.integer(values["customers"]),
        "active_customers": formats.integer(values["active_customers"]),
        "churn_rate": formats.rate(values["churn_rate"]),
        "retention_rate": formats.rate(values["retention_rate"]),
        "repeat_purchase_rate": formats.rate(values["repeat_purchase_rate"]),
    }.items():
        assert page.locator(f"[data-tile={name}] .value").inner_text() == text


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_phone_needs_no_sideways_scrolling(visit, language, scheme):
    page = visit(f"{AS_OF}.{language}.html", width=390, scheme=scheme)
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    page.evaluate("document.querySelectorAll('details').forEach((d) => (d.open = true))")
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    shown = "[...document.querySelectorAll('svg')].filter((s) => s.checkVisibility())"
    assert page.evaluate(f"{shown}.every((s) => s.classList.contains('narrow'))")
    assert page.evaluate(f"{shown}.length") == 10


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("width", [390, 1280])
def test_names_beside_ribbons_stay_within_their_picture(visit, language, width):
    page = visit(f"{AS_OF}.{language}.html", width=width)
    outside = """
    () => [...document.querySelectorAll("svg[aria-labelledby*=moves]")].filter((s) => s.checkVisibility())
      .map((svg) => [...svg.querySelectorAll("text")].map((t) => {
        const box = t.getBoundingClientRect(), all = svg.getBoundingClientRect();
        return Math.max(
          all.left - box.left, box.right - all.right, all.top - box.top, box.bottom - all.bottom
        );
      }))
    """
    found = page.evaluate(outside)
    assert len(found) == 2
    assert all(len(picture) > 8 and max(picture) <= 1 for picture in found), found


def test_landmarks_headings_and_names(visit):
    page = visit(f"{AS_OF}.en.html")
    for landmark in ("banner", "main", "contentinfo"):
        assert page.get_by_role(landmark).count() == 1
    assert page.get_by_role("heading", level=1).count() == 1
    levels = page.evaluate("[...document.querySelectorAll('h1,h2,h3')].map((h) => +h.tagName[1])")
    assert all(after - before <= 1 for before, after in pairwise(levels))
    pictures = page.get_by_role("img")
    assert pictures.count() == 10
    assert page.get_by_role("img", name="Monthly churn rate by month").count() == 1
    assert page.evaluate("[...document.querySelectorAll('table')].every((t) => t.querySelector('th[scope]'))")
    assert page.evaluate("document.documentElement.lang") == "en"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_all_text_can_be_read(visit, scheme):
    page = visit(f"{AS_OF}.en.html", scheme=scheme)
    worst = page.evaluate(CONTRAST)
    assert len(worst) > 20
    assert {name: ratio for name, ratio in worst.items() if ratio < LEAST_CONTRAST} == {}


def test_pictures_take_the_colours_of_the_theme(visit):
    page = visit(f"{AS_OF}.en.html")
    fill = "getComputedStyle(document.querySelector('.picture path[fill*=accent]')).fill"
    paper = "getComputedStyle(document.body).backgroundColor"
    before = page.evaluate(fill), page.evaluate(paper)
    page.locator("#theme").click()
    after = page.evaluate(fill), page.evaluate(paper)
    assert before[0] != after[0]
    assert before[1] != after[1]
    page.locator("#theme").click()
    assert (page.evaluate(fill), page.evaluate(paper)) == before


def test_one_can_walk_between_languages_index_and_sources(visit):
    page = visit("latest.en.html")
    page.get_by_role("link", name="中文").click()
    expect(page.locator("html")).to_have_attribute("lang", "zh-Hans")
    page.get_by_role("link", name="全部报告").click()
    page.get_by_role("link", name="30 November 2025", exact=True).click()
    page.locator("[data-tile=churn_rate] .where a").click()
    expect(page.locator(":target")).to_have_id("source-headline")
    page.locator("#source-headline summary").click()
    expect(page.locator("#source-headline pre")).to_contain_text("marts.kpi_months")


def test_print_has_no_dark_page_and_no_controls(visit):
    page = visit(f"{AS_OF}.en.html", scheme="dark")
    page.emulate_media(media="print")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert not page.locator("#theme").is_visible()
    assert page.locator(".picture.wide").first.is_visible()
