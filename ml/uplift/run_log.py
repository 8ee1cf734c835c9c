"""What learning uplift leaves in MLflow: a run, one inside it for each learner, and a picture."""

import itertools
from datetime import date

import numpy as np

from ml import tracking
from ml.plots import GREY, blank_axes
from ml.settings import digest
from ml.uplift.compare import Comparison
from ml.uplift.learners import CONTROLS
from ml.uplift.settings import parameters
from roundtrip.home import Home

_STYLES = tuple(itertools.product(("-", "--"), ("#D55E00", "#0072B2", "#CC79A7", "#E69F00", "#009E73")))


def key_of(as_of: date, data_hash: str) -> str:
    """What a run is known by: the date, the data and the parameters."""
    return digest([as_of.isoformat(), data_hash, parameters()])


def earlier(home: Home, key: str) -> dict | None:
    """The comparison of a finished run of that key: scores, chosen, reason."""
    done = tracking.finished_run_id(home, key, tracking.UPLIFT)
    if done is None:
        return None
    mlflow, _ = tracking.open_mlflow(home)
    return mlflow.artifacts.load_dict(f"runs:/{done}/comparison.json")


def log(home: Home, as_of: date, key: str, data_hash: str, found: Comparison, shares: dict) -> None:
    """A run, its nested runs and the Qini curves.

    Args:
        shares: action → mean share of a year's margin, its standard error and assignments.
    """
    title, note = f"What actions change, {as_of} · 行动效果", describe(found, shares)
    tags = {"data_hash": data_hash, "chosen": found.chosen}
    with tracking.noted_run(home, tracking.UPLIFT, title, key, as_of, note, **tags) as (mlflow, run):
        experiment = run.info.experiment_id
        for name, score in found.scores.items():
            role = "chosen" if name == found.chosen else "control" if name in CONTROLS else "candidate"
            words = f"{role.capitalize()}: {name.replace('_', ' ')}"
            with mlflow.start_run(experiment_id=experiment, run_name=words, nested=True):
                mlflow.set_tags({"candidate": name, "role": role, "as_of": as_of.isoformat()})
                mlflow.log_metrics({k: v for k, v in score.items() if k != "qini_folds"})
        mlflow.log_metrics({k: v for k, v in found.scores[found.chosen].items() if k != "qini_folds"})
        mlflow.log_metrics({f"value_share.{action}": s["share"] for action, s in shares.items()})
        mlflow.log_dict(parameters(), "parameters.json")
        mlflow.log_figure(qini_picture(found, f"{as_of}"), "plots/qini.png")
        mlflow.log_dict(
            {"scores": found.scores, "chosen": found.chosen, "reason": found.reason}, "comparison.json"
        )


def describe(found: Comparison, shares: dict) -> str:
    """The findings in words for somebody who has never heard of a Qini coefficient."""
    parts = [
        f"**In use: {found.chosen}**: {found.reason}. A learner's Qini says how much more is gained, per "
        "customer, by treating those first for whom it sees the largest effect than by drawing lots; judged "
        "on customers that it had not seen, with the spread over folds:",
        "\n".join(
            f"- {name}: {score['qini']:+.2f} ± {score['qini_spread']:.2f}"
            for name, score in found.scores.items()
        ),
        "What each action changes of a customer's yearly margin, on average over those it is for:",
        "\n".join(
            f"- {action}: {s['share']:+.1%} ± {s['se']:.1%} ({s['assignments']:,} assignments)"
            for action, s in shares.items()
        ),
    ]
    return "\n\n".join(parts)


def qini_picture(found: Comparison, title: str):
    """Gain curves of all learners; grey is drawing lots."""
    figure, (ax,) = blank_axes(1, 6.4, 4.6)
    at = np.linspace(0, 100, 101)
    end = np.mean([curve[-1] for curve in found.curves.values()])
    ax.plot([0, 100], [0, end], color=GREY, linewidth=1)
    for (style, colour), (name, curve) in zip(_STYLES, found.curves.items(), strict=False):
        words = f"{name.replace('_', ' ')} ({found.scores[name]['qini']:+.2f})"
        width = 2.6 if name == found.chosen else 1.3
        ax.plot(at, curve, color=colour, linestyle=style, linewidth=width, label=words)
    ax.legend(frameon=False, title="learner (Qini)")
    ax.set(title=f"Gained by whom is treated first: {title}", xlabel="% of customers treated")
    ax.set_ylabel("gain in value a customer")
    return figure
