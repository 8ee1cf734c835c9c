"""The page of a run: what it says of every kind of run, what it never says, and that it is always written."""

import html
import json
import re
import string
from datetime import date, timedelta
from types import SimpleNamespace
from urllib.parse import urljoin

import pytest
from rich.console import Console
from starlette.testclient import TestClient

from roundtrip import stages
from roundtrip.contract import source_contract
from roundtrip.errors import BadInput
from roundtrip.home import Home
from roundtrip.ingest import rules
from roundtrip.local import run_locally
from roundtrip.report.words import LANGUAGES, Words, load_texts
from roundtrip.runs import run_page, write_run_page
from roundtrip.runs.facts import gather
from roundtrip.runs.page import render
from roundtrip.runs.parts import TEXTS_DIR, duration
from roundtrip.servers import reports, start_page
from roundtrip.told import Told, listed
from tests.run_fixture import AS_OF, REFUSED, ROWS, STARTED_AT, STATUS_TEXTS, a_publication, a_run

GATE = ("GateFailed", "refused: 1 check\n  bookings.customer_id (observed ['cust-secret-1'])", "mend `b.csv`")
BROKEN = ("CheckBroken", "broken:\n  cust-secret-3", "mend the suite")

#: Runs of every kind the page must cope with.
CASES = {
    "done": {},
    "nothing new": {"delivered": False, "warns": False},
    "gate failed": {"stops_at": "landing_gate", "error": GATE},
    "marts gate broken": {"stops_at": "marts_gate", "error": BROKEN},
    "bad file": {"stops_at": "read_files"},
    "foreign error": {"stops_at": "train", "error": ("ValueError", "cannot convert cust-secret-2", None)},
    "killed in the gate": {"stops_at": "marts_gate", "status": "running"},
    "killed while reading": {"stops_at": "read_files", "status": "running"},
    "partly": {"stops_at": "load", "status": "done", "error": (None, None, None)},
}


@pytest.fixture(scope="module")
def cases(tmp_path_factory) -> dict[str, dict]:
    found = {}
    for name, settings in CASES.items():
        home = Home(tmp_path_factory.mktemp("run"))
        if name == "gate failed":
            a_publication(home, date(2025, 10, 31))
        a_run(home, **settings)
        if name == "partly":
            record = home.runs_dir / str(AS_OF) / "load.json"
            left = json.loads(record.read_text()) | {"status": "done", "summary": {"tables": {}}}
            record.write_text(json.dumps(left))
        facts = gather(home, AS_OF)
        words = {language: Words(language, TEXTS_DIR) for language in LANGUAGES}
        pages = {language: render(facts, words[language]) for language in LANGUAGES}
        used = words["en"].used | words["zh"].used
        found[name] = {"home": home, "facts": facts, "pages": pages, "used": used}
    return found


def _visible(page: str) -> str:
    page = re.sub(r"(?s)<(style|script)\b.*?</\1>", " ", page)
    labels = " ".join(re.findall(r'(?:aria-label|data-label|title)="([^"]*)"', page))
    return html.unescape(re.sub(r"<[^>]+>", " ", page) + " " + labels)


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("language", LANGUAGES)
def test_a_gap_is_said_in_words_and_no_value_is_told(cases, case, language):
    page = cases[case]["pages"][language]
    shown = _visible(page)
    assert not re.search(r"\b(NaN|None|null|NULL|nan|inf|undefined|Undefined)\b|\{\w*\}", shown)
    assert "secret" not in page
    for bar in re.findall(r'(?s)<span class="bar" role.*?</span>', page):
        assert any(int(grow) > 0 for grow in re.findall(r'<i class="\w+" style="flex-grow: (\d+)"', bar))
    ids = re.findall(r'\bid="([^"]+)"', page)
    assert len(ids) == len(set(ids))
    assert set(re.findall(r'href="#([^"]+)"', page)) <= set(ids)


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_page_carries_everything_and_fetches_nothing(cases, language):
    page = cases["done"]["pages"][language]
    local = r"#|data:,|\.\./\.\./gates/data_docs/index\.html|(?:\.\./)?(?:2025-11-30|index)\.(?:en|zh)\.html"
    assert not re.search(rf'(?:src|href)="(?!{local})', page)
    assert "@import" not in page
    assert "url(" not in page


@pytest.mark.parametrize(
    ("case", "outcome", "failed"),
    [
        ("done", "done", None),
        ("nothing new", "done", None),
        ("gate failed", "failed", "landing_gate"),
        ("marts gate broken", "failed", "marts_gate"),
        ("foreign error", "failed", "train"),
        ("killed in the gate", "running", None),
        ("partly", "partly", None),
    ],
)
def test_the_outcome(cases, case, outcome, failed):
    facts = cases[case]["facts"]
    assert facts.outcome == outcome
    assert (facts.failed.name if facts.failed else None) == failed


def test_rows_and_reasons_are_those_of_the_run(cases):
    for case in ("done", "gate failed"):
        facts = cases[case]["facts"]
        read = {t.name: (t.rows_in, t.quarantined) for t in facts.tables}
        assert read == {name: (n[0], n[2]) for name, n in ROWS.items()}
        assert all(t.rows_in == t.loaded + t.quarantined + t.superseded for t in facts.tables)
        told = {(r.table, r.column, r.rule, r.rows) for r in facts.refusals}
        assert told == {(table, *reason) for table, reasons in REFUSED.items() for reason in reasons}
        assert [r.rows for r in facts.refusals] == sorted((r.rows for r in facts.refusals), reverse=True)
    page = cases["done"]["pages"]["en"]
    assert "1,286,235 rows came in; 437 of them (0.03%) were refused" in page
    assert "Nothing was loaded" in cases["gate failed"]["pages"]["en"]
    assert "Nothing new was delivered" in cases["nothing new"]["pages"]["en"]


def test_checks_tell_what_failed_what_warned_and_what_was_broken(cases):
    landing, marts = cases["gate failed"]["facts"].gates
    assert (landing.state, marts.state) == ("failed", "not_run")
    assert [(p.severity, p.column, p.rows) for p in landing.problems] == [
        ("fail", "customer_id", 1204),
        ("warn", "quarantined_share", None),
    ]
    broken = cases["marts gate broken"]["facts"].gates[1]
    assert (broken.state, broken.count("broken"), broken.count("fail")) == ("broken", 1, 0)
    assert "neither a pass nor bad data" in cases["marts gate broken"]["pages"]["en"]
    assert cases["killed in the gate"]["facts"].gates[1].state == "not_run"
    assert "observed 0.0646" in cases["done"]["pages"]["en"]


def test_what_to_do_next(cases):
    pages = {name: _visible(case["pages"]["en"]) for name, case in cases.items()}
    assert "437 refused rows are open" in pages["done"]
    assert "mend b.csv" in re.sub(r"\s+", " ", pages["gate failed"]).replace("`", "")
    assert "--as-of 2025-11-30" in pages["gate failed"]
    assert "Nothing has to be done" in pages["nothing new"]
    assert "stays as it was, as of 31 October 2025" in pages["gate failed"]
    assert "Nothing is published yet" in pages["bad file"]


def test_stages_of_an_earlier_run_for_the_date_are_not_this_runs(home):
    a_run(home)
    a_run(home, stops_at="landing_gate", error=GATE, started_at=STARTED_AT + timedelta(hours=3))
    facts = gather(home, AS_OF)
    assert [s.state for s in facts.stages[:4]] == ["done", "failed", "not_run", "not_run"]
    assert {s.state for s in facts.stages[4:]} == {"not_run"}
    assert not facts.is_loaded
    assert not facts.is_published
    assert not facts.has_report


def test_a_plan_carried_out_days_later_leaves_the_run_complete(home):
    a_run(home)
    before = gather(home, AS_OF)
    record = home.runs_dir / str(AS_OF) / "act.json"
    again = json.loads(record.read_text()) | {"started_at": (STARTED_AT + timedelta(days=5)).isoformat()}
    record.write_text(json.dumps(again))
    facts = gather(home, AS_OF)
    assert facts.outcome == "done"
    assert facts.seconds == before.seconds
    order = [stage.offset for stage in facts.stages]
    assert order == sorted(order)


def test_the_page_is_the_same_for_the_same_records_and_whole_or_absent(home):
    a_run(home)
    files = run_page(home, AS_OF)
    before = {file: file.read_bytes() for file in files.values()}
    assert run_page(home, AS_OF) == files
    assert {file: file.read_bytes() for file in files.values()} == before
    assert {file.name for file in (home.reports_dir / "runs").iterdir()} == {
        "2025-11-30.en.html",
        "2025-11-30.zh.html",
    }


def test_a_home_without_anything_still_has_a_page(home):
    page = run_page(home, AS_OF)["en"].read_text(encoding="utf-8")
    assert "Only some stages were run" in page
    assert "No file was read" in page


def test_a_page_that_cannot_be_written_fails_nothing(home, caplog):
    a_run(home)
    (home.gates_dir / "landing" / f"{AS_OF}.json").write_text("{ half")
    write_run_page(home, AS_OF)
    assert "the page of the run could not be written: JSONDecodeError" in caplog.text


def test_a_batch_that_somebody_is_writing_leaves_the_sums(home):
    a_run(home, stops_at="landing_gate", error=GATE)
    home.batch_db.write_bytes(b"not whole")
    facts = gather(home, AS_OF)
    assert facts.refusals == ()
    assert "The reasons cannot be read now" in render(facts, Words("en", TEXTS_DIR))


def test_the_road_writes_it_after_every_stage_and_when_it_fails(home, monkeypatch, tmp_path):
    seen = []

    def first(home, as_of):
        return {"batch_id": "b", "tables": {}, "warnings": []}

    def second(home, as_of):
        seen.append((home.reports_dir / f"runs/{as_of}.en.html").read_text(encoding="utf-8"))
        raise BadInput("bookings/b.csv line 7: lost", "mend line 7")

    monkeypatch.delenv("ROUNDTRIP_NOTIFY_URLS", raising=False)
    monkeypatch.setattr(stages, "STAGES", stages.STAGES[:2])
    monkeypatch.setattr("roundtrip.local.STAGES", stages.STAGES)
    module = SimpleNamespace(read_files=first, landing_gate=second)
    monkeypatch.setattr(stages.importlib, "import_module", lambda name: module)
    with pytest.raises(BadInput):
        run_locally(home, AS_OF, Console(quiet=True))
    assert "Only some stages were run" in seen[0]
    page = (home.reports_dir / f"runs/{AS_OF}.en.html").read_text(encoding="utf-8")
    assert "bookings/b.csv line 7: lost" in page
    assert "mend line 7" in page


def test_the_model_s_warnings_are_things_to_do_and_stages_say_why(home):
    a_run(home)
    facts = gather(home, AS_OF)
    shifted = Told("the scores have shifted", "评分分布已偏移")
    assert facts.model_warnings == (shifted,)
    assert {stage.name: stage.said for stage in facts.stages if stage.said} == {
        "build_warehouse": Told("in full: models or settings have changed", "全部重建：模型或设置有变化"),
        "train": shifted,
    }
    pages = {language: file.read_text(encoding="utf-8") for language, file in run_page(home, AS_OF).items()}
    assert '<span lang="en">the scores have shifted</span>' in pages["en"]
    assert '模型需要查看： <span lang="zh-Hans">评分分布已偏移</span>' in pages["zh"]
    assert '<small lang="zh-Hans">评分分布已偏移</small>' in pages["zh"]
    assert '<small lang="zh-Hans">全部重建：模型或设置有变化</small>' in pages["zh"]


def test_a_check_says_why_in_the_language_of_the_page(home):
    """One of ours in Chinese; one that somebody added without Chinese words in his own."""
    a_run(home, stops_at="landing_gate", error=("GateFailed", "refused", "mend the files"))
    page = run_page(home, AS_OF)["zh"].read_text(encoding="utf-8")
    assert '<p class="reason" lang="zh-Hans">被拒绝的行超过二十分之一：请告知交付文件的一方</p>' in page
    assert '<p class="reason" lang="en">a booking of nobody cannot be followed</p>' in page


def test_a_run_without_a_warning_asks_nobody_to_look(home):
    a_run(home, warns=False)
    assert "需要查看" not in run_page(home, AS_OF)["zh"].read_text(encoding="utf-8")


def test_what_a_stage_has_no_chinese_words_for_is_told_in_english():
    assert listed({"warnings": ["a", "b"], "warnings_zh": ["甲"]}, "warnings") == [Told("a", "甲"), Told("b")]
    assert listed({"warnings": ["a"]}, "warnings") == [Told("a")]
    assert listed({"warnings_zh": ["甲"]}, "warnings") == []
    assert (Told("a").words("zh"), Told("a").language("zh")) == ("a", "en")


def test_a_company_and_an_error_are_text_and_not_markup(home):
    a_run(home, stops_at="read_files", error=("BadInput", "<script>alert(1)</script>", "<b>`x`</b>"))
    page = run_page(home, AS_OF)["en"].read_text(encoding="utf-8")
    assert "<script>alert" not in page
    assert "&lt;b&gt;<code>x</code>&lt;/b&gt;" in page


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.04, "0.0 s"), (9.96, "10 s"), (59.7, "1 min 00 s"), (185, "3 min 05 s"), (None, "not available")],
)
def test_durations(seconds, text):
    assert duration(seconds, Words("en", TEXTS_DIR)) == text


def test_both_languages_have_the_same_texts_with_the_same_values():
    en, zh = (load_texts(language, TEXTS_DIR) for language in LANGUAGES)
    assert set(en) == set(zh)

    def values(text):
        return {name for _, name, _, _ in string.Formatter().parse(text) if name}

    assert {key for key in en if values(en[key]) != values(zh[key])} == set()


def test_every_stage_and_every_rule_of_the_contract_has_its_words():
    texts = load_texts("zh", TEXTS_DIR)
    assert [s.name for s in stages.STAGES if f"stage.{s.name}" not in texts] == []
    every = {check.rule for table in source_contract().values() for check in rules.checks(table)}
    assert sorted(rule for rule in every | {"columns", "erased"} if f"rule.{rule}" not in texts) == []


def test_no_text_is_unused(cases):
    used = set().union(*(case["used"] for case in cases.values()))
    # Said of what the cases above do not all have: each stage's and rule's name, each kind of error.
    spoken = {k for k in load_texts("en", TEXTS_DIR) if k.startswith(("stage.", "rule.", "failed_kind."))}
    elsewhere = {"rows.why_unknown", "publication.dbt_models_hash", "minutes"}
    # tests/unit/test_status_page.py looks after these.
    elsewhere |= {k for k in load_texts("en", TEXTS_DIR) if k.startswith(STATUS_TEXTS)}
    assert set(load_texts("en", TEXTS_DIR)) - used - spoken - elsewhere == set()


def test_the_start_page_links_the_newest_run(home):
    a_run(home)
    assert start_page.render(home, _no_servers(), "zh").count("/reports/runs/") == 0
    run_page(home, AS_OF)
    assert 'href="/reports/runs/2025-11-30.zh.html"' in start_page.render(home, _no_servers(), "zh")


def test_the_report_server_shows_it_and_its_link_to_the_data_docs(home):
    a_run(home)
    run_page(home, AS_OF)
    password = "a-password-for-this-test"
    app = reports.create_app(home, {"ROUNDTRIP_REPORTS_PASSWORD": password})
    client = TestClient(app, base_url="http://127.0.0.1")
    page = client.get("/reports/runs/2025-11-30.en.html", auth=("admin", password))
    assert page.status_code == 200
    assert "The run is complete" in page.text
    link = urljoin(
        "/reports/runs/2025-11-30.en.html", re.search(r'href="([^"]+data_docs[^"]+)"', page.text)[1]
    )
    docs = client.get(link, auth=("admin", password))
    assert (docs.status_code, docs.text) == (200, "<title>docs</title>")
    assert "script-src 'unsafe-inline'" in docs.headers["content-security-policy"]
    assert client.get(link).status_code == 401


def _no_servers() -> dict:
    return {name: start_page.ServerState("", False, {}) for name in ("airflow", "mlflow")}
