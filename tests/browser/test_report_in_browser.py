"""The report as a reader sees it: a real browser, both languages, a desk and a phone, light and dark."""

import os
import shutil
from itertools import pairwise
from pathlib import Path

import pytest

from roundtrip import duck
from roundtrip.home import Home
from roundtrip.report import report
from roundtrip.report.formats import Formats
from tests.report_fixture import AS_OF, publish_by_hand

CHROMIUM_ARGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
#: Smallest contrast of text with what lies behind it (WCAG 2.2, level AA, normal size).
LEAST_CONTRAST = 4.5

CONTRAST = """
() => {
  const channel = (v) => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
  const light = ([r, g, b]) => 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b);
  const parts = (colour) => colour.match(/[\\d.]+/g).map(Number);
  const behind = (element) => {
    for (let e = element; e; e = e.parentElement) {
      const colour = parts(getComputedStyle(e).backgroundColor);
      if (colour.length === 3 || colour[3] === 1) return colour;
    }
    return [255, 255, 255];
  };
  const worst = {};
  for (const element of document.querySelectorAll("body *")) {
    const isText = [...element.childNodes].some((n) => n.nodeType === 3 && n.data.trim());
    if (!isText || !element.checkVisibility()) continue;
    const isPicture = element.closest("svg");
    const front = parts(getComputedStyle(element)[isPicture ? "fill" : "color"]);
    const pair = [light(front), light(behind(element))].sort((a, b) => b - a);
    const ratio = (pair[0] + 0.05) / (pair[1] + 0.05);
    const name = element.tagName + "." + element.getAttribute("class");
    worst[name] = Math.min(worst[name] ?? 99, ratio);
  }
  return worst;
}
"""


@pytest.fixture(scope="module")
def browser():
    path = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    if not path:
        pytest.skip("no chromium on this machine: install it, or name it in $CHROMIUM")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=CHROMIUM_ARGS)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def reports(tmp_path_factory) -> Path:
    home = Home(tmp_path_factory.mktemp("reports"))
    publish_by_hand(home)
    report(home, AS_OF)
    return home.reports_dir


@pytest.fixture
def visit(browser, reports):
    """Open a page of the report; a console message or a request beyond the file itself fails the test."""
    opened, complaints = [], []

    def open_page(name: str, width: int = 1280, scheme: str = "light"):
        page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
        page.on("console", lambda message: complaints.append(f"console: {message.text}"))
        page.on("pageerror", lambda error: complaints.append(f"error: {error}"))
        page.on(
            "request", lambda asked: asked.url.startswith(("file:", "data:")) or complaints.append(asked.url)
        )
        page.goto((reports / name).as_uri())
        opened.append(page)
        return page

    yield open_page
    for page in opened:
        page.close()
    assert complaints == []


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
    assert page.evaluate(f"{shown}.length") == 7


def test_landmarks_headings_and_names(visit):
    page = visit(f"{AS_OF}.en.html")
    for landmark in ("banner", "main", "contentinfo"):
        assert page.get_by_role(landmark).count() == 1
    assert page.get_by_role("heading", level=1).count() == 1
    levels = page.evaluate("[...document.querySelectorAll('h1,h2,h3')].map((h) => +h.tagName[1])")
    assert all(after - before <= 1 for before, after in pairwise(levels))
    pictures = page.get_by_role("img")
    assert pictures.count() == 7
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
    assert page.evaluate("document.documentElement.lang") == "zh-Hans"
    page.get_by_role("link", name="全部报告").click()
    page.get_by_role("link", name="30 November 2025", exact=True).click()
    page.locator("[data-tile=churn_rate] .where a").click()
    assert page.evaluate("document.querySelector(':target').id") == "source-headline"
    page.locator("#source-headline summary").click()
    assert "marts.kpi_months" in page.locator("#source-headline pre").inner_text()


def test_print_has_no_dark_page_and_no_controls(visit):
    page = visit(f"{AS_OF}.en.html", scheme="dark")
    page.emulate_media(media="print")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert not page.locator("#theme").is_visible()
    assert page.locator(".picture.wide").first.is_visible()
