"""The start page: what is healthy at this moment, and the way to everything else."""

import re
import shutil
from collections import namedtuple

import pytest
import yaml
from starlette.testclient import TestClient

from roundtrip.home import Home
from roundtrip.runs import write_run_page
from roundtrip.servers import reports, start_page
from roundtrip.servers.commands import SERVICES, Service
from roundtrip.servers.start_page import LANGUAGES, PAGES, ServerState, render
from tests.run_fixture import AS_OF, a_run

Usage = namedtuple("Usage", "total used free")
ALL_WORK = {name: ServerState(f"http://127.0.0.1/{name}", True, {}) for name in ("airflow", "mlflow")}


@pytest.fixture
def ran(home, monkeypatch) -> Home:
    """A home in which a day ran without a complaint."""
    monkeypatch.setattr(shutil, "disk_usage", lambda place: Usage(0, 0, 2**40))
    a_run(home, warns=False)
    write_run_page(home, AS_OF)
    return home


def test_a_day_without_complaint_is_well(ran):
    for language, words in (("en", "All is well."), ("zh", "一切正常。")):
        page = render(ran, ALL_WORK, language)
        assert f'<h2 id="now">{words}</h2>' in page
        assert 'class="bad"' not in page
        assert 'class="watch"' not in page


def test_what_is_silent_or_failed_is_counted(ran):
    silent = ALL_WORK | {"mlflow": ServerState("", False, {})}
    page = render(ran, silent, "en")
    assert "To look at: 1" in page
    assert "Not all of it works: MLflow." in page
    assert "Not all of it works" not in render(ran, ALL_WORK, "en")
    a_run(ran, stops_at="read_files", warns=False)
    assert "failed at “Reads new files, sets bad rows aside”" in render(ran, silent, "en")


def test_it_leads_to_everything_that_is_there(ran):
    page = render(ran, ALL_WORK, "zh")
    links = re.findall(r'href="/(reports|gates)/([^"]+)"', page)
    assert {name for _, name in links} >= {
        "runs/index.zh.html",
        f"runs/{AS_OF}.zh.html",
        "runs/runbooks.html",
        f"{AS_OF}.en.html",
        f"{AS_OF}.zh.html",
        "data_docs/index.html",
    }
    for room, name in links:
        folder = ran.reports_dir if room == "reports" else ran.gates_dir
        assert (folder / name).exists(), name
    assert "dbt_docs" not in page
    assert ".pdf" not in page
    (ran.reports_dir / f"{AS_OF}.en.pdf").write_bytes(b"%PDF-")
    (ran.reports_dir / "dbt_docs").mkdir()
    (ran.reports_dir / "dbt_docs" / "index.html").write_text("<title>docs</title>")
    (ran.mlflow_dir / "model_card").mkdir(parents=True)
    (ran.mlflow_dir / "model_card" / "model_card.zh.html").write_text("<title>card</title>")
    page = render(ran, ALL_WORK, "zh")
    assert 'href="/model_card/model_card.zh.html"' in page
    assert "/model_card/" not in render(ran, ALL_WORK, "en")
    assert f'href="/reports/{AS_OF}.en.pdf"' in page
    assert 'href="/reports/dbt_docs/index.html"' in page


def test_the_model_card_is_shown_by_the_same_server_and_behind_its_login(ran):
    folder = ran.mlflow_dir / "model_card"
    folder.mkdir(parents=True)
    (folder / "model_card.en.html").write_text("<title>card</title>")
    (ran.mlflow_dir / "mlflow.db").write_text("of nobody's business")
    client = TestClient(
        reports.create_app(ran, {"ROUNDTRIP_REPORTS_PASSWORD": "x"}), base_url="http://127.0.0.1"
    )
    assert client.get("/model_card/model_card.en.html").status_code == 401
    client.auth = ("admin", "x")
    card = client.get("/model_card/model_card.en.html")
    assert (card.status_code, card.text) == (200, "<title>card</title>")
    assert "script-src 'unsafe-inline'" in card.headers["content-security-policy"]
    assert client.get("/model_card/../mlflow.db").status_code == 404
    assert client.get("/model_card/%2e%2e/mlflow.db").status_code == 404


def test_a_pdf_without_its_page_is_no_report(ran):
    (ran.reports_dir / "2025-12-31.en.pdf").write_bytes(b"%PDF-")
    assert "2025-12-31" not in render(ran, ALL_WORK, "en")


def test_it_opens_although_a_record_is_damaged(ran):
    (ran.runs_dir / str(AS_OF) / "train.json").write_text("{ half")
    page = render(ran, ALL_WORK, "en")
    assert "A record in this home cannot be read" in page
    assert f"{AS_OF}.en.html" in page


def test_looking_at_it_opens_no_database_of_the_home(ran, monkeypatch):
    def refuse(*arguments, **named):
        raise AssertionError("a reader must not hold a file that a run writes")

    monkeypatch.setattr("duckdb.connect", refuse)
    assert "All is well." in render(ran, ALL_WORK, "en")


def test_a_server_more_is_shown_where_it_is_configured(home, monkeypatch):
    more = Service("more", ("python",), (), port_group="more", health_path="/health")
    monkeypatch.setattr(reports, "SERVICES", (*SERVICES, more))
    assert "more" not in reports._states({})
    states = reports._states({"ROUNDTRIP_MORE_URL": "http://127.0.0.1:1", "ROUNDTRIP_MORE_HEALTH_URL": ""})
    assert states["more"] == ServerState("http://127.0.0.1:1", False, {})
    assert 'href="http://127.0.0.1:1"' in render(home, states, "en")


def test_every_server_has_its_words_in_both_languages():
    texts = yaml.safe_load((PAGES / "start.yml").read_text(encoding="utf-8"))
    groups = {service.port_group for service in SERVICES} - {None, "reports"}
    for language in LANGUAGES:
        missing = [g for g in groups if not {f"{g}_title", f"{g}_text"} <= set(texts[language])]
        assert missing == [], language


def test_no_text_is_unused():
    source = (PAGES / "start.html.j2").read_text(encoding="utf-8")
    source += (PAGES.parent / "start_page.py").read_text(encoding="utf-8")
    texts = yaml.safe_load((PAGES / "start.yml").read_text(encoding="utf-8"))["en"]
    of_servers = {
        f"{name}_{kind}" for name in ("airflow", "mlflow", "explorer") for kind in ("title", "text")
    }
    unused = {key for key in texts if not re.search(rf'(?:t\.|")\b{key}\b', source)}
    assert unused - of_servers == set()


def test_the_languages_of_the_page_are_those_of_the_texts():
    assert set(start_page.LANGUAGES) == set(yaml.safe_load((PAGES / "start.yml").read_text(encoding="utf-8")))
