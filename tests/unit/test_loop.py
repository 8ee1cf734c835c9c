"""The months of the loop, with the stages and the world stood in for: order, end, and going on."""

from datetime import date
from pathlib import Path

import pandas as pd
import pytest
import yaml

from roundtrip.errors import BadInput
from roundtrip.home import Home
from roundtrip.simulate.loop import live_the_plan, months
from roundtrip.stages import STAGES


class Stopped(Exception):
    """Stands for a kill."""


@pytest.fixture
def lived(tmp_path, monkeypatch) -> dict:
    """A landing folder at the end of 2025, and a list of everything that happens."""
    landing = tmp_path / "landing"
    (landing / "truth").mkdir(parents=True)
    (landing / "truth" / "state.npz").write_bytes(b"")
    set_day(landing, date(2025, 12, 31))
    happened: list[str] = []
    rounds: dict[str, str] = {}
    stops: list[str] = []

    def run_stage(name: str, home: Home, day: date) -> dict:
        if f"{day} {name}" in stops:
            stops.clear()
            raise Stopped
        happened.append(f"{day} {name}")
        if name == "decide":
            rounds.setdefault(f"R-{day}", "proposed")
        if name == "act":
            rounds.update({each: "sent" for each, state in rounds.items() if state == "approved"})
        return {}

    def live_on(folder: Path, count: int, interventions: Path | None = None) -> None:
        orders = interventions.read_text().splitlines()[1:] if interventions else []
        happened.append(f"{folder.name} lives {count} with {orders}")
        day = date.fromisoformat(months._as_of(folder).isoformat())
        for _ in range(count):
            day = (pd.Timestamp(day) + pd.offsets.MonthEnd(1)).date()
        set_day(folder, day)

    def orders(home: Home, round_id: str) -> pd.DataFrame:
        names = [round_id] if rounds[round_id] == "sent" else []
        return pd.DataFrame({"customer_id": names})

    monkeypatch.setattr(months, "run_stage", run_stage)
    monkeypatch.setattr(months, "live_on", live_on)
    monkeypatch.setattr(months, "orders", orders)
    monkeypatch.setattr(
        months, "waiting", lambda home: [each for each, state in rounds.items() if state == "proposed"]
    )
    monkeypatch.setattr(months, "approve", lambda home, each, by, note: rounds.update({each: "approved"}))
    monkeypatch.setattr(months, "round_of", lambda home, day: f"R-{day}" if f"R-{day}" in rounds else None)
    return {
        "home": Home(tmp_path / "home"),
        "landing": landing,
        "happened": happened,
        "rounds": rounds,
        "stops": stops,
    }


def set_day(folder: Path, day: date) -> None:
    # A new file, as the simulation replaces it: the untouched company shares its files by links.
    (folder / "company.yml").unlink(missing_ok=True)
    (folder / "company.yml").write_text(yaml.safe_dump({"as_of": day}))


def test_each_month_is_walked_approved_lived_and_the_last_one_measured(lived):
    begun = live_the_plan(lived["home"], lived["landing"], 2)

    happened = lived["happened"]
    days = ["2025-12-31", "2026-01-31", "2026-02-28"]
    walked = [line for line in happened if " lives " not in line]
    names = [stage.name for stage in STAGES]
    assert walked == [f"{day} {name}" for day in days for name in (names if day == days[-1] else names[:-1])]
    assert [line for line in happened if " lives " in line] == [
        "landing lives 1 with ['R-2025-12-31']",
        "landing lives 1 with ['R-2026-01-31']",
        "untouched lives 2 with []",
    ]
    # What the last walk plans has no month to be lived in: it is proposed, and nobody says yes.
    assert lived["rounds"] == {
        "R-2025-12-31": "sent",
        "R-2026-01-31": "sent",
        "R-2026-02-28": "proposed",
    }
    assert begun.began_on == "2025-12-31"


@pytest.mark.parametrize("at", ["2025-12-31 train", "2026-01-31 act", "2026-02-28 report"])
def test_killed_and_called_again_it_goes_on_with_its_month(lived, at):
    lived["stops"].append(at)
    with pytest.raises(Stopped):
        live_the_plan(lived["home"], lived["landing"], 2)
    live_the_plan(lived["home"], lived["landing"], 2)

    lives = [line for line in lived["happened"] if " lives " in line]
    assert lives == [
        "landing lives 1 with ['R-2025-12-31']",
        "landing lives 1 with ['R-2026-01-31']",
        "untouched lives 2 with []",
    ]
    # Called once more there is nothing left to live.
    live_the_plan(lived["home"], lived["landing"], 2)
    assert [line for line in lived["happened"] if " lives " in line] == lives


def test_a_home_holds_one_loop_and_only_of_a_simulated_company(lived, tmp_path):
    with pytest.raises(BadInput, match="no simulated company"):
        live_the_plan(Home(tmp_path / "other"), tmp_path, 1)
    live_the_plan(lived["home"], lived["landing"], 1)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    with pytest.raises(BadInput, match="holds the loop of"):
        live_the_plan(lived["home"], elsewhere, 1)
