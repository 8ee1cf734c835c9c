"""Per-customer reasons: the three groups of features that moved the score most, in words, English and
Chinese.

Correlated features share their effect among them, so parts are summed by group first; the group is then
told by its strongest feature of the same sign. A customer above the average risk hears first what raises
it, one below what lowers it. A monotone calibration changes no sign, so the words stay true of the
probability that is shown.
"""

import numpy as np
import pandas as pd

from ml.settings import catalogue

LANGUAGES = ("en", "zh")
SHOWN = 3
COLUMNS = [f"reason_{i}{end}" for end in ("", "_zh") for i in range(1, SHOWN + 1)]


def explain(parts: np.ndarray, rows: pd.DataFrame, features: list[str], is_above_average) -> pd.DataFrame:
    """Reasons per row.

    Args:
        parts: contributions to the log-odds, shape (n, features); positive raises the risk.
        rows: the features' values, n rows.
        is_above_average: shape (n,); whether the customer's risk is above that of the average customer.

    Returns:
        reason_1..3 and reason_1_zh..3_zh; None where fewer groups have a part at all.
    """
    words = catalogue()
    groups = [words["features"][name]["group"] for name in features]
    names = sorted(set(groups))
    totals = np.stack(
        [parts[:, [i for i, g in enumerate(groups) if g == name]].sum(axis=1) for name in names], axis=1
    )
    # Those in the customer's own direction first, each by size; a group without any part comes last.
    sign = np.where(np.asarray(is_above_average), 1.0, -1.0)[:, None]
    along = np.sign(totals) == sign
    # One key for both, since one sort is three times as quick as a lexical one: those along lie above 1, the
    # others below; s / (1 + s) grows with s.
    size = np.abs(totals)
    ranking = np.argsort(-(along + size / (1 + size)), axis=1, kind="stable")
    result = {column: np.full(len(rows), None, dtype=object) for column in COLUMNS}
    for place in range(min(SHOWN, len(names))):
        picked = ranking[:, place]
        for number, group in enumerate(names):
            members = [i for i, g in enumerate(groups) if g == group]
            told = np.flatnonzero((picked == number) & (totals[:, number] != 0))
            if len(told) == 0:
                continue
            sign_of = np.sign(totals[told, number])
            strongest = np.argmax(parts[np.ix_(told, members)] * sign_of[:, None], axis=1)
            for position, member in enumerate(members):
                for direction, towards in (("up", sign_of > 0), ("down", sign_of < 0)):
                    chosen = told[(strongest == position) & towards]
                    if len(chosen):
                        _tell(result, place, chosen, features[member], rows, direction)
    return pd.DataFrame(result, index=rows.index)


def _tell(result: dict, place: int, chosen, feature: str, rows: pd.DataFrame, direction: str) -> None:
    codes, distinct = pd.factorize(rows[feature].iloc[chosen].to_numpy(), use_na_sentinel=True)
    for language in LANGUAGES:
        texts = [reason(feature, value, direction, language) for value in distinct]
        texts.append(reason(feature, None, direction, language))
        column = f"reason_{place + 1}" + ("" if language == "en" else "_zh")
        result[column][chosen] = np.array(texts, dtype=object)[codes]


def reason(feature: str, value, direction: str, language: str) -> str:
    """One reason, for example "Raises the risk: last booked 412 days ago".

    Args:
        direction: `up` (raises the risk) or `down`.
        value: the customer's own; None where nothing is known.
    """
    words = catalogue()
    entry = words["features"][feature]
    if value is None:
        fact = words["unknown"][language].format(group=words["groups"][entry["group"]][language])
    else:
        written = write_value(value, entry["unit"], language)
        fact = entry[language].format(value=written, s="" if written == "1" else "s")
    return words["directions"][direction][language].format(fact=fact)


def fixed_reason(kind: str, language: str) -> str:
    return catalogue()["fixed_reasons"][kind][language]


def write_value(value, unit: str, language: str) -> str:
    """A value as a person writes it: whole days and counts, shares in per cent, money without cents."""
    if unit == "label":
        return str(value)
    if unit == "flag":
        return {"en": ("no", "yes"), "zh": ("否", "是")}[language][bool(value)]
    if unit == "share":
        return f"{value:.0%}"
    if unit == "ratio":
        return f"{value:.1f}"
    return f"{value:,.0f}"
