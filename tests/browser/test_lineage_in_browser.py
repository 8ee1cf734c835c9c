"""dbt's documentation page as the report server serves it: it opens a model, and asks for nothing else."""

import pytest

from roundtrip.build.lineage_page import lineage_page, write_docs
from roundtrip.servers.reports import create_app
from tests.company_fixture import published_company
from tests.loopback import served


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    """A report server on a free port, of a company that dbt has built."""
    home = published_company(tmp_path_factory)
    write_docs(home)
    page = lineage_page(home).relative_to(home.root).as_posix()
    with served(create_app(home, {"ROUNDTRIP_REPORTS_PASSWORD": "pw"})) as address:
        yield f"{address}/{page}"


def test_a_model_is_shown_with_its_columns_and_nothing_else_is_asked_for(browser, address) -> None:
    complaints, asked = [], []
    context = browser.new_context(http_credentials={"username": "admin", "password": "pw"})
    page = context.new_page()
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("request", lambda request: asked.append(request.url))
    page.goto(f"{address}#!/model/model.roundtrip.kpi_months")
    page.get_by_text("Every indicator of the definitions per month and segment").first.wait_for()
    assert page.get_by_text("sample_size", exact=True).first.is_visible()
    context.close()
    assert complaints == []
    assert {url.split("#")[0] for url in asked if not url.startswith("data:")} == {address}
