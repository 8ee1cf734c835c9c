"""What customers write, in Chinese and English: complaints, questions, reviews, a few words beside a score.

A text is an opening, a context, some units (points, details, stories, asks) with separators between them, and
a closing. This module decides which units a text has; `grammar` holds the wordings and chooses among them.
"""

from typing import NamedTuple

import numpy as np

from roundtrip.simulate import dice
from roundtrip.simulate.grammar.frame import (
    CATEGORIES,
    LANGUAGES,
    MOODS,
    SERVICE_LINES,
    STYLES,
    TOPICS,
    frame,
)
from roundtrip.simulate.places import NAMES

__all__ = ["MOODS", "STYLES", "TOPICS", "write_texts"]

_ANGRY, _NEUTRAL, _HAPPY = range(len(MOODS))
_TICKET, _REVIEW, _COMMENT = range(len(STYLES))
_SERVICE_QUALITY, _PRAISE, _MIXED = (TOPICS.index(name) for name in ("service_quality", "praise", "mixed"))
_BAD, _GOOD = 0, 1
#: The tone of details in questions, after the moods.
_ASKING = len(MOODS)
_CHINESE = LANGUAGES.index("zh")
#: Coordinate of the keys of wordings, beyond the numbers of all draws.
_WORDING = 1000
#: Rows written at once: few enough that the arrays stay in the processor's cache.
_CHUNK = 8192

#: Units of a review: lognormal, so that lengths lie near those of real Chinese hotel reviews; and at most.
_UNITS_MEDIAN, _UNITS_SIGMA, _MOST_UNITS = 4.8, 0.97, 30
#: Reviews of this many units may tell a story or two, each as long as so many other units.
_STORY_FROM, _STORY_SHARE, _TWO_STORIES_FROM, _STORY_UNITS = 8, 0.5, 15, 5
#: Share of a review's later units that are details; of reviews that turn, by mood; of numbered lists.
_DETAIL_SHARE, _TURN_SHARE, _LIST_SHARE = 0.2, np.array([0.3, 0.85, 0.35]), 0.06
#: Chances in a ticket, by mood: context, second point, detail, what was tried before, what is asked for.
_CONTEXT = np.array([0.33, 0.35, 0.25])
_SECOND_POINT = np.array([0.25, 0.1, 0.3])
_DETAIL = np.array([0.22, 0.15, 0.3])
_HISTORY = np.array([0.27, 0.0, 0.0])
_ASK = np.array([0.35, 0.3, 0.0])
#: Share of complaints that do not say what about, and of second points about something else.
_VAGUE, _OFF_TOPIC = 0.07, 0.25
#: Share of comments that speak of the topic instead of the line.
_TOPIC_COMMENT = 0.6


class _Rows(NamedTuple):
    """What some texts of one style follow from; one entry each row. `language` indexes LANGUAGES."""

    key: np.ndarray
    mood: np.ndarray
    topic: np.ndarray
    language: np.ndarray
    destination: np.ndarray
    line: np.ndarray

    def draw(self, number: int) -> np.ndarray:
        return dice.unit(self.key, number)

    def draws(self, number: int, width: int) -> np.ndarray:
        """Shape (rows, width)."""
        return dice.unit(dice.split(self.key, number)[:, None], np.arange(width)[None, :])


class _Units(NamedTuple):
    """The units of some texts, one entry each unit, text by text; every text has at least one.

    Attributes:
        row: whose unit it is.  symbol: of the grammar, 0 for none.  side: good or bad.
        is_turn: it is the first of the other side.  is_list: a numbered list; one entry each row.
    """

    row: np.ndarray
    symbol: np.ndarray
    side: np.ndarray
    is_turn: np.ndarray
    is_list: np.ndarray


def write_texts(key, mood, topic, is_chinese, destination, line, style) -> np.ndarray:
    """One text a row, without line breaks; it follows from its own row alone.

    Args:
        key: uint64, from dice.  mood, topic, style: codes into MOODS, TOPICS, STYLES.
        is_chinese: bool; English otherwise.
        destination: code into places.NAMES.  line: code into the contract's service lines.
            All of shape (rows,). Praise is happy, whatever the mood.

    Returns:
        Object array of str, shape (rows,).

    Raises:
        ValueError: arrays of different length, or a code that does not exist.
    """
    key = np.asarray(key, dtype=np.uint64)
    limits = {"mood": MOODS, "topic": TOPICS, "destination": NAMES, "line": SERVICE_LINES, "style": STYLES}
    given = {"mood": mood, "topic": topic, "destination": destination, "line": line, "style": style}
    codes = {name: np.asarray(values).astype(np.int32) for name, values in given.items()}
    language = np.where(np.asarray(is_chinese, dtype=bool), _CHINESE, 1 - _CHINESE).astype(np.int32)
    for name, values in codes.items():
        if values.shape != key.shape or language.shape != key.shape:
            raise ValueError(f"{name} and is_chinese must have one entry for each of the {len(key)} keys")
        if len(values) and not 0 <= values.min() <= values.max() < len(limits[name]):
            raise ValueError(f"{name} must lie in 0 .. {len(limits[name]) - 1}")
    mood = np.where(codes["topic"] == _PRAISE, _HAPPY, codes["mood"])
    whole = _Rows(key, mood, codes["topic"], language, codes["destination"], codes["line"])

    texts = np.empty(len(key), dtype=object)
    for code, units_of in enumerate((_tickets, _reviews, _comments)):
        of_style = np.flatnonzero(codes["style"] == code)
        for first in range(0, len(of_style), _CHUNK):
            at = of_style[first : first + _CHUNK]
            rows = _Rows(*(values[at] for values in whole))
            texts[at] = _write(rows, code, units_of(rows))
    return texts


def _tickets(rows: _Rows) -> _Units:
    """A point or two, what makes it worse, what was tried before, what is asked for."""
    f, n_rows = frame(), len(rows.key)
    is_angry, is_mixed = rows.mood == _ANGRY, rows.topic == _MIXED
    side = np.repeat(np.where((rows.mood == _HAPPY) | is_mixed, _GOOD, _BAD)[:, None], 5, axis=1)
    side[is_mixed, 1:] = _BAD

    first = _point(rows, rows.topic, side[:, 0], 0)
    first = np.where(is_angry & (rows.draw(1) < _VAGUE), f.vague[rows.language], first)
    strays = is_angry & _is_category(rows.topic) & (rows.draw(2) < _OFF_TOPIC)
    other_topic = (rows.draw(3) * len(CATEGORIES)).astype(np.int32)
    second = _point(rows, np.where(strays, other_topic, rows.topic), side[:, 1], 1)
    tone = np.select([is_mixed, rows.mood == _NEUTRAL], [_NEUTRAL, _ASKING], rows.mood)
    detail = f.details.nth((rows.language, tone), rows.draw(4), rows.draw(5), np.zeros(n_rows, dtype=int))
    history = f.histories.nth((rows.language,), rows.draw(6), rows.draw(7), np.zeros(n_rows, dtype=int))
    has_ask = _is_category(rows.topic)
    ask = np.where(has_ask, f.asks[rows.language, np.where(has_ask, rows.topic, 0), rows.mood], 0)

    symbols = np.stack([first, second, detail, history, ask], axis=1)
    chances = np.stack([np.ones(3), _SECOND_POINT, _DETAIL, _HISTORY, _ASK], axis=1)[rows.mood]
    chances[is_mixed, 1] = 1.0
    row, column = np.nonzero(rows.draws(8, 5) < chances)
    is_turn = is_mixed[row] & (column == 1)
    return _Units(row, symbols[row, column], side[row, column], is_turn, np.zeros(n_rows, dtype=bool))


def _point(rows: _Rows, topic: np.ndarray, side: np.ndarray, n: int) -> np.ndarray:
    """The n-th point about a topic: an aspect of the line, or one of the topic's own."""
    f, n = frame(), np.full(len(topic), n)
    start, turn = rows.draw(20), rows.draw(21)
    has_own = _has_own_points(topic)
    own = f.topics.nth((rows.language, np.where(has_own, topic - 1, 0), rows.mood), start, turn, n)
    return np.where(has_own, own, f.aspects.nth((rows.language, rows.line, side), start, turn, n))


def _is_category(topic: np.ndarray) -> np.ndarray:
    """Topics that are a ticket's category: not praise, not mixed."""
    return topic < len(CATEGORIES)


def _has_own_points(topic: np.ndarray) -> np.ndarray:
    """Price, refunds and the like; the other topics speak of the line's aspects."""
    return (topic > _SERVICE_QUALITY) & _is_category(topic)


def _stating(rows: _Rows) -> _Rows:
    """The same for a text that asks nobody: there the neutral state a complaint instead of a question."""
    return rows._replace(mood=np.where(rows.mood == _NEUTRAL, _ANGRY, rows.mood))


def _reviews(rows: _Rows) -> _Units:
    """Aspects of the line one after the other, good and bad, with details and, in long ones, stories."""
    f = frame()
    count = np.rint(dice.lognormal(rows.draw(1), _UNITS_MEDIAN, _UNITS_SIGMA)).clip(1, 60).astype(np.int64)
    stories = (count >= _STORY_FROM) * (rows.draw(2) < _STORY_SHARE) + (count >= _TWO_STORIES_FROM)
    count = (count - (_STORY_UNITS - 1) * stories).clip(1, _MOST_UNITS)
    turns, is_good, before_turn, count = _sides(rows, count)
    story_at = 1 + (rows.draw(3) * (count - 1).clip(0, 7)).astype(np.int64)

    row, j = _spread(count)
    is_turn = turns[row] & (j == before_turn[row])
    side = np.where(is_good[row] ^ (turns[row] & (j >= before_turn[row])), _GOOD, _BAD)
    is_story = (j == story_at[row]) & (stories[row] > 0) | (j == story_at[row] + 2) & (stories[row] > 1)
    luck = dice.unit(dice.split(rows.key, 4)[row], j)
    is_detail = (luck < _DETAIL_SHARE) & (j > 0) & ~is_story & ~is_turn

    start, turn = rows.draw(20), rows.draw(21)
    tone = np.where(rows.mood[row] == _NEUTRAL, _NEUTRAL, np.where(side == _GOOD, _HAPPY, _ANGRY))
    symbol = np.empty(len(row), dtype=np.int32)
    kinds = ((f.aspects, ~is_story & ~is_detail), (f.stories, is_story), (f.details, is_detail))
    for pool, is_kind in kinds:
        at = np.flatnonzero(is_kind)
        whose, nth = row[at], _ordinal(is_kind, j)[at]
        which = (tone[at],) if pool is f.details else (rows.line[whose], side[at])
        symbol[at] = pool.nth((rows.language[whose], *which), start[whose], turn[whose], nth)
    is_first = j == 0
    symbol[is_first] = _point(_stating(rows), rows.topic, side[is_first], 0)
    return _Units(row, symbol, side, is_turn, (count >= 4) & (rows.draw(5) < _LIST_SHARE))


def _sides(rows: _Rows, count: np.ndarray) -> tuple[np.ndarray, ...]:
    """How good and bad follow each other in a review.

    A happy one may end with a flaw; an angry one may begin or end with something good; the others are both.

    Returns:
        Whether it turns, whether it begins with the good, units before the turn, and units at all (two or
        more if it turns); one entry each row.
    """
    has_topic = _has_own_points(rows.topic)
    is_both = (rows.topic == _MIXED) | (rows.mood == _NEUTRAL)
    turns = (rows.topic == _MIXED) | (rows.draw(6) < _TURN_SHARE[rows.mood]) & (is_both | (count > 1))
    count = np.where(turns, count.clip(2), count)
    begins_otherwise = (rows.mood == _ANGRY) & turns & ~has_topic & (rows.draw(7) < 0.5)
    is_good = np.where(is_both, rows.draw(8) < 0.6, (rows.mood != _ANGRY) ^ begins_otherwise)
    is_good &= ~(has_topic & (rows.mood == _NEUTRAL))
    # Share of the units before the turn.
    low = np.select([is_both, begins_otherwise], [0.35, 0.1], 0.6)
    high = np.select([is_both, begins_otherwise], [0.65, 0.3], 0.9)
    before = np.rint((low + (high - low) * rows.draw(9)) * count).astype(np.int64)
    return turns, is_good, before.clip(1, (count - 1).clip(1)), count


def _spread(count: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Row of each unit and its number in the row, for so many units in each row."""
    row = np.repeat(np.arange(len(count)), count)
    return row, np.arange(len(row)) - np.repeat(np.cumsum(count) - count, count)


def _ordinal(is_kind: np.ndarray, j: np.ndarray) -> np.ndarray:
    """How manieth of its kind in its row each unit is, from 0, where it is of the kind."""
    seen = np.cumsum(is_kind)
    before_row = (seen - is_kind)[np.flatnonzero(j == 0)]
    return seen - 1 - before_row[np.cumsum(j == 0) - 1]


def _comments(rows: _Rows) -> _Units:
    """A single short sentence: about the line, or about the topic."""
    f, n_rows = frame(), len(rows.key)
    of_topic = _has_own_points(rows.topic) & (rows.draw(1) < _TOPIC_COMMENT)
    point = _point(_stating(rows), rows.topic, np.full(n_rows, _GOOD), 0)
    symbol = np.where(of_topic, point, f.comments[rows.language, rows.mood])
    nowhere = np.zeros(n_rows, dtype=bool)
    return _Units(np.arange(n_rows), symbol, np.full(n_rows, _GOOD), nowhere, nowhere)


def _write(rows: _Rows, style: int, units: _Units) -> list[str]:
    """Put opening, context, units with separators, and closing together and expand them."""
    f, n_rows = frame(), len(rows.key)
    is_there = units.symbol != 0
    row, side, is_turn = units.row[is_there], units.side[is_there], units.is_turn[is_there]
    count = np.bincount(row, minlength=n_rows)
    number = _spread(count)[1]
    language = rows.language[row]
    is_turn = is_turn & (number > 0)
    separator = np.where(is_turn, f.turn_separators[language], f.separators[language])
    is_ticket = style == _TICKET
    has_context = is_ticket & _is_category(rows.topic) & (rows.draw(30) < _CONTEXT[rows.mood])

    # Each text: opening, context, four symbols a unit, closing, newline; those that are 0 go.
    size = 4 * count + 4
    text, column = _spread(size)
    start = np.cumsum(size) - size
    symbols = np.zeros(len(text), dtype=np.int32)
    # A neutral ticket that asks nothing begins and ends as a review does.
    asks_nothing = is_ticket & (rows.mood == _NEUTRAL) & ~_is_category(rows.topic)
    tone = np.where(asks_nothing, _REVIEW, style)
    symbols[start] = f.openings[rows.language, tone, rows.mood]
    symbols[start + 1] = np.where(has_context, f.contexts[rows.language], 0)
    at = start[row] + 2 + 4 * number
    symbols[at] = np.where(number > 0, separator, 0)
    symbols[at + 1] = np.where(is_turn, f.turns[language, side], 0)
    symbols[at + 2] = np.where(units.is_list[row], f.marks[language, number], 0)
    symbols[at + 3] = units.symbol[is_there]
    symbols[start + size - 2] = f.closings[rows.language, tone, rows.mood]
    symbols[start + size - 1] = f.expander.newline
    kept = np.flatnonzero(symbols)

    writer = np.empty(n_rows, dtype=np.int32)
    for code, shares in enumerate(f.writer_shares):
        spoken = np.flatnonzero(rows.language == code)
        writer[spoken] = dice.pick(rows.draw(31)[spoken], shares)
    # A key of its own: the wordings must not follow from the draws that decided what is said.
    wording_key = dice.split(rows.key, _WORDING)
    return f.expander.expand(
        symbols[kept], text[kept], column[kept], wording_key, rows.line, rows.destination, writer
    )
