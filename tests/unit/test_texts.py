"""What customers write: which language, what is learned from, what is said of it, and that no text goes
out.
"""

import json
from dataclasses import asdict
from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest

from ml.texts import answers, classifier, read_texts
from ml.texts.features import chinese_words, masked, words
from ml.texts.language import languages
from ml.texts.scores import score_of_newest, scores
from ml.texts.settings import parameters
from ml.texts.stage import COLUMNS, TABLE
from roundtrip.company import Company
from roundtrip.errors import BadInput
from roundtrip.home import Home
from roundtrip.vault import Identities, encrypted
from tests.texts_fixture import AS_OF, CHINESE, ENGLISH, publish_customers, write_texts
from tests.warehouse_fixture import connect_raw, create_raw, insert


def findings(home: Home, as_of: date = AS_OF) -> pd.DataFrame:
    return pd.read_parquet(home.products_dir / TABLE / f"{as_of}.parquet").set_index("row_id")


@pytest.mark.parametrize(
    ("text", "delivered", "expected"),
    [
        ("房间很好", None, "zh"),
        ("The room was fine", None, "en"),
        ("Das Zimmer war gut", "de-DE", "de"),
        # The customer's own language came along, not that of the text.
        ("The room was fine", "zh-CN", "en"),
        ("住了Hilton酒店，checkin很快，服务不错", "en", "zh"),
        ("とても良い部屋でした", None, "ja"),
        ("방이 좋았어요", None, "ko"),
        ("Номер был хороший", "ru", "ru"),
        ("Номер был хороший", None, "unknown"),
        ("👍👍 10/10", "zh-CN", "unknown"),
    ],
)
def test_the_language_by_script_and_by_what_was_delivered(text, delivered, expected):
    assert languages(pd.Series([text]), pd.Series([delivered], dtype=object)).tolist() == [expected]


def test_what_could_be_somebodys_is_masked():
    assert masked("Call +49 171 555, x.y@mail.com or @Anna  https://a.b/c?d=1 NOW") == (
        "call +00 000 000, or 链接url now"
    )
    assert words("don't go!") == ["don't", "go", "!"]
    assert "满意" in chinese_words("非常满意")


def test_sentiment_by_the_scale_of_the_survey():
    rows = pd.DataFrame(
        {
            "survey_type": ["review", "review", "csat", "nps", "nps", "nps", "servqual", None],
            "score": [2.0, 3.0, 4.0, 6.0, 8.0, 9.0, 1.0, None],
        }
    )
    assert answers.sentiments(rows, parameters()).fillna("nothing").tolist() == [
        *("negative", "neutral", "positive", "negative", "neutral", "positive", "nothing", "nothing")
    ]


def test_what_is_enough_to_learn_from():
    rules = {"min_rows": 6, "min_rows_each_class": 3, "max_rows": 7}
    enough = pd.Series(["price"] * 4 + [None] + ["other"] * 4 + ["payment"])
    kept, message = answers.learnable(enough, rules)
    # The newest seven of those that are left.
    assert kept.tolist() == ["price"] * 3 + ["other"] * 4
    assert message == "too few texts to learn payment"
    assert answers.learnable(enough[:4], rules)[1] == "4 labelled texts, 6 needed"
    kept, message = answers.learnable(pd.Series(["price"] * 9), rules)
    assert kept.empty
    assert message == "all labelled texts are price"


def noisy(rows: int, wrong: float) -> tuple[np.ndarray, np.ndarray]:
    """Texts of two kinds, of which this share is labelled as the other."""
    random = np.random.default_rng(4)
    kind = random.integers(0, 2, rows)
    texts = np.array([f"{['good', 'bad'][each]} stay {n}" for n, each in enumerate(kind)], dtype=object)
    said = np.where(random.random(rows) < wrong, 1 - kind, kind)
    return texts, np.array(["positive", "negative"], dtype=object)[said]


def test_the_probability_is_how_often_the_label_is_right():
    texts, said = noisy(1500, wrong=0.2)
    learned = classifier.learn(texts, said, np.arange(1500), "en", "sentiment", parameters(), 5)
    found = scores(said, learned)
    assert found["accuracy"]["value"] == pytest.approx(0.8, abs=0.03)
    assert learned.probabilities.mean() == pytest.approx(0.8, abs=0.03)
    assert found["calibration_error"] < 0.05
    _, probability = learned.model.read(["good stay", "bad stay"])
    assert probability == pytest.approx([0.8, 0.8], abs=0.05)


def test_words_that_say_nothing_of_the_answer_teach_nothing():
    texts, said = noisy(800, wrong=0.5)
    learned = classifier.learn(texts, said, np.arange(800), "en", "sentiment", parameters(), 5)
    assert scores(said, learned)["accuracy"]["value"] == pytest.approx(0.5, abs=0.06)


def test_who_is_learned_from_is_not_tested_on():
    """Each customer has words and a label of their own: whoever knew the customer would be right."""
    random = np.random.default_rng(8)
    groups = np.repeat(np.arange(60), 10)
    texts = np.array(
        [f"stay {chr(97 + group // 26)}q{chr(97 + group % 26)}" for group in groups], dtype=object
    )
    said = np.where(random.integers(0, 2, 60) == 1, "positive", "negative").astype(object)[groups]
    apart = classifier.learn(texts, said, groups, "en", "sentiment", parameters(), 5)
    mixed = classifier.learn(texts, said, np.arange(600), "en", "sentiment", parameters(), 5)
    assert scores(said, apart)["macro_f1"]["value"] < 0.7 < 0.95 < scores(said, mixed)["macro_f1"]["value"]
    assert all(len(set(apart.folds[groups == group])) == 1 for group in range(60))


def test_the_newest_texts_are_learned_from_the_older_ones():
    texts, said = noisy(400, wrong=0)
    days = [AS_OF - timedelta(days=400 - n) for n in range(400)]
    found = score_of_newest(texts, said, days, "en", "sentiment", parameters())
    assert (found["accuracy"], found["rows"]) == (1, 80)
    # From the test on good means bad: what was learned before is wrong.
    turned = np.where(np.arange(400) < 320, said, np.where(said == "positive", "negative", "positive"))
    assert score_of_newest(texts, turned, days, "en", "sentiment", parameters())["accuracy"] == 0
    assert score_of_newest(texts, said, [AS_OF] * 400, "en", "sentiment", parameters()) is None


def test_two_languages_are_read_and_no_text_goes_out(home):
    publish_customers(home, 200)
    write_texts(home, language="en")
    write_texts(home, language="zh")
    summary = read_texts(home, AS_OF)
    assert summary["status"] == "read"
    assert summary["languages"] == {"en": 600, "zh": 600}
    found = findings(home)
    assert list(found.reset_index()[list(COLUMNS)]) == list(COLUMNS)
    for language in ("en", "zh"):
        assert found.loc[f"{language}-negative-7", "sentiment"] == "negative"
        assert found.loc[f"{language}-price-7", "cause"] == "price"
        assert found.loc[f"{language}-service_quality-7", "cause"] == "service_quality"
        # Whoever is content has no cause to complain.
        assert pd.isna(found.loc[f"{language}-positive-7", "cause"])
        assert summary["models"][language]["cause"]["macro_f1"]["value"] > 0.95
    said = [text for wordings in (*ENGLISH.values(), *CHINESE.values()) for text in wordings]
    written = [file for file in home.root.rglob("*") if file.is_file() and file != home.raw_db]
    assert any(file.suffix == ".parquet" for file in written)
    for file in written:
        content = file.read_bytes()
        assert not [text for text in said if text.encode() in content], file


def test_texts_that_are_personal_are_read_in_the_vault(home):
    publish_customers(home, 200)
    write_texts(home)
    company = Company(
        "x", "landing", settings={"personal_columns": {"surveys": ["text"], "support_tickets": ["text"]}}
    )
    home.company_file.write_text(json.dumps(asdict(company)), encoding="utf-8")
    plain = read_texts(home, AS_OF)
    # Nothing is in the vault yet, so raw's columns are read as they stand.
    assert plain["status"] == "read"
    before = findings(home)
    with connect_raw(home) as raw:
        rows = raw.execute(
            "SELECT 'surveys' AS t, response_id AS id, customer_id, text FROM surveys UNION ALL "
            "SELECT 'support_tickets', ticket_id, customer_id, text FROM support_tickets"
        ).fetchall()
        raw.execute("UPDATE surveys SET text = md5(text)")
        raw.execute("UPDATE support_tickets SET text = md5(text)")
    vault = Identities.of(home)
    bench = encrypted.workbench(home)
    encrypted.attach(bench, home.vault_db, "vault", key=vault.key)
    bench.execute(
        "CREATE TABLE vault.identities (table_name VARCHAR, row_key VARCHAR, customer_id VARCHAR, "
        "column_name VARCHAR, pseudonym VARCHAR, value VARCHAR)"
    )
    bench.executemany(
        "INSERT INTO vault.identities VALUES (?, ?, ?, 'text', md5(?), ?)",
        [(*r, r[3]) for r in rows],
    )
    bench.close()
    assert read_texts(home, AS_OF)["status"] == "read"
    pd.testing.assert_frame_equal(findings(home), before)


def test_later_in_the_month_only_what_is_new_is_read(home):
    publish_customers(home, 200)
    write_texts(home)
    first = AS_OF.replace(day=3)
    read_texts(home, first)
    insert(
        home,
        "support_tickets",
        [
            {
                "ticket_id": "new",
                "customer_id": "c4",
                "opened_at": "2025-06-20 10:00:00",
                "is_complaint": True,
                "text": "the price is much too expensive",
                "language": "en",
            }
        ],
    )
    summary = read_texts(home, AS_OF)
    assert summary["read_anew"] == 1
    assert findings(home).loc["new", "cause"] == "price"
    pd.testing.assert_frame_equal(findings(home).drop("new"), findings(home, first))
    once = (home.products_dir / TABLE / f"{AS_OF}.parquet").read_bytes()
    assert read_texts(home, AS_OF) == summary
    assert (home.products_dir / TABLE / f"{AS_OF}.parquet").read_bytes() == once


def test_accounts_of_one_person_and_whoever_is_not_to_be_read(home):
    publish_customers(home, 200, withdrawn=("c3",))
    write_texts(home)
    with connect_raw(home) as raw:
        raw.execute("INSERT INTO customer_identities VALUES ('c5', 'c4', 0.99, 'mail')")
    read_texts(home, AS_OF)
    found = findings(home)
    assert found.loc["en-price-5", "customer_id"] == "c4"
    assert "en-price-3" not in found.index


def test_a_third_language_without_labels_is_said_and_left(home):
    publish_customers(home, 200)
    write_texts(home)
    insert(
        home,
        "surveys",
        [{"response_id": "de", "customer_id": "c1", "responded_at": "2025-05-01 10:00:00", "language": "de",
          "survey_type": "review", "score": 5, "text": "Sehr schöne Reise"}],
    )  # fmt: skip
    summary = read_texts(home, AS_OF)
    assert (
        "sentiment in de: 1 labelled texts, 0 of them of a class with 25 or more; 200 needed"
        in summary["messages"]
    )
    row = findings(home).loc["de"]
    assert row["language"] == "de"
    assert row[["sentiment", "cause", "model_version"]].isna().all()


def test_no_text_at_all(home):
    publish_customers(home, 5)
    create_raw(home)
    insert(
        home,
        "surveys",
        [{"response_id": "s", "customer_id": "c1", "responded_at": "2025-05-01", "text": "  "}],
    )
    assert read_texts(home, AS_OF)["status"] == "no_texts"
    assert findings(home).empty


def test_five_customers_and_one_class_only(home):
    publish_customers(home, 5)
    write_texts(home, each=5)
    assert read_texts(home, AS_OF)["status"] == "no_labels"
    write_texts(home, each=300, said={"positive": ENGLISH["positive"]})
    publish_customers(home, 300)
    summary = read_texts(home, AS_OF)
    assert summary["status"] == "no_labels"
    assert "sentiment in en: all labelled texts are positive" in summary["messages"]
    assert findings(home)["sentiment"].isna().all()


def test_texts_of_nothing_in_common(home):
    publish_customers(home, 300)
    write_texts(home, each=101, said={"negative": ["x"] * 2, "positive": ["x"] * 2})
    with connect_raw(home) as raw:
        # Each its own letter, of those with accents.
        raw.execute(
            "UPDATE surveys SET text = "
            "chr(192 + 2 * CAST(split_part(response_id, '-', 3) AS INTEGER) + (score = 5)::INTEGER)"
        )
    summary = read_texts(home, AS_OF)
    assert summary["messages"][0] == "sentiment in en: the labelled texts have no words in common"
    assert findings(home)["sentiment"].isna().all()


def test_nothing_is_loaded(home):
    with pytest.raises(BadInput, match=r"raw\.duckdb does not exist"):
        read_texts(home, AS_OF)
