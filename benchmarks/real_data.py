"""Honest metrics on a published home: learn from outcomes known by a date, test on what came after it.

    python -m benchmarks.real_data --home HOME --label left_programme --cutoff 2018-06-30
    python -m benchmarks.real_data --home HOME                      # no booking, the newest labelled months

Prints a table for docs/experiments.md and writes nothing. The home is one that `roundtrip run` has published.
"""

import argparse
import json
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
from pandas.api.types import is_numeric_dtype

from ml.evaluate import METRICS
from ml.frame import LABELS, Frame
from ml.measure import backtest_expected_bookings, evaluate_label
from ml.split import Split, TooLittleData
from roundtrip.home import Home


def main(arguments: list[str] | None = None) -> int:
    """Exit code 0 with numbers, 1 where the data do not suffice for any."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--home", type=Path, help="a published home (default: ROUNDTRIP_HOME or ./data)")
    parser.add_argument("--label", choices=sorted(LABELS), default="no_booking")
    parser.add_argument(
        "--cutoff", type=date.fromisoformat, help="a month end: features until, outcomes after it"
    )
    parser.add_argument("--json", action="store_true", help="everything, as JSON")
    chosen = parser.parse_args(arguments)
    home = Home.from_env(chosen.home)
    try:
        found = evaluate_label(home, chosen.label, chosen.cutoff, {"plain boosting": plain_boosting})
    except TooLittleData as outcome:
        print(f"Too little data. Missing: {'; '.join(outcome.what_is_missing)}")
        return 1
    if chosen.cutoff and chosen.label == "no_booking":
        found["expected_bookings"] = backtest_expected_bookings(home, chosen.cutoff)
    print(json.dumps(found, indent=2) if chosen.json else as_text(found))
    return 0


def plain_boosting(frame: Frame, split: Split) -> np.ndarray:
    """What a gradient boosting with scikit-learn's defaults, not tuned, says of the test rows."""
    from sklearn.ensemble import HistGradientBoostingClassifier

    rows = frame.rows
    table = pd.DataFrame(
        {
            name: rows[name] if is_numeric_dtype(rows[name]) else pd.factorize(rows[name])[0]
            for name in frame.features
        }
    )
    table = table.astype(float).replace([np.inf, -np.inf], np.nan)
    model = HistGradientBoostingClassifier(random_state=0)
    model.fit(table[split.train], rows.loc[split.train, "label"].astype(int))
    return model.predict_proba(table[split.test])[:, 1]


def as_text(found: dict) -> str:
    split, evaluation = found["split"], found["evaluation"]
    lines = [
        f"label {found['label']}; train {split['train_from']} to {split['train_to']} "
        f"({split['train_rows']:,} rows of {split['train_customers']:,} customers, "
        f"base rate {split['train_base_rate']:.2%}), calibrated by {split['calibrate_by']}",
        f"test {split['test_from']} to {split['test_to']}: {evaluation['n']:,} rows of "
        f"{evaluation['customers']:,} customers, base rate {evaluation['base_rate']:.2%}; "
        f"chosen before the test: {found['chosen']}",
        *found["messages"],
        "",
        "| model | " + " | ".join(METRICS) + " |",
        "| --- |" + " --- |" * len(METRICS),
    ]
    for name, metrics in evaluation["models"].items():
        cells = [f"{m['value']:.3f} ({m['low']:.3f} to {m['high']:.3f})" for m in metrics.values()]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    lines.append("")
    for pair, gap in evaluation["differences"].items():
        lines.append(f"AUC {pair}: {gap['value']:+.3f} ({gap['low']:+.3f} to {gap['high']:+.3f})")
    lines.append(
        "strongest: " + ", ".join(f"{name} {part:.2f}" for name, part in found["importance"].items())
    )
    if backtest := found.get("expected_bookings"):
        lines.append("next year's bookings: " + ", ".join(f"{k} {v:.3g}" for k, v in backtest.items()))
    return "\n".join(lines)


if __name__ == "__main__":
    raise SystemExit(main())
