"""`roundtrip simulate` on the command line: what it says, and what it does with arguments it cannot use."""

import io
import json
import shutil
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest

from roundtrip import cli
from roundtrip.simulate import simulate
from roundtrip.simulate.company import STATE_FILE
from tests.simulated_fixture import files


@pytest.fixture(scope="module")
def lived(tmp_path_factory) -> Path:
    """A company of eight customers and two months; tests copy it."""
    out = tmp_path_factory.mktemp("cli") / "company"
    simulate(out, customers=8, months=2, seed=1)
    return out


@pytest.fixture
def company(lived, tmp_path) -> Path:
    return Path(shutil.copytree(lived, tmp_path / "company"))


@pytest.fixture
def roundtrip(monkeypatch, capsys):
    """Run the command line in this process: (exit code, what it said)."""

    def run(*arguments) -> tuple[int, str]:
        monkeypatch.setenv("COLUMNS", "300")
        monkeypatch.setenv("NO_COLOR", "1")
        monkeypatch.setattr(sys, "argv", ["roundtrip", *map(str, arguments)])
        with pytest.raises(SystemExit) as end:
            cli.main()
        said = capsys.readouterr()
        return end.value.code or 0, said.out + said.err

    return run


def refused(roundtrip, folder: Path, *arguments) -> str:
    """What is said about arguments that cannot be used; nothing below the folder may change."""
    before, places = files(folder), set(folder.rglob("*"))
    code, said = roundtrip("simulate", *arguments)
    assert code == 2, said
    assert "→" in said, "what to do about it"
    assert "Traceback" not in said
    assert files(folder) == before
    assert set(folder.rglob("*")) == places
    return said


def test_it_says_what_it_has_written(roundtrip, tmp_path):
    small = ("--customers", 8, "--months", 2, "--seed", 1)
    code, said = roundtrip("simulate", "--out", tmp_path / "out", *small)
    assert code == 0, said
    # A long path stands on a line of its own.
    assert f"2025-11-01 to 2025-12-31, written to {tmp_path / 'out'}" in " ".join(said.split())
    assert "customers                    8 rows" in said
    code, said = roundtrip("simulate", "--continue", tmp_path / "out")
    assert code == 0, said
    assert f"2026-01-01 to 2026-01-31, written to {tmp_path / 'out'}" in " ".join(said.split())
    assert (tmp_path / "out" / "bookings" / "bookings-2026-01.csv").is_file()
    code, said = roundtrip("simulate", "--continue", tmp_path / "out", "--months", 2)
    assert code == 0, said
    assert "2026-02-01 to 2026-03-31" in said


def test_the_defaults_are_the_company_of_the_demo(roundtrip, monkeypatch, tmp_path):
    asked = []

    def instead(out, customers, months, seed, config=None, progress=None):
        asked.append((out, customers, months, seed, config))
        out.mkdir(parents=True)
        (out / "customers").mkdir()
        (out / "bookings").mkdir()
        return {"rows": {}, "starts_on": "", "ends_on": "", "out": out}

    monkeypatch.setattr("roundtrip.simulate.simulate", instead)
    monkeypatch.setattr(cli, "_run", lambda *_: None)
    assert roundtrip("simulate", "--out", tmp_path / "a")[0] == 0
    assert roundtrip("demo", "--local", "--home", tmp_path / "home")[0] == 0
    assert asked == [
        (tmp_path / "a", 20_000, 48, 7, None),
        (tmp_path / "home" / "simulated", 20_000, 48, 7, None),
    ]
    # Once it is there, the demo goes on with it.
    assert roundtrip("demo", "--local", "--home", tmp_path / "home", "--seed", 8)[0] == 0
    assert len(asked) == 2


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--customers", 0], "--customers is 0"),
        (["--customers", -3], "--customers is -3"),
        (["--customers", 10**12], "--customers is 1000000000000"),
        (["--months", 0], "--months is 0"),
        (["--months", 5000], "--months is 5000, before the holiday calendar begins"),
        (["--seed", -1], "--seed is -1"),
        (["--seed", 2**70], "--seed is 1180591620717411303424"),
        (["--interventions", "orders.csv"], "--interventions needs --continue"),
    ],
)
def test_a_history_that_cannot_be(roundtrip, tmp_path, arguments, says):
    assert says in refused(roundtrip, tmp_path, "--out", tmp_path / "out", *arguments)


def test_neither_a_new_company_nor_an_old_one(roundtrip, tmp_path):
    assert "neither --out nor --continue" in refused(roundtrip, tmp_path, "--months", 3)


def test_what_is_there_stays(roundtrip, company):
    assert "not an empty folder" in refused(roundtrip, company, "--out", company, "--months", 1)
    file = company / "company.yml"
    assert "not an empty folder" in refused(roundtrip, company, "--out", file, "--months", 1)
    assert "cannot be made" in refused(roundtrip, company, "--out", file / "below", "--months", 1)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("people:\n  moves_house: 0.1\n  moves_hause: 0.1\n", ":3: people.moves_hause: unknown key"),
        ("leaving:\n  prospect: -0.1\n", ":2: leaving.prospect: -0.1 is below 0"),
        ("people: {}\nneed_types:\n  student:\n    share: 0.9\n", ":4: need_types.student.share|add up to"),
        ("trips: [1, 2]\n", ":1: trips"),
        ("a: b: c\n", ":1"),
        (None, "config.yml"),
    ],
    ids=["unknown key", "negative rate", "shares", "wrong shape", "no YAML", "no file"],
)
def test_a_config_that_cannot_be_used(roundtrip, tmp_path, text, says):
    config = tmp_path / "config.yml"
    if text is not None:
        config.write_text(text)
    said = refused(roundtrip, tmp_path, "--out", tmp_path / "out", "--months", 1, "--config", config)
    for part in says.split("|"):
        assert part in said


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        ("customer_id,action\nC00000001,discount\n", "orders.csv:2: no customer 'C00000001'"),
        ("customer_id,action\n{known},gift\n", "orders.csv:2: unknown action 'gift'"),
        (
            "customer_id,action\n{known},content\n\n{known},content\n",
            "orders.csv:4: {known} is given content",
        ),
        ("customer\n", "orders.csv:1: unknown column 'customer'"),
        (None, "orders.csv cannot be read"),
    ],
)
def test_interventions_that_cannot_be_carried_out(roundtrip, company, rows, says):
    known = (company / "customers" / "customers-2025-11.csv").read_text().split("\n")[1].split(",")[0]
    orders = company.parent / "orders.csv"
    if rows is not None:
        orders.write_text(rows.format(known=known))
    said = refused(roundtrip, company.parent, "--continue", company, "--interventions", orders)
    assert says.format(known=known) in said


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--seed", 7], "--seed cannot be given with --continue"),
        (["--customers", 7, "--seed", 7], "--customers and --seed cannot be given"),
        (["--out", "elsewhere"], "--out cannot be given"),
        (["--config", "x.yml"], "--config cannot be given"),
        (["--months", 0], "--months is 0"),
        (["--months", -2], "--months is -2"),
        (["--months", 49], "--months is 49, beyond the holiday calendar|at most 48"),
    ],
)
def test_a_continuation_that_cannot_be(roundtrip, company, arguments, says):
    said = refused(roundtrip, company, "--continue", company, *arguments)
    for part in says.split("|"):
        assert part in said


@pytest.mark.parametrize("what", ["nothing", "an empty folder", "another folder", "a file"])
def test_what_is_no_simulated_company(roundtrip, tmp_path, what):
    place = tmp_path / "place"
    if what == "a file":
        place.write_text("mine")
    elif what != "nothing":
        place.mkdir()
        if what == "another folder":
            (place / "bookings").mkdir()
            (place / "bookings" / "bookings.csv").write_text("booking_id\n")
    said = refused(roundtrip, tmp_path, "--continue", place)
    assert "is not there: this company cannot be lived on" in said


def _flip(state: bytes, at: int) -> bytes:
    return state[:at] + bytes([state[at] ^ 0xFF]) + state[at + 1 :]


def _retold(state: bytes, **changes) -> bytes:
    """The state with other words about it; None takes one away."""
    with np.load(io.BytesIO(state)) as stored:
        arrays = dict(stored)
    about = json.loads(arrays["about"].tobytes()) | changes
    about = {name: value for name, value in about.items() if value is not None}
    arrays["about"] = np.frombuffer(json.dumps(about).encode(), dtype=np.uint8)
    target = io.BytesIO()
    np.savez(target, **arrays)
    return target.getvalue()


def _without(state: bytes, name: str) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(state)) as old, zipfile.ZipFile(target, "w") as new:
        for entry in old.namelist():
            if entry != f"{name}.npy":
                new.writestr(entry, old.read(entry))
    return target.getvalue()


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (lambda state: b"", "cannot be read"),
        (lambda state: b"not a state", "cannot be read"),
        (lambda state: state[: len(state) // 2], "cannot be read"),
        (lambda state: state[:-30], "cannot be read"),
        (lambda state: _flip(state, 400), "cannot be read"),
        (lambda state: _without(state, "about"), "cannot be read"),
        (lambda state: _without(state, "people.need_type"), "cannot be read"),
        (lambda state: _without(state, "state.phase"), "cannot be read"),
        (lambda state: _retold(state, parameters="{}"), "cannot be read"),
        (lambda state: _retold(state, lived=None), "cannot be read"),
        (lambda state: _retold(state, version=None), "another version"),
        (lambda state: _retold(state, version=999), "another version"),
    ],
    ids=[
        "empty", "a text", "half of it", "a cut end", "a wrong byte", "no description", "no people",
        "no state", "no parameters", "no months", "no version", "other version",
    ],
)  # fmt: skip
def test_a_damaged_state(roundtrip, company, damage, says):
    file = company / STATE_FILE
    file.write_bytes(damage(file.read_bytes()))
    said = refused(roundtrip, company, "--continue", company)
    assert f"{file}" in said
    assert says in said


def test_a_company_whose_ledger_is_gone(roundtrip, company):
    (company / "truth" / "defects.csv").unlink()
    assert "defects.csv is not there" in refused(roundtrip, company, "--continue", company)
