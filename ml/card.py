"""The model in force for those who do not open MLflow: a few numbers for the report, and its model card."""

import json
from datetime import date

from ml import registry
from ml.model_card.page import write_card_pages
from roundtrip.files import write_atomically
from roundtrip.home import Home

#: In the MLflow folder of a simulated company that was compared with its oracle: model_version, ratio.
ORACLE_FILE = "oracle.json"
PAGES_FOLDER = "model_card"


def write_card(home: Home, as_of: date, outcome: dict) -> dict:
    """Write `mlflow/champion.json`: the model in force on a date, as its own training measured it.

    Beside it go the pages of its model card (`mlflow/model_card/model_card.<language>.html` and `.md`); while
    there is no champion, those of the training that just ended.

    Args:
        outcome: the summary of the training that has just ended; says why there is no champion, if so.

    Returns:
        The numbers. `status` is champion, refused or too_little_data; with a champion the rest is
        model_version, trained_as_of, test_auc, test_auc_ci, baseline_auc (the inactivity rule's), base_rate,
        top_decile_lift, brier, note and note_zh (why it passed the gate or did not).
    """
    champion = registry.champion_for(home, as_of)
    if champion is None:
        missing = outcome.get("what_is_missing")
        card = {
            "status": "too_little_data" if missing else "refused",
            "note": "; ".join(missing) if missing else outcome["reason"],
            **({"note_zh": "；".join(outcome["what_is_missing_zh"])} if missing else _in_chinese(outcome)),
        }
        trained = outcome
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
            **_in_chinese(trained),
        }
    write_atomically(home.champion_file, json.dumps(card, indent=2))
    # Trainings of older versions say too little about themselves for a card.
    if "about" in trained:
        oracle = _oracle(home, card.get("model_version"))
        write_card_pages(home.mlflow_dir / PAGES_FOLDER, trained, card.get("model_version"), oracle)
    return card


def _in_chinese(trained: dict) -> dict[str, str]:
    """The note's Chinese words; none where what was recorded is English only."""
    return {"note_zh": trained["reason_zh"]} if "reason_zh" in trained else {}


def _oracle(home: Home, model_version: str | None) -> dict | None:
    """What `python -m benchmarks oracle --home` measured for this very version, if it did."""
    file = home.mlflow_dir / ORACLE_FILE
    if not file.exists():
        return None
    found = json.loads(file.read_text(encoding="utf-8"))
    return found if found["model_version"] == model_version else None
