"""Names of people who do not exist, by tradition, gender and generation; the lists are in names.yml."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import numpy as np
import yaml

from roundtrip.simulate.dice import Dice

#: Mainland China; Hong Kong and Macau; the Chinese of Singapore and Malaysia; English; Malay; Indian.
TRADITIONS = ("mainland", "cantonese", "straits", "english", "malay", "indian")
MAINLAND, CANTONESE, STRAITS, ENGLISH, MALAY, INDIAN = range(len(TRADITIONS))
_HAS_CHARACTERS = (MAINLAND, CANTONESE)
_FAMILY_FIRST = (MAINLAND, CANTONESE, STRAITS)

#: Ways to write a name. `usual`: in characters where the tradition has them, else like `latin`; `latin`: in
#: the tradition's own order; `english_given`: 'Kevin Wang'; `capitals`: as in a passport; `initial`:
#: 'J. Smith'.
FORMS = ("usual", "latin", "given_first", "english_given", "capitals", "initial")
USUAL, LATIN, GIVEN_FIRST, ENGLISH_GIVEN, CAPITALS, INITIAL = range(len(FORMS))

#: The k-th of a list has weight 1 / (this + k): the first of sixty gets 5 % and the last 0.8 %, about as
#: spread as the most common given names of a generation are.
_RANK_OFFSET = 12
_GENDERS = ("female", "male")


class Groups:
    """Lists of weighted entries, one list per group, drawn from for many rows at once.

    Entries are numbered through all groups; `pick` gives these numbers.
    """

    def __init__(self, weights: Iterable[Iterable[float]]):
        shares = [np.asarray(list(group), dtype=float) for group in weights]
        self._upper = np.concatenate([g + np.cumsum(s) / s.sum() for g, s in enumerate(shares)])
        self._ends = np.cumsum([len(s) for s in shares])

    def pick(self, u: np.ndarray, group: np.ndarray) -> np.ndarray:
        """One entry of its group for each uniform number; `group` is of the same shape."""
        entry = np.searchsorted(self._upper, group + u, side="right")
        return np.minimum(entry, self._ends[group] - 1)  # a rounded-up sum must not leave the group


@dataclass(frozen=True)
class Part:
    """All family names, or all given names, as columns (one row per entry) and groups to draw from.

    Attributes:
        characters: empty where the tradition writes Latin letters.
        latin, capitals, initial: as on paper.  slug: as in mail addresses; letters: its initials.
        groups: how to draw.
        first_group: number of the first group of a tradition and gender, one group per generation.
    """

    characters: np.ndarray
    latin: np.ndarray
    capitals: np.ndarray
    initial: np.ndarray
    slug: np.ndarray
    letters: np.ndarray
    groups: Groups
    first_group: dict[tuple[int, int], int]


@dataclass(frozen=True)
class Names:
    """Who people are: entries of the lists, one per person, and their tradition."""

    tradition: np.ndarray
    family: np.ndarray
    given: np.ndarray
    english: np.ndarray


def name_people(dice: Dice, person: np.ndarray, tradition, is_female, birth_year) -> Names:
    """Names for persons; every argument but `dice` is an array of one length."""
    families, given_names = _tables()
    group = np.zeros(len(person), dtype=np.int64)
    family_group, english_group = group.copy(), group.copy()
    for (which, gender), first in given_names.first_group.items():
        of_gender = is_female == (gender == 0)
        rows = np.flatnonzero(of_gender & (tradition == which))
        group[rows] = first + _generation(which, birth_year[rows])
        family_group[rows] = families.first_group[which, gender]
        if which == ENGLISH:
            rows = np.flatnonzero(of_gender)
            english_group[rows] = first + _generation(which, birth_year[rows])
    return Names(
        tradition=np.asarray(tradition),
        family=families.groups.pick(dice.unit("paper family", person), family_group),
        given=given_names.groups.pick(dice.unit("paper given", person), group),
        english=given_names.groups.pick(dice.unit("paper english", person), english_group),
    )


def write_names(names: Names, form: np.ndarray, is_misspelt: np.ndarray) -> np.ndarray:
    """Full names as object array of str; `form` is an index into FORMS per row, `is_misspelt` a bool.

    A misspelt name has a slip in the given name: a character that sounds the same (as input methods offer it)
    or, in Latin letters, the last two letters exchanged.
    """
    families, given_names = _tables()
    size = len(names.family)
    full = np.empty(size, dtype=object)
    form = np.where((form == USUAL) & ~np.isin(names.tradition, _HAS_CHARACTERS), LATIN, form)
    family_first = np.isin(names.tradition, _FAMILY_FIRST)
    slips = _slips()

    def given(rows: np.ndarray, column: str, entries: np.ndarray = names.given) -> np.ndarray:
        right = getattr(given_names, column)[entries[rows]]
        return np.where(is_misspelt[rows], slips[column][entries[rows]], right)

    def fill(rows: np.ndarray, family: np.ndarray, given: np.ndarray, is_family_first: np.ndarray) -> None:
        front, back = rows[is_family_first], rows[~is_family_first]
        full[front] = family[is_family_first] + " " + given[is_family_first]
        full[back] = given[~is_family_first] + " " + family[~is_family_first]

    rows = np.flatnonzero(form == USUAL)
    full[rows] = families.characters[names.family[rows]] + given(rows, "characters")
    for wanted, column in ((LATIN, "latin"), (CAPITALS, "capitals")):
        rows = np.flatnonzero(form == wanted)
        fill(rows, getattr(families, column)[names.family[rows]], given(rows, column), family_first[rows])
    for wanted in (GIVEN_FIRST, ENGLISH_GIVEN, INITIAL):
        rows = np.flatnonzero(form == wanted)
        if wanted == GIVEN_FIRST:
            front = given(rows, "latin")
        elif wanted == ENGLISH_GIVEN:
            front = given(rows, "latin", names.english)
        else:
            front = given_names.initial[names.given[rows]]
        fill(rows, families.latin[names.family[rows]], front, np.zeros(len(rows), dtype=bool))
    return full


def slugs(names: Names) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """What mail addresses are made of: family and given name in small letters, and the initials of both."""
    families, given_names = _tables()
    return (
        families.slug[names.family],
        given_names.slug[names.given],
        families.letters[names.family],
        given_names.letters[names.given],
    )


def nicknames() -> np.ndarray:
    """Nicknames as object array of str."""
    return np.array(_lists()["nicknames"].split(), dtype=object)


@cache
def _lists() -> dict:
    return yaml.safe_load(files(__package__).joinpath("names.yml").read_text(encoding="utf-8"))


def _generation(tradition: int, birth_year: np.ndarray) -> np.ndarray:
    from_years = [g["from_year"] for g in _generations(tradition)]
    return np.searchsorted(from_years, birth_year, side="right") - 1


def _generations(tradition: int) -> list[dict]:
    return _lists()[TRADITIONS[tradition]]["generations"]


@cache
def _tables() -> tuple[Part, Part]:
    """Family names and given names of all traditions."""
    families, given = [], []
    first_family, first_given = {}, {}
    for tradition in range(len(TRADITIONS)):
        for gender in range(2):
            first_family[tradition, gender] = len(families)
            families.append(_families(tradition, gender))
            first_given[tradition, gender] = len(given)
            given.extend(_given(tradition, generation, gender) for generation in _generations(tradition))
    return _part(families, first_family), _part(given, first_given)


def _part(groups: list[list[tuple]], first_group: dict) -> Part:
    """A Part from groups of (characters, syllables or words, weight)."""
    entries = [entry for group in groups for entry in group]

    def column(of_entry) -> np.ndarray:
        return np.array([of_entry(*entry) for entry in entries], dtype=object)

    return Part(
        characters=column(lambda characters, latin, letters, weight: characters),
        latin=column(lambda characters, latin, letters, weight: latin),
        capitals=column(lambda characters, latin, letters, weight: latin.upper()),
        initial=column(lambda characters, latin, letters, weight: latin[0] + "."),
        # The father's name without 'bin' and 'binti', a double name without its hyphen.
        slug=column(lambda characters, latin, letters, weight: _slug(latin)),
        letters=column(lambda characters, latin, letters, weight: letters),
        groups=Groups([weight for *_, weight in group] for group in groups),
        first_group=first_group,
    )


def _slug(latin: str) -> str:
    return latin.removeprefix("bin ").removeprefix("binti ").replace(" ", "").replace("-", "").lower()


def _families(tradition: int, gender: int) -> list[tuple]:
    rows = [entry.split() for entry in _lists()[TRADITIONS[tradition]]["families"].split(",")]
    link = ("binti ", "bin ")[gender] if tradition == MALAY else ""
    return [
        (row[0] if len(row) == 3 else "", link + row[-2], row[-2][0].lower(), float(row[-1])) for row in rows
    ]


def _given(tradition: int, generation: dict, gender: int) -> list[tuple]:
    lists = generation[_GENDERS[gender]]
    if tradition == MAINLAND:
        return _mainland(lists, _lists()["mainland"]["everyone"][_GENDERS[gender]])
    if "names" in lists:
        ranked = _ranked(lists["names"].split())
        return [("", name, name[0].lower(), weight) for name, weight in ranked.items()]
    firsts, seconds = (
        _ranked(entry.strip() for entry in lists[part].split(",")) for part in ("firsts", "seconds")
    )
    made = []
    for first, first_weight in firsts.items():
        for second, second_weight in seconds.items():
            *characters, latin = zip(first.split(), second.split(), strict=True)
            if latin[0] != latin[1]:
                spelt = " ".join(latin)
                letters = (latin[0][0] + latin[1][0]).lower()
                made.append(
                    ("".join("".join(c) for c in characters), spelt, letters, first_weight * second_weight)
                )
    return made


def _mainland(lists: dict, everyone: dict) -> list[tuple]:
    """Given names of one or two characters; a weight is a share of the generation's names."""
    pinyin = _pinyin()
    both = 1 - lists["single"]
    weights = {}

    def add(names: dict[str, float], share: float) -> None:
        total = sum(names.values())
        for name, weight in names.items():
            weights[name] = weights.get(name, 0) + share * weight / total

    add(_ranked(lists["singles"] + everyone["singles"]), lists["single"])
    add(_ranked(lists["wholes"].split()), both * lists["whole"])
    firsts, seconds = (_ranked(lists[part] + everyone[part]) for part in ("firsts", "seconds"))
    pairs = {a + b: v * w for a, v in firsts.items() for b, w in seconds.items() if a != b}
    add(pairs, both * (1 - lists["whole"]))
    return [
        (
            name,
            "".join(pinyin[c] for c in name).capitalize(),
            "".join(pinyin[c][0] for c in name),
            weight,
        )
        for name, weight in weights.items()
    ]


def _ranked(entries: Iterable[str]) -> dict[str, float]:
    """Weights that fall with the place in the list; what stands in it twice counts where it stands first."""
    return {entry: 1 / (_RANK_OFFSET + k) for k, entry in enumerate(dict.fromkeys(entries))}


@cache
def _pinyin() -> dict[str, str]:
    spelt = (entry.split() for entry in _lists()["mainland"]["pinyin"].split(","))
    return {character: syllable for syllable, characters in spelt for character in characters}


@cache
def _slips() -> dict[str, np.ndarray]:
    """Misspelt given names, by column of Part."""
    _, given_names = _tables()
    characters = np.array([_slip_of_characters(name) for name in given_names.characters], dtype=object)
    latin = np.array([_slip_of_letters(name) for name in given_names.latin], dtype=object)
    capitals = np.array([name.upper() for name in latin], dtype=object)
    return {"characters": characters, "latin": latin, "capitals": capitals}


def _slip_of_characters(name: str) -> str:
    for place in reversed(range(len(name))):
        alike = _sound_alikes().get(name[place])
        if alike is not None:
            return name[:place] + alike + name[place + 1 :]
    # Nothing in the lists sounds the same: exchanged, said twice, or said once.
    return name[::-1] if name != name[::-1] else name * 2 if len(name) == 1 else name[:1]


@cache
def _sound_alikes() -> dict[str, str]:
    """For characters that share their spelling with others: the next of these."""
    alike = {}
    for entry in _lists()["mainland"]["pinyin"].split(","):
        characters = entry.split()[1]
        if len(characters) > 1:
            alike |= dict(zip(characters, characters[1:] + characters[0], strict=True))
    return alike


def _slip_of_letters(name: str) -> str:
    if len(name) > 2 and name[-1] != name[-2]:
        return name[:-2] + name[-1] + name[-2]
    return name + name[-1]
