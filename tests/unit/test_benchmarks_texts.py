"""The benchmark of texts: what must not be on both sides of a fold, and what happens without the public
sets.
"""

from io import StringIO

import pandas as pd
from rich.console import Console

from benchmarks import texts


def grouped(said: list[str], authors: list[str] | None = None) -> list[int]:
    found = texts.one_side(pd.Series(said), pd.Series(authors) if authors else None)
    return pd.factorize(found)[0].tolist()


def test_the_same_text_and_nearly_the_same_are_on_one_side():
    long = "the flight to Chicago was late again and nobody at the gate would tell us anything at all"
    said = [
        long,
        long.upper() + " !!!",
        long.replace("Chicago", "chicago 2"),
        "thank you for the lovely flight",
    ]
    assert grouped(said) == [0, 0, 0, 1]
    assert grouped(
        ["房间很干净，服务很好，早餐丰富", "房间很干净，服务很好，早餐丰富！", "太吵了睡不着"]
    ) == [0, 0, 1]


def test_an_author_is_on_one_side_and_ties_are_chained():
    said = ["late flight and no word", "lost my bag in Boston", "lost my bag in Boston", "great crew today"]
    assert grouped(said, ["ann", "ann", "bob", "cat"]) == [0, 0, 0, 1]


def test_without_the_public_sets_it_says_so_and_misses_nothing(tmp_path):
    console = Console(file=StringIO(), width=200)
    assert not texts.main(console, data=tmp_path)
    said = console.file.getvalue()
    assert "airline_tweets: skipped" in said
    assert "hotel_reviews_zh: skipped" in said


def test_a_known_score_that_is_missed_is_told(tmp_path):
    folder = tmp_path / "hotel_reviews_zh"
    folder.mkdir()
    # Nothing in the words tells the label.
    rows = pd.DataFrame(
        {"label": [n % 2 for n in range(300)], "review": [f"房间 {chr(0x4E00 + n)}" for n in range(300)]}
    )
    rows.to_csv(folder / "hotel_reviews_zh.csv.gz", index=False)
    console = Console(file=StringIO(), width=200)
    assert texts.main(console, data=tmp_path)
    assert "hotel_reviews_zh, sentiment: 300 texts" in console.file.getvalue()
