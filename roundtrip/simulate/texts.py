"""What customers write, in Chinese and English, from the grammar in grammar.yml."""

from functools import cache
from importlib.resources import files

import numpy as np
import yaml

from roundtrip.simulate.randomness import pick


@cache
def _grammar() -> dict:
    return yaml.safe_load(files(__package__).joinpath("grammar.yml").read_text(encoding="utf-8"))


def write_texts(rng: np.random.Generator, mood, point, is_chinese, places, lines) -> np.ndarray:
    """One text per row.

    Args:
        mood: "angry", "neutral" or "happy".  point: a ticket category, "praise" or "mixed".
        is_chinese: bool per row.
        places: pairs (name, Chinese name) as two arrays.  lines: service line names.

    Returns:
        Object array of str.
    """
    mood, point = np.asarray(mood, dtype=object), np.asarray(point, dtype=object)
    size = len(mood)
    language = np.where(is_chinese, 0, 1)

    grammar = _grammar()

    def choose(part: str, keys: np.ndarray) -> np.ndarray:
        chosen = np.empty(size, dtype=object)
        for key, by_language in grammar[part].items():
            for which, spoken in enumerate(("zh", "en")):
                rows = np.flatnonzero((keys == key) & (language == which))
                options = np.array(by_language[spoken], dtype=object)
                chosen[rows] = options[pick(rng, np.ones(len(options)), len(rows))]
        return chosen

    text = choose("openings", mood) + choose("points", point)
    text = text + choose("details", np.full(size, "all", dtype=object)) + choose("endings", mood)
    place = np.where(is_chinese, places[1], places[0])
    named = [grammar["lines"][line]["zh" if zh else "en"] for line, zh in zip(lines, is_chinese, strict=True)]
    return np.array(
        [t.replace("{place}", a).replace("{line}", b) for t, a, b in zip(text, place, named, strict=True)],
        dtype=object,
    )
