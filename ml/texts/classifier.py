"""One logistic regression a class on TF-IDF, and calibrated probabilities; every stated score is of unseen
texts.

While learning, classes weigh the same however rare they are, so that the small ones are found; how much of
their rareness counts when a label is chosen is a parameter. The probability beside a label comes from a
second, multinomial regression on the logarithms of the first's (Dirichlet calibration; Kull et al. 2019),
learned from predictions of texts that the first had not seen.
"""

import warnings
from dataclasses import dataclass

import numpy as np

from ml.texts.features import vectorizer

#: No logarithm of nought.
_SMALLEST = 1e-6
#: Texts read at once: some 100 MB of features.
_AT_ONCE = 20_000


class NothingInCommon(Exception):
    """No word and no run of characters stands in enough of the texts."""


@dataclass
class Classifier:
    """A fitted model of one question in one language. Nothing of it is ever stored.

    Attributes:
        classes: sorted names. log_shares: what is added to the scores for how common each is, shape
        (classes,). encoder, regression, calibration: fitted; calibration None until `calibrate`.
    """

    classes: list[str]
    log_shares: np.ndarray
    encoder: object
    regression: object
    calibration: object = None

    def log_scores(self, texts) -> np.ndarray:
        """Scores of the classes, of which the highest is the label, shape (n, classes)."""
        texts = np.asarray(texts, dtype=object)
        parts = [
            self.regression.predict_proba(self.encoder.transform(texts[start : start + _AT_ONCE]))
            for start in range(0, len(texts), _AT_ONCE)
        ]
        raw = np.concatenate([np.zeros((0, len(self.classes))), *parts])
        return np.log(np.clip(raw, _SMALLEST, 1)) + self.log_shares

    def read(self, texts) -> tuple[np.ndarray, np.ndarray]:
        """Labels, shape (n,), and the calibrated probability that each is right, shape (n,)."""
        return labelled(self.classes, self.log_scores(texts), self.calibration)


@dataclass
class Learned:
    """What learning gave.

    Attributes:
        model: fitted on all texts. folds: number of the fold each text was unseen in, shape (n,).
        labels, probabilities: of each text when unseen, shape (n,); the calibration did not know its fold
        either.
    """

    model: Classifier
    folds: np.ndarray
    labels: np.ndarray
    probabilities: np.ndarray


def fit(texts, answers: np.ndarray, language: str, question: str, parameters: dict) -> Classifier:
    """Fit the first stage.

    Args:
        texts: sequence of n strings. answers: their classes, shape (n,), two or more different ones.
        question: sentiment or cause, for its strength of shrinkage.

    Raises:
        NothingInCommon: there is nothing to learn from, such as texts of nothing but faces.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.multiclass import OneVsRestClassifier

    encoder = vectorizer(language, parameters)
    try:
        points = encoder.fit_transform(texts)
    except ValueError as error:
        if "vocabulary" in str(error) or "no terms remain" in str(error):
            raise NothingInCommon from error
        raise
    regression = OneVsRestClassifier(
        LogisticRegression(
            C=parameters["classifier"]["C"][question],
            class_weight="balanced",
            solver="liblinear",
            max_iter=200,
        )
    )
    regression.fit(points, answers)
    classes, counts = np.unique(answers.astype(str), return_counts=True)
    shares = parameters["classifier"]["rareness"][question] * np.log(counts / counts.sum())
    return Classifier(list(classes), shares, encoder, regression)


def learn(texts, answers, groups, language: str, question: str, parameters: dict, folds: int) -> Learned:
    """Learn a question, and answer it for each of its texts as if unseen.

    Args:
        groups: what must not be on both sides (a customer, an author, a duplicate), shape (n,).
        folds: how many times some of the texts are left out.
    """
    texts, answers = np.asarray(texts, dtype=object), np.asarray(answers, dtype=object)
    fold_of = folds_of(answers, np.asarray(groups), folds, parameters["seed"])
    classes = sorted(set(answers))
    scores = np.full((len(texts), len(classes)), np.log(_SMALLEST))
    for fold in np.unique(fold_of):
        unseen = fold_of == fold
        model = fit(texts[~unseen], answers[~unseen], language, question, parameters)
        # A class that is missing in a fold's training rows cannot be said there.
        places = [classes.index(name) for name in model.classes]
        scores[np.ix_(unseen, places)] = model.log_scores(texts[unseen])
    labels, probabilities = np.empty(len(texts), dtype=object), np.zeros(len(texts))
    for fold in np.unique(fold_of):
        unseen = fold_of == fold
        calibration = calibrate(scores[~unseen], answers[~unseen], parameters)
        labels[unseen], probabilities[unseen] = labelled(classes, scores[unseen], calibration)
    model = fit(texts, answers, language, question, parameters)
    model.calibration = calibrate(scores, answers, parameters)
    return Learned(model, fold_of, labels, probabilities)


def folds_of(answers: np.ndarray, groups: np.ndarray, folds: int, seed: int) -> np.ndarray:
    """The fold each row is tested in, shape (n,): whole groups, classes spread as evenly as that allows."""
    from sklearn.model_selection import StratifiedGroupKFold

    cut = StratifiedGroupKFold(folds, shuffle=True, random_state=seed)
    found = np.zeros(len(answers), dtype=int)
    with warnings.catch_warnings():
        # It warns of classes with fewer rows than folds; labels.min_rows_each_class sees to that.
        warnings.simplefilter("ignore", UserWarning)
        for fold, (_, test) in enumerate(cut.split(answers, answers.astype(str), groups)):
            found[test] = fold
    return found


def calibrate(scores: np.ndarray, answers: np.ndarray, parameters: dict):
    """The second stage, fitted on scores of unseen texts, shape (n, classes)."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    regression = LogisticRegression(C=parameters["classifier"]["calibration_C"], max_iter=500)
    return make_pipeline(StandardScaler(), regression).fit(scores, answers.astype(str))


def labelled(classes: list[str], scores: np.ndarray, calibration) -> tuple[np.ndarray, np.ndarray]:
    """The class with the highest score of each row, and its calibrated probability."""
    chosen = scores.argmax(axis=1) if len(scores) else np.zeros(0, dtype=int)
    labels = np.array(classes, dtype=object)[chosen]
    if not len(scores):
        return labels, np.zeros(0)
    known = {name: place for place, name in enumerate(calibration.classes_)}
    probabilities = calibration.predict_proba(scores)
    columns = np.array([known.get(name, -1) for name in classes])[chosen]
    return labels, np.where(columns >= 0, probabilities[np.arange(len(scores)), columns], 0.0)
