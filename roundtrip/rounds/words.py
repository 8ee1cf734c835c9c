"""A plan in sentences, English and Chinese (words.yml)."""

from functools import cache
from pathlib import Path

import yaml

from roundtrip.rounds.settings import parameters

LANGUAGES = ("en", "zh")


@cache
def words() -> dict:
    return yaml.safe_load(Path(__file__).with_name("words.yml").read_text(encoding="utf-8"))


def nothing_planned(reason: str, **values) -> dict[str, str]:
    """Why there is no round, by language."""
    return {language: words()[language]["nothing"][reason].format(**values) for language in LANGUAGES}


def sentences(plan: dict) -> dict[str, list[str]]:
    """What plan.json says in numbers, by language."""
    return {language: _sentences(plan, words()[language], language) for language in LANGUAGES}


def _sentences(plan: dict, texts: dict, language: str) -> list[str]:
    values = {
        "treatment": f"{plan['treatment']:,}",
        "control": f"{plan['control']:,}",
        "cost": money(plan["cost"]),
        "budget": money(plan["budget"]),
        "currency": plan["currency"] or "",
        "window_days": parameters()["window_days"],
        "holdout_share": f"{plan['holdout_share']:.0%}",
        "treated_share": f"{1 - plan['holdout_share']:.0%}",
    }
    said = [texts["round"].format(**values)]
    if plan["treatment"] == 0:
        said.append(texts["all_held_out"])
    if plan["is_exploration"]:
        said.append(texts["exploration"].format(**values))
    else:
        gain = {name: money(value) for name, value in plan["expected_gain"].items()}
        said.append(texts["gain"].format(gain=gain["value"], low=gain["low"], high=gain["high"], **values))
        said.append(texts["kept"].format(kept=f"{plan['expected_kept']:,.1f}"))
        if kept_value := plan["settings"]["kept_customer_value"]:
            said.append(texts["kept_counts"].format(value=money(kept_value), **values))
        if plan["explored"]:
            share = f"{plan['settings']['explore_share']:.0%}"
            said.append(texts["explored"].format(count=f"{plan['explored']:,}", share=share))
        price = plan["solution"]["prices"]["budget"]
        said.append(texts["price" if price > 0 else "no_price"].format(price=f"{price:.2f}", **values))
        said.append(texts["gap"].format(gap=f"{plan['solution']['gap']:.2%}"))
    if plan["mde"] is None:
        said.append(texts["no_mde"])
    else:
        said.append(texts["mde"].format(mde=_points(plan["mde"], language), **values))
    if not plan["has_consents"]:
        meaning = texts["consent_meanings"][plan["settings"]["without_consent_answer"]]
        said.append(texts["no_consents"].format(meaning=meaning))
    for reason, count in plan["left_out"].items():
        told = texts["reasons"][reason].format(**values)
        said.append(texts["left_out"].format(count=f"{count:,}", reason=told))
    if plan["without_cost"]:
        said.append(texts["without_cost"].format(actions=", ".join(plan["without_cost"])))
    if plan["resting"]:
        named = [_with_segment(each["action"], each["need_segment"]) for each in plan["resting"]]
        said.append(texts["resting"].format(actions=", ".join(named)))
    return said


def _with_segment(action: str, need_segment: str | None) -> str:
    return action if need_segment is None else f"{action} ({need_segment})"


def money(amount: float) -> str:
    """Without cents where they do not matter."""
    return f"{amount:,.2f}" if abs(amount) < 100 else f"{amount:,.0f}"


def _points(share: float, language: str) -> str:
    return f"{share * 100:.1f} " + {"en": "percentage points", "zh": "个百分点"}[language]
