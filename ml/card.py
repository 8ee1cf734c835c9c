"""The champion in a few numbers, for those who do not open MLflow: the report and the summary of a run."""

import json
from datetime import date

from ml import registry
from roundtrip.files import write_atomically
from roundtrip.home import Home


def write_card(home: Home, as_of: date, outcome: dict) -> dict:
    """Write `mlflow/champion.json`: the model in force on a date, as its own training measured it.

    Args:
        outcome: the summary of the training that has just ended; says why there is no champion, if so.

    Returns:
        The card. `status` is champion, refused or too_little_data; with a champion the rest is
        model_version, trained_as_of, test_auc, test_auc_ci, baseline_auc (the inactivity rule's), base_rate,
        top_decile_lift, brier.
    """
    champion = registry.champion_for(home, as_of)
    if champion is None:
        missing = outcome.get("what_is_missing")
        card = {
            "status": "too_little_data" if missing else "refused",
            "note": "; ".join(missing) if missing else outcome["reason"],
        }
    else:
        trained = registry.summary_of(home, champion)
        models = trained["evaluation"]["models"]
        measured = models[trained["kind"]]
        auc = measured["roc_auc"]
        card = {
            "status": "champion",
            "model_version": f"{registry.MODEL}/{champion.number}",
            "trained_as_of": champion.as_of.isoformat(),
            "test_auc": auc["value"],
            "test_auc_ci": [auc["low"], auc["high"]],
            "baseline_auc": models["rule"]["roc_auc"]["value"],
            "base_rate": trained["evaluation"]["base_rate"],
            "top_decile_lift": measured["top_decile_lift"]["value"],
            "brier": measured["brier"]["value"],
            "note": trained["reason"],
        }
    write_atomically(home.champion_file, json.dumps(card, indent=2))
    return card
