"""The table of service strategies: whom it fits, what it refuses, and that its page tells the truth."""

import sys
from datetime import date
from pathlib import Path

import pandas as pd
import pytest

from roundtrip.company import Company
from roundtrip.errors import BadInput
from roundtrip.home import Home
from roundtrip.strategies import candidates, load, of_company
from roundtrip.strategies.check import ACTIONS, VALUES
from roundtrip.strategies.page import PAGE, text

SMALL = """version: "1"
currency: EUR
actions: {discount: &t {en: a, zh: b}, points_bonus: *t, upgrade: *t, service_recovery: *t, care_call: *t,
          content: *t}
strategies:
  - id: guarantee
    name: {en: Guarantee, zh: 保障}
    when: {churn_cause: [price], lifecycle_stage: [maturity]}
    action: discount
    unit_cost: 5
    channels: [email]
    due_in_days: 7
    wording: {en: "Dear {full_name}", zh: "尊敬的{full_name}"}
    why: because
    valid_from: 2020-01-01
  - id: news
    name: {en: News, zh: 新闻}
    when: {}
    action: content
    unit_cost: 0
    channels: [email]
    due_in_days: 7
    without_warning: true
    limits: {per_customer_a_year: 2}
    wording: {en: News, zh: 新闻}
    why: because
    valid_from: 2020-01-01
"""


def written(folder: Path, change: tuple[str, str] = ("", "")) -> Path:
    assert change[0] in SMALL
    file = folder / "own.yml"
    file.write_text(SMALL.replace(*change, 1) if change[0] else SMALL, encoding="utf-8")
    return file


def customers(**columns) -> pd.DataFrame:
    return pd.DataFrame(
        {"customer_id": [f"c{i}" for i in range(len(next(iter(columns.values()))))], **columns}
    )


def first(found: pd.DataFrame) -> dict[str, str]:
    return dict(found[found["rank"] == 1][["customer_id", "strategy_id"]].to_numpy())


def test_each_cause_gets_its_own_answer():
    causes = ["service_quality", "price", "competition", "need_change", None]
    found = first(candidates(customers(churn_cause=causes, lifecycle_stage=["decline"] * 5)))
    assert found == {
        "c0": "recovery_after_failure",
        "c1": "price_guarantee",
        "c2": "price_guarantee",
        "c3": "seasonal_offer",
        "c4": "seasonal_offer",
    }
    recommended = candidates(customers(churn_cause=["need_change"], lifecycle_stage=["decline"]))
    assert "new_needs" in set(recommended["strategy_id"])


def test_a_customer_gets_each_action_once_in_the_order_of_the_table():
    found = candidates(
        customers(
            churn_cause=["price"],
            lifecycle_stage=["maturity"],
            need_segment=["price_sensitive"],
            value_tier=["high"],
            is_loyalty_member=[True],
            points_expiring=[200.0],
        )
    )
    assert found["action"].is_unique
    assert list(found["rank"]) == list(range(1, len(found) + 1))
    assert list(found["strategy_id"]) == [
        "price_guarantee", "points_expiring", "upgrade_for_high_tier", "care_call_for_valued", "inspiration"
    ]  # fmt: skip


def test_everybody_but_prospects_has_a_candidate_whatever_is_known_of_them():
    every = pd.MultiIndex.from_product(
        [[*VALUES["lifecycle_stage"], None], [*VALUES["need_segment"], None], [*VALUES["churn_cause"], None]]
    ).to_frame(index=False)
    every.columns = ["lifecycle_stage", "need_segment", "churn_cause"]
    every.insert(0, "customer_id", [f"c{i}" for i in range(len(every))])
    assert set(candidates(every)["customer_id"]) == set(every["customer_id"])
    assert set(candidates(pd.DataFrame({"customer_id": ["a"]}))["strategy_id"]) == {"inspiration"}
    assert candidates(customers(lifecycle_stage=["prospect"])).empty
    assert candidates(customers(lifecycle_stage=["prospect"]).head(0)).columns.tolist() == [
        "customer_id",
        "strategy_id",
        "action",
        "rank",
    ]


def test_every_segment_cause_stage_and_action_of_the_definitions_has_its_place():
    rows = load().rows
    for column in ("lifecycle_stage", "churn_cause", "need_segment"):
        named = {value for row in rows for value in row.when.get(column, [])}
        left_to_the_last = {"unknown", "basic"}
        assert set(VALUES[column]) - named <= left_to_the_last, column
    assert {row.action for row in rows} == set(ACTIONS)


def test_bounds_are_inclusive_and_what_is_unknown_fits_none():
    found = first(
        candidates(customers(days_since_last_complaint=[60, 61, None], lifecycle_stage=["lost"] * 3))
    )
    assert found == dict.fromkeys(("c0", "c1", "c2"), "win_back")
    found = first(
        candidates(customers(days_since_last_complaint=[60, 61, None], lifecycle_stage=["growth"] * 3))
    )
    assert found == {"c0": "recovery_of_complaint", "c1": "seasonal_offer", "c2": "seasonal_offer"}


def test_a_strategy_counts_on_its_days(tmp_path):
    file = tmp_path / "dated.yml"
    later = SMALL[SMALL.index("  - id: guarantee") : SMALL.index("  - id: news")]
    changed = later.replace("2020-01-01", "2025-01-01").replace("unit_cost: 5", "unit_cost: 7")
    ended = later + "    valid_until: 2024-12-31\n"
    text = SMALL.replace(later, ended + changed)
    file.write_text(text, encoding="utf-8")
    table = load(file)
    assert table.on(date(2024, 12, 31))["guarantee"].unit_cost == 5
    assert table.on(date(2025, 1, 1))["guarantee"].unit_cost == 7
    assert table.newest()["guarantee"].unit_cost == 7
    assert [row.id for row in table.on(date(2019, 1, 1)).rows] == []


def test_a_company_may_have_its_own_table(home: Home, tmp_path):
    landing = tmp_path / "landing"
    landing.mkdir()
    written(landing)
    (landing / "company.yml").write_text("name: Own\nstrategies: own.yml\n", encoding="utf-8")
    Company.describe(landing, None).save(home)
    assert [row.id for row in of_company(home).rows] == ["guarantee", "news"]
    assert of_company(Home(tmp_path / "nobody")).file.name == "strategies.yml"


@pytest.mark.parametrize("setting", ["3", "nothing.yml"])
def test_a_company_is_told_at_once_that_its_table_cannot_be_used(tmp_path, setting):
    (tmp_path / "company.yml").write_text(f"name: Own\nstrategies: {setting}\n", encoding="utf-8")
    with pytest.raises(BadInput, match=r"company\.yml: strategies is 3|nothing\.yml cannot be read"):
        Company.describe(tmp_path, None)


@pytest.mark.parametrize(
    ("change", "line", "said"),
    [
        (("action: discount", "action: discounts"), 9, "action 'discounts'"),
        (("unit_cost: 5", "unit_cost: -5"), 10, "unit_cost is -5"),
        (("unit_cost: 5", "unit_cost: .inf"), 10, "unit_cost is inf"),
        (("channels: [email]", "channels: [fax]"), 11, "channels 'fax'"),
        (("channels: [email]", "channels: []"), 11, "channels must be a list"),
        (("due_in_days: 7", "due_in_days: 1.5"), 12, "due_in_days is 1.5"),
        (("Dear {full_name}", "Dear {name}"), 13, "nobody fills in {name}"),
        (("Dear {full_name}", "Dear {full_name"), 13, "expected '}'"),
        (("{en: Guarantee, zh: 保障}", "{en: Guarantee}"), 7, "zh missing"),
        (("churn_cause: [price]", "churn_cause: [prices]"), 8, "churn_cause 'prices'"),
        (("churn_cause: [price]", "cause: [price]"), 8, "unknown key cause"),
        (("churn_cause: [price]", "points_expiring: {min: 5, max: 1}"), 8, "no value fits"),
        (("churn_cause: [price]", "is_loyalty_member: 1"), 8, "is_loyalty_member is 1"),
        (("per_customer_a_year: 2", "per_customer_a_year: 0"), 24, "per_customer_a_year is 0"),
        (("per_customer_a_year: 2", "a_month: 2"), 24, "unknown key a_month"),
        (("valid_from: 2020-01-01", "valid_from: soon"), 15, "not a date"),
        (("id: news", "id: guarantee"), 16, "guarantee is given twice"),
        (("id: guarantee", "id: Price Guarantee"), 6, "id is 'Price Guarantee'"),
        (("without_warning: true", "without_warning: maybe"), 23, "without_warning is no flag"),
        (("when: {}", "when: {value_tier: [high]}"), 5, "may be left without any strategy"),
        (("currency: EUR\n", ""), 1, "costs without a currency"),
        (("currency: EUR", "currency: Euro"), 2, "currency is 'Euro'"),
        (("    why: because\n", ""), 6, "why missing"),
    ],
    ids=lambda value: value[1][:30] if isinstance(value, tuple) else "",
)
def test_a_mistake_is_told_with_its_line(tmp_path, change, line, said):
    with pytest.raises(BadInput) as told:
        load(written(tmp_path, change))
    assert f"own.yml:{line}: " in told.value.message
    assert said in told.value.message
    assert told.value.hint


def test_an_action_may_have_no_cost_of_its_own(tmp_path):
    assert load(written(tmp_path, ("    unit_cost: 5\n", "")))["guarantee"].unit_cost is None


def test_the_digest_follows_the_table(tmp_path):
    before = load(written(tmp_path)).digest
    assert load(written(tmp_path)).digest == before
    assert load(written(tmp_path, ("unit_cost: 5", "unit_cost: 6"))).digest != before


def test_the_page_is_the_table():
    assert PAGE.read_text(encoding="utf-8") == text(), "run `python -m roundtrip.strategies.page`"


def test_the_command_prints_the_table_in_both_languages(monkeypatch, capsys, home: Home):
    from roundtrip.strategies.command import strategies

    monkeypatch.setenv("COLUMNS", "200")
    strategies(None, home.root, "zh")
    assert "流失挽回" in capsys.readouterr().out
    strategies("win_back", home.root, "en")
    assert "we have missed you" in capsys.readouterr().out
    with pytest.raises(BadInput, match="no strategy 'x'"):
        strategies("x", home.root, "en")
    with pytest.raises(BadInput, match="'fr' is not kept"):
        strategies(None, home.root, "fr")


def test_the_command_line_does_not_load_pandas_for_it():
    import subprocess

    code = "import sys, roundtrip.strategies.command; sys.exit('pandas' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
