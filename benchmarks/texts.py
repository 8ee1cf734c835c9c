"""How well texts are read: public labelled sets and a simulated company, by cross-validation.

python -m benchmarks.texts [--data FOLDER] [--home HOME]

Airline tweets (Crowdflower): sentiment, and the cause of complaints in nine classes ("Can't Tell" is no
cause). Chinese hotel reviews (ChnSentiCorp): sentiment. Five folds; texts that are the same or nearly so, and
all of one author, are in one. With --home, a published home of a simulated company: complaints by category,
reviews by their score.
"""

import argparse
import re
import time
from pathlib import Path

import numpy as np
import pandas as pd
from rich.console import Console
from rich.table import Table

from ml.texts import answers, classifier
from ml.texts.features import masked
from ml.texts.rows import read_rows
from ml.texts.scores import scores
from ml.texts.settings import parameters as read_parameters
from roundtrip.home import PROJECT_ROOT, Home

DATA = PROJECT_ROOT.parent / "shared" / "data"
#: Cosine of runs of characters from which two texts are the same with a word changed.
NEARLY_SAME = 0.9
#: What the same kinds of model reached on these sets before (engineering facts): accuracy, macro-F1.
KNOWN = {
    "airline_tweets, sentiment": (0.81, None),
    "airline_tweets, cause": (None, 0.49),
    "hotel_reviews_zh, sentiment": (0.90, None),
}


def main(console: Console, data: Path = DATA, home: Path | None = None) -> bool:
    """Measure, print a table a set, and say whether a known score was clearly missed.

    Returns:
        Whether the mean of a set lies below a known score by more than one standard deviation of its folds.
    """
    parameters, missed = read_parameters(), False
    sets = [*_public_sets(console, data), *(_simulated(home, parameters) if home else [])]
    for name, language, question, rows in sets:
        started = time.process_time()
        groups = rows["group"] if "group" in rows else one_side(rows["text"], rows.get("author"))
        folds = parameters["classifier"]["folds"]
        learned = classifier.learn(
            rows["text"], rows["answer"], groups, language, question, parameters, folds
        )
        found = scores(rows["answer"], learned)
        console.print(_headline(name, found, len(set(groups)), time.process_time() - started))
        console.print(_table(found))
        for measure, known in zip(("accuracy", "macro_f1"), KNOWN.get(name, (None, None)), strict=True):
            missed |= known is not None and found[measure]["value"] + found[measure]["spread"] < known
    return missed


def one_side(texts: pd.Series, authors: pd.Series | None = None) -> np.ndarray:
    """Numbers of groups that must not be split, shape (n,): the same author, the same text or nearly so,
    chained.
    """
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components
    from sklearn.feature_extraction.text import TfidfVectorizer

    bare = texts.map(lambda text: re.sub(r"[\W_\d]+", "", masked(text))).reset_index(drop=True)
    is_latin = bare.str.contains("[a-z]").mean() > 0.5
    runs = TfidfVectorizer(analyzer="char", ngram_range=(4, 4) if is_latin else (3, 3), dtype=np.float32)
    points, pairs = runs.fit_transform(bare), []
    for start in range(0, len(bare), 1000):
        near = (points[start : start + 1000] @ points.T).tocoo()
        alike = near.data > NEARLY_SAME
        pairs.append((near.row[alike] + start, near.col[alike]))
    for key in [bare] if authors is None else [bare, authors.reset_index(drop=True)]:
        places = pd.Series(range(len(bare)))
        pairs.append((places.to_numpy(), places.groupby(key.to_numpy()).transform("first").to_numpy()))
    ones, others = (np.concatenate(side) for side in zip(*pairs, strict=True))
    links = coo_matrix((np.ones(len(ones), dtype=bool), (ones, others)), shape=(len(bare), len(bare)))
    return connected_components(links, directed=False)[1]


def _public_sets(console: Console, data: Path):
    tweets, reviews = data / "airline_tweets", data / "hotel_reviews_zh"
    if (file := tweets / "airline_tweets.csv.gz").exists():
        rows = pd.read_csv(file)
        yield (
            "airline_tweets, sentiment",
            "en",
            "sentiment",
            rows.rename(columns={"airline_sentiment": "answer"}),
        )
        causes = rows[rows["negativereason"].notna() & (rows["negativereason"] != "Can't Tell")]
        yield "airline_tweets, cause", "en", "cause", causes.rename(columns={"negativereason": "answer"})
    else:
        console.print(f"airline_tweets: skipped, {file} is not there")
    if (file := reviews / "hotel_reviews_zh.csv.gz").exists():
        rows = pd.read_csv(file).dropna().rename(columns={"review": "text"})
        rows["answer"] = rows["label"].map({0: "negative", 1: "positive"})
        yield "hotel_reviews_zh, sentiment", "zh", "sentiment", rows
    else:
        console.print(f"hotel_reviews_zh: skipped, {file} is not there")


def _simulated(home: Path, parameters: dict):
    """A simulated company's own labels, with each customer, and each wording, on one side."""
    import duckdb

    with duckdb.connect(str(Home(home).current_db), read_only=True) as published:
        (as_of,) = published.execute("SELECT as_of_date FROM marts.warehouse_info").fetchone()
    rows = read_rows(Home(home), as_of)
    rows["sentiment"], rows["cause"] = answers.sentiments(rows, parameters), rows["category"].astype(object)
    for language, own in rows.groupby("language"):
        for question in ("sentiment", "cause"):
            labels, _ = answers.learnable(own[question], parameters["labels"])
            if labels.empty:
                continue
            part = own.loc[labels.index, ["text", "customer_id"]].assign(answer=labels)
            yield (
                f"simulated, {question}, {language}, by customer",
                language,
                question,
                part.rename(columns={"customer_id": "group"}),
            )
            part["group"] = one_side(part["text"])
            yield f"simulated, {question}, {language}, by wording", language, question, part


def _headline(name: str, found: dict, groups: int, seconds: float) -> str:
    accuracy, f1 = found["accuracy"], found["macro_f1"]
    return (
        f"{name}: {found['rows']:,} texts in {groups:,} groups; accuracy {accuracy['value']:.3f} ± "
        f"{accuracy['spread']:.3f} (commonest class {found['commonest_share']:.3f}), macro-F1 "
        f"{f1['value']:.3f} ± {f1['spread']:.3f}, probabilities off by {found['calibration_error']:.3f}; "
        f"{seconds:.0f} s CPU"
    )


def _table(found: dict) -> Table:
    table = Table("class", "texts", "precision", "recall", "F1")
    for label, numbers in sorted(found["classes"].items(), key=lambda item: -item[1]["rows"]):
        figures = (f"{numbers[measure]:.2f}" for measure in ("precision", "recall", "f1"))
        table.add_row(label, f"{numbers['rows']:,}", *figures)
    return table


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--home", type=Path)
    if main(Console(width=110), **vars(parser.parse_args())):
        raise SystemExit("missed a known score")
