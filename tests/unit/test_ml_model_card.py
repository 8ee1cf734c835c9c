"""The card says what was measured, in both languages, and nothing that a reader must not see."""

import copy
import re

import pytest
import yaml

from ml.model_card.charts import calibration_chart
from ml.model_card.facts import driver_shares, fairness_counts, small_groups, weaker_groups
from ml.model_card.page import card_words, model_name, write_card_pages
from ml.settings import FOLDER

#: What a page must never say instead of a number.
ODD = re.compile(r"\b(nan|None|inf|NaN|Undefined)\b")


def interval(value: float, around: float = 0.02) -> dict:
    return {"value": value, "low": value - around, "high": value + around}


def metrics(auc: float) -> dict:
    return {
        "roc_auc": interval(auc),
        "pr_auc": interval(0.6),
        "top_decile_lift": interval(1.8),
        "brier": interval(0.19),
        "calibration_error": interval(0.03),
        "expected_max_profit": interval(0.11),
    }


def group(name: str, auc: float | None, customers: int = 900) -> dict:
    entry = {"group": name, "rows": 2 * customers, "customers": customers, "base_rate": 0.4}
    if auc is None:
        return {**entry, "is_too_small": True}
    return {**entry, "is_too_small": False, "models": {"logistic": metrics(auc), "rule": metrics(0.6)}}


@pytest.fixture
def summary() -> dict:
    """Of a promoted training with everything measured."""
    gaps = {measure: interval(0.0) for measure in ("auc_gap", "recall_gap", "calibration_gap")}
    curve = [
        {"said": x / 10, "rows": 100, "value": x / 10, "low": x / 10 - 0.02, "high": x / 10 + 0.02}
        for x in range(1, 10)
    ]
    ranking = {name: interval(60, 5) for name in ("mean_lead_days", "median_lead_days")}
    ranking |= {name: interval(0.5) for name in ("warned_share", "useful_share")} | {
        "false_alarm_share": 0.05
    }
    month = {"base_rate": 0.4, "rows": 900, "calibration_gap": -0.01}
    month["models"] = {"old": metrics(0.75), "refitted": metrics(0.76)}
    evaluation = {
        "n": 5000,
        "customers": 4321,
        "base_rate": 0.41,
        "models": {"rule": metrics(0.6), "logistic": metrics(0.78), "new_kind": metrics(0.7)},
        "differences": {"logistic - rule": interval(0.18)},
        "groups": {
            "value_tier": [group("high", 0.70), group("low", 0.80), group("odd", None, 12)],
            "month": [group("2024-10", 0.78)],
        },
        "fairness": {
            "verdict": "within",
            "breaches": [],
            "missing": ["gender"],
            "columns": {
                "country": [
                    {
                        "group": "CN",
                        "rows": 9,
                        "customers": 900,
                        "base_rate": 0.4,
                        "status": "within",
                        **gaps,
                    },
                    {"group": "HK", "rows": 9, "customers": 20, "base_rate": 0.4, "status": "too_small"},
                ]
            },
        },
        "calibration_curve": {"logistic": curve, "rule": curve},
        "gains": {"logistic": [[0, 0], [0.5, 0.8], [1, 1]], "rule": [[0, 0], [0.5, 0.6], [1, 1]]},
        "profit": {
            "offer_share": 0.05,
            "contact_share": 0.005,
            "accepted_share": 0.3,
            "customer_value": 1000.0,
            "customer_value_from": "value_12m",
            "currency": "EUR",
            "without_a_ranking": 0.1,
        },
        "decay": {
            "status": "measured",
            "origin": "2024-01-31",
            "refits": ["2024-07-31"],
            "months": [
                {"month": "2024-01", "age_months": 0, **month},
                {"month": "2024-02", "age_months": 1, **month},
            ],
            "worth_of_refitting": interval(0.01, 0.005) | {"from_age_months": 6},
        },
        "early_warning": {
            "status": "measured",
            "losses": 1031,
            "lookback_months": 12,
            "refits": ["2024-01-31"],
            "one_customer_in": 2,
            "false_alarm_share": 0.05,
            "useful_lead_days": 56,
            "best_rule": "overdue_ratio",
            "rankings": {"model": ranking, "overdue_ratio": ranking},
            "difference": interval(46, 6),
            "curve": [{"days": 14, "model": 0.6, "rule": 0.4}, {"days": 28, "model": 0.3, "rule": 0.1}],
        },
    }
    return {
        "status": "promoted",
        "reason": "beats the inactivity rule",
        "reason_zh": "优于不活跃规则",
        "as_of": "2025-12-31",
        "run_id": "0123456789abcdef",
        "kind": "logistic",
        "messages": ["not in the warehouse: nps_latest"],
        "messages_zh": ["数据仓库中没有：nps_latest"],
        "trained_because": {"reason": "there is no champion yet", "reason_zh": "尚无在用模型"},
        "importance": {"overdue_ratio": 0.3, "web_events_90d": 0.1},
        "evaluation": evaluation,
        "split": {
            "test_from": "2024-10-31",
            "test_to": "2024-12-31",
            "test_rows": 5000,
            "test_customers": 4321,
            "test_base_rate": 0.41,
            "train_from": "2022-01-31",
            "train_to": "2024-04-30",
            "train_rows": 90000,
            "train_customers": 9000,
            "train_base_rate": 0.46,
        },
        "about": {
            "company": "A & B <travel>",
            "label": "no_booking",
            "horizon_days": [180, 365],
            "labelled_rows": 180000,
            "features": 46,
            "seed": 1,
            "code_version": "abc",
            "data_hash": "d",
            "parameters_hash": "p",
            "source_hash": "s",
        },
    }


def pages_of(summary: dict, folder, **more) -> dict[str, str]:
    return {file.name: file.read_text(encoding="utf-8") for file in write_card_pages(folder, summary, **more)}


def visible(page: str) -> str:
    """The text of an HTML page without its pictures, styles and scripts."""
    page = re.sub(r"<(style|script|svg)\b.*?</\1>", " ", page, flags=re.DOTALL)
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page))


def test_both_languages_say_the_verdict_the_numbers_and_where_it_is_weaker(summary, tmp_path):
    pages = pages_of(summary, tmp_path)
    english, chinese = visible(pages["model_card.en.html"]), visible(pages["model_card.zh.html"])
    for told in ("In use", "4,321", "1.8×", "60 days", "value tier: high (900 customers): 70.0%", "EUR 110"):
        assert told in english, told
    for told in ("已启用", "4,321", "1.8 倍", "60 天", "价值层级：高（900 位客户）", "EUR 110"):
        assert told in chinese, told
    for name in ("html", "md"):
        recorded = pages[f"model_card.en.{name}"], pages[f"model_card.zh.{name}"]
        assert ["beats the inactivity rule" in page for page in recorded] == [True, False]
        for words in ("优于不活跃规则", "数据仓库中没有：nps_latest", "尚无在用模型"):
            # The Markdown page does not say why it was trained: the run's description does, below it.
            is_told = words != "尚无在用模型" or name == "html"
            assert [words in page for page in recorded] == [False, is_told], words
    assert "A &amp; B &lt;travel&gt;" in pages["model_card.en.html"]
    assert "**logistic regression**" in pages["model_card.en.md"]
    # A kind of model that has no words yet is named by itself.
    assert "new_kind" in english


def test_a_page_loads_nothing_and_every_picture_is_there_in_both_sizes(summary, tmp_path):
    pages = pages_of(summary, tmp_path)
    for language in ("en", "zh"):
        page = pages[f"model_card.{language}.html"]
        assert page.count('<svg class="picture wide"') == page.count('<svg class="picture narrow"') == 4
        without_names = page.replace("http://www.w3.org/2000/svg", "").replace(
            "http://www.w3.org/1999/xlink", ""
        )
        assert not re.search(r"https?://", without_names)
        ids = re.findall(r'\bid="([^"]+)"', page)
        assert len(ids) == len(set(ids))
        named = re.findall(r"\]\((pictures/[^)]+)\)", pages[f"model_card.{language}.md"])
        assert len(named) == 4
        assert all((tmp_path / name).is_file() for name in named)
        assert "var(--" not in (tmp_path / named[0]).read_text(encoding="utf-8")


def test_no_page_shows_a_missing_number(summary, tmp_path):
    for page in pages_of(summary, tmp_path).values():
        if "<html" in page or "# " in page:
            assert not ODD.search(visible(page)), ODD.search(visible(page))


def test_what_could_not_be_measured_is_said_in_words(summary, tmp_path):
    bare = copy.deepcopy(summary)
    nan = float("nan")
    evaluation = bare["evaluation"]
    evaluation["early_warning"] = {"status": "not_measured", "why": "short_history"}
    evaluation["decay"] = {"status": "not_measured", "why": "short_history"}
    evaluation["groups"] = {"month": [group("2024-10", None)]}
    evaluation["fairness"] = {
        "verdict": "cannot_tell",
        "breaches": [],
        "missing": ["country"],
        "columns": {},
    }
    evaluation["profit"]["customer_value"] = None
    evaluation["models"]["rule"]["roc_auc"] = {"value": 0.6, "low": nan, "high": nan}
    bare["importance"] = {}
    for name, page in pages_of(bare, tmp_path).items():
        if not name.endswith("svg"):
            assert not ODD.search(visible(page)), (name, ODD.search(visible(page)))
    english = visible((tmp_path / "model_card.en.html").read_text(encoding="utf-8"))
    assert "the history is too short to go back and warn" in english
    assert "11.0% of a customer" in english


def test_too_little_data_is_a_card_too(summary, tmp_path):
    missing = {name: summary[name] for name in ("as_of", "run_id", "messages", "about", "trained_because")}
    missing |= {"status": "too_little_data", "what_is_missing": ["training: 3 months (there are 1)"]}
    # As an earlier release recorded it: in English only, and marked as that.
    chinese = pages_of(missing, tmp_path)["model_card.zh.html"]
    assert re.search(r'<dd lang="en"><ul class="plain"><li>training: 3 months', chinese)
    pages = pages_of(missing | {"what_is_missing_zh": ["训练：3 个月（现有 1 个）"]}, tmp_path)
    assert "3 months (there are 1)" in visible(pages["model_card.en.html"])
    for ending in ("html", "md"):
        assert "训练：3 个月（现有 1 个）" in pages[f"model_card.zh.{ending}"]
        assert "3 months" not in pages[f"model_card.zh.{ending}"]
    assert "Nothing was trained" in visible(pages["model_card.en.html"])
    assert not any(ODD.search(visible(page)) for page in pages.values())


def test_a_refused_training_says_so_unless_its_version_is_in_use(summary, tmp_path):
    refused = {**summary, "status": "refused"}
    assert "Not put to use" in visible(pages_of(refused, tmp_path)["model_card.en.html"])
    rolled_back = pages_of(refused, tmp_path, version="roundtrip-churn/3")["model_card.en.html"]
    assert "Not put to use" not in visible(rolled_back)
    assert "roundtrip-churn/3" in visible(rolled_back)


def test_the_oracle_is_shown_where_there_is_one(summary, tmp_path):
    oracle = {"ratio": interval(0.957, 0.01)}
    assert "95.7%" in visible(pages_of(summary, tmp_path, oracle=oracle)["model_card.en.html"])
    assert "oracle" not in visible(pages_of(summary, tmp_path)["model_card.en.html"])


def test_both_languages_have_the_same_texts_with_the_same_values_to_fill_in():
    english, chinese = card_words("en").texts, card_words("zh").texts
    assert set(english) == set(chinese)
    for key, text in english.items():
        fields = set(re.findall(r"\{(\w+)\}", text))
        assert set(re.findall(r"\{(\w+)\}", chinese[key])) == fields, key


def test_every_text_is_used(summary, tmp_path):
    templates = "".join(
        file.read_text(encoding="utf-8")
        for file in [*(FOLDER / "model_card").rglob("*.j2"), *(FOLDER / "model_card").glob("*.py")]
    )
    texts = yaml.safe_load((FOLDER / "model_card" / "texts" / "en.yml").read_text(encoding="utf-8"))
    # Their keys are put together in the templates.
    built = {"section", "verdict", "metric", "glossary", "model", "columns", "levels", "origin"}
    for part, content in texts.items():
        if part in built or not isinstance(content, dict):
            continue
        for key, text in content.items():
            name = f"{part}.{key}" if not isinstance(text, dict) else f"{part}.{key}."
            is_built = part == "fairness" and key.removesuffix("_lead") in (
                *("within", "unclear", "outside", "cannot_tell", "auc_gap", "recall_gap", "calibration_gap"),
            )
            assert name in templates or is_built, name


def test_weaker_groups_are_those_clearly_below_and_small_ones_are_named(summary):
    evaluation = summary["evaluation"]
    assert [entry["group"] for entry in weaker_groups(evaluation, "logistic")] == ["high"]
    assert small_groups(evaluation) == [("value_tier", "odd")]
    assert fairness_counts(evaluation["fairness"]) == (1, 1)


def test_what_moves_the_score_is_told_by_group_of_features():
    parts = {"a": 0.2, "b": -0.1, "c": 0.1, "unknown": 5.0}
    shares = driver_shares(parts, {"a": "recency", "b": "recency", "c": "value"})
    assert shares == [("recency", pytest.approx(0.75)), ("value", pytest.approx(0.25))]
    assert driver_shares({}, {}) == []


def test_pictures_are_the_same_each_time(summary):
    words = card_words("zh")
    evaluation = summary["evaluation"]
    assert calibration_chart(evaluation, "logistic", words) == calibration_chart(
        evaluation, "logistic", words
    )
    assert "给出的概率" in calibration_chart(evaluation, "logistic", words)


def test_every_candidate_has_a_name_in_both_languages():
    from ml.models import ENSEMBLE, KINDS

    for kind in (*KINDS, ENSEMBLE, "rule", "champion"):
        assert model_name(kind) != kind or kind == ENSEMBLE
        assert model_name(kind, "zh") != kind
