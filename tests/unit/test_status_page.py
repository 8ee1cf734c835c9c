"""The status page: what stands now, what needs a hand, and the runs one after the other."""

import json
import re
import shutil
from collections import namedtuple
from datetime import date, timedelta
from pathlib import Path

import duckdb
import pytest

from roundtrip.files import write_atomically
from roundtrip.home import PROJECT_ROOT, Home
from roundtrip.report.formats import Formats
from roundtrip.report.words import LANGUAGES, Words, load_texts
from roundtrip.runs import now, runbooks, status, write_run_page
from roundtrip.runs.history import PARTS, parameters, past_rounds, past_runs
from roundtrip.runs.now import signs
from roundtrip.runs.parts import TEXTS_DIR
from roundtrip.runs.status import gib, said, stage_times, status_page
from roundtrip.stages import STAGES
from tests.run_fixture import (
    AS_OF,
    ROWS,
    SECONDS,
    STARTED_AT,
    STATUS_TEXTS,
    a_publication,
    a_run,
    an_earlier_run,
)

Usage = namedtuple("Usage", "total used free")
GIB = 2**30


@pytest.fixture(autouse=True)
def a_disk(monkeypatch):
    """A disk whose free room does not change while a test runs."""
    monkeypatch.setattr(shutil, "disk_usage", lambda place: Usage(100 * GIB, 60 * GIB, 40 * GIB))


def a_champion(home: Home, **changed) -> None:
    card = {
        "status": "champion",
        "model_version": "roundtrip-churn/3",
        "trained_as_of": "2025-11-15",
        "test_auc": 0.78,
        "baseline_auc": 0.68,
    }
    write_atomically(home.champion_file, json.dumps(card | changed))


def a_round(home: Home, round_id: str, decision: str | None = None) -> None:
    plan = {"cost": 71.5, "budget": 800.0, "currency": "CNY", "treatment": 18}
    write_atomically(home.rounds_dir / round_id / "plan.json", json.dumps(plan))
    if decision:
        write_atomically(home.rounds_dir / round_id / "decision.json", json.dumps({"decision": decision}))


def fails(stage: str, kind: str) -> dict:
    """Settings of a run that fails at a stage with an error of that kind."""
    return {"stops_at": stage, "error": (kind, "no", None)}


def page(home: Home, language: str = "en") -> str:
    return status_page(home)[language].read_text(encoding="utf-8")


def sign(home: Home, name: str):
    return next(each for each in signs(home, past_runs(home)) if each.name == name)


# --- the runs ----------------------------------------------------------------------------------------------


def test_each_run_says_how_it_ended(home):
    a_run(home)
    an_earlier_run(home, 1, "landing_gate")
    an_earlier_run(home, 2, "train", "running")
    an_earlier_run(home, 3)
    found = {run.as_of: (run.outcome, run.stopped_at and run.stopped_at.name) for run in past_runs(home)}
    assert list(found.values()) == [
        ("done", None),
        ("failed", "landing_gate"),
        ("killed", "train"),
        ("done", None),
    ]


def test_only_the_last_run_may_still_be_going_on(home):
    a_run(home)
    an_earlier_run(home, 1, "load", "running")
    record = home.runs_dir / str(AS_OF) / "report.json"
    left = json.loads(record.read_text())
    del left["summary"], left["seconds"]
    record.write_text(json.dumps(left | {"status": "running"}))
    assert [run.outcome for run in past_runs(home)] == ["running", "killed"]


def test_times_and_rows_are_those_of_the_records(home):
    a_run(home)
    an_earlier_run(home, 1, rows_in=120)
    last, before = past_runs(home)
    assert last.seconds == pytest.approx(sum(SECONDS))
    assert sum(last.seconds_of(part) for part in PARTS) == pytest.approx(last.seconds)
    assert last.seconds_of("train") == pytest.approx(
        sum(seconds for stage, seconds in zip(STAGES, SECONDS, strict=True) if stage.dag == "train")
    )
    sums = [sum(counts[place] for counts in ROWS.values()) for place in range(4)]
    assert [last.rows_in, last.rows_loaded, last.rows_refused, last.rows_superseded] == sums
    assert (before.rows_in, before.rows_loaded, before.rows_refused) == (120, 120, 0)
    text = page(home)
    assert f"{sums[0]:,}" in text
    assert ">120<" in text


def test_the_median_and_the_longest_of_a_stage(home):
    a_run(home)
    for days, seconds in ((1, 30.0), (2, 500.0)):
        as_of = an_earlier_run(home, days)
        record = home.runs_dir / str(as_of) / "train.json"
        record.write_text(json.dumps(json.loads(record.read_text()) | {"seconds": seconds}))
    times = {row["name"]: row for row in stage_times(past_runs(home))}
    assert times["train"] == {"name": "train", "last": 92.8, "median": 92.8, "longest": 500.0}


def test_only_so_many_runs_are_shown(home):
    a_run(home)
    most = parameters()["runs_shown"]
    for days in range(1, most + 6):
        an_earlier_run(home, days, "read_files")
    runs = past_runs(home)
    assert len(runs) == most
    assert runs[0].as_of == AS_OF
    text = page(home)
    assert text.count("<tr class=") == most
    opened = text[: text.index("Earlier runs")]
    assert opened.count("<tr class=") == parameters()["runs_open"]


# --- what stands now ---------------------------------------------------------------------------------------


def test_a_home_in_which_nothing_ran(home):
    home.root.mkdir()
    found = {each.name: each.state for each in signs(home, past_runs(home))}
    assert {name for name, state in found.items() if state in (now.WATCH, now.BAD)} == set()
    text = page(home)
    assert "Nothing has been run yet" in text
    assert "<svg" not in text


def test_one_run_gets_words_and_no_picture(home):
    a_run(home)
    text = page(home)
    assert "<svg" not in text
    assert "One run so far" in text


def test_two_runs_get_pictures_in_the_page_s_colours(home):
    a_run(home)
    an_earlier_run(home, 1)
    for language, title in (("en", "Minutes each run took"), ("zh", "每次运行的用时")):
        text = page(home, language)
        assert text.count("<svg") == 4
        assert f">{title}" in text
        assert "var(--stage-maturity)" in text
        assert "#00fe" not in text


def test_runs_that_brought_nothing_get_words_for_the_rows(home):
    a_run(home, delivered=False, warns=False)
    an_earlier_run(home, 1)
    text = page(home)
    assert text.count("<svg") == 2
    assert "No run brought a row" in text
    assert sign(home, "delivery").says == "never"


@pytest.mark.parametrize(
    ("settings", "state", "says", "section"),
    [
        ({}, now.GOOD, "done", None),
        (fails("landing_gate", "GateFailed"), now.BAD, "failed", "a-gate-refuses-the-data"),
        (fails("marts_gate", "CheckBroken"), now.BAD, "failed", "a-check-is-broken"),
        (fails("read_files", "BadInput"), now.BAD, "failed", "a-file-cannot-be-read"),
        (fails("load", "DiskFull"), now.BAD, "failed", "exit-code-6-the-disk-is-full"),
        (fails("train", "ValueError"), now.BAD, "failed", now.FIRST_LOOK),
        ({"stops_at": "train", "status": "running"}, now.WATCH, "running", now.KILLED),
    ],
)
def test_the_last_run_leads_to_its_runbook(home, settings, state, says, section):
    a_run(home, **settings)
    found = sign(home, "run")
    assert (found.state, found.says, found.section) == (state, says, section)


def test_what_analysts_read_is_compared_with_the_newest_run(home):
    a_run(home)
    assert sign(home, "publication").says == "current"
    other = Home(home.root.parent / "behind")
    a_publication(other, date(2025, 10, 31))
    a_run(other, stops_at="landing_gate")
    found = sign(other, "publication")
    assert (found.state, found.says, found.values["days"]) == (now.BAD, "behind", 30)
    assert "30 days behind" in page(other)
    copied = Home(home.root.parent / "copied")
    shutil.copytree(home.root, copied.root)
    assert sign(copied, "publication").says == "unknown"


def test_checks_tell_the_worst_first(home):
    a_run(home)
    assert (sign(home, "checks").says, sign(home, "checks").values["n"]) == ("warn", 2)
    a_run(home, stops_at="landing_gate", error=("GateFailed", "no", ""))
    assert (sign(home, "checks").state, sign(home, "checks").says) == (now.BAD, "fail")
    a_run(home, stops_at="landing_gate", error=("CheckBroken", "no", ""))
    assert (sign(home, "checks").state, sign(home, "checks").says) == (now.BAD, "broken")
    a_run(home, warns=False)
    assert sign(home, "checks").says == "passed"
    a_run(home, stops_at="read_files", started_at=STARTED_AT + timedelta(hours=3))
    assert sign(home, "checks").state == now.NONE


def test_the_model_in_use(home):
    a_run(home, warns=False)
    assert sign(home, "model").says == "none"
    a_champion(home)
    assert sign(home, "model").says == "champion"
    assert "AUC 0.780, the inactivity rule has 0.680" in page(home)
    a_champion(home, trained_as_of="2025-09-01")
    assert (sign(home, "model").state, sign(home, "model").says) == (now.WATCH, "old")
    for verdict in ("refused", "too_little_data"):
        write_atomically(home.champion_file, json.dumps({"status": verdict}))
        assert (sign(home, "model").state, sign(home, "model").says) == (now.WATCH, verdict)
    write_atomically(home.champion_file, json.dumps({"status": "unheard of"}))
    assert sign(home, "model").says == "no_champion"
    a_champion(home)
    a_run(home)
    assert sign(home, "model").says == "drifts"
    record = home.runs_dir / str(AS_OF) / "score.json"
    record.write_text(json.dumps(json.loads(record.read_text()) | {"summary": {"warnings": ["gone"]}}))
    assert (sign(home, "model").state, sign(home, "model").says) == (now.BAD, "missing")


def test_a_plan_that_waits_and_what_rounds_cost(home):
    a_run(home)
    assert sign(home, "round").state == now.GOOD
    a_round(home, "R-2025-10-31", "approved")
    a_round(home, "R-2025-11-30")
    found = sign(home, "round")
    assert (found.state, found.values["treatment"]) == (now.WATCH, 18)
    assert [(each.round_id, each.state) for each in past_rounds(home)] == [
        ("R-2025-11-30", "proposed"),
        ("R-2025-10-31", "approved"),
    ]
    text = page(home)
    assert text.count("CNY 72") == 2
    assert text.count("<svg") == 2
    assert "Cost of each round</title>" in text
    assert "waits for a yes or no: 18 customers" in text


def test_rows_that_are_long_in_coming(home):
    a_run(home, delivered=False)
    an_earlier_run(home, 20, rows_in=7)
    assert sign(home, "delivery").says == "before"
    shutil.rmtree(home.runs_dir / "2025-11-10")
    an_earlier_run(home, 40, rows_in=7)
    found = sign(home, "delivery")
    assert (found.state, found.values["days"]) == (now.WATCH, 40)


@pytest.mark.parametrize(("free", "says"), [(9, "full"), (29, "little"), (31, "enough")])
def test_the_disk_is_measured_in_rooms_of_one_more_run(home, monkeypatch, free, says):
    a_run(home)
    room = sum(file.stat().st_size for file in (home.current_db,))
    monkeypatch.setattr(shutil, "disk_usage", lambda place: Usage(0, 0, room * free // 10))
    assert sign(home, "disk").says == says


def test_refused_rows_are_counted_but_not_by_a_server(home):
    a_run(home)
    assert sign(home, "rows").values == {"rows": 437}
    assert "rows" not in {each.name for each in signs(home, past_runs(home), is_server=True)}
    a_run(home, refused={})
    shutil.rmtree(home.quarantine_dir)
    assert sign(home, "rows").says == "none_open"


# --- the page ----------------------------------------------------------------------------------------------


def test_the_page_is_the_same_for_the_same_records(home):
    a_run(home)
    an_earlier_run(home, 1)
    status_page(home)
    # The first writing has put the pages' own bytes on the disk's account.
    before = {file: file.read_bytes() for file in status_page(home).values()}
    assert {file: file.read_bytes() for file in status_page(home).values()} == before


def test_it_is_written_when_a_run_ends_and_not_between_two_stages(home):
    a_run(home, stops_at="load", status="done", error=(None, None, None))
    record = home.runs_dir / str(AS_OF) / "load.json"
    record.write_text(
        json.dumps(json.loads(record.read_text()) | {"status": "done", "summary": {"tables": {}}})
    )
    write_run_page(home, AS_OF)
    assert not (home.reports_dir / "runs" / "index.en.html").exists()
    a_run(home, stops_at="train")
    write_run_page(home, AS_OF)
    text = (home.reports_dir / "runs" / "index.zh.html").read_text(encoding="utf-8")
    assert f'href="{AS_OF}.zh.html"' in text
    assert "失败" in text


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_gap_is_said_in_words_and_every_link_is_there(home, language):
    a_run(home)
    an_earlier_run(home, 1, "train", "running")
    a_round(home, "R-2025-11-30")
    write_run_page(home, AS_OF)
    text = page(home, language)
    shown = re.sub(r"(?s)<(style|script)\b.*?</\1>|<[^>]+>", " ", text)
    assert not re.search(r"\b(NaN|None|null|nan|undefined|Undefined)\b|\{\w*\}", shown)
    folder = home.reports_dir / "runs"
    for href in re.findall(r'href="([^"#][^"]*)"', text):
        file, _, anchor = href.partition("#")
        assert href == "data:," or (folder / file).resolve().exists(), href
        if anchor:
            assert f'id="{anchor}"' in (folder / file).read_text(encoding="utf-8")
    ids = re.findall(r'\bid="([^"]+)"', text)
    assert len(ids) == len(set(ids))


def test_every_sign_has_its_words_and_every_text_is_said(home, monkeypatch):
    texts = load_texts("en", TEXTS_DIR)
    source = (Path(now.__file__)).read_text(encoding="utf-8")
    said_of = {key.split(".")[2] for key in texts if key.startswith("sign.")} - {"title"}
    literals = set(re.findall(r'"([a-z_]+)"', source)) | {"done", "failed", "killed", "running", "partly"}
    assert said_of <= literals | {"warn", "fail"}, "a text for a sign that there is not"
    words = Words("en", TEXTS_DIR)
    a_run(home)
    an_earlier_run(home, 1)
    a_round(home, "R-2025-10-31", "refused")
    a_round(home, "R-2025-11-30")
    used = set()

    class Watched(Words):
        def __call__(self, key, **values):
            used.add(key)
            return super().__call__(key, **values)

    monkeypatch.setattr(status, "Words", Watched)
    status_page(home)
    assert all(said(each, words) for each in signs(home, past_runs(home)))
    status_page(Home(home.root.parent / "empty"))
    lonely = Home(home.root.parent / "lonely")
    a_run(lonely, delivered=False)
    status_page(lonely)
    an_earlier_run(lonely, 1)
    status_page(lonely)
    # Said of states that these homes are not all in.
    spoken = ("sign.", "ended.", "round_state.", "light.", "disk.", "runs.at", "status.nothing_to_do")
    unused = {key for key in texts if key.startswith(STATUS_TEXTS) and not key.startswith(spoken)} - used
    assert unused - {"status.well", "runs.earlier"} == set()


def test_sizes_are_said_in_their_unit():
    formats = Formats("en", "?")
    assert [gib(size, formats) for size in (0, 700 * 2**10, 43 * 2**20, 5 * GIB)] == [
        "0 KiB",
        "700 KiB",
        "43 MiB",
        "5.0 GiB",
    ]


def test_every_section_that_a_sign_leads_to_is_in_the_runbooks():
    source = Path(now.__file__).read_text(encoding="utf-8")
    named = set(re.findall(r'"([a-z0-9]+(?:-[a-z0-9]+)+)"', source))
    assert len(named) > 12
    assert named - set(runbooks.sections()) == {"utf-8"}


def test_analysts_read_the_times_of_stages_with_the_query_of_the_documentation(home, monkeypatch):
    a_run(home)
    an_earlier_run(home, 1, "train", "running")
    text = (PROJECT_ROOT / "docs" / "runs.md").read_text(encoding="utf-8")
    query = re.search(r"```sql\n(.+?)```", text, re.DOTALL)[1]
    monkeypatch.chdir(home.root)
    rows = duckdb.sql(query.replace("data/runs", "runs")).fetchall()
    assert len(rows) == len(STAGES) + 10
    assert rows[0][0] == AS_OF
    assert {row[2] for row in rows} == {"done", "running"}
    assert sum(row[4] or 0 for row in rows if row[0] == AS_OF) == pytest.approx(sum(SECONDS))
