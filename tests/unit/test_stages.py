"""The list of stages, their records, and the lock that keeps runs apart."""

import json
import subprocess
import sys
from datetime import date

import pytest

from roundtrip.errors import GateFailed, Locked, RoundtripError
from roundtrip.home import PROJECT_ROOT
from roundtrip.lock import one_run_at_a_time
from roundtrip.stages import STAGES, records, run_stage

DAY = date(2025, 12, 31)


@pytest.fixture
def stand_in(monkeypatch):
    """Put a function in the place of the first stage's."""

    def put(function):
        import roundtrip.ingest

        monkeypatch.setattr(roundtrip.ingest, "read_files", function)

    return put


def test_a_finished_stage_leaves_its_summary(home, stand_in):
    stand_in(lambda home, as_of: {"rows": 3, "as_of": as_of})
    assert run_stage("read_files", home, DAY)["rows"] == 3
    [record] = records(home, DAY)
    assert record["status"] == "done"
    assert record["summary"] == {"rows": 3, "as_of": "2025-12-31"}


def test_a_failed_stage_says_why_and_what_to_do(home, stand_in):
    def fail(home, as_of):
        raise GateFailed("bookings: no rows", "deliver bookings")

    stand_in(fail)
    with pytest.raises(GateFailed):
        run_stage("read_files", home, DAY)
    [record] = records(home, DAY)
    assert (record["status"], record["kind"]) == ("failed", "GateFailed")
    assert (record["error"], record["hint"]) == ("bookings: no rows", "deliver bookings")


def test_a_stage_may_show_its_progress(home, stand_in):
    seen = []

    def show(home, as_of, on_event=None):
        on_event("model", "ok", 0.1)
        return {}

    stand_in(show)
    run_stage("read_files", home, DAY, on_event=lambda *event: seen.append(event))
    assert seen == [("model", "ok", 0.1)]


def test_an_unknown_stage_lists_the_known(home):
    with pytest.raises(RoundtripError, match="load") as refused:
        run_stage("lode", home, DAY)
    assert all(stage.name in str(refused.value) for stage in STAGES)


def test_the_architecture_page_names_every_stage():
    page = (PROJECT_ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    for number, stage in enumerate(STAGES, start=1):
        assert f"| {number} | `{stage.name}` |" in page


def test_no_stage_reads_the_clock():
    """Only the record keeping and the command line may know what time it is."""
    clock = ("date.today(", "datetime.now(", "utcnow(", "current_date", "now()", "get_current_timestamp")
    allowed = {"stages.py", "cli.py"}
    rooms = ("ingest", "gates", "build", "publish", "report")
    files = [f for room in rooms for f in (PROJECT_ROOT / "roundtrip" / room).rglob("*.py")]
    files += list((PROJECT_ROOT / "ml").rglob("*.py"))
    assert len(files) > 10
    for file in files:
        if file.name in allowed:
            continue
        text = file.read_text(encoding="utf-8").lower()
        assert not [word for word in clock if word in text], f"{file} reads the clock"


def test_a_second_run_is_told_who_holds_the_first(home):
    code = (
        "import sys, time; from pathlib import Path; from roundtrip.home import Home;"
        "from roundtrip.lock import one_run_at_a_time\n"
        "with one_run_at_a_time(Home(Path(sys.argv[1]))): print('held', flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", code, str(home.root)], stdout=subprocess.PIPE) as holder:
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(Locked, match=str(holder.pid)), one_run_at_a_time(home):
            pass
        holder.kill()
    with one_run_at_a_time(home):
        assert home.lock_file.exists()


def test_errors_cross_process_boundaries_whole():
    import pickle

    error = pickle.loads(pickle.dumps(GateFailed("what", "hint")))
    assert (error.message, error.hint, error.exit_code) == ("what", "hint", 3)


def test_a_record_is_never_half_written(home, stand_in):
    stand_in(lambda home, as_of: {})
    run_stage("read_files", home, DAY)
    folder = home.runs_dir / DAY.isoformat()
    assert [f.name for f in folder.iterdir()] == ["read_files.json"]
    json.loads((folder / "read_files.json").read_text(encoding="utf-8"))
