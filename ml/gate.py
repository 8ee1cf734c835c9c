"""The gate before production: what a candidate must show on the test months before the alias moves to it.

Each check that uses an interval asks for proof in one direction only. To come in, a candidate must *clearly*
beat the inactivity rule; to be kept out for calibration or fairness, it must *clearly* cross a bound, since
noise alone lifts a calibration error above any bound on few rows.
"""

from typing import Protocol


class Numbered(Protocol):
    number: str


def gate(evaluation: dict, candidate: str, champion: Numbered | None, parameters: dict) -> tuple[bool, str]:
    """May the candidate become champion? The answer and the reason in a sentence.

    Args:
        evaluation: of ml.evaluate.evaluate, with the differences "<candidate> - rule" and, where there is a
            champion, "<candidate> - champion"; `models` (name → metric → value, low, high) and `fairness`
            (`crossed`: sentences, one a bound) where they were measured.
        champion: the version in force; the bounds of calibration and fairness hold with and without one.
    """
    said = [
        _beats_the_rule(evaluation, candidate, parameters),
        _not_worse(evaluation, candidate, champion, parameters),
        _calibrated(evaluation, candidate, champion, parameters),
        _fair(evaluation),
    ]
    if refused := [words for passes, words in said if not passes]:
        kept = [words for passes, words in said[:2] if passes]
        return False, ", but ".join("; ".join(part) for part in (kept, refused) if part)
    return True, "; ".join(words for _, words in said)


def _beats_the_rule(evaluation: dict, candidate: str, parameters: dict) -> tuple[bool, str]:
    gain = evaluation["differences"][f"{candidate} - rule"]
    if gain["low"] > parameters["promotion"]["min_gain_over_rule"]:
        return True, f"beats the inactivity rule: {_difference(gain)}"
    return False, f"does not clearly beat the inactivity rule: {_difference(gain)}"


def _not_worse(evaluation, candidate, champion, parameters) -> tuple[bool, str]:
    if champion is None:
        return True, "there was no champion"
    change = evaluation["differences"][f"{candidate} - champion"]
    if change["low"] > -parameters["promotion"]["non_inferiority_auc"]:
        return True, f"not worse than champion version {champion.number}: {_difference(change)}"
    return False, f"may be worse than champion version {champion.number}: {_difference(change)}"


def _calibrated(evaluation, candidate, champion, parameters) -> tuple[bool, str]:
    """Not clearly beyond the bound, unless who would score otherwise is as far off on the same months.

    When the base rate moves, nobody could know, and everybody is off; to keep the candidate out would then
    put something no better in its place.
    """
    error = evaluation.get("models", {}).get(candidate, {}).get("calibration_error")
    if error is None:
        return True, "its calibration was not measured"
    bound, words = parameters["promotion"]["max_calibration_error"], _interval(error)
    if not error["low"] > bound:
        return True, f"calibration error {words}, bound {bound:.1%}"
    other, named = ("champion", "champion's recipe") if champion else ("rule", "inactivity rule")
    of_other = evaluation["models"].get(other, {}).get("calibration_error")
    if of_other and error["low"] <= of_other["high"]:
        return True, (
            f"calibration error {words}, beyond {bound:.1%}, as the {named} on the same months is, too "
            f"({_interval(of_other)})"
        )
    return False, f"its probabilities are clearly off: calibration error {words}, bound {bound:.1%}"


def _fair(evaluation: dict) -> tuple[bool, str]:
    fairness = evaluation.get("fairness")
    if fairness is None:
        return True, "fairness was not measured"
    if crossed := list(fairness.get("crossed", ())):
        return False, f"crosses a bound of fairness: {'; '.join(crossed)}"
    return True, "no bound of fairness is clearly crossed"


def _difference(of: dict) -> str:
    return f"AUC difference {of['value']:+.4f} (95 % CI {of['low']:+.4f} to {of['high']:+.4f})"


def _interval(of: dict) -> str:
    return f"{of['value']:.1%} ({of['low']:.1%} to {of['high']:.1%})"
