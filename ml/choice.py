"""Step 3 to 4: fit every candidate, choose one on the folds, judge all of them on the test."""

from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from ml import models
from ml.bootstrap import Sums, blocks_of_draws, numbered, with_interval
from ml.evaluate import Scored, evaluate, roc_auc
from ml.frame import Frame
from ml.rule import InactivityRule, choose_rule
from ml.sentences import Sentence, words
from ml.split import Split
from ml.tuning import tune

say = words("training")


@dataclass
class Comparison:
    """All models on the same test rows, and the candidate chosen before the test.

    Attributes:
        probabilities: by model, `rule` among them, shape (test rows,).
        evaluation: of ml.evaluate.evaluate.
        chosen: the candidate to refit and perhaps to promote.
        selection_auc: by candidate, the mean AUC over the folds.
        candidates: the fitted models by name.
        parameters: as used, with the tuned settings: what the final fit and the recipe need.
        rule: the baseline.
        selection: how it was chosen, for the log: AUC by fold, rules, tuning, ensemble, calibration.
        messages: what was left out and why, in words.
    """

    probabilities: dict[str, np.ndarray]
    evaluation: dict
    chosen: str
    selection_auc: dict[str, float]
    candidates: dict
    parameters: dict
    rule: InactivityRule
    selection: dict = field(default_factory=dict)
    messages: list[Sentence] = field(default_factory=list)


def compare(frame: Frame, split: Split, parameters: dict, champion_recipe: dict | None = None) -> Comparison:
    """Fit the rule and every candidate on the training rows and judge all of them on the test rows.

    The baseline, LightGBM's settings, the calibrations and the candidate are chosen on the split's folds, so
    that the test says how good the choice is and took no part in it. A champion is compared by its recipe,
    fitted on the same training rows: the champion itself was fitted on all labels, the test's among them.
    """
    rows, test = frame.rows, frame.rows.loc[split.test]
    by, rule_auc = choose_rule(rows, split.folds, parameters)
    rule = models.fit_rule(rows.loc[split.train], parameters, by)
    parameters, tuning = tune(rows, frame.features, split.folds, parameters)
    fitted, messages = {}, []
    for kind in models.KINDS:
        if why := models.why_not(kind, rows, frame.features, parameters):
            messages.append(why)
        else:
            fitted[kind] = models.fit_candidate(kind, rows, frame.features, split, parameters, frame)
    by_fold = {kind: fold_aucs(each, rows) for kind, each in fitted.items()}
    auc = {kind: float(np.mean(found)) for kind, found in by_fold.items()}
    chosen = choose(auc, parameters)
    ensemble, blended = _try_ensemble(fitted, chosen, rows, parameters)
    if blended is not None:
        chosen, fitted[models.ENSEMBLE] = models.ENSEMBLE, blended
        by_fold[chosen] = fold_aucs(blended, rows)
        auc[chosen] = float(np.mean(by_fold[chosen]))
    probabilities = {"rule": rule.probability_of(test)}
    probabilities |= {kind: each.model.predict(None, test) for kind, each in fitted.items()}
    against = [(kind, "rule") for kind in fitted]
    against += [(chosen, kind) for kind in fitted if kind != chosen]
    if champion_recipe:
        against.append((chosen, "champion"))
        probabilities["champion"] = (
            probabilities[chosen]
            if champion_recipe == recipe(chosen, frame.features, parameters)
            else _by_recipe(champion_recipe, frame, split, parameters)
        )
    evaluation = evaluate(probabilities, test["label"], test["customer_id"], parameters, against)
    messages += _new_levels(fitted[chosen].model, test)
    selection = {
        "folds": split.calibrate_by,
        "auc_by_fold": by_fold,
        "rule": by,
        "rule_auc": rule_auc,
        "tuning": tuning,
        "ensemble": ensemble,
        "calibration": {kind: _said_of_calibration(each) for kind, each in fitted.items()},
    }
    candidates = {kind: each.model for kind, each in fitted.items()}
    return Comparison(
        probabilities, evaluation, chosen, auc, candidates, parameters, rule, selection, messages
    )


def choose(selection_auc: dict[str, float], parameters: dict) -> str:
    """The simplest candidate that is within a hair of the best one."""
    best = max(selection_auc.values())
    near = parameters["candidates"]["prefer_simple_within_auc"]
    return next(kind for kind, auc in selection_auc.items() if auc >= best - near)


def recipe(kind: str, features: list[str], parameters: dict) -> dict:
    """All that is needed to fit the same kind of model again."""
    names = ("candidates", "calibration", "split", "horizon", "seed", "threads", "scoring_threads")
    return {"kind": kind, "features": features, "parameters": {name: parameters[name] for name in names}}


def fold_aucs(candidate: models.Candidate, rows: pd.DataFrame) -> list[float]:
    """ROC AUC on each fold's validation rows, oldest first."""
    label = rows["label"].to_numpy()
    return [
        roc_auc(Scored(log_odds, label[positions]), np.ones(len(positions)))
        for positions, log_odds in zip(candidate.folds, candidate.fold_log_odds, strict=True)
    ]


def paired_gain(
    first: models.Candidate, second: models.Candidate, rows: pd.DataFrame, parameters: dict
) -> dict[str, float]:
    """Mean fold AUC of the first minus that of the second: value, low, high (95 %, paired by customer)."""
    label, draws = rows["label"].to_numpy(dtype=float), []
    code, customers = numbered(rows["customer_id"])
    replicates, seed = parameters["evaluation"]["bootstrap_replicates"], parameters["seed"]
    folds = list(zip(first.folds, first.fold_log_odds, second.fold_log_odds, strict=True))
    sums = [
        [Sums(log_odds, label[at], code[at], customers, np.zeros(len(at), dtype=int), 1) for log_odds in pair]
        for at, *pair in folds
    ]
    for times in blocks_of_draws(customers, replicates, seed):
        draws.append(np.mean([one.drawn_auc(times) - other.drawn_auc(times) for one, other in sums], axis=0))
    gain = np.subtract(np.mean(fold_aucs(first, rows)), np.mean(fold_aucs(second, rows)))
    return with_interval(gain, np.concatenate(draws))


def _try_ensemble(fitted: dict, chosen: str, rows: pd.DataFrame, parameters: dict):
    """What the paired test says, and the ensemble if it earns its place, else None."""
    rules = parameters["candidates"]["ensemble"]
    if not set(rules["members"]) <= set(fitted) or not fitted[chosen].folds:
        return None, None
    blended = models.blend([fitted[kind] for kind in rules["members"]], rows, parameters)
    gain = paired_gain(blended, fitted[chosen], rows, parameters)
    is_earned = gain["low"] > 0 and gain["value"] >= rules["min_gain_auc"]
    said = {"members": rules["members"], "against": chosen, "gain": gain, "is_earned": is_earned}
    return said, blended if is_earned else None


def _by_recipe(made: dict, frame: Frame, split: Split, parameters: dict) -> np.ndarray:
    """Test probabilities of another recipe; what it does not say (an older one) is as today."""
    known = [name for name in made["features"] if name in frame.features]
    theirs = _merged(parameters, made["parameters"])
    fitted = models.fit_candidate(made["kind"], frame.rows, known, split, theirs, frame)
    return fitted.model.predict(None, frame.rows.loc[split.test])


def _merged(below: dict, above: dict) -> dict:
    merged = dict(below)
    for name, value in above.items():
        nested = isinstance(value, dict) and isinstance(below.get(name), dict)
        merged[name] = _merged(below[name], value) if nested else value
    return merged


def _new_levels(model, test: pd.DataFrame) -> list[Sentence]:
    """Categories of the test that training did not know, and the share of rows they are."""
    found = []
    for name, levels in model.spec["categories"].items():
        values = test[name].dropna().astype(str)
        new = values[~values.isin(levels)]
        if len(new):
            some = ", ".join(sorted(new.unique())[:5])
            found.append(say("new_levels", name=name, share=len(new) / len(test), levels=some))
    return found


def _said_of_calibration(candidate: models.Candidate) -> dict:
    curve = candidate.model.spec["calibration"]
    return {"method": curve["method"], "error_on_the_next_fold": curve.get("compared", {})}
