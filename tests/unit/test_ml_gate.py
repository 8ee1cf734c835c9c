"""The gate: better than the rule, not worse than the champion, calibrated, fair."""

from types import SimpleNamespace

import pytest

from ml.gate import gate
from ml.settings import parameters

CHAMPION = SimpleNamespace(number="3")


def interval(value: float, low: float, high: float) -> dict[str, float]:
    return {"value": value, "low": low, "high": high}


def evaluation(rule, champion=None, error=None, of_other=None, fairness=None) -> dict:
    found = {"differences": {"logistic - rule": interval(*rule)}, "models": {"logistic": {}}}
    if champion:
        found["differences"]["logistic - champion"] = interval(*champion)
    if error:
        found["models"]["logistic"]["calibration_error"] = interval(*error)
    if of_other:
        name = "champion" if champion else "rule"
        found["models"][name] = {"calibration_error": interval(*of_other)}
    if fairness is not None:
        found["fairness"] = {"breaches": fairness}
    return found


BETTER, EQUAL = (0.05, 0.01, 0.09), (0.0, 0.0, 0.0)
BREACH = {"column": "country", "group": "FR", "measure": "recall_gap", "bound": 0.1} | interval(
    0.2, 0.15, 0.25
)
GOOD, NOISY, OFF = (0.02, 0.01, 0.03), (0.07, 0.04, 0.1), (0.09, 0.06, 0.12)


@pytest.mark.parametrize(
    ("found", "champion", "opens", "words"),
    [
        (evaluation(BETTER), None, True, "no champion"),
        (evaluation((0.05, -0.001, 0.1)), None, False, "does not clearly beat"),
        (evaluation(BETTER, EQUAL), CHAMPION, True, "not worse than champion version 3"),
        (evaluation(BETTER, (-0.01, -0.02, 0.0)), CHAMPION, False, "may be worse than champion version 3"),
        (evaluation((-0.01, -0.02, 0.0), (0.1, 0.05, 0.2)), CHAMPION, False, "does not clearly beat"),
        (evaluation(BETTER, error=GOOD), None, True, "calibration error 2.0%"),
        (evaluation(BETTER, error=NOISY), None, True, "calibration error 7.0%"),
        (evaluation(BETTER, error=OFF), None, False, "clearly off: calibration error 9.0%"),
        (evaluation(BETTER, EQUAL, OFF, OFF), CHAMPION, True, "as the champion's recipe"),
        (evaluation(BETTER, EQUAL, OFF, GOOD), CHAMPION, False, "clearly off"),
        (evaluation(BETTER, error=OFF, of_other=OFF), None, True, "as the inactivity rule"),
        (evaluation(BETTER, error=OFF, of_other=GOOD), None, False, "clearly off"),
        (evaluation(BETTER), None, True, "calibration was not measured"),
        (evaluation(BETTER), None, True, "fairness was not measured"),
        (evaluation(BETTER, fairness=[]), None, True, "no bound of fairness"),
        (
            evaluation(BETTER, fairness=[BREACH]),
            None,
            False,
            "bound of fairness: country FR: the share of churners found below that of all others by 0.200",
        ),
    ],
)
def test_the_gate(found, champion, opens, words):
    promoted, reason = gate(found, "logistic", champion, parameters())
    assert promoted is opens
    assert words in reason


def test_every_reason_to_stay_out_is_told():
    _, reason = gate(
        evaluation((0.05, -0.001, 0.1), error=OFF, fairness=[BREACH]), "logistic", None, parameters()
    )
    for words in ("does not clearly beat", "clearly off", "bound of fairness"):
        assert words in reason
    for words in ("未明显优于", "概率明显偏离", "越过公平性界限"):
        assert words in reason.zh


def test_what_speaks_for_it_is_told_before_what_speaks_against_it():
    _, reason = gate(evaluation(BETTER, error=OFF, fairness=[BREACH]), "logistic", None, parameters())
    assert reason.count(", but ") == 1
    assert reason.index("no champion") < reason.index(", but ") < reason.index("clearly off")
