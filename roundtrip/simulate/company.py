"""`roundtrip simulate`: a landing folder, whole or not at all, and one month more of it."""

import os
import shutil
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pandas as pd
import yaml
from filelock import FileLock, Timeout

from roundtrip.contract import source_contract
from roundtrip.errors import BadInput, Locked
from roundtrip.simulate import delivery, parameters, saving, truth, write
from roundtrip.simulate.accounts import MAX_PERSONS
from roundtrip.simulate.defects import LEDGER_COLUMNS, Planter, nothing_carried
from roundtrip.simulate.dice import Dice
from roundtrip.simulate.holidays import FIRST_MONTH, LAST_MONTH
from roundtrip.simulate.orders import read_orders
from roundtrip.simulate.places import CNY_PER_UNIT
from roundtrip.simulate.world import Month, World

STATE_FILE = "truth/state.npz"
_LEDGER_FILE = "truth/defects.csv"
_SETTINGS_FILE = "company.yml"
_NEXT = ".next"
_LOCK = ".lock"
#: Leaves room for those who come when the company lives on.
_MOST_CUSTOMERS = MAX_PERSONS // 2
_SEEDS = 2**64


def simulate(
    out: Path, customers: int, months: int, seed: int, config: Path | None = None, progress=None
) -> dict:
    """Write the landing folder of a simulated company.

    Args:
        out: a folder that does not exist or is empty. It gets `<table>/<table>-YYYY-MM.csv` for every table
            of the source contract and month, `company.yml`, and `truth/` (which no stage may read).
        customers: people who register over the whole history; a few of them hold two accounts.
        months: length of the history.
        seed: the same arguments give the same bytes.
        config: a file that changes parameters (see parameters.yml).
        progress: called as progress(done, total) after every month.

    Returns:
        out, customers, months, seed, starts_on, ends_on, rows (by table, as written), defects (by kind).

    Raises:
        BadInput: an argument cannot be used; nothing is written then.
        Locked: another process is writing to the same folder.
    """
    out = Path(out)
    p = parameters.load(config)
    first_month = _check(out, customers, months, seed, p)
    target = out.resolve()
    beside = target.with_name(f".{target.name}.partial")
    try:
        beside.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BadInput(f"{beside} cannot be made: {error.strerror}", "give another folder") from error
    with _alone(beside, f"{out} is being written by another process"):
        try:
            _clear(beside)
            world = World(p, customers, months, seed, first_month)
            history_ends = world.calendar.start_of(months)
            with _Writer(beside, world, {}) as writer:
                for done in range(months):
                    month = world.live()
                    writer.hand_over(month, delivery.tables(world, month, history_ends, with_updates=False))
                    if progress:
                        progress(done + 1, months)
            _finish(beside, world, writer, pd.DataFrame(columns=LEDGER_COLUMNS))
            if target.exists():
                target.rmdir()
            os.replace(beside, target)
        except BaseException:
            shutil.rmtree(beside, ignore_errors=True)
            raise
    return {"out": str(out), "customers": customers, "seed": seed, **_summary(world, writer, 0)}


def live_on(out: Path, months: int, interventions: Path | None = None, progress=None) -> dict:
    """Add months to a simulated company, given what is done to whom in the first of them.

    The company does nothing else: its own campaigns and its scripted programme end with the history.

    Args:
        out: a folder that `simulate` has written.
        months: how many months more.
        interventions: a file as in interventions.py; None: nothing is done to anybody.

    Returns:
        As `simulate`, of the months added.

    Raises:
        BadInput: an argument cannot be used; nothing is changed then, but what a killed run left is removed.
        Locked: somebody else is living on with this company.
    """
    out = Path(out)
    if months < 1:
        raise BadInput(f"--months is {months}", "give at least 1: the months to live on")
    if not (out / STATE_FILE).is_file():
        saving.load(out / STATE_FILE)
    with _alone(out, f"{out} is being lived on by another process"):
        return _live_on(out, months, interventions, progress)


def _live_on(out: Path, months: int, interventions: Path | None, progress) -> dict:
    world, carried = saving.load(out / STATE_FILE)
    before = world.lived
    if world.first_month + before + months - 1 > LAST_MONTH:
        left = int((LAST_MONTH - world.first_month).astype(int)) + 1 - before
        raise BadInput(f"--months is {months}, beyond the holiday calendar", f"give at most {left}")
    world.reach(before + months)
    known = world.calendar.label(before - 1)
    ledger = _ledger_until(out / _LEDGER_FILE, known)
    _forget_after(known, out)
    orders = read_orders(world, out, interventions)
    beside = out / _NEXT
    shutil.rmtree(beside, ignore_errors=True)
    try:
        with _Writer(beside, world, carried) as writer:
            for done in range(months):
                month = world.live(orders if done == 0 else orders.head(0))
                known_until = world.calendar.start_of(world.lived)
                writer.hand_over(month, delivery.tables(world, month, known_until, with_updates=True))
                if progress:
                    progress(done + 1, months)
        _finish(beside, world, writer, ledger)
        _move_in(beside, out)
    finally:
        shutil.rmtree(beside, ignore_errors=True)
    return {
        "out": str(out),
        "customers": world.customers,
        "seed": world.seed,
        **_summary(world, writer, before),
    }


@contextmanager
def _alone(folder: Path, otherwise: str) -> Iterator[None]:
    """Keep other processes from writing in a folder. A killed process holds no lock."""
    try:
        with FileLock(folder / _LOCK, timeout=0):
            yield
    except Timeout as error:
        raise Locked(otherwise, "wait until it is done") from error


def _clear(folder: Path) -> None:
    """Remove what a killed process has left, but for the lock."""
    for left in folder.iterdir():
        if left.is_dir():
            shutil.rmtree(left)
        elif left.name != _LOCK:
            left.unlink()


def _check(out: Path, customers: int, months: int, seed: int, p: parameters.Parameters) -> np.datetime64:
    """The first month of the history."""
    first_month = np.datetime64(p.company.ends_on, "M") - months + 1
    if customers < 1:
        raise BadInput(f"--customers is {customers}", "give at least 1; 20000 make a rich company in seconds")
    if customers > _MOST_CUSTOMERS:
        raise BadInput(f"--customers is {customers}", f"give at most {_MOST_CUSTOMERS}")
    if months < 1:
        raise BadInput(f"--months is {months}", "give at least 1; rhythms and churn labels need 24 or more")
    if first_month < FIRST_MONTH:
        most = int((np.datetime64(p.company.ends_on, "M") - FIRST_MONTH).astype(int)) + 1
        raise BadInput(f"--months is {months}, before the holiday calendar begins", f"give at most {most}")
    if not 0 <= seed < _SEEDS:
        raise BadInput(f"--seed is {seed}", f"give a whole number from 0 to {_SEEDS - 1}")
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise BadInput(
            f"{out} exists and is not an empty folder",
            "give a new folder, or remove this one first: nothing is overwritten "
            "(--continue adds months to a simulated company)",
        )
    if out.exists() and (out.is_mount() or out.samefile(Path.cwd())):
        raise BadInput(
            f"{out} is a mount point or the folder you are in: it cannot be replaced",
            "give a new folder inside it",
        )
    return first_month


class _Writer:
    """Writes months in a second thread, while the next one is lived; at most one waits."""

    def __init__(self, folder: Path, world: World, carried: dict[str, pd.DataFrame]):
        self.folder, self.world = folder, world
        self.carried = {name: nothing_carried() for name in source_contract()} | carried
        self.ledgers: list[pd.DataFrame] = []
        self.rows = dict.fromkeys(source_contract(), 0)
        self._thread = ThreadPoolExecutor(1)
        self._last: Future | None = None

    def __enter__(self) -> "_Writer":
        self._connection = self._thread.submit(write.open_connection).result()
        self._planter = Planter(self.world.p.defects, Dice(self.world.seed), self._connection)
        return self

    def __exit__(self, *error) -> None:
        try:
            if self._last and error[0] is None:
                self._last.result()
        finally:
            self._thread.shutdown(wait=True)

    def hand_over(self, month: Month, tables: dict[str, pd.DataFrame]) -> None:
        frames = truth.of_month(self.world, month)
        if self._last:
            self._last.result()
        label = self.world.calendar.label(month.month)
        self._last = self._thread.submit(self._write, month.month, label, tables, frames)

    def _write(
        self, month: int, label: str, tables: dict[str, pd.DataFrame], frames: dict[str, pd.DataFrame]
    ) -> None:
        for name, frame in tables.items():
            planted = self._planter.split(name, month, label, frame, self.carried[name])
            file = self.folder / write.file_name(name, label)
            write.write_csv(
                self._connection, frame[planted.keep] if not planted.keep.all() else frame, name, file
            )
            write.append_lines(file, planted.appended)
            self.carried[name] = planted.carried
            self.ledgers.append(planted.ledger)
            self.rows[name] += int(planted.keep.sum()) + len(planted.appended)
        for name, frame in frames.items():
            write.write_parquet(self._connection, frame, self.folder / "truth" / name / f"{label}.parquet")

    def ledger(self) -> pd.DataFrame:
        return pd.concat(self.ledgers, ignore_index=True)


def _finish(folder: Path, world: World, writer: _Writer, earlier_ledger: pd.DataFrame) -> None:
    """What is written once for the whole history."""
    connection = write.open_connection()
    for name, frame in truth.of_everybody(world).items():
        write.write_parquet(connection, frame, folder / "truth" / f"{name}.parquet")
    connection.close()
    ledger = pd.concat([earlier_ledger.astype(object), writer.ledger().astype(object)], ignore_index=True)
    ledger.to_csv(folder / _LEDGER_FILE, index=False, lineterminator="\n")
    (folder / "truth" / "parameters.yml").write_text(parameters.dump(world.p), encoding="utf-8")
    last_day = np.datetime64(int(world.calendar.month_starts[world.lived]) - 1, "D").astype(object)
    plan_starts_on = np.datetime64(int(world.calendar.month_starts[world.plan_starts]), "D").astype(object)
    settings = {
        "name": world.p.company.name,
        "reporting_currency": world.p.company.currency,
        "as_of": last_day,
        "plan_starts_on": plan_starts_on,
        "exchange_rates": _exchange_rates(world),
        "retention": _retention(world),
    }
    text = yaml.safe_dump(settings, allow_unicode=True, sort_keys=False)
    (folder / _SETTINGS_FILE).write_text("# Written by `roundtrip simulate`.\n" + text, encoding="utf-8")
    saving.save(world, writer.carried, folder / STATE_FILE)


def _retention(world: World) -> dict:
    said = world.p.company.retention
    return {
        "budget_per_round": round(world.customers * said.budget_per_customer, 2),
        "channel_capacity": {"phone": max(1, world.customers // said.customers_per_call)},
        "kept_customer_value": said.kept_customer_value,
    }


def _exchange_rates(world: World) -> list[dict]:
    """What a unit of each other currency is worth in the company's, all the time; none if that is unknown."""
    own = CNY_PER_UNIT.get(world.p.company.currency)
    if not own:
        return []
    since = str(np.datetime64(int(world.calendar.month_starts[0]), "D"))
    return [
        {"currency": code, "valid_from": since, "rate": round(in_cny / own, 6)}
        for code, in_cny in sorted(CNY_PER_UNIT.items())
        if code != world.p.company.currency
    ]


def _ledger_until(file: Path, last: str) -> pd.DataFrame:
    """The ledger of planted defects up to a month: a killed continuation may have written to it before."""
    if not file.is_file():
        raise BadInput(f"{file} is not there: this company cannot be lived on", "simulate it anew")
    ledger = pd.read_csv(file, dtype=str, keep_default_na=False)
    return ledger[ledger["file"].str[-len("2025-01.csv") : -len(".csv")] <= last]


def _forget_after(last: str, out: Path) -> None:
    """Remove what a killed continuation has delivered of months after `last`, such as 2025-03.

    Else the months of a longer one, or of other interventions, would stand among those that were lived.
    """
    delivered = [file for table in source_contract() for file in (out / table).glob(f"{table}-????-??.csv")]
    for file in [*delivered, *(out / "truth").glob("*/????-??.parquet")]:
        if file.stem[-len("2025-01") :] > last:
            file.unlink()


def _move_in(beside: Path, out: Path) -> None:
    """Add the new files to the company's, the state last: before that, living on can be done again."""
    found = sorted(file.relative_to(beside) for file in beside.rglob("*") if file.is_file())
    last = [Path(_SETTINGS_FILE), Path(STATE_FILE)]
    for file in [file for file in found if file not in last] + last:
        (out / file).parent.mkdir(parents=True, exist_ok=True)
        os.replace(beside / file, out / file)


def _summary(world: World, writer: _Writer, before: int) -> dict:
    first, last = (
        np.datetime64(int(world.calendar.month_starts[month]) - back, "D").astype(object).isoformat()
        for month, back in ((before, 0), (world.lived, 1))
    )
    return {
        "months": world.lived - before,
        "starts_on": first,
        "ends_on": last,
        "rows": dict(writer.rows),
        "defects": {kind: int(n) for kind, n in writer.ledger()["kind"].value_counts().sort_index().items()},
    }
