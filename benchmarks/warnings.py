"""Are the warnings worth a look? On a simulated company, where it is known who leaves and when.

The road is walked at several month ends, the churn models are trained at the first, and everybody who is
warned about is looked up in the company's hidden state. On a day a customer has `left` (though the warehouse
may not see it for a year), is `leaving` (has decided, and does ever less for one to three months), `decides`
within the next six months, or is `loyal`: only about these is the alarm for nothing.

The signals are judged by what the warehouse itself says later, lost within six months, and by who was leaving
among customers alike in rhythm: who answers surveys or complains has just travelled, and is lost late.
"""

import shutil
import tempfile
from datetime import date
from pathlib import Path

import duckdb
import pandas as pd
from rich.console import Console
from rich.table import Table

from benchmarks.warnings_judged import MONTHS_AFTER, OUTCOMES, judge_signals, lead_days, outcomes
from roundtrip.company import Company
from roundtrip.home import Home
from roundtrip.simulate import simulate
from roundtrip.stages import run_stage
from roundtrip.warn import warn

CUSTOMERS, MONTHS, SEED = 6_000, 48, 11
#: Month ends at which the road is walked; the months of the outcomes follow the last.
LOOKS = 6
_TO_RAW = ("read_files", "landing_gate", "load", "erase", "identify")
_EACH_DATE = ("build_warehouse", "marts_gate", "publish", "train", "score", "publish_scores")


def main(
    console: Console,
    customers: int = CUSTOMERS,
    seed: int = SEED,
    home: Path | None = None,
    looks: int = LOOKS,
) -> None:
    """Walk, warn, judge and show.

    Args:
        home: of a simulated company that was loaded; its state is copied. None: a company is simulated.
    """
    with tempfile.TemporaryDirectory() as folder:
        own = Home(Path(folder) / "home")
        landing = _loaded(own, Home(home) if home else None, Path(folder) / "landing", customers, seed)
        dates = [
            day.date()
            for day in pd.date_range(end=_last_date(own, landing), periods=looks + MONTHS_AFTER, freq="ME")
        ][:looks]
        current = []
        for day in dates:
            for stage in _EACH_DATE:
                if stage != "train" or day == dates[0]:
                    run_stage(stage, own, day)
            summary = warn(own, day)
            console.print(f"{day}: {summary['raised']} warnings, {summary['held_back']} held back")
            current.append(_current(own, day))
        last = _last_date(own, landing)
        # Once more, for what became of everybody: signals of all dates are in every warehouse.
        for stage in ("build_warehouse", "marts_gate", "publish"):
            run_stage(stage, own, last)
        truth = landing / "truth"
        warnings = pd.read_parquet(own.products_dir / "warnings" / f"{dates[-1]}.parquet")
        show_signals(console, judge_signals(own, last, truth))
        show_warnings(console, outcomes(pd.concat(current), truth), outcomes(_raised(warnings), truth))
        show_lead(console, lead_days(warnings, truth))


def _loaded(own: Home, given: Home | None, landing: Path, customers: int, seed: int) -> Path:
    """Bring a company's rows into the raw database of `own`; returns its landing folder."""
    if given is None:
        simulate(landing, customers=customers, months=MONTHS, seed=seed)
        company = Company.describe(landing, None)
        company.save(own)
        for stage in _TO_RAW:
            run_stage(stage, own, date.fromisoformat(company.settings["as_of"]))
        return landing
    own.root.mkdir(parents=True)
    for part in (given.company_file, given.raw_db.parent, given.vault_db.parent, given.secrets_dir):
        copy = shutil.copytree if part.is_dir() else shutil.copy
        copy(part, own.root / part.name)
    return Path(Company.load(given).landing)


def _last_date(home: Home, landing: Path) -> date:
    return date.fromisoformat(Company.load(home).settings["as_of"])


def _current(home: Home, day: date) -> pd.DataFrame:
    with duckdb.connect(str(home.current_db), read_only=True) as connection:
        return connection.execute(
            "SELECT customer_id, DATE '"
            + str(day)
            + "' AS day, 'everybody' AS kind FROM marts.dim_customers "
            "WHERE lifecycle_stage NOT IN ('prospect', 'lost')"
        ).df()


def _raised(warnings: pd.DataFrame) -> pd.DataFrame:
    kind = warnings["signals"].where(warnings["signals"] == "high_risk", "with a signal")
    return pd.DataFrame({"customer_id": warnings["customer_id"], "day": warnings["raised_on"], "kind": kind})


def show_signals(console: Console, rows: pd.DataFrame) -> None:
    table = Table(
        "signal", "a month", "lost in 6 months", "without it", "left", "alike", "reachable", "alike"
    )
    for row in rows.itertuples():
        table.add_row(row.signal, *(f"{share:.1%}" for share in row[2:]))
    console.print(table)


def show_warnings(console: Console, everybody: pd.DataFrame, warned: pd.DataFrame) -> None:
    table = Table("who", "customers", *OUTCOMES, title="what was true of them on the day")
    for row in pd.concat([everybody.tail(1), warned]).itertuples():
        table.add_row(
            row.kind, f"{row.customers:,}", *(f"{getattr(row, outcome):.1%}" for outcome in OUTCOMES)
        )
    console.print(table)
    every, told = (rows.loc[rows["kind"] != "all"] for rows in (everybody, warned))
    alarms = (told["customers"] * told["loyal"]).sum() / (every["customers"] * every["loyal"]).sum()
    console.print(f"alarms per 100 loyal customers a month: {100 * alarms:.1f}")


def show_lead(console: Console, lead: pd.DataFrame) -> None:
    (row,) = lead.itertuples()
    if not row.customers:
        console.print("of those warned about nobody left within half a year")
        return
    console.print(
        f"{row.customers} warned about left within half a year, {row.warned_before_left:.0%} of them after "
        f"the warning; days from the warning to leaving: {row.median:.0f} "
        f"(quartiles {row.lower:.0f} to {row.upper:.0f})"
    )


if __name__ == "__main__":
    main(Console())
