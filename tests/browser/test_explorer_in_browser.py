"""The explorer as an analyst sees it: a real browser, both languages, a desk and a phone, light and dark."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from roundtrip.home import Home
from roundtrip.servers.reports import create_app
from tests.explorer_fixture import CUSTOMER, LEFT, publish_for_explorer
from tests.loopback import served

PASSWORD = "correct horse"
PAGES = (
    "",
    "questions/open_warnings_by_cause",
    "indicators?indicator=churn_rate&kind=country",
    "indicators?indicator=revenue",
    f"customers?id={CUSTOMER}",
    "customers",
    "tables",
    "tables/dim_customers",
    "sql?sql=SELECT+lifecycle_stage+FROM+marts.dim_customers",
)


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    """A report server on a free port of this machine, with the explorer in it."""
    home = Home(tmp_path_factory.mktemp("explorer"))
    publish_for_explorer(home)
    with served(create_app(home, {"ROUNDTRIP_REPORTS_PASSWORD": PASSWORD})) as address:
        yield address


@pytest.fixture
def visit(browser, address):
    """Open a page of the explorer; a console message or a request to anywhere else fails the test."""
    contexts, complaints = [], []

    def visit_page(path: str, language: str = "en", width: int = 1280, scheme: str = "light"):
        context = browser.new_context(
            http_credentials={"username": "admin", "password": PASSWORD},
            viewport={"width": width, "height": 900},
            color_scheme=scheme,
        )
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: complaints.append(f"console: {message.text}"))
        page.on("pageerror", lambda error: complaints.append(f"error: {error}"))
        page.on(
            "request",
            lambda asked: asked.url.startswith((address, "data:")) or complaints.append(asked.url),
        )
        page.goto(f"{address}/explorer/{path}{'&' if '?' in path else '?'}lang={language}")
        return page

    yield visit_page
    for context in contexts:
        context.close()
    assert complaints == []


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark")])
def test_every_page_can_be_read_by_everybody(visit, language, width, scheme):
    for path in PAGES:
        page = visit(path, language, width, scheme)
        assert page.evaluate("document.documentElement.scrollWidth") == width, path
        found = Axe().run(page, options={"runOnly": ["wcag2a", "wcag2aa", "best-practice"]})
        assert [f"{path}: {broken['id']}" for broken in found.response["violations"]] == []
        assert page.evaluate("document.documentElement.lang") == ("en" if language == "en" else "zh-Hans")


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_key_number_equals_the_table(visit, language):
    page = visit("indicators", language)
    assert page.locator("table.answer tbody tr").count() == len(LEFT)
    newest = page.locator("table.answer tbody tr").first.locator("td")
    assert newest.nth(2).inner_text() == f"{LEFT[-1] / 200:.2%}"
    assert newest.nth(3).inner_text() == str(LEFT[-1])
    assert page.get_by_role("img").filter(visible=True).count() == 1


def test_one_can_ask_change_the_language_and_look_a_customer_up(visit):
    page = visit("sql", "en")
    page.get_by_label("SQL", exact=True).fill("SELECT count(*) AS people FROM marts.dim_customers")
    page.get_by_role("button", name="Run").click()
    expect(page.locator("table.answer td")).to_have_text("40")
    page.get_by_role("link", name="中文").click()
    expect(page.locator("html")).to_have_attribute("lang", "zh-Hans")
    expect(page.locator("table.answer td")).to_have_text("40")
    page.get_by_role("link", name="单个客户").click()
    page.get_by_label("客户编号").fill(CUSTOMER)
    page.get_by_role("button", name="显示经历").click()
    expect(page.locator("main")).to_contain_text("Lisbon")
