"""What a stage said in its summary, in the languages in which it said it."""

from dataclasses import dataclass
from itertools import zip_longest


@dataclass(frozen=True)
class Told:
    """A sentence in English, and in Chinese (`zh`) where the stage has its words."""

    en: str
    zh: str | None = None

    def words(self, language: str) -> str:
        return self.zh if self.zh and language == "zh" else self.en

    def language(self, language: str) -> str:
        """The language that `words` are in."""
        return language if self.zh else "en"


def listed(summary: dict, name: str) -> list[Told]:
    """The sentences that a summary lists under a name, with those under `<name>_zh`."""
    english = summary.get(name) or ()
    return [Told(*both) for both in zip_longest(english, (summary.get(f"{name}_zh") or ())[: len(english)])]
