"""What a training says, in English and Chinese: `training_words.yml`, with numbers and names filled in."""

from collections.abc import Iterable
from functools import cache
from pathlib import Path

import yaml

_WORDS = Path(__file__).with_name("training_words.yml")


class Sentence(str):
    """A sentence in English, which is what is recorded, that knows its Chinese words (`zh`)."""

    zh: str

    def __new__(cls, english: str, chinese: str) -> "Sentence":
        sentence = super().__new__(cls, english)
        sentence.zh = chinese
        return sentence

    def __getnewargs__(self) -> tuple[str, str]:
        return str(self), self.zh


def say(name: str, /, **told) -> Sentence:
    """The sentence of a name; a Sentence that is told in it is told in each language's words.

    Raises:
        KeyError: there are no words of this name, or they ask for something that is not told.
    """
    return Sentence(*(_texts()[language][name].format(**_in(language, told)) for language in ("en", "zh")))


def join(sentences: Iterable[Sentence]) -> Sentence:
    """Several as one."""
    chosen = list(sentences)
    return Sentence(", ".join(chosen), "、".join(each.zh for each in chosen))


def in_chinese(sentences: Iterable[str]) -> list[str]:
    """Their Chinese words; those of a text that has none are its own."""
    return [each.zh if isinstance(each, Sentence) else each for each in sentences]


def _in(language: str, told: dict) -> dict:
    if language == "en":
        return told
    return {name: value.zh if isinstance(value, Sentence) else value for name, value in told.items()}


@cache
def _texts() -> dict[str, dict[str, str]]:
    return yaml.safe_load(_WORDS.read_text(encoding="utf-8"))
