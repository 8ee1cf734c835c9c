"""Whether a training is due, and why: on schedule, on drift, or because something else has changed.

The road passes here with every run, usually once a day; most days nothing is due. Whoever looks at a version
later finds the reason in the summary of the stage, in the run in MLflow and in the history.
"""

import json
from dataclasses import dataclass
from datetime import date, timedelta

from ml import history, registry
from ml.frame import available_features, open_published
from roundtrip.home import Home

FIRST, SCHEDULE, DRIFT = "first", "schedule", "drift"
REFUSED = "a candidate was refused"
PARAMETERS, SCHEMA, SAME_DATE = "parameters", "schema", "same_date"


@dataclass(frozen=True)
class Decision:
    """`trigger`: one of the words above, or None where no training is due; `reason`: a sentence."""

    trigger: str | None
    reason: str

    def said(self) -> dict[str, str | None]:
        return {"trigger": self.trigger, "reason": self.reason}


def decide(
    home: Home, as_of: date, champion: registry.Version | None, parameters_hash: str, parameters: dict
) -> Decision:
    """Is a training due on a date?

    Args:
        champion: in force on the date, if there is one.

    Raises:
        BadInput: no published warehouse, or marts.customer_features is missing in it.
    """
    rules = parameters["promotion"]
    attempts = _attempts(home, as_of, champion, parameters_hash)
    if champion is not None and champion.parameters_hash != parameters_hash and not attempts:
        return Decision(PARAMETERS, f"the parameters have changed since version {champion.number}")
    if not attempts:
        return Decision(FIRST, "there is no champion yet")
    newest, what = max(attempts, key=lambda attempt: attempt[0])
    age = (as_of - newest).days
    if age == 0:
        # With nothing changed the finished run is taken again, and its own reason with it.
        return Decision(SAME_DATE, f"{what} for this very date, with other data or another code")
    if age >= rules["retrain_after_days"]:
        return Decision(SCHEDULE, f"{what} {age} days ago; every {rules['retrain_after_days']} days is usual")
    # After a refusal the next day's data would give no other answer.
    if what != REFUSED and (gone := _gone_features(home, champion)):
        return Decision(
            SCHEMA, f"the warehouse lacks what version {champion.number} needs: {', '.join(gone)}"
        )
    alarms = _alarms(home, as_of, newest, champion)
    if alarms and age >= rules["retrain_on_drift_after_days"]:
        return Decision(DRIFT, "; ".join(alarms))
    due = newest + timedelta(days=rules["retrain_after_days"])
    waits = (
        f"; drift was seen, and the last try is under {rules['retrain_on_drift_after_days']} days ago"
        if alarms
        else ", or when something drifts"
    )
    return Decision(None, f"{what} {age} days ago; the next training is due on {due}{waits}")


def _attempts(home: Home, as_of: date, champion, parameters_hash: str) -> list[tuple[date, str]]:
    """What has been tried or decided with these parameters up to the date: when, and in words.

    A rollback counts: somebody has chosen, and the next day's training must not choose again at once, unless
    the parameters were changed since.
    """
    found = []
    if champion is not None and champion.parameters_hash == parameters_hash:
        found.append((champion.as_of, f"version {champion.number} was trained"))
    if (refused := registry.newest_refusal(home, as_of, parameters_hash)) is not None:
        found.append((refused, REFUSED))
    last = next(iter(history.moves(home)[-1:]), None)
    if champion is not None and last is not None and last.action == history.ROLLED_BACK:
        is_still_so = (last.version, last.parameters_hash) == (champion.number, parameters_hash)
        what = f"version {champion.number} was put back in force ({last.reason})"
        found += [(date.fromisoformat(last.as_of), what)] if is_still_so else []
    return [(when, what) for when, what in found if when <= as_of]


def _gone_features(home: Home, champion: registry.Version | None) -> list[str]:
    if champion is None:
        return []
    needed = (registry.run_file(home, champion, registry.RECIPE) or {"features": []})["features"]
    with open_published(home) as connection:
        there = available_features(connection)
    return [name for name in needed if name not in there]


def _alarms(home: Home, as_of: date, since: date, champion: registry.Version | None) -> list[str]:
    """Of the newest monitoring after the last try, if it was of the version in force."""
    if champion is None or not home.monitoring_dir.is_dir():
        return []
    files = [
        file
        for file in sorted(home.monitoring_dir.glob("*.json"))
        if since.isoformat() < file.stem <= as_of.isoformat()
    ]
    if not files:
        return []
    found = json.loads(files[-1].read_text(encoding="utf-8"))
    return found["alarms"] if found["model_version"] == registry.name_of(champion) else []
