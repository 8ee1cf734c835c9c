"""Texts as numbers: words and runs of characters, weighted by how rare they are (TF-IDF).

Addresses, mentions and digits are masked first, and what stands in few texts is left out: a model of texts
must hold nothing of anybody.
"""

import re

import numpy as np

_MASKS = (
    (re.compile(r"https?://\S+|www\.\S+"), " 链接url "),
    (re.compile(r"\S+@\S+\.\S+"), " "),
    (re.compile(r"@\w+"), " "),
    (re.compile(r"\d"), "0"),
    (re.compile(r"\s+"), " "),
)
_WORDS = re.compile(r"[^\W_]+(?:'[^\W_]+)?|[!?]")


def masked(text: str) -> str:
    """Lower case, without links, addresses and mentions; every digit is a nought."""
    text = text.lower()
    for pattern, by in _MASKS:
        text = pattern.sub(by, text)
    return text.strip()


def words(text: str) -> list[str]:
    """Words of a text that has spaces, with its exclamation and question marks."""
    return _WORDS.findall(text)


def chinese_words(text: str) -> list[str]:
    """Words of a Chinese text as jieba cuts them, in the port that needs no dictionary file and no
    network.
    """
    import rjieba

    return [word for word in rjieba.cut(text) if not word.isspace()]


def vectorizer(language: str, parameters: dict):
    """An unfitted transformer: masked texts → sparse matrix (n, features)."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.pipeline import make_union

    rules = parameters["features"]
    common = {
        "preprocessor": masked,
        "min_df": rules["min_texts"],
        "max_features": rules["max_features"],
        "sublinear_tf": True,
        "dtype": np.float32,
    }
    is_chinese = language == "zh"
    runs = tuple(rules["character_n"]["zh" if is_chinese else "other"])
    # Without spaces there are no word bounds to keep within.
    return make_union(
        TfidfVectorizer(analyzer="char" if is_chinese else "char_wb", ngram_range=runs, **common),
        TfidfVectorizer(
            tokenizer=chinese_words if is_chinese else words,
            token_pattern=None,
            ngram_range=(1, rules["word_n"]),
            **common,
        ),
    )
