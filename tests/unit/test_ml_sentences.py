"""What a training says of itself is there in both languages, with the same numbers and names in it."""

import copy
import pickle
import re
import string

import pytest

from ml.sentences import Sentence, _texts, in_chinese, join, say
from ml.settings import FOLDER

#: What one language may tell and the other not.
_ONLY_IN_CHINESE = {"drift": {"alarm_count"}}
_HAN = re.compile(r"[\u4e00-\u9fff]")


def named(text: str) -> set[str]:
    return {field for _, field, _, _ in string.Formatter().parse(text) if field}


def test_every_sentence_is_there_in_both_languages_and_tells_the_same():
    english, chinese = _texts()["en"], _texts()["zh"]
    assert list(english) == list(chinese)
    for name, text in english.items():
        assert named(text) == named(chinese[name]) - _ONLY_IN_CHINESE.get(name, set()), name
        assert _HAN.search(chinese[name]), name
        assert not _HAN.search(text), name


def test_every_sentence_is_said_somewhere_and_none_is_said_that_is_not_there():
    source = "".join(file.read_text(encoding="utf-8") for file in sorted(FOLDER.glob("*.py")))
    said = set(re.findall(r'\bsay\(\s*"(\w+)"', source))
    for start in re.findall(r'\bsay\(\s*f"(\w+)_\{', source):
        said |= {name for name in _texts()["en"] if name.startswith(f"{start}_")}
    assert said == set(_texts()["en"])


def test_a_sentence_in_a_sentence_is_told_in_its_language():
    said = say("schedule", what=say("was_trained", number="3"), days=30, usual=28)
    assert said == "version 3 was trained 30 days ago; every 28 days is usual"
    assert said.zh == "第 3 版已训练，距今已 30 天；通常每 28 天训练一次"


def test_several_are_one():
    odd = [say("odd_number", name=name, rows=rows) for name, rows in (("a", 1), ("b", 2))]
    assert join(odd) == "a (1 rows), b (2 rows)"
    assert join(odd).zh == "a（1 条）、b（2 条）"
    assert in_chinese([*odd, "of another time"]) == ["a（1 条）", "b（2 条）", "of another time"]


def test_what_is_not_told_is_an_error():
    with pytest.raises(KeyError):
        say("schedule", days=30)


def test_copies_know_both_languages():
    said = say("no_champion")
    for again in (copy.deepcopy(said), pickle.loads(pickle.dumps(said))):
        assert isinstance(again, Sentence)
        assert (again, again.zh) == (said, said.zh)
