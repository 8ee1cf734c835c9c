"""The parameter file and the feature catalogue, read and checked; both are part of a model's identity."""

import hashlib
import json
from functools import cache
from pathlib import Path

import yaml

from roundtrip.errors import BadInput

FOLDER = Path(__file__).parent

#: Known only after as_of_date, or the answer itself: never a feature, whatever a table may offer.
FORBIDDEN_WORDS = (
    "horizon",
    "churn",
    "censored",
    "has_left",
    "label",
    "target",
    "outcome",
    "future",
    "next_12m",
)
#: Not about behaviour: identifiers, and what a fair model must not learn from.
NOT_FEATURES = ("customer_id", "as_of_date", "gender", "age_years", "lifecycle_stage", "activity_status")


def parameters() -> dict:
    """The values of parameters.yml; a fresh copy, which a caller may change (tests do)."""
    return yaml.safe_load((FOLDER / "parameters.yml").read_text(encoding="utf-8"))


@cache
def catalogue() -> dict:
    """features.yml: `features` (name → group, kind, unit, description, en, zh), `groups`, `directions`, …

    Raises:
        BadInput: a feature is refused by name, or lacks a field.
    """
    content = yaml.safe_load((FOLDER / "features.yml").read_text(encoding="utf-8"))
    check_feature_names(content["features"])
    for name, entry in content["features"].items():
        if missing := {"group", "kind", "unit", "description", "en", "zh"} - set(entry):
            raise BadInput(f"ml/features.yml: {name} lacks {', '.join(sorted(missing))}", "add it")
        if entry["group"] not in content["groups"]:
            raise BadInput(
                f"ml/features.yml: {name} is in the unknown group {entry['group']}", "name the group"
            )
    return content


def check_feature_names(names) -> None:
    """Refuse features that know the future, are the answer, or must not decide.

    Raises:
        BadInput: naming the first refused feature and why.
    """
    for name in names:
        if word := next((w for w in FORBIDDEN_WORDS if w in name), None):
            raise BadInput(
                f"{name} cannot be a feature: names with {word!r} are known only after the date",
                "compute it from what was known on as_of_date, and name it so",
            )
        if name in NOT_FEATURES:
            raise BadInput(
                f"{name} cannot be a feature", "it identifies a person, or is kept for fairness only"
            )


def digest(content) -> str:
    """A short hash of anything JSON can hold; the order of keys does not matter."""
    return hashlib.sha256(json.dumps(content, sort_keys=True, default=str).encode()).hexdigest()[:16]


@cache
def source_hash() -> str:
    """A hash of everything in ml/ that decides what a model becomes, except parameters.yml (hashed apart)."""
    state = hashlib.sha256()
    for file in sorted(FOLDER.iterdir()):
        if file.suffix == ".py" or file.name == "features.yml":
            state.update(file.name.encode() + b"\0" + file.read_bytes())
    return state.hexdigest()[:16]
