"""Who is told of what, when, and what is never told: with a real receiver on loopback."""

import json
import logging
import string
from datetime import date
from types import SimpleNamespace

import pytest
from rich.console import Console

from roundtrip import errors, stages
from roundtrip.company import Company
from roundtrip.errors import BadInput, GateFailed
from roundtrip.gates.results import Outcome, conclude
from roundtrip.home import Home
from roundtrip.local import run_locally
from roundtrip.notify.events import TEXTS_DIR, scrubbed
from roundtrip.notify.settings import NOTIFY, VARIABLE, check
from roundtrip.notify.tell import tell
from roundtrip.report.words import LANGUAGES, load_texts
from tests.receiver import PASSWORD, Receiver
from tests.run_fixture import AS_OF, BATCH, a_gate, a_run

PERSON = "cust-secret-1"


@pytest.fixture
def receiver(monkeypatch):
    with Receiver() as server:
        monkeypatch.setenv(VARIABLE, server.address)
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        yield server


GATE = ("GateFailed", f"refused: {PERSON}", "mend the files; expectations/landing/bookings.json")


def test_a_failed_gate_says_what_where_and_what_to_do_and_names_nobody(home, receiver):
    a_run(home, stops_at="landing_gate", error=GATE)
    assert tell(home, AS_OF, "landing_gate") == ["json"]
    (message,) = receiver.messages
    assert message["type"] == "failure"
    assert "Meridian Travel & Tours: landing_gate stopped the run" in message["title"]
    told = message["message"]
    assert "as of 2025-11-30, stage landing_gate: the data are refused" in told
    assert "bookings.customer_id: expect_column_values_to_not_be_null, 1,204 rows" in told
    assert "What to do: mend the files" in told
    assert f"{home.reports_dir}/runs/2025-11-30.en.html" in told
    assert PERSON not in json.dumps(message), "a value that a check observed was sent"
    assert "quarantined_share" not in told, "a warning was told among the failures"


def test_the_whole_local_road_tells_of_a_gate_that_fails(home, receiver, monkeypatch):
    """End to end: the stage raises, the page is there, the address is told, the error stays."""
    Company("Meridian", landing=".").save(home)

    def read_files(home: Home, as_of: date) -> dict:
        return {"batch_id": BATCH, "tables": {}, "warnings": []}

    def landing_gate(home: Home, as_of: date) -> dict:
        no = Outcome("bookings", "not_null", "customer_id", "fail", "of nobody", False, [PERSON], 7)
        return conclude(home, "landing", as_of, [no], {"batch_id": BATCH}, "mend it")

    monkeypatch.setattr(stages, "STAGES", stages.STAGES[:2])
    monkeypatch.setattr("roundtrip.local.STAGES", stages.STAGES)
    module = SimpleNamespace(read_files=read_files, landing_gate=landing_gate)
    monkeypatch.setattr(stages.importlib, "import_module", lambda name: module)
    with pytest.raises(GateFailed):
        run_locally(home, AS_OF, Console(quiet=True))
    (message,) = receiver.messages
    assert "bookings.customer_id: not_null, 7 rows: of nobody" in message["message"]
    assert (home.reports_dir / "runs/2025-11-30.en.html").exists()
    # Tried again with the same batch it is the same event, and nobody is told twice.
    with pytest.raises(GateFailed):
        run_locally(home, AS_OF, Console(quiet=True))
    assert len(receiver.messages) == 1


def test_once_per_event_again_for_another_batch_and_again_after_it_was_mended(home, receiver):
    a_run(home, stops_at="landing_gate", error=GATE)
    for _ in range(3):
        tell(home, AS_OF, "landing_gate")
    assert len(receiver.messages) == 1
    file = home.gates_dir / "landing" / f"{AS_OF}.json"
    file.write_text(file.read_text().replace(BATCH, "20251130-0therb4t"))
    tell(home, AS_OF, "landing_gate")
    assert len(receiver.messages) == 2
    a_run(home, warns=False)
    tell(home, AS_OF, "landing_gate")
    a_run(home, stops_at="landing_gate", error=GATE)
    tell(home, AS_OF, "landing_gate")
    assert len(receiver.messages) == 3


def test_an_address_that_cannot_be_reached_fails_nothing_and_is_tried_again(home, receiver, caplog):
    a_run(home, stops_at="landing_gate", error=GATE)
    receiver.answers = 500
    with caplog.at_level(logging.DEBUG):
        assert tell(home, AS_OF, "landing_gate") == []
    said = [record for record in caplog.records if record.name == "roundtrip.notify"]
    assert [record.getMessage() for record in said] == ["a notification through json:// was not delivered"]
    assert PASSWORD not in caplog.text
    assert str(receiver.server_port) not in caplog.text
    receiver.answers = 200
    assert tell(home, AS_OF, "landing_gate") == ["json"]
    left = "".join(f.read_text(errors="ignore") for f in home.root.rglob("*") if f.is_file())
    assert PASSWORD not in left
    assert "127.0.0.1" not in left, "an address stands in a file of the home"


def test_one_address_that_is_down_keeps_no_other_from_being_told(home, receiver, monkeypatch):
    a_run(home, stops_at="landing_gate", error=GATE)
    monkeypatch.setenv(VARIABLE, f"nonsense://x {receiver.address}, json://127.0.0.1:9/closed")
    assert tell(home, AS_OF, "landing_gate") == ["json"]
    assert tell(home, AS_OF, "landing_gate") == []
    assert len(receiver.messages) == 1


def test_by_default_nobody_is_told_and_apprise_is_not_even_imported(home, monkeypatch):
    monkeypatch.delenv(VARIABLE, raising=False)
    a_run(home, stops_at="landing_gate", error=GATE)
    monkeypatch.setitem(__import__("sys").modules, "apprise", None)
    assert tell(home, AS_OF, "landing_gate") == []
    assert not home.notified_file.exists()


@pytest.mark.parametrize(
    ("stage", "error", "words"),
    [
        ("landing_gate", ("CheckBroken", "broken", "mend the suite"), "says nothing about the data"),
        (
            "read_files",
            ("BadInput", "bookings/b.csv line 7: 'x@y.org' is lost", "mend it"),
            "line 7: … is lost",
        ),
        ("publish", ("DamagedFile", "versions/a.duckdb is cut off", None), "a file of the home is damaged"),
        ("load", ("DiskFull", "no room", "make room"), "there is no room left"),
        ("train", ("ValueError", f"could not convert {PERSON}", None), "the program failed (ValueError)"),
    ],
)
def test_every_kind_of_failure_is_told_without_values(home, receiver, stage, error, words):
    a_run(home, stops_at=stage, error=error)
    assert tell(home, AS_OF, stage) == ["json"]
    assert words in receiver.messages[0]["message"]
    assert PERSON not in json.dumps(receiver.messages)
    assert "secret" not in receiver.messages[0]["message"]


def test_warnings_are_told_where_they_are_asked_for(home, receiver):
    a_run(home)
    assert tell(home, AS_OF, "landing_gate") == []
    Company("Meridian", ".", settings={"notify_from": "warning"}).save(home)
    assert tell(home, AS_OF, "landing_gate") == ["json"]
    assert tell(home, AS_OF, "landing_gate") == []
    (message,) = receiver.messages
    assert message["type"] == "warning"
    assert "more than one row in twenty refused" in message["message"]
    a_gate(home, "landing", None, warns=False)
    assert tell(home, AS_OF, "landing_gate") == []


def test_people_are_told_in_the_company_s_language(home, receiver):
    company = Company("Meridian", ".", settings={"notify_from": "warning", "notify_language": "zh"})
    a_run(home)
    company.save(home)
    assert tell(home, AS_OF, "monitor") == ["json"]
    a_run(home, stops_at="build_warehouse", status="running")
    company.save(home)
    assert tell(home, AS_OF, "build_warehouse", was_killed=True) == ["json"]
    warned, killed = receiver.messages
    assert warned["title"] == "Meridian：monitor 发出警告"
    assert "- 评分分布已偏移\n怎么办：运行没有停止；请查明原因\n详情：" in warned["message"]
    assert warned["message"].endswith(".zh.html")
    assert killed["title"] == "Meridian：运行在 build_warehouse 停止"
    assert "没有结果就已结束：被终止，或时间、内存不足" in killed["message"]


def test_both_languages_have_the_same_words():
    def fields(texts: dict[str, str]) -> dict[str, set[str]]:
        parsed = {key: string.Formatter().parse(text) for key, text in texts.items()}
        return {key: {field for _, field, _, _ in parts if field} for key, parts in parsed.items()}

    english, chinese = (load_texts(language, TEXTS_DIR) for language in LANGUAGES)
    assert fields(english) == fields(chinese)
    kinds = {key.removeprefix("failed_kind.") for key in english if key.startswith("failed_kind.")}
    assert all(hasattr(errors, kind) for kind in kinds - {"other"})


def test_a_stage_ended_from_outside_is_told_only_when_it_is_known_to_have_ended(home, receiver):
    a_run(home, stops_at="build_warehouse", status="running")
    assert tell(home, AS_OF, "build_warehouse") == []
    assert tell(home, AS_OF, "build_warehouse", was_killed=True) == ["json"]
    assert "ended without an answer" in receiver.messages[0]["message"]


def test_whoever_pressed_the_keys_knows(home, receiver):
    a_run(home, stops_at="train", error=("KeyboardInterrupt", "", None))
    assert tell(home, AS_OF, "train") == []


def test_the_company_names_variables_and_never_an_address(home, receiver, monkeypatch, tmp_path):
    monkeypatch.delenv(VARIABLE)
    monkeypatch.setenv("TEAM_CHAT_URL", receiver.address)
    a_run(home, stops_at="landing_gate", error=GATE)
    Company("Meridian", ".", settings={NOTIFY: ["TEAM_CHAT_URL", "NOT_SET_HERE"]}).save(home)
    assert tell(home, AS_OF, "landing_gate") == ["json"]
    (tmp_path / "company.yml").write_text(f"notify: ['{receiver.address}']\n")
    with pytest.raises(BadInput, match="names of environment variables") as refused:
        Company.describe(tmp_path, None)
    assert PASSWORD not in str(refused.value)


@pytest.mark.parametrize(
    "settings",
    [
        {"notify": "TEAM_CHAT_URL"},
        {"notify": [3]},
        {"notify_from": "never"},
        {"notify": ["a b"]},
        {"notify_language": "fr"},
    ],
)
def test_other_settings_are_refused(settings):
    with pytest.raises(BadInput):
        check(settings)


def test_airflows_callback_calls_the_same_function(home, receiver, monkeypatch):
    from roundtrip.airflow.policy import record_failure

    monkeypatch.setenv("ROUNDTRIP_HOME", str(home.root))
    a_run(home, stops_at="landing_gate", error=GATE)
    ti = SimpleNamespace(dag_id="build", run_id="r", task_id="landing_gate", try_number=1)
    context = {
        "ti": ti,
        "params": {"as_of": AS_OF.isoformat()},
        "exception": GateFailed("refused"),
        "triggering_asset_events": {},
        "dag_run": None,
    }
    record_failure(context)
    record_failure(context)
    assert len(receiver.messages) == 1
    assert (home.reports_dir / "runs/2025-11-30.zh.html").exists()


def test_a_notification_that_breaks_breaks_nothing(home, receiver, monkeypatch, caplog):
    a_run(home, stops_at="landing_gate", error=GATE)
    home.notified_file.parent.mkdir()
    home.notified_file.write_text("no json")
    assert tell(home, AS_OF, "landing_gate") == ["json"]

    def broken(*_):
        raise RuntimeError(receiver.address)

    monkeypatch.setattr("roundtrip.notify.tell.events", broken)
    assert tell(home, AS_OF, "landing_gate") == []
    assert PASSWORD not in caplog.text


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("b.csv line 7: 'Ann' is lost", "b.csv line 7: … is lost"),
        ("write to ann@example.com now\nand more", "write to … now"),
        ("call +49 171 555 0123", "call …"),
        ("as of 2025-11-30, rows 1204", "as of 2025-11-30, rows 1204"),
        ("", ""),
    ],
)
def test_a_message_is_told_without_what_it_quotes(said, told):
    assert scrubbed(said) == told
