"""The gate before production: what a candidate must show on the test months before the alias moves to it.

Each check that uses an interval asks for proof in one direction only. To come in, a candidate must *clearly*
beat the inactivity rule; to be kept out for calibration or fairness, it must *clearly* cross a bound, since
noise alone lifts a calibration error above any bound on few rows.
"""

from typing import NamedTuple, Protocol

from ml.sentences import SEMICOLON, Sentence, join, words

say = words("gate")


class Numbered(Protocol):
    number: str


class Said(NamedTuple):
    """What a check found: whether it lets the candidate pass, and why."""

    passes: bool
    why: Sentence


def gate(
    evaluation: dict, candidate: str, champion: Numbered | None, parameters: dict
) -> tuple[bool, Sentence]:
    """May the candidate become champion? The answer, and the reason.

    Args:
        evaluation: of ml.evaluate.evaluate, with the differences "<candidate> - rule" and, where there is a
            champion, "<candidate> - champion"; `models` (name → metric → value, low, high) and `fairness`
            (`breaches`, as ml.fairness.judge has them) where they were measured.
        champion: the version in force; the bounds of calibration and fairness hold with and without one.
    """
    said = [
        _beats_the_rule(evaluation, candidate, parameters),
        _not_worse(evaluation, candidate, champion, parameters),
        _calibrated(evaluation, candidate, champion, parameters),
        _fair(evaluation),
    ]
    return all(each.passes for each in said), _reason(said)


def _reason(said: list[Said]) -> Sentence:
    against = join([each.why for each in said if not each.passes], SEMICOLON)
    if not against:
        return join([each.why for each in said], SEMICOLON)
    for_it = join([each.why for each in said[:2] if each.passes], SEMICOLON)
    return say("but", for_it=for_it, against=against) if for_it else against


def _beats_the_rule(evaluation: dict, candidate: str, parameters: dict) -> Said:
    gain = evaluation["differences"][f"{candidate} - rule"]
    beats = gain["low"] > parameters["promotion"]["min_gain_over_rule"]
    told = {"difference": say("difference", **gain)}
    return Said(beats, say("beats_the_rule", **told) if beats else say("does_not_beat_the_rule", **told))


def _not_worse(evaluation: dict, candidate: str, champion: Numbered | None, parameters: dict) -> Said:
    if champion is None:
        return Said(True, say("no_champion"))
    change = evaluation["differences"][f"{candidate} - champion"]
    passes = change["low"] > -parameters["promotion"]["non_inferiority_auc"]
    told = {"number": champion.number, "difference": say("difference", **change)}
    return Said(passes, say("not_worse", **told) if passes else say("may_be_worse", **told))


def _calibrated(evaluation: dict, candidate: str, champion: Numbered | None, parameters: dict) -> Said:
    """Not clearly beyond the bound, unless who would score otherwise is as far off on the same months.

    When the base rate moves, nobody could know, and everybody is off; to keep the candidate out would then
    put something no better in its place.
    """
    error = evaluation.get("models", {}).get(candidate, {}).get("calibration_error")
    if error is None:
        return Said(True, say("calibration_not_measured"))
    bound = parameters["promotion"]["max_calibration_error"]
    told = {"error": say("interval", **error), "bound": bound}
    if not error["low"] > bound:
        return Said(True, say("calibrated", **told))
    other = "champion" if champion else "rule"
    of_other = evaluation["models"].get(other, {}).get("calibration_error")
    if of_other and error["low"] <= of_other["high"]:
        return Said(True, say(f"as_far_off_as_{other}", **told, other=say("interval", **of_other)))
    return Said(False, say("clearly_off", **told))


def _fair(evaluation: dict) -> Said:
    fairness = evaluation.get("fairness")
    if fairness is None:
        return Said(True, say("fairness_not_measured"))
    if not fairness["breaches"]:
        return Said(True, say("fair"))
    crossed = [
        say(f"crossed_{breach['measure']}", **breach, size=abs(breach["value"]))
        for breach in fairness["breaches"]
    ]
    return Said(False, say("unfair", breaches=join(crossed, SEMICOLON)))
