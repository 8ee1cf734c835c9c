"""The sizes of the benchmarks: a configuration that the simulation takes, and a launcher that measures."""

import json
import subprocess
import sys

import pytest
import yaml

from benchmarks import launch, sizes
from roundtrip.simulate import parameters


def test_the_million_travel_more_often_and_nothing_else_changes(tmp_path):
    file = tmp_path / "config.yml"
    file.write_text(yaml.safe_dump(sizes.overlay(sizes.MILLION)), encoding="utf-8")
    usual, busy = parameters.load(), parameters.load(file)
    for name, kind in busy.need_types.items():
        expected = usual.need_types[name].trips_per_year * sizes.MILLION.trips_factor
        assert kind.trips_per_year == pytest.approx(expected, abs=0.001)
    rates = {"trips_per_year", "web_events"}
    for name, kind in busy.need_types.items():
        assert kind.model_dump(exclude=rates) == usual.need_types[name].model_dump(exclude=rates)
    assert busy.model_dump(exclude={"need_types"}) == usual.model_dump(exclude={"need_types"})


def test_a_launch_measures_its_command_and_passes_its_failure_on():
    # A process that needs 80 MB and some time.
    command = [sys.executable, "-c", "import sys; bytearray(80_000_000); print('dropped'); sys.exit(3)"]
    done = subprocess.run([sys.executable, launch.__file__, *command], capture_output=True, check=False)
    took = json.loads(done.stdout)
    assert done.returncode == 3
    assert took["wall_seconds"] > 0
    assert took["cpu_seconds"] > 0
    assert 80e6 < took["peak_bytes"] < 300e6
