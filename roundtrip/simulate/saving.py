"""The state of a world as a file, from which it can be lived on."""

import json
import zipfile
from dataclasses import fields
from pathlib import Path

import numpy as np
import pandas as pd

from roundtrip.errors import BadInput
from roundtrip.simulate.parameters import Parameters
from roundtrip.simulate.people import People
from roundtrip.simulate.state import State
from roundtrip.simulate.world import Open, SoFar, World

#: Changes whenever a file written before cannot be lived on any more.
VERSION = 2
_OPEN = tuple(f.name for f in fields(Open))


def save(world: World, carried: dict[str, pd.DataFrame], file: Path) -> None:
    """Everything the next month depends on, with the rows that are carried into it (by table)."""
    about = {
        "version": VERSION,
        "customers": world.customers,
        "months": world.months,
        "seed": world.seed,
        "first_month": str(world.first_month),
        "lived": world.lived,
        "parameters": world.p.model_dump_json(),
        "carried": {table: frame.to_dict(orient="list") for table, frame in carried.items()},
        "open": {name: list(getattr(world.open, name).columns) for name in _OPEN},
    }
    arrays = {"about": np.frombuffer(json.dumps(about).encode(), dtype=np.uint8)}
    for part in ("people", "state"):
        whole = getattr(world, part)
        arrays |= {f"{part}.{f.name}": getattr(whole, f.name) for f in fields(whole)}
    for name in _OPEN:
        frame = getattr(world.open, name)
        arrays |= {f"{name}.{column}": frame[column].to_numpy() for column in frame.columns}
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("wb") as target:
        np.savez(target, **arrays)


def load(file: Path) -> tuple[World, dict[str, pd.DataFrame]]:
    """The world as it was saved, and what is carried into its next month.

    Raises:
        BadInput: the file is missing, damaged, or of another version.
    """
    hint = "give the folder of a company that `roundtrip simulate` has written, or simulate it anew"
    if not file.is_file():
        raise BadInput(f"{file} is not there: this company cannot be lived on", hint)
    try:
        with np.load(file, allow_pickle=False) as stored:
            arrays = {name: stored[name] for name in stored.files}
        about = json.loads(arrays.pop("about").tobytes())
        if about.get("version") == VERSION:
            return _restored(about, arrays)
    except (ValueError, OSError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise BadInput(f"{file} cannot be read: {str(error).splitlines()[0]}", hint) from error
    raise BadInput(f"{file} was written by another version of the simulation", "simulate the company anew")


def _restored(about: dict, arrays: dict[str, np.ndarray]) -> tuple[World, dict[str, pd.DataFrame]]:
    p = Parameters.model_validate_json(about["parameters"])
    frames = {
        name: pd.DataFrame({column: arrays[f"{name}.{column}"] for column in about["open"][name]})
        for name in _OPEN
    }
    so_far = SoFar(
        lived=about["lived"],
        people=People(**{f.name: arrays[f"people.{f.name}"] for f in fields(People)}),
        state=State(**{f.name: arrays[f"state.{f.name}"] for f in fields(State)}),
        open=Open(**frames),
    )
    first_month = np.datetime64(about["first_month"], "M")
    world = World(p, about["customers"], about["months"], about["seed"], first_month, so_far)
    return world, {table: pd.DataFrame(columns) for table, columns in about["carried"].items()}
