"""The gate before production: what a candidate must show on the test months before the alias moves to it.

Each check that uses an interval asks for proof in one direction only. To come in, a candidate must *clearly*
beat the inactivity rule; to be kept out for calibration or fairness, it must *clearly* cross a bound, since
noise alone lifts a calibration error above any bound on few rows.
"""

from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Protocol

import yaml

_WORDS = Path(__file__).with_name("gate_words.yml")


class Numbered(Protocol):
    number: str


@dataclass(frozen=True)
class Said:
    """What a check found: whether it lets the candidate pass, the name of its words, and what they tell.

    Numbers with an interval (value, low, high) are told as such.
    """

    passes: bool
    words: str
    told: dict = field(default_factory=dict)

    def in_language(self, language: str) -> str:
        texts = _texts()[language]
        told = dict(self.told)
        for name, kind in (("difference", "difference"), ("error", "interval"), ("other", "interval")):
            if name in told:
                told[name] = texts[kind].format(**told[name])
        if "breaches" in told:
            told["breaches"] = texts["joined"].join(
                texts[breach["measure"]].format(**breach, size=abs(breach["value"]))
                for breach in told["breaches"]
            )
        return texts[self.words].format(**told)


def gate(
    evaluation: dict, candidate: str, champion: Numbered | None, parameters: dict
) -> tuple[bool, dict[str, str]]:
    """May the candidate become champion? The answer, and the reason in a sentence, by language (en, zh).

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
    return all(each.passes for each in said), {language: _sentence(said, language) for language in _texts()}


def _sentence(said: list[Said], language: str) -> str:
    texts = _texts()[language]

    def joined(chosen: list[Said]) -> str:
        return texts["joined"].join(each.in_language(language) for each in chosen)

    refused = [each for each in said if not each.passes]
    if not refused:
        return joined(said)
    kept = [each for each in said[:2] if each.passes]
    return texts["but"].format(for_it=joined(kept), against=joined(refused)) if kept else joined(refused)


def _beats_the_rule(evaluation: dict, candidate: str, parameters: dict) -> Said:
    gain = evaluation["differences"][f"{candidate} - rule"]
    beats = gain["low"] > parameters["promotion"]["min_gain_over_rule"]
    return Said(beats, "beats_the_rule" if beats else "does_not_beat_the_rule", {"difference": gain})


def _not_worse(evaluation: dict, candidate: str, champion: Numbered | None, parameters: dict) -> Said:
    if champion is None:
        return Said(True, "no_champion")
    change = evaluation["differences"][f"{candidate} - champion"]
    passes = change["low"] > -parameters["promotion"]["non_inferiority_auc"]
    told = {"number": champion.number, "difference": change}
    return Said(passes, "not_worse" if passes else "may_be_worse", told)


def _calibrated(evaluation: dict, candidate: str, champion: Numbered | None, parameters: dict) -> Said:
    """Not clearly beyond the bound, unless who would score otherwise is as far off on the same months.

    When the base rate moves, nobody could know, and everybody is off; to keep the candidate out would then
    put something no better in its place.
    """
    error = evaluation.get("models", {}).get(candidate, {}).get("calibration_error")
    if error is None:
        return Said(True, "calibration_not_measured")
    told = {"error": error, "bound": parameters["promotion"]["max_calibration_error"]}
    if not error["low"] > told["bound"]:
        return Said(True, "calibrated", told)
    other = "champion" if champion else "rule"
    of_other = evaluation["models"].get(other, {}).get("calibration_error")
    if of_other and error["low"] <= of_other["high"]:
        return Said(True, f"as_far_off_as_{other}", told | {"other": of_other})
    return Said(False, "clearly_off", told)


def _fair(evaluation: dict) -> Said:
    fairness = evaluation.get("fairness")
    if fairness is None:
        return Said(True, "fairness_not_measured")
    if fairness["breaches"]:
        return Said(False, "unfair", {"breaches": fairness["breaches"]})
    return Said(True, "fair")


@cache
def _texts() -> dict[str, dict[str, str]]:
    return yaml.safe_load(_WORDS.read_text(encoding="utf-8"))
