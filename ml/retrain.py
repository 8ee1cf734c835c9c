"""Whether a training is due, and why: on schedule, on drift, or because something else has changed.

The road passes here with every run, usually once a day; most days nothing is due. Whoever looks at a version
later finds the reason in the summary of the stage, in the run in MLflow and in the history.
"""

import json
from dataclasses import dataclass
from datetime import date, timedelta

from ml import history, registry
from ml.frame import available_features, open_published
from ml.sentences import SEMICOLON, Sentence, join, words
from roundtrip.home import Home

say = words("training")

FIRST, SCHEDULE, DRIFT = "first", "schedule", "drift"
PARAMETERS, SCHEMA, SAME_DATE = "parameters", "schema", "same_date"


@dataclass(frozen=True)
class Decision:
    """`trigger`: one of the words above, or None where no training is due; `reason`: why."""

    trigger: str | None
    reason: Sentence

    def said(self) -> dict[str, str | None]:
        return {"trigger": self.trigger, "reason": self.reason, "reason_zh": self.reason.zh}


@dataclass(frozen=True)
class _Attempt:
    """Something that was tried or decided: on the date `tried_on` of the data; `what` it was."""

    tried_on: date
    what: Sentence
    was_refused: bool = False


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
        return Decision(PARAMETERS, say("parameters_changed", number=champion.number))
    if not attempts:
        return Decision(FIRST, say("no_champion"))
    newest = max(attempts, key=lambda attempt: attempt.tried_on)
    what, age = newest.what, (as_of - newest.tried_on).days
    if age == 0:
        # With nothing changed the finished run is taken again, and its own reason with it.
        return Decision(SAME_DATE, say("same_date", what=what))
    if age >= rules["retrain_after_days"]:
        return Decision(SCHEDULE, say("schedule", what=what, days=age, usual=rules["retrain_after_days"]))
    # After a refusal the next day's data would give no other answer.
    if not newest.was_refused and (gone := _gone_features(home, champion)):
        return Decision(SCHEMA, say("schema", number=champion.number, names=", ".join(gone)))
    alarms = _alarms(home, as_of, newest.tried_on, champion)
    if alarms and age >= rules["retrain_on_drift_after_days"]:
        return Decision(DRIFT, say("drift", alarms=join(alarms, SEMICOLON)))
    waiting = {
        "what": what,
        "days": age,
        "due": newest.tried_on + timedelta(days=rules["retrain_after_days"]),
    }
    if alarms:
        return Decision(None, say("not_due_yet", **waiting, drift_days=rules["retrain_on_drift_after_days"]))
    return Decision(None, say("not_due", **waiting))


def _attempts(home: Home, as_of: date, champion, parameters_hash: str) -> list[_Attempt]:
    """What has been tried or decided with these parameters up to the date.

    A rollback counts: somebody has chosen, and the next day's training must not choose again at once, unless
    the parameters were changed since.
    """
    found = []
    if champion is not None and champion.parameters_hash == parameters_hash:
        found.append(_Attempt(champion.as_of, say("was_trained", number=champion.number)))
    if (refused := registry.newest_refusal(home, as_of, parameters_hash)) is not None:
        found.append(_Attempt(refused, say("was_refused"), was_refused=True))
    last = next(iter(history.moves(home)[-1:]), None)
    if champion is not None and last is not None and last.action == history.ROLLED_BACK:
        is_still_so = (last.version, last.parameters_hash) == (champion.number, parameters_hash)
        what = say("was_put_back", number=champion.number, reason=last.reason)
        found += [_Attempt(date.fromisoformat(last.as_of), what)] if is_still_so else []
    return [attempt for attempt in found if attempt.tried_on <= as_of]


def _gone_features(home: Home, champion: registry.Version | None) -> list[str]:
    if champion is None:
        return []
    needed = (registry.run_file(home, champion, registry.RECIPE) or {"features": []})["features"]
    with open_published(home) as connection:
        there = available_features(connection)
    return [name for name in needed if name not in there]


def _alarms(home: Home, as_of: date, since: date, champion: registry.Version | None) -> list[Sentence]:
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
    if found["model_version"] != registry.name_of(champion):
        return []
    english = found["alarms"]
    # What was found before alarms were told in both languages has English ones only.
    return [Sentence(*both) for both in zip(english, found.get("alarms_zh", english), strict=True)]
