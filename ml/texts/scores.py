"""How well texts are read: accuracy, macro-F1 and the classes' own, with their spread over folds."""

import numpy as np

from ml.texts.classifier import Learned, fit


def scores(answers, learned: Learned) -> dict:
    """Of a cross-validation.

    Returns:
        rows; accuracy and macro_f1 as {value, spread} (mean and standard deviation over the folds);
        calibration_error: mean |said - right| over ten groups of equally many texts; commonest_share:
        accuracy of always saying the commonest class; classes: name → {precision, recall, f1, rows}.
    """
    from sklearn.metrics import accuracy_score, f1_score, precision_recall_fscore_support

    answers = np.asarray(answers, dtype=object).astype(str)
    said, names = learned.labels.astype(str), sorted(set(answers))
    each = {"accuracy": [], "macro_f1": []}
    for fold in np.unique(learned.folds):
        here = learned.folds == fold
        each["accuracy"].append(accuracy_score(answers[here], said[here]))
        each["macro_f1"].append(
            f1_score(answers[here], said[here], labels=names, average="macro", zero_division=0)
        )
    parts = precision_recall_fscore_support(answers, said, labels=names, zero_division=0)
    return {
        "rows": len(answers),
        **{
            name: {"value": float(np.mean(all_)), "spread": float(np.std(all_))}
            for name, all_ in each.items()
        },
        "calibration_error": _calibration_error(learned.probabilities, answers == said),
        "commonest_share": float(max(np.mean(answers == name) for name in names)),
        "classes": {
            name: {
                "precision": float(parts[0][place]),
                "recall": float(parts[1][place]),
                "f1": float(parts[2][place]),
                "rows": int(parts[3][place]),
            }
            for place, name in enumerate(names)
        },
    }


def score_of_newest(
    texts, answers, written_on, language: str, question: str, parameters: dict
) -> dict | None:
    """Learned from the older texts, tested on the newest; None where the dates leave one side without two
    classes.

    Returns:
        accuracy, macro_f1, rows, from (first day of the test).
    """
    from sklearn.metrics import accuracy_score, f1_score

    texts, answers = np.asarray(texts, dtype=object), np.asarray(answers, dtype=object).astype(str)
    days = np.asarray(written_on, dtype="datetime64[D]")
    first = np.sort(days)[int(len(days) * (1 - parameters["classifier"]["newest_share"]))]
    newest = days >= first
    if newest.all() or len(set(answers[~newest])) < 2 or len(set(answers[newest])) < 2:
        return None
    model = fit(texts[~newest], answers[~newest], language, question, parameters)
    said = np.array(model.classes, dtype=object)[model.log_scores(texts[newest]).argmax(axis=1)].astype(str)
    return {
        "accuracy": float(accuracy_score(answers[newest], said)),
        "macro_f1": float(f1_score(answers[newest], said, average="macro", zero_division=0)),
        "rows": int(newest.sum()),
        "from": str(first),
    }


def _calibration_error(said: np.ndarray, is_right: np.ndarray, groups: int = 10) -> float:
    order = np.argsort(said, kind="stable")
    return float(
        sum(
            abs(said[part].mean() - is_right[part].mean()) * len(part) / len(said)
            for part in np.array_split(order, min(groups, len(said)))
        )
    )
