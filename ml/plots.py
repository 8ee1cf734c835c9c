"""Pictures of an evaluation, for MLflow: every curve has its own colour (Okabe and Ito's) and line style."""

import itertools

import numpy as np

from ml.evaluate import Scored, calibration_table
from ml.groups import is_told
from ml.model_card.charts import SIZES, decay_drawing, figure_of, warning_drawing
from ml.model_card.page import card_words, model_name

GREY = "#767676"
#: Always the same for these; other kinds take the rest in their order.
_FIXED = {"rule": ("#000000", ":"), "champion": ("#009E73", "-.")}
_OTHERS = tuple(itertools.product(("-", "--", "-."), ("#D55E00", "#0072B2", "#CC79A7", "#E69F00", "#56B4E9")))


def pictures(
    probabilities: dict, label, importance: dict[str, float], title: str, chosen: str, evaluation: dict
) -> dict:
    """File name → matplotlib figure.

    Args:
        probabilities: model → shape (n,).
        importance: feature → mean absolute part in the log-odds of the chosen model.
        evaluation: with what ml.quality.in_depth measured.

    Returns:
        roc_pr, calibration, gains, importance; and groups, early_warning, decay where they were measured.
    """
    scored = {name: Scored(values, label) for name, values in probabilities.items()}
    found = {
        "roc_pr.png": _roc_pr(scored, title),
        "calibration.png": _calibration(scored, title),
        "gains.png": _gains(scored, title),
        "importance.png": _importance(importance, f"{model_name(chosen)}, {title}"),
    }
    words, wide = card_words("en"), SIZES[0]
    told = {column: [e for e in entries if is_told(e)] for column, entries in evaluation["groups"].items()}
    if any(told.values()):
        found["groups.png"] = _groups(told, chosen, evaluation["models"][chosen]["roc_auc"]["value"], title)
    if evaluation["early_warning"]["status"] == "measured":
        found["early_warning.png"] = figure_of(warning_drawing(evaluation["early_warning"], words), wide)
    if evaluation["decay"]["status"] == "measured":
        found["decay.png"] = figure_of(decay_drawing(evaluation["decay"], words), wide)
    return found


def _styles(names) -> dict[str, tuple[str, str, str]]:
    """Model → colour, line style, words."""
    others = iter(_OTHERS)
    styles = {}
    for name in names:
        colour, style = _FIXED[name] if name in _FIXED else next(others)[::-1]
        styles[name] = (colour, style, model_name(name))
    return styles


def blank_axes(columns: int, width: float, height: float):
    """A figure of so many inches, and its axes side by side, in the plain style of all pictures in MLflow."""
    # Figure instead of pyplot: no global state, no window, safe in any thread.
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), dpi=120, layout="constrained")
    axes = figure.subplots(1, columns, squeeze=False)[0]
    for ax in axes:
        ax.spines[["top", "right"]].set_visible(False)
        ax.grid(color="#dddddd", linewidth=0.6)
        ax.set_axisbelow(True)
    return figure, axes


def _figure(columns: int = 1, height: float = 4.6):
    return blank_axes(columns, 5.2 * columns, height)


def _lines(ax, scored: dict, curve) -> None:
    styles = _styles(scored)
    for name, each in scored.items():
        colour, style, words = styles[name]
        ax.plot(*curve(each), color=colour, linestyle=style, linewidth=2, label=words)
    ax.legend(frameon=False)


def _roc_pr(scored: dict, title: str):
    figure, (left, right) = _figure(2)

    def roc(each):
        everyone, churned = each.cumulative(np.ones(len(each.label)))
        kept = everyone - churned
        return kept / kept[-1], churned / churned[-1]

    def precision_recall(each):
        everyone, churned = each.cumulative(np.ones(len(each.label)))
        return churned[1:] / churned[-1], churned[1:] / everyone[1:]

    left.plot([0, 1], [0, 1], color=GREY, linewidth=1)
    _lines(left, scored, roc)
    left.set(title="ROC: grey is chance", xlabel="share of kept customers flagged")
    left.set_ylabel("share of churned customers found")
    base = next(iter(scored.values())).label.mean()
    right.axhline(base, color=GREY, linewidth=1)
    _lines(right, scored, precision_recall)
    right.set(title="Precision and recall: grey is the base rate", xlabel="share of churned customers found")
    right.set(ylabel="share of flagged who churned", ylim=(0, 1.02))
    figure.suptitle(title)
    return figure


def _calibration(scored: dict, title: str):
    figure, (ax,) = _figure()
    ax.plot([0, 1], [0, 1], color=GREY, linewidth=1)
    styles = _styles(scored)
    for name, each in scored.items():
        colour, style, words = styles[name]
        table = calibration_table(each, np.ones(len(each.label)))
        ax.plot(
            table["probability"],
            table["rate"],
            color=colour,
            linestyle=style,
            marker="o",
            markersize=4,
            label=words,
        )
    ax.legend(frameon=False)
    ax.set(xlabel="probability that was said", ylabel="share who did churn", xlim=(0, 1), ylim=(0, 1))
    ax.set_title("Calibration: on the grey line what is said happens")
    figure.suptitle(title)
    return figure


def _gains(scored: dict, title: str):
    figure, (left, right) = _figure(2)

    def gains(each):
        everyone, churned = each.cumulative(np.ones(len(each.label)))
        return everyone / everyone[-1], churned / churned[-1]

    def lift(each):
        shares, found = gains(each)
        # Under 1 % of the rows a lift is a handful of customers.
        shown = np.linspace(0.01, 1, 100)
        return shown, np.interp(shown, shares, found) / shown

    left.plot([0, 1], [0, 1], color=GREY, linewidth=1)
    _lines(left, scored, gains)
    left.set(title="Gains: grey is chance", xlabel="share of customers contacted, riskiest first")
    left.set_ylabel("share of churned customers reached")
    right.axhline(1, color=GREY, linewidth=1)
    right.axvline(0.1, color=GREY, linewidth=1, linestyle=(0, (1, 2)))
    _lines(right, scored, lift)
    right.set(title="Lift: dotted is the top decile", xlabel="share of customers contacted, riskiest first")
    right.set_ylabel("churn rate over the base rate")
    figure.suptitle(title)
    return figure


def _importance(importance: dict[str, float], title: str):
    figure, (ax,) = _figure(height=5.4)
    top = sorted(importance.items(), key=lambda pair: pair[1])[-20:]
    ax.barh([name for name, _ in top], [value for _, value in top], color="#0072B2")
    ax.grid(axis="y", visible=False)
    ax.tick_params(axis="y", labelsize=8)
    ax.set(xlabel="mean absolute part in the log-odds", title="What moves the score")
    figure.suptitle(title)
    return figure


def _groups(told: dict[str, list[dict]], kind: str, over_all: float, title: str):
    rows = [
        (f"{column}: {entry['group']}", entry["models"][kind]["roc_auc"])
        for column in told
        for entry in told[column]
    ]
    figure, (ax,) = _figure(height=1.4 + 0.22 * len(rows))
    value = np.array([auc["value"] for _, auc in rows])
    around = [value - [auc["low"] for _, auc in rows], np.array([auc["high"] for _, auc in rows]) - value]
    place = np.arange(len(rows))[::-1]
    ax.axvline(over_all, color=GREY, linewidth=1)
    ax.errorbar(value, place, xerr=np.maximum(around, 0), fmt="o", markersize=4, color="#0072B2")
    ax.set_yticks(place, [name for name, _ in rows], fontsize=8)
    ax.set(xlabel="ROC AUC with 95 % interval; grey is over all", title="By group")
    figure.suptitle(title)
    return figure
