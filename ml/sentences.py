"""What models and their keepers say, in English and Chinese: `words/`, with numbers and names filled in."""

from collections.abc import Callable, Iterable
from functools import cache, partial
from pathlib import Path

import yaml

FOLDER = Path(__file__).with_name("words")


class Sentence(str):
    """A sentence in English, which is what is recorded, that knows its Chinese words (`zh`)."""

    zh: str

    def __new__(cls, english: str, chinese: str) -> "Sentence":
        sentence = super().__new__(cls, english)
        sentence.zh = chinese
        return sentence

    def __getnewargs__(self) -> tuple[str, str]:
        return str(self), self.zh


COMMA, SEMICOLON, PARAGRAPH = Sentence(", ", "、"), Sentence("; ", "；"), Sentence("\n\n", "\n\n")


def words(of: str) -> Callable[..., Sentence]:
    """What says the sentences of `words/<of>.yml`: `say(name, **told)`.

    A Sentence that is told in another is told in each language's words. A KeyError says that there are no
    words of this name, or that they ask for something that is not told.
    """
    return partial(_say, of)


def _say(of: str, name: str, /, **told) -> Sentence:
    return Sentence(*(texts(of)[language][name].format(**_in(language, told)) for language in ("en", "zh")))


def join(sentences: Iterable[Sentence], by: Sentence = COMMA) -> Sentence:
    """Several as one."""
    chosen = list(sentences)
    return Sentence(by.join(chosen), by.zh.join(each.zh for each in chosen))


def in_chinese(sentences: Iterable[str]) -> list[str]:
    """Their Chinese words; those of a text that has none are its own."""
    return [each.zh if isinstance(each, Sentence) else each for each in sentences]


def _in(language: str, told: dict) -> dict:
    if language == "en":
        return told
    return {name: value.zh if isinstance(value, Sentence) else value for name, value in told.items()}


@cache
def texts(of: str) -> dict[str, dict[str, str]]:
    """The sentences of `words/<of>.yml` by language and name, not filled in."""
    return yaml.safe_load((FOLDER / f"{of}.yml").read_text(encoding="utf-8"))
