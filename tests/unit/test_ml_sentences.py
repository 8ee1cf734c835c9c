"""What models and their keepers say is there in both languages, with the same numbers and names in it."""

import copy
import pickle
import re
import string

import pytest

from ml.sentences import FOLDER, SEMICOLON, Sentence, in_chinese, join, texts, words

ROOMS = sorted(file.stem for file in FOLDER.glob("*.yml"))
_HAN = re.compile(r"[\u4e00-\u9fff]")
#: Only numbers and signs: they need no words.
_WITHOUT_WORDS = {"interval"}
say = words("training")


def fields(text: str) -> set[tuple[str, str]]:
    return {(field, how) for _, field, how, _ in string.Formatter().parse(text) if field}


@pytest.mark.parametrize("room", ROOMS)
def test_every_sentence_is_there_in_both_languages_and_tells_the_same(room):
    english, chinese = texts(room)["en"], texts(room)["zh"]
    assert list(english) == list(chinese)
    for name, text in english.items():
        assert fields(text) == fields(chinese[name]), name
        assert name in _WITHOUT_WORDS or _HAN.search(chinese[name]), name
        assert not _HAN.search(text), name


@pytest.mark.parametrize("room", ROOMS)
def test_every_sentence_is_said_somewhere_and_none_is_said_that_is_not_there(room):
    sources = (file.read_text(encoding="utf-8") for file in sorted(FOLDER.parent.glob("*.py")))
    source = "".join(text for text in sources if f'say = words("{room}")' in text)
    said = set(re.findall(r'\bsay\(\s*"(\w+)"', source))
    for start in re.findall(r'\bsay\(\s*f"(\w+)_\{', source):
        said |= {name for name in texts(room)["en"] if name.startswith(f"{start}_")}
    assert said == set(texts(room)["en"])


def test_a_sentence_in_a_sentence_is_told_in_its_language():
    said = say("schedule", what=say("was_trained", number="3"), days=30, usual=28)
    assert said == "version 3 was trained 30 days ago; every 28 days is usual"
    assert said.zh == "第 3 版已训练，距今已 30 天；通常每 28 天训练一次"


def test_several_are_one():
    odd = [say("odd_number", name=name, rows=rows) for name, rows in (("a", 1), ("b", 2))]
    assert join(odd) == "a (1 rows), b (2 rows)"
    assert join(odd).zh == "a（1 条）、b（2 条）"
    assert join(odd, SEMICOLON).zh == "a（1 条）；b（2 条）"
    assert in_chinese([*odd, "of another time"]) == ["a（1 条）", "b（2 条）", "of another time"]


def test_what_is_not_told_is_an_error():
    with pytest.raises(KeyError):
        say("schedule", days=30)


def test_copies_know_both_languages():
    said = say("no_champion")
    for again in (copy.deepcopy(said), pickle.loads(pickle.dumps(said))):
        assert isinstance(again, Sentence)
        assert (again, again.zh) == (said, said.zh)
