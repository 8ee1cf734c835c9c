"""The wordings of both languages, sorted by what they are for: the parts a text is put together from."""

from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from math import gcd

import numpy as np
import yaml

from roundtrip.contract import source_contract
from roundtrip.simulate.grammar.rules import Expander, Grammar
from roundtrip.simulate.places import CHINESE_NAMES, NAMES

MOODS = ("angry", "neutral", "happy")
TOPICS = (
    "service_quality", "price", "cancellation_refund", "information", "payment", "other", "praise", "mixed",
)  # fmt: skip
STYLES = ("ticket", "review", "comment")
#: The topics that are a ticket's category.
CATEGORIES = TOPICS[:6]
LANGUAGES = ("en", "zh")
SIDES = ("bad", "good")
SERVICE_LINES = source_contract()["bookings"].column("service_line").values
#: A numbered list has no more points.
_MOST_MARKS = 40
#: Which story fits which service line.
_STORY_OF = {
    "flight": "ride",
    "hotel": "stay",
    "package": "tour",
    "rail": "ride",
    "car": "road",
    "activity": "tour",
    "cruise": "tour",
    "insurance": "claim",
}


@dataclass(frozen=True)
class Pool:
    """Wordings of which a text uses several, none of them twice.

    Attributes:
        symbols: shape (..., most), the last axis padded with 0.
        size: wordings in each pool, shape (...).
        own: how many of them, the first ones, may come first in a text.
    """

    symbols: np.ndarray
    size: np.ndarray
    own: np.ndarray

    def nth(self, at: tuple, start: np.ndarray, turn: np.ndarray, n: np.ndarray) -> np.ndarray:
        """The n-th choice of each row: the pool is walked around in even steps from a drawn start, so that
        nothing comes twice before everything came once; 0 where everything came.

        Args:
            at: index arrays of the pools.  start, turn: draws in [0, 1).  n: counted from 0.
        """
        size = self.size[at]
        first = (start * self.own[at]).astype(np.int64)
        steps = _COPRIME[size, (turn * _N_COPRIME[size]).astype(np.int64)]
        return np.where(n < size, self.symbols[(*at, (first + steps * n) % size)], 0)


#: For each size of a pool the steps that visit all of it before any comes again, and how many there are.
_LARGEST_POOL = 40
_STEPS = [
    [step for step in range(1, max(size, 2)) if gcd(step, size) == 1] for size in range(1, _LARGEST_POOL)
]
_N_COPRIME = np.array([1] + [len(steps) for steps in _STEPS])
_COPRIME = np.array([[1] * _LARGEST_POOL] + [(steps * _LARGEST_POOL)[:_LARGEST_POOL] for steps in _STEPS])


def _pool(rules: list, own: list | None = None) -> Pool:
    """A pool from lists of symbols nested to any depth."""
    flat, shape = [rules], ()
    while isinstance(flat[0][0], list):
        shape += (len(flat[0]),)
        flat = [inner for outer in flat for inner in outer]
    size = np.array([len(symbols) for symbols in flat])
    padded = np.zeros((len(flat), size.max()), dtype=np.int32)
    for row, symbols in enumerate(flat):
        padded[row, : len(symbols)] = symbols
    size = size.reshape(shape)
    return Pool(padded.reshape(*shape, -1), size, size if own is None else np.array(own).reshape(shape))


@dataclass(frozen=True)
class Frame:
    """The symbols of everything a text may consist of. First axis: language; then as named.

    Attributes:
        aspects: pool by line and side.  topics: by topic (from price to other) and mood.
        details: by mood, and of questions.  histories: no further axis.  stories: by line and side.
        openings, closings: rules by style and mood.  asks: by topic (from service quality to other), mood.
        comments: by mood.  contexts, vague, separators, turn_separators: one rule.  turns: by side turned to.
        marks: by position in a list.  writer_shares: relative, by writer.
    """

    expander: Expander
    aspects: Pool
    topics: Pool
    details: Pool
    histories: Pool
    stories: Pool
    openings: np.ndarray
    closings: np.ndarray
    asks: np.ndarray
    comments: np.ndarray
    contexts: np.ndarray
    vague: np.ndarray
    separators: np.ndarray
    turn_separators: np.ndarray
    turns: np.ndarray
    marks: np.ndarray
    writer_shares: np.ndarray


def _load(language: str) -> dict:
    """The wordings of one language: the keys of its two files as nested dicts, blocks as str."""
    parts = (files(__package__).joinpath(f"{language}_{part}.yml") for part in ("frame", "aspects"))
    said, aspects = (yaml.safe_load(part.read_text(encoding="utf-8")) for part in parts)
    return said | {"aspects": aspects}


@cache
def frame() -> Frame:
    """The frame of both languages, read once a process (a fraction of a second)."""
    said = {language: _load(language) for language in LANGUAGES}
    grammar = Grammar(
        list(SERVICE_LINES),
        places={"en": NAMES, "zh": CHINESE_NAMES},
        writers={language: s["writers"] for language, s in said.items()},
    )
    for language, s in said.items():
        shorts = {
            f"short_{side}": {line: s["shorts"][line][side] for line in SERVICE_LINES} for side in SIDES
        }
        grammar.add_words(language, s["words"] | shorts)
    by_language = [_symbols_of(grammar, language, s) for language, s in said.items()]
    together = {name: [symbols[name] for symbols in by_language] for name in by_language[0]}
    own = [[[len(s["aspects"][line])] * len(SIDES) for line in SERVICE_LINES] for s in said.values()]
    pools = {name: _pool(together.pop(name)) for name in ("topics", "details", "histories", "stories")}
    return Frame(
        aspects=_pool(together.pop("aspects"), own),
        **pools,
        **{name: np.array(symbols, dtype=np.int32) for name, symbols in together.items()},
        writer_shares=np.array([[w["share"] for w in s["writers"]] for s in said.values()], dtype=float),
        expander=grammar.finish(),
    )


def _symbols_of(grammar: Grammar, language: str, said: dict) -> dict:
    """One language's symbols by their name in Frame, as nested lists."""

    def one(block: str | None) -> int:
        return grammar.one_of(language, block) if block else 0

    def each(block: str) -> list[int]:
        return grammar.each_of(language, block)

    general = said["aspects"]["general"]
    lined = {line: list((said["aspects"][line] | general).values()) for line in SERVICE_LINES}
    return {
        "aspects": [[[one(a[side]) for a in lined[line]] for side in SIDES] for line in SERVICE_LINES],
        "topics": [[each(said["topics"][t][m]) for m in MOODS] for t in CATEGORIES[1:]],
        "details": [each(said["details"][tone]) for tone in (*MOODS, "asking")],
        "histories": each(said["history"]),
        "stories": [[each(said["stories"][_STORY_OF[n]][side]) for side in SIDES] for n in SERVICE_LINES],
        "openings": [[one(said["openings"].get(k, {}).get(m)) for m in MOODS] for k in STYLES],
        "closings": [[one(said["closings"][k][m]) for m in MOODS] for k in STYLES],
        "asks": [[one(said["asks"][t].get(m)) for m in MOODS] for t in CATEGORIES],
        "comments": [one(said["comments"][m]) for m in MOODS],
        "contexts": one(said["contexts"]),
        "vague": one(said["vague"]),
        "separators": one(said["separators"]),
        "turn_separators": one(said["turn_separators"]),
        "turns": [one(said["turns"][way]) for way in ("down", "up")],
        "marks": [grammar.piece(language, f"{n}{said['list_mark']}") for n in range(1, _MOST_MARKS + 1)],
    }
