"""`roundtrip simulate`: one landing folder, whole or not at all."""

import os
import shutil
from pathlib import Path

import numpy as np
import yaml

from roundtrip.contract import source_contract
from roundtrip.errors import BadInput
from roundtrip.simulate import defects, parameters, world, write
from roundtrip.simulate.truth import truth_tables


def simulate(out: Path, customers: int, months: int, seed: int, progress=None) -> dict:
    """Write the landing folder of a simulated company, ending on parameters.ENDS_ON.

    Args:
        out: a folder that does not exist or is empty. It gets `<table>/<table>.csv` for every table of the
            source contract, `company.yml`, and `truth/` (which no stage of the pipeline reads).
        customers: how many register over the whole history.
        months: length of the history.
        seed: the same arguments give the same bytes.
        progress: called as progress(done, total) after every month.

    Returns:
        out, customers, months, seed, starts_on, ends_on, rows (by table, as written), defects (by kind).

    Raises:
        BadInput: an argument cannot be used; nothing is written then.
    """
    out = Path(out)
    _check(out, customers, months, seed)
    beside = out.with_name(f".{out.name}.partial")
    shutil.rmtree(beside, ignore_errors=True)
    beside.mkdir(parents=True)
    try:
        history = world.run(customers, months, seed, progress)
        summary = _write(history, beside)
        os.replace(beside, out)
    except BaseException:
        shutil.rmtree(beside, ignore_errors=True)
        raise
    return {"out": str(out), "customers": customers, "months": months, "seed": seed, **summary}


def _check(out: Path, customers: int, months: int, seed: int) -> None:
    if customers < 1:
        raise BadInput(f"--customers is {customers}", "give at least 1; 6000 makes a rich company in seconds")
    if months < parameters.MIN_MONTHS:
        raise BadInput(
            f"--months is {months}, too short a history",
            f"give at least {parameters.MIN_MONTHS} (the rollout plan stands in its month 4 at the end); "
            "rhythms and churn labels need 24 or more, 36 is a good choice",
        )
    if months > parameters.MAX_MONTHS:
        raise BadInput(
            f"--months is {months}, before the holiday calendar begins",
            f"give at most {parameters.MAX_MONTHS}",
        )
    if seed < 0:
        raise BadInput(f"--seed is {seed}", "give 0 or a positive whole number")
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise BadInput(
            f"{out} exists and is not an empty folder",
            "give a new folder, or remove this one first: nothing is overwritten",
        )


def _write(history: world.History, folder: Path) -> dict:
    contract = source_contract()
    made = world.tables(history)
    for name, table in contract.items():
        frame = write.as_contract(made[name], table)
        write.write_csv(frame, table, folder / name / f"{name}.csv")
    ledger = defects.plant(folder, history.streams)

    truth = folder / "truth"
    for name, frame in truth_tables(history).items():
        write.write_parquet(frame, truth / f"{name}.parquet")
    ledger.to_csv(truth / "defects.csv", index=False)
    first, last = (np.datetime64(day, "D").astype(object) for day in (
        history.calendar.first_day, history.calendar.last_day))  # fmt: skip
    plan_month = history.calendar.month_starts[-1 - parameters.PLAN_MONTHS_AT_END]
    settings = {
        "name": parameters.COMPANY_NAME,
        "reporting_currency": parameters.CURRENCY,
        "as_of": last,
        "plan_starts_on": np.datetime64(int(plan_month), "D").astype(object),
    }
    (folder / "company.yml").write_text(
        "# Written by `roundtrip simulate`.\n"
        + yaml.safe_dump(settings, allow_unicode=True, sort_keys=False),
        encoding="utf-8",
    )
    superfluous = ledger[ledger["expected"] == defects.SUPERSEDED]["table"].value_counts()
    return {
        "starts_on": first.isoformat(),
        "ends_on": last.isoformat(),
        "rows": {name: len(made[name]) + int(superfluous.get(name, 0)) for name in contract},
        "defects": {kind: int(count) for kind, count in ledger["kind"].value_counts().sort_index().items()},
    }
