"""axe-core over every page: WCAG 2 at levels A and AA; both languages, light and dark, desk and phone."""

import json
import re
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from roundtrip.files import write_atomically
from roundtrip.home import Home
from roundtrip.report import report
from roundtrip.runs import write_run_page
from roundtrip.servers.reports import create_app
from tests import report_fixture, run_fixture
from tests.loopback import served

PASSWORD = "a-password-for-this-test"
OPTIONS = {
    "runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"]},
    "resultTypes": ["violations"],
}
#: Page → where it is, relative to the reports.
PAGES = {
    "report": f"{report_fixture.AS_OF}.{{language}}.html",
    "index": "index.html",
    "run": f"runs/{run_fixture.AS_OF}.{{language}}.html",
    "status": "runs/index.{language}.html",
    "runbooks": "runs/runbooks.html",
}
ONE_LANGUAGE = {"index", "runbooks"}
LOOKS = [("en", "light", 1280), ("en", "dark", 390), ("zh", "dark", 1280), ("zh", "light", 390)]


@pytest.fixture(scope="module")
def reported(tmp_path_factory) -> Home:
    """A home with a report, a failed run, and a run before it."""
    home = Home(tmp_path_factory.mktemp("reported"))
    run_fixture.a_run(home)
    run_fixture.an_earlier_run(home, 1)
    run_fixture.an_earlier_run(home, 2, "train", "running")
    run_fixture.a_run(home, stops_at="marts_gate", error=("GateFailed", "refused", "mend `b.csv`"))
    for day, decision in (("2025-10-31", "refused"), ("2025-11-30", "approved")):
        folder = home.rounds_dir / f"R-{day}"
        plan = {"cost": 900.0, "budget": 1000.0, "currency": "EUR", "treatment": 40}
        write_atomically(folder / "plan.json", json.dumps(plan))
        write_atomically(folder / "decision.json", json.dumps({"decision": decision}))
    report_fixture.publish_by_hand(home)
    report(home, report_fixture.AS_OF)
    write_run_page(home, run_fixture.AS_OF)
    return home


def complaints(page) -> list[str]:
    """What axe finds, everything folded out first."""
    page.evaluate("document.querySelectorAll('details').forEach((d) => (d.open = true))")
    found = Axe().run(page, options=OPTIONS).response["violations"]
    return [
        f"{each['id']} ({each['impact']}): {node['target']} {node['html'][:160]}"
        for each in found
        for node in each["nodes"]
    ]


def cases():
    for name in PAGES:
        for language, scheme, width in LOOKS:
            if name not in ONE_LANGUAGE or language == "en":
                yield name, language, scheme, width


@pytest.mark.parametrize(("name", "language", "scheme", "width"), cases())
def test_axe_finds_nothing(open_file, reported, name, language, scheme, width):
    file: Path = reported.reports_dir / PAGES[name].format(language=language)
    page = open_file(file, width, scheme)
    assert complaints(page) == []
    # With everything folded out.
    assert page.evaluate("document.documentElement.scrollWidth") == width


def test_axe_finds_what_is_wrong(browser):
    page = browser.new_page()
    page.set_content("<html><body><img src='data:,'><p style='color:#ccc'>pale</p></body></html>")
    found = " ".join(complaints(page))
    page.close()
    assert "image-alt" in found
    assert "color-contrast" in found
    assert "landmark-one-main" in found


# --- the start page, which a server makes ------------------------------------------------------------------


@pytest.fixture(scope="module")
def server(reported):
    """The report server on a free port of loopback."""
    with served(create_app(reported, {"ROUNDTRIP_REPORTS_PASSWORD": PASSWORD})) as address:
        yield address


@pytest.fixture
def visit(browser, server):
    """Open a page of the server; a console message or a request beyond it fails the test."""
    wrong, contexts = [], []

    def open_page(path: str, width: int, scheme: str, bypass_csp: bool = False):
        context = browser.new_context(
            viewport={"width": width, "height": 900},
            color_scheme=scheme,
            http_credentials={"username": "admin", "password": PASSWORD},
            # axe is a script of the test's, which the page's policy rightly refuses.
            bypass_csp=bypass_csp,
        )
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: wrong.append(f"console: {message.text}"))
        page.on("pageerror", lambda error: wrong.append(f"error: {error}"))
        page.on("request", lambda asked: asked.url.startswith((server, "data:")) or wrong.append(asked.url))
        page.goto(server + path)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert wrong == []


@pytest.mark.parametrize(("language", "scheme", "width"), LOOKS)
def test_axe_finds_nothing_on_the_start_page(visit, language, scheme, width):
    page = visit(f"/?lang={language}", width, scheme, bypass_csp=True)
    assert complaints(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") == width


def test_one_can_walk_from_the_start_page_to_the_runbook_that_helps(visit):
    page = visit("/", 1280, "light")
    assert page.locator(".lights .bad").count() >= 1
    page.get_by_role("link", name="What needs a hand, and the runs over time").click()
    expect(page.get_by_role("heading", name="What needs a hand")).to_be_visible()
    page.get_by_role("link", name="A gate refuses the data").first.click()
    expect(page.locator(":target")).to_have_text("A gate refuses the data")
    page.get_by_role("link", name="Status", exact=True).click()
    page.locator("#runs").get_by_role("link", name=str(run_fixture.AS_OF)).click()
    stopped = "The run stopped at “Checks what would go out”"
    expect(page.get_by_role("heading", level=2).first).to_have_text(re.compile(f"{stopped}$"))
    page.get_by_role("link", name="Status", exact=True).click()
    expect(page).to_have_url(re.compile(r"/reports/runs/index\.en\.html$"))
