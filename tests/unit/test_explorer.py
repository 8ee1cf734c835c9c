"""The explorer's pages over HTTP: what they say, in both languages, with much and with little published."""

import re
from contextlib import contextmanager
from html.parser import HTMLParser
from threading import Event, Semaphore, Thread

import pytest
import yaml
from starlette.applications import Starlette
from starlette.testclient import TestClient

from roundtrip import explorer
from roundtrip.explorer import site as explorer_site
from roundtrip.explorer.view import TEXTS
from roundtrip.home import PROJECT_ROOT, Home
from roundtrip.publish.snapshots import SNAPSHOTS
from roundtrip.queries import Limits, opened, saved_queries
from roundtrip.report.words import load_texts
from roundtrip.servers.reports import create_app
from tests.explorer_fixture import CUSTOMER, LEFT, publish_for_explorer
from tests.published_fixture import change_published

EVERY_PAGE = (
    "/explorer/",
    "/explorer/indicators",
    "/explorer/indicators?indicator=churn_rate&kind=country",
    "/explorer/indicators?indicator=revenue",
    "/explorer/customers",
    f"/explorer/customers?id={CUSTOMER}",
    "/explorer/tables",
    "/explorer/tables/kpi_months",
    "/explorer/sql",
    "/explorer/sql?sql=SELECT+1+AS+one",
    "/explorer/questions/open_warnings_by_cause",
    "/explorer/questions/effects_against_the_holdout",
)


def site_of(home: Home, limits: Limits | None = None) -> TestClient:
    return TestClient(Starlette(routes=explorer.routes(home, limits)), base_url="http://127.0.0.1")


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> TestClient:
    home = Home(tmp_path_factory.mktemp("explorer"))
    publish_for_explorer(home)
    return site_of(home)


class Page(HTMLParser):
    """The text of a page, without its SQL and style, and where it links to."""

    def __init__(self, html: str):
        super().__init__()
        self.text, self.links, self._silent = "", [], 0
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self._silent += tag in ("pre", "style", "textarea")
        # Cells side by side are words of their own.
        self.text += " " * (tag in ("td", "th"))
        self.links += [value for name, value in attrs if name in ("href", "action", "src")]

    def handle_endtag(self, tag):
        self._silent -= tag in ("pre", "style", "textarea")

    def handle_data(self, data):
        self.text += "" if self._silent else data


# --- every page --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("path", EVERY_PAGE)
def test_every_page_is_whole(site, path, language):
    answer = site.get(path, headers={"accept-language": language})
    assert answer.status_code == 200
    page = Page(answer.text)
    assert f'<html lang="{"zh-Hans" if language == "zh" else "en"}">' in answer.text
    assert not re.search(r"\b(None|NaN|nan|Undefined)\b", page.text)
    assert all(link.startswith(("/", "#", "data:")) for link in page.links)
    assert "<script" not in answer.text


@pytest.mark.parametrize("name", saved_queries())
def test_every_question_has_its_page(site, name):
    answer = site.get(f"/explorer/questions/{name}?lang=zh")
    # The little fixture lacks some tables; that is said, and nothing breaks.
    assert answer.status_code in (200, 400, 404)
    assert "Traceback" not in answer.text
    if answer.status_code == 200:
        assert saved_queries()[name].question["zh"] in answer.text


def test_both_languages_have_the_same_texts():
    assert load_texts("en", TEXTS).keys() == load_texts("zh", TEXTS).keys()


def test_every_indicator_and_every_gap_has_its_words():
    macro = (PROJECT_ROOT / "dbt_project" / "macros" / "indicators.sql").read_text(encoding="utf-8")
    named = set(re.findall(r'^\s+\("(\w+)", ', macro, re.MULTILINE))
    assert len(named) > 20
    gaps = (PROJECT_ROOT / "dbt_project" / "models" / "marts" / "kpi_gaps.sql").read_text(encoding="utf-8")
    reasons = set(re.findall(r'^    "(\w+)": ', gaps, re.MULTILINE))
    assert len(reasons) > 5
    for language in ("en", "zh"):
        ours, reports = load_texts(language, TEXTS), load_texts(language)
        assert {n for n in named if f"indicator.{n}" not in ours | reports} == set()
        assert {reason for reason in reasons if f"gap.{reason}" not in ours} == set()


def test_every_product_is_described_in_both_languages_and_its_columns_by_their_comments(site):
    made = SNAPSHOTS | {"customer_scores", "model_monitoring", "model_shadow_scores"}
    for language, said in (("en", "Customers who may be leaving"), ("zh", "可能离开的客户")):
        texts = load_texts(language, TEXTS)
        assert {name for name in made if f"product.{name}" not in texts} == set()
        assert said in site.get(f"/explorer/tables?lang={language}").text
        page = Page(site.get(f"/explorer/tables/warnings?lang={language}").text).text
        assert said in page
        assert "Churn probability times the net value of the next twelve months" in page


def test_every_status_of_the_contract_has_its_words():
    contract = PROJECT_ROOT / "roundtrip" / "contract" / "source_contract.yml"
    columns = yaml.safe_load(contract.read_text(encoding="utf-8"))["tables"]["bookings"]["columns"]
    for language in ("en", "zh"):
        texts = load_texts(language, TEXTS)
        for group, column in (("status", "status"), ("service_line", "service_line")):
            assert {v for v in columns[column]["values"] if f"{group}.{v}" not in texts} == set()


# --- what pages say ----------------------------------------------------------------------------------------


def test_the_indicator_page_equals_the_table(site):
    text = site.get("/explorer/indicators?lang=en").text
    assert f"{LEFT[-1] / 200:.2%}" in text
    rows = re.findall(r"<tr><td>(2025-\d\d)</td>", text)
    assert rows == [f"2025-{month:02d}" for month in range(12, 0, -1)]
    assert 'role="img"' in text


def test_segments_can_be_chosen_and_unknown_ones_are_left_out(site):
    address = "/explorer/indicators?indicator=churn_rate&kind=country&segment=FR&segment=XX"
    text = site.get(address).text
    assert "<td>FR</td>" in text
    assert "<td>DE</td>" not in text


def test_what_is_missing_is_said_with_its_reason(site):
    page = Page(site.get("/explorer/indicators?indicator=revenue&lang=en").text)
    assert "No month of this indicator can be told yet" in page.text
    assert "No price had been delivered by then" in page.text


def test_a_customers_story_is_told_newest_first(site):
    page = Page(site.get(f"/explorer/customers?id={CUSTOMER}&lang=en").text)
    days = re.findall(r"(\d{4}-\d\d-\d\d) +(?:Stage|Booking|Churn|Warning|Action)", page.text)
    assert days == sorted(days, reverse=True)
    assert len(days) == 2 + 1 + 1 + 3 + 5
    for told in (
        "from Introduction to Decline",
        "hotel to Lisbon",
        "net value 450.5",
        "silent for long",
        "62.0%",
    ):
        assert told in page.text
    assert "长期沉默" in site.get(f"/explorer/customers?id={CUSTOMER}&lang=zh").text


def test_nobody_by_that_id_is_said_and_is_no_markup(site):
    answer = site.get("/explorer/customers", params={"id": "<script>alert(1)</script>", "lang": "en"})
    assert answer.status_code == 404
    assert "Nobody has the id" in answer.text
    assert "<script" not in answer.text


def test_a_table_is_shown_with_the_comments_of_the_database(site):
    text = site.get("/explorer/tables/dim_customers").text
    assert "One row per customer, as of the date of the build." in text
    assert "Country of residence &amp; &lt;nothing&gt; else." in text
    assert site.get("/explorer/tables/no_such_table").status_code == 404


def test_an_answer_can_be_taken_along(site):
    answer = site.get("/explorer/questions/open_warnings_by_cause/answer.csv")
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.headers["content-disposition"] == 'attachment; filename="open_warnings_by_cause.csv"'
    assert answer.text.splitlines()[1].startswith("price,2,1,1,")


def test_own_sql_is_answered_or_refused_with_a_reason(site):
    asked = "SELECT count(*) AS people FROM marts.dim_customers"
    assert re.search(r'<td class="n">40</td>', site.get("/explorer/sql", params={"sql": asked}).text)
    for sql, said in (
        ("DROP TABLE marts.dim_customers", "exactly one SELECT"),
        ("SELECT nothing_such FROM marts.dim_customers", "DuckDB says"),
        ("SELECT * FROM marts.nowhere", "The table nowhere is not published"),
    ):
        answer = site.get("/explorer/sql", params={"sql": sql, "lang": "en"})
        assert answer.status_code in (400, 404)
        assert said in answer.text


def test_what_takes_too_long_is_stopped_and_said(tmp_path):
    home = Home(tmp_path)
    publish_for_explorer(home)
    slow = "SELECT sum(a.range * b.range) FROM range(10000000) a, range(1000000) b"
    answer = site_of(home, Limits(seconds=0.3)).get("/explorer/sql", params={"sql": slow, "lang": "en"})
    assert answer.status_code == 400
    assert "it took longer than 0.3 s" in answer.text


def test_more_than_a_few_at_once_wait_and_are_told_so(tmp_path, monkeypatch):
    home = Home(tmp_path)
    publish_for_explorer(home)
    has_turn, may_go_on = Semaphore(0), Event()

    @contextmanager
    def slowly(*arguments):
        has_turn.release()
        may_go_on.wait(60)
        with opened(*arguments) as warehouse:
            yield warehouse

    monkeypatch.setattr(explorer_site, "PATIENCE_S", 0.05)
    monkeypatch.setattr(explorer_site, "opened", slowly)
    site = site_of(home)
    asking = [Thread(target=site.get, args=("/explorer/",)) for _ in range(explorer_site.AT_ONCE)]
    for thread in asking:
        thread.start()
    assert all(has_turn.acquire(timeout=60) for _ in asking)
    answer = site.get("/explorer/?lang=en")
    assert answer.status_code == 503
    assert "Others are asking just now" in answer.text
    may_go_on.set()
    for thread in asking:
        thread.join(timeout=60)
    assert site.get("/explorer/").status_code == 200


def test_a_link_from_another_site_asks_nothing(site):
    headers = {"sec-fetch-site": "cross-site"}
    assert site.get("/explorer/sql?sql=SELECT+1", headers=headers).status_code == 403
    assert site.get("/explorer/", headers=headers).status_code == 200


# --- with little published ---------------------------------------------------------------------------------


@pytest.mark.parametrize("language", ["en", "zh"])
def test_without_a_publication_every_page_says_what_to_do(tmp_path, language):
    site = site_of(Home(tmp_path))
    for path in EVERY_PAGE:
        answer = site.get(path, headers={"accept-language": language})
        assert answer.status_code == 503
        assert "make run" in answer.text


def test_a_first_month_without_any_indicator_is_said(tmp_path):
    home = Home(tmp_path)
    publish_for_explorer(home)
    change_published(home, "DELETE FROM marts.kpi_months", "DELETE FROM marts.kpi_gaps")
    text = site_of(home).get("/explorer/indicators?lang=en").text
    assert "No month of this indicator can be told yet." in text
    assert "<select" not in text


@pytest.mark.parametrize("language", ["en", "zh"])
def test_without_scores_prices_and_actions_nothing_is_empty(tmp_path, language):
    home = Home(tmp_path)
    publish_for_explorer(home, has_products=False, has_prices=False)
    site = site_of(home)
    story = Page(site.get(f"/explorer/customers?id={CUSTOMER}&lang={language}").text).text
    assert ("No model has scored yet." if language == "en" else "还没有模型评分。") in story
    assert (
        "Not published here yet: Warning, Action of a round." if language == "en" else "尚未发布"
    ) in story
    assert not re.search(r"\b(None|NaN|nan)\b", story)
    refused = site.get(f"/explorer/questions/open_warnings_by_cause?lang={language}")
    assert refused.status_code == 404
    assert "warnings" in refused.text
    assert site.get(f"/explorer/customers?lang={language}").status_code == 200


# --- behind the login --------------------------------------------------------------------------------------


def test_it_is_behind_the_login_and_loads_nothing_from_elsewhere(tmp_path):
    home = Home(tmp_path)
    publish_for_explorer(home)
    site = TestClient(create_app(home, {"ROUNDTRIP_REPORTS_PASSWORD": "pw"}), base_url="http://127.0.0.1")
    for path in ("/explorer/", "/explorer/sql?sql=SELECT+1", "/explorer/style.css"):
        assert site.get(path).status_code == 401
        answer = site.get(path, auth=("admin", "pw"))
        assert answer.status_code == 200
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "script-src" not in policy
        assert "form-action 'self'" in policy
    assert 'href="/explorer/?lang=en"' in site.get("/?lang=en", auth=("admin", "pw")).text
