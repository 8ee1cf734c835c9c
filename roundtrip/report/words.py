"""The report's texts, one file a language, both with the same keys."""

from functools import cache
from pathlib import Path

import yaml
from markupsafe import Markup, escape

TEXTS_DIR = Path(__file__).parent / "texts"
LANGUAGES = ("en", "zh")


@cache
def load_texts(language: str, folder: Path = TEXTS_DIR) -> dict[str, str]:
    """The texts of a language by dotted key."""
    data = yaml.safe_load((folder / f"{language}.yml").read_text(encoding="utf-8"))
    return dict(_flat(data, ""))


def _flat(data: dict, prefix: str):
    for key, value in data.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield prefix + key, value.strip()


class Words:
    """Texts of one language for the templates: `words("churn.title")`, with values to fill in by name.

    `used` collects the keys that were asked for, so that a test can find texts nobody reads.
    """

    def __init__(self, language: str, folder: Path = TEXTS_DIR):
        self.language = language
        self.texts = load_texts(language, folder)
        self.used: set[str] = set()

    def __call__(self, key: str, **values) -> str:
        """The text of a key; KeyError where there is none. Values that are markup stay markup."""
        self.used.add(key)
        has_markup = any(isinstance(value, Markup) for value in values.values())
        text = escape(self.texts[key]) if has_markup else self.texts[key]
        return text.format(**values)

    def label(self, group: str, value: str) -> str:
        """The word for a value of the warehouse, or the value itself where it has none."""
        key = f"{group}.{value}"
        return self(key) if key in self.texts else str(value)
