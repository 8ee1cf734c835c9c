"""What a training leaves in MLflow, in names and words for those who have never seen a ROC curve."""

import tempfile
from pathlib import Path

import numpy as np

from ml.frame import Frame
from ml.model_card.page import model_name, write_card_pages
from ml.split import Split
from roundtrip.report.words import LANGUAGES

#: Metric → what stands beside it in the description of a candidate's run.
_MEANING = {
    "roc_auc": "Of one churned and one kept customer it ranks the churned one higher in {value:.1%} of pairs "
    "(95 % CI {low:.1%} to {high:.1%}; chance: 50 %).",
    "top_decile_lift": "Among its riskiest tenth {value:.2f} times as many churned as among all "
    "({low:.2f} to {high:.2f}).",
    "calibration_error": "Its probabilities are off by {value:.1%} on average ({low:.1%} to {high:.1%}).",
    "expected_max_profit": "The best campaign by it would earn {value:.1%} of a customer's value, per "
    "customer ({low:.1%} to {high:.1%}).",
}


def run_name(as_of) -> str:
    """Of the training as a whole."""
    return f"Churn training for {as_of} · 流失模型训练"


def log_comparison(mlflow, experiment: str, as_of, frame: Frame, split: Split, compared) -> dict[str, float]:
    """Log every model's metrics in a run of its own inside the active one, and pictures and tables in that.

    Args:
        compared: ml.choice.Comparison, its evaluation with what ml.quality.in_depth adds.

    Returns:
        Feature → mean absolute part in the log-odds of the chosen model.
    """
    from ml.plots import pictures

    test, evaluation, chosen = frame.rows.loc[split.test], compared.evaluation, compared.chosen
    # Not `split.`: those are the rules of parameters.yml.
    mlflow.log_params({f"cut.{name}": value for name, value in split.facts.items()})
    mlflow.log_metrics({"test_base_rate": evaluation["base_rate"], "test_rows": evaluation["n"]})
    mlflow.log_metrics({f"selection_auc.{kind}": auc for kind, auc in compared.selection_auc.items()})
    for name, metrics in evaluation["models"].items():
        role = role_of(name, chosen)
        # Without its experiment named a nested run would fall into the default one.
        words = f"{role.capitalize()}: {model_name(name)}"
        with mlflow.start_run(experiment_id=experiment, run_name=words, nested=True):
            mlflow.set_tags(
                {
                    "candidate": name,
                    "role": role,
                    "as_of": as_of.isoformat(),
                    "mlflow.note.content": describe_candidate(name, role, evaluation),
                }
            )
            mlflow.log_metrics(flat_metrics(metrics))
    mlflow.log_metrics(flat_metrics(evaluation["models"][chosen]) | depth_metrics(evaluation))
    importance = mean_parts(compared.candidates[chosen], test, frame.features)
    title = f"{split.facts['test_from']} to {split.facts['test_to']}, {evaluation['customers']:,} customers"
    drawn = pictures(compared.probabilities, test["label"], importance, title, chosen, evaluation)
    for name, figure in drawn.items():
        mlflow.log_figure(figure, f"plots/{name}")
    mlflow.log_dict(evaluation, "evaluation.json")
    mlflow.log_dict(importance, "importance.json")
    return importance


def log_card(mlflow, summary: dict) -> tuple[str, str]:
    """The model card of a training into its run, in the folder model_card.

    Returns:
        Markdown for descriptions: links to the card in each language, and the card in brief in all of them.
    """
    info = mlflow.active_run().info
    with tempfile.TemporaryDirectory() as folder:
        write_card_pages(Path(folder), summary)
        mlflow.log_artifacts(folder, "model_card")
        told = {language: card_in_brief(Path(folder), language) for language in LANGUAGES}
    # MLflow's own pages are behind the hash, wherever its server is.
    place = f"#/experiments/{info.experiment_id}/runs/{info.run_id}/artifacts/model_card/model_card"
    links = " · ".join(f"[{title}]({place}.{language}.html)" for language, (title, _) in told.items())
    # MLflow folds a description after its first lines: the links to every language stand there.
    brief = [f"### {title}\n\n{words}" for title, words in told.values()]
    return links, "\n\n---\n\n".join([links, *brief])


def card_in_brief(folder: Path, language: str) -> tuple[str, str]:
    """Title of a card that was written to a folder, and what stands in it above the first section."""
    text = (folder / f"model_card.{language}.md").read_text(encoding="utf-8")
    title, _, rest = text.partition("\n")
    return title.removeprefix("# ").strip(), rest.partition("\n## ")[0].strip()


def role_of(name: str, chosen: str) -> str:
    """In two words what a model is in the comparison."""
    if name == chosen:
        return "chosen"
    return {"rule": "baseline", "champion": "in use before"}.get(name, "candidate")


def mean_parts(model, test, features: list[str]) -> dict[str, float]:
    """Feature → mean absolute part in the log-odds; a fixed step of rows keeps it the same each time."""
    some = test.iloc[:: max(1, len(test) // 5000)]
    parts = np.abs(model.contributions(some)).mean(axis=0)
    return {name: float(part) for name, part in zip(features, parts, strict=True)}


def flat_metrics(metrics: dict) -> dict[str, float]:
    """metric, metric.ci_low and metric.ci_high; what is no number is left out."""
    return {
        metric + end: found[key]
        for metric, found in metrics.items()
        for end, key in (("", "value"), (".ci_low", "low"), (".ci_high", "high"))
        if np.isfinite(found[key])
    }


def depth_metrics(evaluation: dict) -> dict[str, float]:
    """Lead days, fairness and what retraining is worth, as far as they were measured."""
    found = {}
    warning = evaluation.get("early_warning", {})
    if warning.get("status") == "measured":
        best = warning["rankings"][warning["best_rule"]]["mean_lead_days"]
        found |= flat_metrics(
            {
                "lead_days": warning["rankings"]["model"]["mean_lead_days"],
                "lead_days_of_best_rule": best,
                "lead_days_gained": warning["difference"],
            }
        )
    if worth := evaluation.get("decay", {}).get("worth_of_refitting"):
        found |= flat_metrics({"auc_gained_by_retraining": worth})
    if fairness := evaluation.get("fairness"):
        found["fairness_bounds_crossed"] = float(len(fairness["breaches"]))
    return found


def describe_candidate(name: str, role: str, evaluation: dict) -> str:
    """A model's own run in words."""
    metrics = evaluation["models"][name]
    said = [words.format(**metrics[metric]) for metric, words in _MEANING.items()]
    tested = f"Measured on {evaluation['customers']:,} customers of months that it had not learned from."
    return "\n\n".join([f"**{model_name(name)}**: {role}. {tested}", *said])


def describe(summary: dict) -> str:
    """The training in words."""
    kind, evaluation, split = summary["kind"], summary["evaluation"], summary["split"]
    metrics, rule = evaluation["models"][kind], evaluation["models"]["rule"]
    lift, auc = metrics["top_decile_lift"], metrics["roc_auc"]
    warning = evaluation.get("early_warning", {})
    paragraphs = [
        f"**{summary['status'].capitalize()}**: {summary['reason']}.",
        f"Chosen: {model_name(kind)}. Tested on {evaluation['customers']:,} customers from "
        f"{split['test_from']} to {split['test_to']}, of whom {evaluation['base_rate']:.1%} churned. The "
        "model learned only from outcomes that were known before the first date.",
        f"Among the tenth of customers with the highest risk {lift['value']:.1f} times as many churned "
        f"as among all (95 % CI {lift['low']:.1f} to {lift['high']:.1f}); by the inactivity rule "
        f"{rule['top_decile_lift']['value']:.1f}.",
        f"Of one churned and one kept customer the model ranks the churned one higher in "
        f"{auc['value']:.0%} of pairs (rule: {rule['roc_auc']['value']:.0%}; chance: 50 %). "
        f"Its probabilities are off by {metrics['calibration_error']['value']:.1%} on average.",
    ]
    if warning.get("status") == "measured":
        lead, gained = warning["rankings"]["model"]["mean_lead_days"], warning["difference"]
        paragraphs.append(
            f"It warns {lead['value']:.0f} days before a loss on average, {gained['value']:+.0f} days "
            f"against the best simple rule ({gained['low']:+.0f} to {gained['high']:+.0f}), with "
            f"false alarms about {warning['false_alarm_share']:.0%} of the loyal customers of a month."
        )
    if fairness := evaluation.get("fairness"):
        paragraphs.append(_FAIRNESS[fairness["verdict"]])
    return "\n\n".join(paragraphs)


_FAIRNESS = {
    "outside": "Fairness: at least one group by country, gender or age is served clearly worse than the "
    "bounds allow; see the card.",
    "unclear": "Fairness: no group by country, gender or age is clearly beyond a bound; not proven for all.",
    "within": "Fairness: every group by country, gender and age that is large enough is within the bounds.",
    "cannot_tell": "Fairness: no group by country, gender or age is large enough to tell.",
}
