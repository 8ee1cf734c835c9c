"""Killed at any point and done again, a simulated company is byte for byte the one that was never killed."""

import json
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from filelock import FileLock

from roundtrip import cli
from roundtrip.errors import Locked
from roundtrip.home import PROJECT_ROOT
from roundtrip.simulate import live_on, simulate
from tests.simulated_fixture import files

CUSTOMERS, MONTHS, SEED = 25, 3, 5
#: Files that a continuation by a month moves in: eleven tables, the truth by name, company.yml, the state.
MOVES = 11 + 8 + 2

#: Where it is killed: a function, and how often it may be called before.
SIMULATION_KILLED = {
    "while months are written": ("roundtrip.simulate.write.write_csv", 15),
    "when all is written": ("os.replace", 0),
}
CONTINUATION_KILLED = {
    "while the month is written": ("roundtrip.simulate.write.write_csv", 5),
    "among the tables": ("os.replace", 1),
    "behind the ledger": ("os.replace", 16),
    "before company.yml": ("os.replace", MOVES - 2),
    "behind company.yml": ("os.replace", MOVES - 1),
}
LONG_KILLED = ("os.replace", 3 * 11 + 3 * 3 + 5 + 1)

#: Runs each case in a process of its own and kills it, like a power cut, when a function has been called so
#: often. The processes are forks of one that has imported and read everything, which takes seconds.
RUN_AND_KILL = """
import importlib, json, os, signal, sys, tempfile
from pathlib import Path
from roundtrip.simulate import live_on, simulate

def kill_at(place, calls):
    module, name = place.rsplit(".", 1)
    module = importlib.import_module(module)
    original, left = getattr(module, name), [calls]
    def counted(*arguments, **options):
        if left[0] == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        left[0] -= 1
        return original(*arguments, **options)
    setattr(module, name, counted)

with tempfile.TemporaryDirectory() as folder:
    simulate(Path(folder) / "company", 25, 2, 1)
for (place, calls), function, arguments in json.loads(sys.argv[1]):
    child = os.fork()
    if child == 0:
        kill_at(place, calls)
        arguments = [Path(a) if isinstance(a, str) else a for a in arguments]
        {"simulate": simulate, "live_on": live_on}[function](*arguments)
        os._exit(0)
    print(os.waitpid(child, 0)[1], flush=True)
"""


@pytest.fixture(scope="module")
def company(tmp_path_factory) -> Path:
    """A history that was never disturbed."""
    out = tmp_path_factory.mktemp("never_killed") / "company"
    simulate(out, CUSTOMERS, MONTHS, SEED)
    return out


@pytest.fixture(scope="module")
def orders(company) -> Path:
    """Everybody who came in the first month gets a discount in campaign ONE."""
    rows = (company / "customers" / "customers-2025-10.csv").read_text(encoding="utf-8").split("\n")[1:-1]
    known = sorted({row.split(",")[0] for row in rows})
    file = company.parent / "orders.csv"
    file.write_text("customer_id,action,campaign_id\n" + "".join(f"{c},discount,ONE\n" for c in known))
    return file


@pytest.fixture(scope="module")
def lived_on(company, orders) -> Path:
    """The same, lived on by a month with orders; never disturbed."""
    out = company.parent / "lived_on"
    shutil.copytree(company, out)
    live_on(out, 1, orders)
    return out


@pytest.fixture(scope="module")
def killed(company, orders, tmp_path_factory) -> Path:
    """A folder with what is left of each killed run: `<kind> <where it was killed>/company`."""
    folder = tmp_path_factory.mktemp("killed")
    cases = []
    for where, place in SIMULATION_KILLED.items():
        out = folder / f"simulate {where}" / "company"
        cases.append((place, "simulate", (str(out), CUSTOMERS, MONTHS, SEED)))
    for where, place in (CONTINUATION_KILLED | {"long": LONG_KILLED}).items():
        out = folder / f"live_on {where}" / "company"
        shutil.copytree(company, out)
        cases.append((place, "live_on", (str(out), 3 if where == "long" else 1, str(orders))))
    run = subprocess.run(
        [sys.executable, "-c", RUN_AND_KILL, json.dumps(cases)],
        cwd=PROJECT_ROOT,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert run.returncode == 0, run.stderr
    assert run.stdout.split() == [str(int(signal.SIGKILL))] * len(cases), run.stderr
    return folder


@pytest.mark.parametrize("where", SIMULATION_KILLED)
def test_a_killed_simulation_leaves_no_company_and_the_next_one_is_whole(company, killed, where):
    out = killed / f"simulate {where}" / "company"
    assert not out.exists()
    (left,) = out.parent.iterdir()
    # What lies about of a longer history must not get into this one.
    (left / "bookings" / "bookings-2020-01.csv").write_text("booking_id\n")
    simulate(out, CUSTOMERS, MONTHS, SEED)
    assert [path.name for path in out.parent.iterdir()] == ["company"]
    assert files(out) == files(company)


@pytest.mark.parametrize("where", CONTINUATION_KILLED)
def test_a_continuation_that_is_killed_is_done_again(company, lived_on, killed, orders, where):
    out = killed / f"live_on {where}" / "company"
    before, expected = files(company), files(lived_on)
    left = files(out)
    assert left["truth/state.npz"] == before["truth/state.npz"], "the state moves last"
    moved = {name for name in left if not name.startswith(".next/")} - set(before)
    assert bool(moved) == (CONTINUATION_KILLED[where][0] == "os.replace")
    assert (left["truth/defects.csv"] != before["truth/defects.csv"]) == where.startswith("behind ") or (
        where == "before company.yml"
    )
    assert (left["company.yml"] != before["company.yml"]) == (where == "behind company.yml")
    live_on(out, 1, orders)
    again = files(out)
    assert list(again) == list(expected)
    assert [name for name in again if again[name] != expected[name]] == []


def test_the_moves_are_as_many_and_in_the_order_that_is_said_above(company, tmp_path, monkeypatch):
    out = tmp_path / "company"
    shutil.copytree(company, out)
    moves = []
    monkeypatch.setattr("os.replace", lambda old, new: (moves.append(new), shutil.move(old, new)))
    live_on(out, 1)
    assert len(moves) == MOVES
    assert out / "truth" / "defects.csv" in moves[:16]
    assert moves[-2:] == [out / "company.yml", out / "truth" / "state.npz"]


def test_what_is_done_after_a_kill_may_be_something_else(company, killed, tmp_path):
    """Three months with orders were killed at the end; then two pass without any, one by one."""
    out = killed / "live_on long" / "company"
    assert (out / "bookings" / "bookings-2026-03.csv").is_file()
    assert "2026-03" in (out / "company.yml").read_text(encoding="utf-8")
    never = tmp_path / "never"
    shutil.copytree(company, never)
    for _ in range(2):
        live_on(never, 1)
        live_on(out, 1)
        assert files(out) == files(never)


def test_a_campaign_of_a_killed_continuation_has_not_run(company, orders, tmp_path):
    """It may be given another action, which is refused for campaigns that ran."""
    out = tmp_path / "company"
    shutil.copytree(company, out)
    (out / "campaigns" / "campaigns-2026-01.csv").write_text("campaign_id,action\nONE,discount\n")
    calls = tmp_path / "calls.csv"
    calls.write_text(orders.read_text(encoding="utf-8").replace("discount", "care_call"))
    live_on(out, 1, calls)
    rows = (out / "campaigns" / "campaigns-2026-01.csv").read_text(encoding="utf-8").split("\n")
    assert [row.split(",")[0] for row in rows[1:-1]] == ["ONE"]
    assert "care_call" in rows[1]


def test_one_at_a_time(company, tmp_path, monkeypatch, capsys):
    out = tmp_path / "company"
    shutil.copytree(company, out)
    with FileLock(out / ".lock"):
        with pytest.raises(Locked, match="lived on by another process"):
            live_on(out, 1)
        monkeypatch.setattr(sys, "argv", ["roundtrip", "simulate", "--continue", str(out)])
        with pytest.raises(SystemExit) as end:
            cli.main()
        assert end.value.code == 5
        assert "lived on by another process" in capsys.readouterr().err.replace("\n", " ")
        assert files(out) == files(company)

    new = tmp_path / "new"
    partial = tmp_path / ".new.partial"
    partial.mkdir()
    with FileLock(partial / ".lock"):
        with pytest.raises(Locked, match="written by another process"):
            simulate(new, 1, 1, SEED)
        assert not new.exists()
        assert partial.is_dir()
    simulate(new, 1, 1, SEED)
    assert not partial.exists()
