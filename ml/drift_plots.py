"""Pictures of the monitoring, for MLflow: what has moved, and what became of earlier scores."""

import pandas as pd

from ml.plots import GREY, blank_axes

COLOURS = {"alarm": "#D55E00", "watch": "#E69F00", "ok": "#0072B2", "calendar": "#BBBBBB"}
WORDS = {
    "alarm": "shifted",
    "watch": "moving",
    "ok": "as it was",
    "calendar": "moves with the calendar, not judged",
}
#: Bars shown; the rest are smaller.
SHOWN = 25


def pictures(rows: pd.DataFrame, title: str) -> dict:
    """File name → matplotlib figure; only of what was measured."""
    found = {}
    population = rows[rows["kind"] == "population"]
    if len(population):
        found["stability.png"] = _stability(population, title)
    performance = rows[(rows["kind"] == "performance") & rows["ci_low"].notna()]
    if len(performance):
        found["outcomes.png"] = _outcomes(performance, title)
    return found


def _stability(rows: pd.DataFrame, title: str):
    from matplotlib.patches import Patch

    most = rows.nlargest(SHOWN, "value").iloc[::-1]
    figure, (ax,) = blank_axes(1, 8, 1.6 + 0.24 * len(most))
    places = range(len(most))
    ax.barh(places, most["value"], color=[COLOURS[state] for state in most["state"]])
    ax.axvline(most["threshold"].iloc[0], color=GREY, linestyle="--", linewidth=1)
    ax.set_yticks(places, most["subject"].replace({"churn_probability": "the score itself"}))
    ax.set_ylim(-0.7, len(most) - 0.3)
    ax.set_xlabel("population stability index (dashed: alarm)")
    ax.set_title(title, loc="left", fontsize=10)
    shown = [state for state in COLOURS if state in set(most["state"])]
    ax.legend(
        handles=[Patch(color=COLOURS[state], label=WORDS[state]) for state in shown],
        frameon=False,
        loc="lower right",
    )
    return figure


def _outcomes(rows: pd.DataFrame, title: str):
    figure, axes = blank_axes(2, 10.4, 4.2)
    for ax, measure, words in (
        (axes[0], "calibration_error", "calibration error"),
        (axes[1], "roc_auc_gain_over_rule", "AUC beyond the inactivity rule"),
    ):
        shown = rows[rows["measure"] == measure].sort_values(["scored_on", "model_version"])
        places = range(len(shown))
        below, above = shown["value"] - shown["ci_low"], shown["ci_high"] - shown["value"]
        ax.errorbar(places, shown["value"], yerr=[below, above], fmt="o", color=COLOURS["ok"], capsize=3)
        ax.axhline(shown["threshold"].iloc[0], color=GREY, linestyle="--", linewidth=1)
        labels = [
            f"{pd.Timestamp(row.scored_on):%Y-%m}\nv{row.model_version.rsplit('/')[-1]}"
            for row in shown.itertuples()
        ]
        ax.set_xticks(places, labels, fontsize=8)
        ax.set_title(f"{words} of scores given then", loc="left", fontsize=10)
    figure.suptitle(f"{title}: what became of earlier scores (dashed: alarm)", fontsize=10)
    return figure
