"""What a company's names mean: file and column names cut into words, the words into concepts."""

import re
import unicodedata
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import yaml

_WORDS = re.compile(r"[A-Z]+(?![a-zà-ÿ])|[A-ZÀ-Þ]?[a-zà-ÿ]+|[A-Z]+|\d+|[㐀-鿿]+")
#: Phrases whose single words would mislead: a day of the month is no month.
_PHRASES = (
    (re.compile(r"day\W?_?of\W?_?month", re.I), "day"),
    (re.compile(r"e[-_ ]mail", re.I), "email"),
    (re.compile(r"key[-_ ]?words", re.I), "keywords"),
)


@dataclass(frozen=True)
class Pattern:
    """Concepts that name a contract column or table, and how surely they do (0 to 1)."""

    concepts: frozenset[str]
    weight: float


@dataclass(frozen=True)
class TableWords:
    """How a contract table's files and columns may be called."""

    files: tuple[Pattern, ...]
    means: frozenset[str]
    columns: dict[str, tuple[Pattern, ...]]


@cache
def read_words(file: str) -> Any:
    """One of the YAML files beside this module."""
    return yaml.safe_load(files(__package__).joinpath(file).read_text(encoding="utf-8"))


@cache
def table_words() -> dict[str, TableWords]:
    """By contract table, in the contract's order."""
    return {
        table: TableWords(
            tuple(_pattern(text) for text in spec["files"]),
            frozenset(spec["means"]),
            {column: tuple(_pattern(text) for text in texts) for column, texts in spec["columns"].items()},
        )
        for table, spec in read_words("columns.yml").items()
    }


def _pattern(text: str) -> Pattern:
    words, _, weight = text.partition("~")
    return Pattern(frozenset(words.split()), float(weight or 1))


@cache
def _vocabulary() -> tuple[dict[str, str], frozenset[str]]:
    spec = read_words("words.yml")
    concept_of = {str(word): concept for concept, words in spec["concepts"].items() for word in words}
    return concept_of, frozenset(spec["ignored"])


@cache
def concepts(name: str) -> tuple[str, ...]:
    """The concepts of a name in its order; a word that is not known stands for itself, with `?` before it."""
    concept_of, ignored = _vocabulary()
    text = unicodedata.normalize("NFKC", name)
    for phrase, meaning in _PHRASES:
        text = phrase.sub(f" {meaning} ", text)
    found = []
    for piece in _WORDS.findall(text):
        for word in _known_parts(piece.lower(), concept_of, ignored):
            if word not in ignored:
                found.append(concept_of.get(word) or f"?{word}")
    return tuple(dict.fromkeys(found))


def _known_parts(word: str, concept_of: dict[str, str], ignored: frozenset[str]) -> list[str]:
    """The word itself if it is known, else its known parts, else the word."""
    singular = word[:-1] if word.endswith("s") and len(word) > 3 else word
    for form in (word, singular):
        if form in concept_of or form in ignored:
            return [form]
    if not word.isascii():
        return _chinese_parts(word, concept_of, ignored)
    return _cut(word, concept_of, ignored) or [word]


def _cut(word: str, concept_of: dict[str, str], ignored: frozenset[str]) -> list[str] | None:
    """The fewest known words that make up `word` without a rest; None if there are none."""
    best: list[list[str] | None] = [[]] + [None] * len(word)
    for end in range(2, len(word) + 1):
        for begin in range(end - 1):
            part, before = word[begin:end], best[begin]
            if before is None or (part not in concept_of and part not in ignored):
                continue
            if best[end] is None or len(before) + 1 < len(best[end]):
                best[end] = [*before, part]
    return best[-1]


def _chinese_parts(word: str, concept_of: dict[str, str], ignored: frozenset[str]) -> list[str]:
    """The longest known word at each place; characters in between belong together."""
    parts, rest, place = [], "", 0
    while place < len(word):
        ends = range(len(word), place, -1)
        known = next(
            (word[place:e] for e in ends if word[place:e] in concept_of or word[place:e] in ignored), ""
        )
        if known and rest:
            parts.append(rest)
            rest = ""
        if known:
            parts.append(known)
        else:
            rest += word[place]
        place += len(known) or 1
    return [*parts, rest] if rest else parts


def likeness(name: tuple[str, ...], patterns: tuple[Pattern, ...], means: frozenset[str]) -> float:
    """How well a name fits the best of the patterns, 0 to 1.

    Dice's coefficient of the two sets of concepts. What the table means anyway (`means`) may be left out on
    either side; a word of another meaning counts twice against, as `status date` is no `date`.
    """
    return max((_likeness(frozenset(name), pattern, means) for pattern in patterns), default=0.0)


def _likeness(name: frozenset[str], pattern: Pattern, means: frozenset[str]) -> float:
    wanted = pattern.concepts - (means - name)
    given = name - (means - pattern.concepts)
    common = len(wanted & given)
    if not common:
        return 0.0
    extra = sum(1 if concept.startswith("?") else 2 for concept in given - wanted)
    left_out = 0.95 if wanted != pattern.concepts else 1.0
    return left_out * pattern.weight * 2 * common / (len(wanted) + common + extra)
