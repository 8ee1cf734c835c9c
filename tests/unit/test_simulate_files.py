"""`roundtrip simulate`: the same bytes again on any machine, whole or not at all, nothing overwritten."""

import os
import subprocess
import sys
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import pytest
import yaml
from numpy._core import _multiarray_umath as dispatch

from roundtrip.contract import source_contract
from roundtrip.errors import BadInput
from roundtrip.home import PROJECT_ROOT
from roundtrip.simulate import live_on, simulate, truth, write
from tests.simulated_fixture import delivered, files

#: What numpy would use on this machine beyond what it was built for.
CPU_FEATURES = [name for name in dispatch.__cpu_dispatch__ if dispatch.__cpu_features__.get(name)]

LIVES = """
import sys
from pathlib import Path
from roundtrip.simulate import live_on, simulate
simulate(Path(sys.argv[1]), customers=120, months=7, seed=3)
live_on(Path(sys.argv[1]), 1)
"""


@pytest.fixture(scope="module")
def company(tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("files") / "company"
    simulate(out, customers=120, months=7, seed=3)
    live_on(out, 1)
    return out


def test_another_machine_delivers_the_same_bytes(company, tmp_path):
    """Another processor (numpy's plain loops), another hash seed, another time zone and language."""
    environment = {
        **os.environ,
        "NPY_DISABLE_CPU_FEATURES": " ".join(CPU_FEATURES),
        "PYTHONHASHSEED": "1",
        "TZ": "America/New_York",
        "LC_ALL": "C",
    }
    command = [sys.executable, "-c", LIVES, str(tmp_path / "other")]
    subprocess.run(command, cwd=PROJECT_ROOT, env=environment, check=True, timeout=300)
    here, there = delivered(company), delivered(tmp_path / "other")
    assert list(here) == list(there)
    assert [name for name in here if here[name] != there[name]] == []
    assert len(here) == 11 * 8 + 1
    # Numbers that nobody is handed over may differ in their last digits.
    for file in sorted((company / "truth").rglob("*.parquet")):
        pd.testing.assert_frame_equal(
            pd.read_parquet(file),
            pd.read_parquet(tmp_path / "other" / file.relative_to(company)),
            rtol=1e-5,
        )
    one, other = (np.load(folder / "truth" / "state.npz") for folder in (company, tmp_path / "other"))
    assert one.files == other.files
    for name in one.files:
        if one[name].dtype.kind == "f":
            np.testing.assert_allclose(one[name], other[name], rtol=1e-9, atol=1e-12)
        else:
            np.testing.assert_array_equal(one[name], other[name])


def test_the_same_arguments_give_the_same_bytes_and_another_seed_does_not(tmp_path):
    for name, seed in (("a", 3), ("b", 3), ("c", 4)):
        simulate(tmp_path / name, customers=40, months=3, seed=seed)
    first, again, other = (files(tmp_path / name) for name in "abc")
    assert first == again
    assert list(first) == list(other)
    for table in ("customers", "bookings", "web_events"):
        name = f"{table}/{table}-2025-12.csv"
        assert first[name] != other[name]


def test_more_customers_leave_nobody_as_they_were_but_in_the_same_world(tmp_path):
    """The market and what is planted in it belong to the seed, not to the customers."""
    simulate(tmp_path / "few", customers=5, months=3, seed=3)
    simulate(tmp_path / "more", customers=9, months=3, seed=3)
    few, more = files(tmp_path / "few"), files(tmp_path / "more")
    markets = [name for name in few if name.startswith("market/")]
    assert len(markets) == 3
    assert [few[name] for name in markets] == [more[name] for name in markets]


@pytest.mark.parametrize(("customers", "months"), [(1, 1), (2, 3), (12, 4)])
def test_the_smallest_companies_are_complete_and_live_on(tmp_path, customers, months):
    (tmp_path / "out").mkdir()
    seen = []
    summary = simulate(
        tmp_path / "out", customers, months, 0, progress=lambda done, total: seen.append((done, total))
    )
    assert seen == [(done, months) for done in range(1, months + 1)]
    assert summary["months"] == months
    assert summary["ends_on"] == "2025-12-31"
    later = live_on(tmp_path / "out", 2)
    assert (later["starts_on"], later["ends_on"]) == ("2026-01-01", "2026-02-28")
    for name, table in source_contract().items():
        written = sorted((tmp_path / "out" / name).glob("*.csv"))
        assert len(written) == months + 2
        texts = [file.read_text(encoding="utf-8").split("\n") for file in written]
        assert all(lines[0] == ",".join(table.column_names) for lines in texts)
        rows = sum(len(lines) - 2 for lines in texts)
        assert rows == summary["rows"][name] + later["rows"][name]
    assert summary["rows"]["customers"] >= customers
    assert summary["rows"]["market"] >= months


def test_a_config_file_changes_the_world_and_is_kept_with_the_truth(tmp_path, company):
    config = tmp_path / "config.yml"
    config.write_text("company: {name: Nowhere Travel, ends_on: 2024-06-30}\nprices: {noise: 0.0}\n")
    simulate(tmp_path / "out", customers=10, months=2, seed=1, config=config)
    settings = yaml.safe_load((tmp_path / "out" / "company.yml").read_text(encoding="utf-8"))
    assert settings["name"] == "Nowhere Travel"
    assert str(settings["as_of"]) == "2024-06-30"
    assert (tmp_path / "out" / "bookings" / "bookings-2024-05.csv").is_file()
    kept = yaml.safe_load((tmp_path / "out" / "truth" / "parameters.yml").read_text(encoding="utf-8"))
    default = yaml.safe_load((company / "truth" / "parameters.yml").read_text(encoding="utf-8"))
    assert kept["prices"] == default["prices"] | {"noise": 0.0}
    assert kept["leaving"] == default["leaving"]
    again = tmp_path / "again"
    simulate(again, customers=10, months=2, seed=1, config=tmp_path / "out" / "truth" / "parameters.yml")
    assert files(again) == files(tmp_path / "out")


def test_the_truth_is_complete(company):
    names = {str(path.relative_to(company / "truth")) for path in (company / "truth").iterdir()}
    assert names == {
        "accounts.parquet", "action_effects.parquet", "customers.parquet", "customer_months", "defects.csv",
        "parameters.yml", "state.npz", "touch_effects", "turning_points",
    }  # fmt: skip
    for name in ("customer_months", "turning_points", "touch_effects"):
        assert len(list((company / "truth" / name).iterdir())) == 8
    effects = duckdb.sql(f"FROM '{company}/truth/action_effects.parquet'").df()
    people = duckdb.sql(f"FROM '{company}/truth/customers.parquet' WHERE state <> 'erased'").df()
    assert len(effects) == 6 * len(people)
    assert effects["effect_on_return"].between(-1, 1).all()
    assert np.isfinite(effects["effect_on_value"]).all()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"customers": 0}, "--customers is 0"),
        ({"customers": -5}, "--customers is -5"),
        ({"customers": 10**8}, "--customers is 100000000"),
        ({"months": 0}, "--months is 0"),
        ({"months": -1}, "--months is -1"),
        ({"months": 133}, "--months is 133, before the holiday calendar begins"),
        ({"months": 10**7}, "--months is 10000000, before the holiday calendar begins"),
        ({"seed": -1}, "--seed is -1"),
        ({"seed": 2**64}, "--seed is 18446744073709551616"),
    ],
)
def test_bad_arguments_are_refused_and_leave_nothing(tmp_path, arguments, says):
    with pytest.raises(BadInput, match=says) as refusal:
        simulate(tmp_path / "out", **({"customers": 5, "months": 6, "seed": 1} | arguments))
    assert refusal.value.hint
    assert list(tmp_path.iterdir()) == []


def test_the_longest_history_begins_with_the_calendar(tmp_path):
    """132 months back from 2025 is January 2015; only the world is asked, so that it takes no time."""
    with pytest.raises(BadInput, match="--months is 133") as refusal:
        simulate(tmp_path / "out", customers=1, months=133, seed=2**64 - 1)
    assert "at most 132" in refusal.value.hint


@pytest.mark.parametrize("kind", ["a folder with something in it", "a file", "below a file", "where we are"])
def test_what_exists_is_never_overwritten(tmp_path, monkeypatch, kind):
    out = tmp_path / "out"
    if kind == "a folder with something in it":
        out.mkdir()
        (out / "mine.txt").write_text("mine")
    elif kind == "where we are":
        out.mkdir()
        monkeypatch.chdir(out)
    else:
        out.write_text("mine")
    before = {str(path): path.is_dir() or path.read_bytes() for path in tmp_path.rglob("*")}
    says = {"below a file": "cannot be made", "where we are": "the folder you are in"}
    with pytest.raises(BadInput, match=says.get(kind, "not an empty folder")) as refusal:
        simulate(out / "below" if kind == "below a file" else out, customers=5, months=1, seed=1)
    assert refusal.value.hint
    assert {str(path): path.is_dir() or path.read_bytes() for path in tmp_path.rglob("*")} == before


def test_a_link_to_an_empty_folder_is_followed(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    simulate(tmp_path / "link", customers=1, months=1, seed=1)
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real" / "company.yml").is_file()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["link", "real"]


def test_a_failure_half_way_leaves_nothing_behind(tmp_path, monkeypatch):
    months = []

    def fails(world, month):
        months.append(month.month)
        if len(months) == 2:
            raise OSError("the disk is full")
        return {}

    monkeypatch.setattr(truth, "of_month", fails)
    with pytest.raises(OSError, match="disk is full"):
        simulate(tmp_path / "out", customers=5, months=3, seed=1)
    assert months == [0, 1]
    assert list(tmp_path.iterdir()) == []


def test_a_failure_of_the_writer_stops_the_simulation(tmp_path, monkeypatch):
    def fails(*_):
        raise OSError("the disk is full")

    monkeypatch.setattr(write, "write_csv", fails)
    with pytest.raises(OSError, match="disk is full"):
        simulate(tmp_path / "out", customers=5, months=3, seed=1)
    assert list(tmp_path.iterdir()) == []
