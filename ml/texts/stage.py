"""Stage read_texts: what customers have written, as sentiment and cause. No text leaves raw or the vault."""

from datetime import date
from pathlib import Path

import pandas as pd

from ml.settings import digest
from ml.texts import answers, classifier, run_log
from ml.texts.rows import read_rows
from ml.texts.scores import score_of_newest, scores
from ml.texts.settings import parameters as read_parameters
from roundtrip.home import Home
from roundtrip.products import newest_before, write_product

TABLE = "text_findings"
COLUMNS = {
    "source_table": "string",
    "row_id": "string",
    "customer_id": "string",
    "written_on": "date",
    "language": "string",
    "sentiment": "string",
    "sentiment_probability": "double",
    "cause": "string",
    "cause_probability": "double",
    "model_version": "string",
}
QUESTIONS = ("sentiment", "cause")


def read_texts(home: Home, as_of: date) -> dict:
    """Read every text written up to `as_of`, and write products/text_findings/<as_of>.parquet.

    The models of a month know the texts of before the month, so they are the same on each of its days. On the
    first day of a month that is run all texts are read, those that a model learned from as if it had not seen
    them; later in the month only what came since, and the rest stays as it was said.

    Returns:
        `status`: no_texts | no_labels (no language has enough) | read; `texts`, `read_anew`, `languages`:
        language → texts; `models`: language → question → scores of the cross-validation (on the first day),
        `newest`, learned from; `messages`: what is missing, in sentences; `run_id` where a run was logged.

    Raises:
        BadInput: nothing is loaded or published, or the vault's key is missing.
    """
    parameters = read_parameters()
    rows = read_rows(home, as_of)
    summary = {
        "as_of": as_of.isoformat(),
        "texts": len(rows),
        "languages": {str(name): int(count) for name, count in rows["language"].value_counts().items()},
        "messages": [],
        "models": {},
    }
    earlier = _earlier_this_month(home, as_of)
    is_first = earlier is None
    known = pd.DataFrame(columns=list(COLUMNS)) if is_first else pd.read_parquet(earlier)
    keys = ["source_table", "row_id"]
    kept = rows[[*keys, "customer_id"]].merge(known.drop(columns="customer_id"), on=keys)[list(COLUMNS)]
    is_new = ~pd.MultiIndex.from_frame(rows[keys]).isin(pd.MultiIndex.from_frame(kept[keys]))
    fresh = rows[is_new]
    found = [_read_language(part, rows, as_of, is_first, parameters, summary) for part in _by_language(fresh)]
    findings = pd.concat([kept, *found], ignore_index=True) if found else kept
    findings = findings.sort_values(keys).reset_index(drop=True)
    summary["read_anew"] = len(fresh)
    has_models = findings["model_version"].notna().any()
    summary["status"] = "no_texts" if rows.empty else "read" if has_models else "no_labels"
    if is_first and summary["models"]:
        summary["run_id"] = run_log.log(home, as_of, summary, parameters)
    write_product(findings, COLUMNS, home.products_dir / TABLE / f"{as_of}.parquet")
    return summary


def _earlier_this_month(home: Home, as_of: date) -> Path | None:
    before = newest_before(home, TABLE, as_of)
    return before if before and before.stem.startswith(f"{as_of:%Y-%m}") else None


def _by_language(rows: pd.DataFrame):
    return [part for _, part in rows.groupby("language", sort=True)]


def _read_language(
    part: pd.DataFrame, rows: pd.DataFrame, as_of: date, is_first: bool, parameters: dict, summary: dict
) -> pd.DataFrame:
    """The findings of texts of one language; learns what it needs, and tells the summary."""
    language, month = part["language"].iloc[0], as_of.replace(day=1)
    own = rows[(rows["language"] == language) & (rows["written_on"] < month)]
    own = own.sort_values(["written_on", "row_id"])
    known = {"sentiment": answers.sentiments(own, parameters), "cause": own["category"].astype(object)}
    found = part.assign(**{name: None for name in COLUMNS if name not in part})[list(COLUMNS)]
    versions = []
    for question in QUESTIONS:
        labels, message = answers.learnable(known[question], parameters["labels"])
        asked = pd.Series(True, index=part.index)
        if question == "cause":
            # A cause is of complaints, and of what else displeased.
            asked = part["is_complaint"].astype(bool) | (found["sentiment"] == "negative")
        learned = None
        if len(labels) and (is_first or asked.any()):
            try:
                learned = _learn(
                    question, language, own.loc[labels.index], labels, is_first, parameters, summary
                )
            except classifier.NothingInCommon:
                message = "the labelled texts have no words in common"
        if message:
            summary["messages"].append(f"{question} in {language}: {message}")
        if learned is None:
            continue
        versions.append(
            digest([question, parameters, list(own.loc[labels.index, "row_id"]), list(labels)])[:8]
        )
        told = _told(learned, labels, part.loc[asked, "text"])
        found.loc[told.index, question] = told["label"]
        found.loc[told.index, f"{question}_probability"] = told["probability"]
    if versions:
        found["model_version"] = f"texts-{language}-{month:%Y-%m}-{'-'.join(versions)}"
    return found


def _learn(question, language, own, labels, is_first, parameters, summary) -> classifier.Learned:
    """Learn one question of one language; on the first day of a month its scores go to the summary."""
    folds = parameters["classifier"]["folds" if is_first else "folds_within_month"]
    learned = classifier.learn(own["text"], labels, own["customer_id"], language, question, parameters, folds)
    if is_first:
        newest = score_of_newest(own["text"], labels, own["written_on"], language, question, parameters)
        summary["models"].setdefault(language, {})[question] = {**scores(labels, learned), "newest": newest}
    return learned


def _told(learned: classifier.Learned, labels: pd.Series, texts: pd.Series) -> pd.DataFrame:
    """label and probability of each text: of those it learned from as said when they were unseen."""
    said, probability = learned.model.read(texts)
    told = pd.DataFrame({"label": said, "probability": probability}, index=texts.index)
    unseen = pd.DataFrame({"label": learned.labels, "probability": learned.probabilities}, index=labels.index)
    both = told.index.intersection(unseen.index)
    told.loc[both] = unseen.loc[both]
    return told.assign(probability=told["probability"].astype(float).round(4))
