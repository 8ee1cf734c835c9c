"""Who customers are on paper: what the company has on file of an account, some of it missing, as on any file.

Everything looks real and belongs to nobody. Mail domains are those that RFC 2606 reserves; phone numbers lie
where the national numbering plans have no numbers; names are put together from lists (see names.py).
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from roundtrip.simulate import names as nm
from roundtrip.simulate.dice import Dice, pick
from roundtrip.simulate.places import HOME_COUNTRIES, HOME_TOWNS

#: What people are (the file does not always say).
GENDERS = {"female": 0.51, "male": 0.48, "other": 0.01}
#: Share of files without the entry; a gender then is `unknown`. Birth years are asked for late and refused
#: often, phones are needed for bookings; a country follows from the branch and fails only on old files.
MISSING = {
    "birth_year": 0.12,
    "gender": 0.06,
    "country": 0.005,
    "city": 0.03,
    "language": 0.02,
    "email": 0.10,
    "phone": 0.05,
    "full_name": 0.015,
}

#: Second accounts: whether (mail, phone, name with birth year) stay the same, and the share. A phone stays
#: most often, since one logs in with it; a forgotten mailbox is a reason for a second account. The shares add
#: up to one. For 6.5 % nothing stays; with what is missing on the first file, about 10 % cannot be linked.
SECOND_KEEPS = {
    (True, True, True): 0.13,
    (True, True, False): 0.11,
    (True, False, True): 0.10,
    (True, False, False): 0.08,
    (False, True, True): 0.22,
    (False, True, False): 0.18,
    (False, False, True): 0.115,
    (False, False, False): 0.065,
}
#: How mail that stayed the same is written: as before, in capitals, with a dot more or less before the '@'.
MAIL_WRITTEN = {"same": 0.60, "capitals": 0.25, "dots": 0.15}
#: How a phone number that stayed the same is written.
PHONE_WRITTEN = {"same": 0.40, "national": 0.35, "zeros": 0.10, "dashes": 0.15}
#: Where name or birth year do not stay the same, why: booked with a passport, a typing error, left out.
NAME_CHANGES = {"form": 0.36, "slip": 0.17, "no_name": 0.13, "no_birth_year": 0.28, "birth_year_off": 0.06}
#: Share of second accounts with no mail or phone at all, of those whose mail or phone did not stay the same.
SECOND_WITHOUT_MAIL = 0.25
SECOND_WITHOUT_PHONE = 0.20
#: Share of second accounts opened after a move to another town of the country.
MOVED = 0.08

#: Traditions of naming by country, for Chinese and for other customers. Elsewhere a Chinese travel company
#: mostly serves emigrants from the mainland.
CHINESE_TRADITIONS = {
    "CN": {"mainland": 1},
    "HK": {"cantonese": 92, "mainland": 8},
    "MO": {"cantonese": 90, "mainland": 10},
    "SG": {"straits": 85, "mainland": 15},
    "MY": {"straits": 97, "mainland": 3},
    "elsewhere": {"mainland": 65, "cantonese": 20, "straits": 15},
}
OTHER_TRADITIONS = {
    "HK": {"english": 80, "indian": 20},
    "SG": {"malay": 45, "indian": 30, "english": 25},
    "MY": {"malay": 80, "indian": 18, "english": 2},
    "elsewhere": {"english": 93, "indian": 7},
}
#: Languages on file, by tradition and country.
LANGUAGES = {
    "mainland": {"CN": {"zh-CN": 99, "en": 1}, "elsewhere": {"zh-CN": 75, "en": 25}},
    "cantonese": {
        "HK": {"zh-HK": 85, "en": 12, "zh-CN": 3},
        "MO": {"zh-HK": 88, "en": 7, "zh-CN": 5},
        "elsewhere": {"zh-HK": 50, "en": 50},
    },
    "straits": {
        "SG": {"zh-CN": 35, "en": 65},
        "MY": {"zh-CN": 60, "en": 30, "ms": 10},
        "elsewhere": {"zh-CN": 30, "en": 70},
    },
    "english": {"elsewhere": {"en": 1}},
    "malay": {"MY": {"ms": 85, "en": 15}, "elsewhere": {"ms": 30, "en": 70}},
    "indian": {"MY": {"en": 85, "ms": 15}, "elsewhere": {"en": 1}},
}
#: How names are written on the first file (names.FORMS): on the mainland in characters, elsewhere often not.
NAME_FORMS = {
    "mainland": {
        "CN": {"usual": 97, "latin": 2, "capitals": 1},
        "elsewhere": {"usual": 20, "given_first": 45, "english_given": 35},
    },
    "cantonese": {"elsewhere": {"usual": 45, "latin": 30, "english_given": 25}},
    "straits": {"elsewhere": {"latin": 60, "english_given": 40}},
    "english": {"elsewhere": {"usual": 1}},
    "malay": {"elsewhere": {"usual": 1}},
    "indian": {"elsewhere": {"usual": 1}},
}
#: How a name is written on a second file that writes it otherwise: Chinese names, and others.
OTHER_NAME_FORMS = ({"latin": 45, "given_first": 25, "capitals": 30}, {"capitals": 60, "initial": 40})

#: RFC 2606 reserves these names for documentation; no mailbox can exist. Weights.
MAIL_DOMAINS = {
    "example.com": 24, "mail.example.com": 20, "example.net": 14, "post.example": 10, "example.org": 8,
    "mail.example": 7, "vip.mail.example.com": 5, "home.example.net": 4, "webmail.example.org": 3,
    "inbox.example": 3, "alumni.example.org": 1, "office.example": 1,
}  # fmt: skip
#: What stands before the '@', in mainland China and elsewhere: a number as big providers give out, the own
#: phone number, name and digits, name and year of birth, initials and digits, a nickname, given.family.
MAIL_PATTERNS = {
    "number": (28, 3), "phone": (12, 0), "name": (16, 15), "name_year": (14, 12),
    "letters": (14, 15), "nickname": (10, 15), "given_family": (6, 40),
}  # fmt: skip

#: Phone numbers that cannot ring: (country code, prefix in the country, first number, how many, digits).
#:   CN: mobile numbers never begin with 12.        HK: numbers begin with 2..9, 00 dials abroad.
#:   MO: only 2, 6, 8 and 0800 are in use.          SG: only 3, 6, 8, 9 and 7000 are in use.
#:   MY: 81 is no area.  AU: 6 is no area.          NZ: 50 is toll-free, 51..58 are empty.
#:   CA, US: no area code has a 9 in the middle.    GB: 04 is not in use.
#: The ranges set aside for films (such as 555-0100) are far too small for a million customers. Sources: the
#: national numbering plans, as gathered in the metadata of libphonenumber.
PHONES = {
    "CN": ("86", "", 12_000_000_000, 10**9, 11),
    "HK": ("852", "", 1_000_000, 9 * 10**6, 8),
    "MO": ("853", "", 30_000_000, 3 * 10**7, 8),
    "SG": ("65", "", 40_000_000, 2 * 10**7, 8),
    "MY": ("60", "0", 810_000_000, 10**7, 9),
    "AU": ("61", "0", 600_000_000, 10**8, 9),
    "NZ": ("64", "0", 510_000_000, 8 * 10**7, 9),
    "CA": ("1", "", 3_900_000_000, 10**8, 10),
    "US": ("1", "", 4_900_000_000, 10**8, 10),
    "GB": ("44", "0", 4_000_000_000, 10**9, 10),
}
#: A prime that divides none of the sizes above, so that multiplying by it modulo such a size loses nothing.
_STEP = 2_654_435_761
_MAINLAND = HOME_COUNTRIES.index("CN")


class _Choice:
    """Codes (indices into `labels`) drawn with the weights of one table per group."""

    def __init__(self, labels: Sequence, tables: list[dict]):
        self._groups = nm.Groups(table.values() for table in tables)
        self._code = np.array([labels.index(label) for table in tables for label in table])

    def pick(self, u: np.ndarray, group: np.ndarray) -> np.ndarray:
        return self._code[self._groups.pick(u, group)]


def _by_country(tables: dict[str, dict]) -> list[dict]:
    return [tables.get(country) or tables["elsewhere"] for country in HOME_COUNTRIES]


def _by_culture(tables: dict[str, dict]) -> list[dict]:
    """One table per pair of tradition and country, countries fastest."""
    return [table for tradition in nm.TRADITIONS for table in _by_country(tables[tradition])]


_TRADITION = _Choice(nm.TRADITIONS, _by_country(OTHER_TRADITIONS) + _by_country(CHINESE_TRADITIONS))
_LANGUAGE_CODES = ("zh-CN", "zh-HK", "en", "ms")
_LANGUAGE = _Choice(_LANGUAGE_CODES, _by_culture(LANGUAGES))
_NAME_FORM = _Choice(nm.FORMS, _by_culture(NAME_FORMS))
_OTHER_NAME_FORM = _Choice(nm.FORMS, list(OTHER_NAME_FORMS))
_COUNTRY_OF_TOWN = np.array([HOME_COUNTRIES.index(country) for _, country, _, _ in HOME_TOWNS])
_TOWN = _Choice(
    range(len(HOME_TOWNS)),
    [
        {town: size for town, (_, where, _, size) in enumerate(HOME_TOWNS) if where == country}
        for country in HOME_COUNTRIES
    ],
)
_MAIL_PATTERN = _Choice(
    tuple(MAIL_PATTERNS), [{name: w[where] for name, w in MAIL_PATTERNS.items()} for where in range(2)]
)


def on_file(dice: Dice, person, copy, town, birth_year, is_chinese) -> pd.DataFrame:
    """What the company has on file of accounts. A row follows from its own arguments alone.

    No two of up to 4.5 million persons share a phone number. Fewer than one in 10,000 of a million share a
    mail address with somebody else.

    Args:
        dice: random numbers of the world.
        person: numbers of persons, int (n,).
        copy: 0 for a person's first account, 1 for the second; (n,).
        town: index into places.HOME_TOWNS, (n,). After a move within the country only the city changes; after
            a move to another country nearly everything would.
        birth_year: the true one, (n,).
        is_chinese: bool (n,), whether the person has a Chinese name.

    Returns:
        Frame of n rows: birth_year (Int64); gender, country, city, language (categories); email, phone,
        full_name (str). What is missing is NA; a missing gender is `unknown`.

    Raises:
        ValueError: a copy other than 0 and 1.
    """
    person, copy, town, birth_year = (np.asarray(a, dtype=np.int64) for a in (person, copy, town, birth_year))
    is_second = copy == 1
    if not np.array_equal(is_second, copy != 0):
        raise ValueError("copy must be 0 (first account) or 1 (second account)")
    home = _COUNTRY_OF_TOWN[town]

    def missing(column: str) -> np.ndarray:
        return dice.unit(f"paper missing {column}", person, copy) < MISSING[column]

    gender = pick(dice.unit("paper gender", person), list(GENDERS.values()))
    is_female = np.where(gender == 2, dice.unit("paper name of other", person) < 0.5, gender == 0)
    background = home + len(HOME_COUNTRIES) * np.asarray(is_chinese, dtype=np.int64)
    tradition = _TRADITION.pick(dice.unit("paper tradition", person), background)
    culture = tradition * len(HOME_COUNTRIES) + home
    names = nm.name_people(dice, person, tradition, is_female, birth_year)

    # On a first file the keys are what they are, or missing. On a second one what is missing was left out
    # for a reason that is drawn below, so that SECOND_KEEPS holds as it stands.
    kept = pick(dice.unit("paper second keeps", person), list(SECOND_KEEPS.values()))
    keeps_mail, keeps_phone, keeps_name = np.array(list(SECOND_KEEPS))[kept].T | ~is_second
    why = pick(dice.unit("paper name change", person), list(NAME_CHANGES.values()))

    def changed(reason: str) -> np.ndarray:
        return ~keeps_name & (why == list(NAME_CHANGES).index(reason))

    form = _NAME_FORM.pick(dice.unit("paper form", person), culture)
    rows = np.flatnonzero(changed("form"))
    form[rows] = _other_form(dice, person[rows], tradition[rows], form[rows])
    full_name = nm.write_names(names, form, changed("slip"))
    full_name[np.where(is_second, changed("no_name"), missing("full_name"))] = None

    off = np.where(dice.unit("paper birth year off", person) < 0.5, -1, 1)
    year_on_file = birth_year + np.where(changed("birth_year_off"), off, 0)
    has_no_year = np.where(is_second, changed("no_birth_year"), missing("birth_year"))

    phone = _phones(dice, person, home, ~keeps_phone, is_second & keeps_phone)
    gives_none = ~keeps_phone & (dice.unit("paper second gives phone", person) < SECOND_WITHOUT_PHONE)
    phone[np.where(is_second, gives_none, missing("phone"))] = None
    email = _mails(dice, person, home, ~keeps_mail, is_second & keeps_mail, birth_year, names)
    gives_none = ~keeps_mail & (dice.unit("paper second gives mail", person) < SECOND_WITHOUT_MAIL)
    email[np.where(is_second, gives_none, missing("email"))] = None

    language = _LANGUAGE.pick(dice.unit("paper language", person), culture)
    has_moved = is_second & (dice.unit("paper moves", person) < MOVED)
    lives_in = np.where(has_moved, _TOWN.pick(dice.unit("paper moves to", person), home), town)

    def category(column: str, codes: np.ndarray, labels: Sequence[str]) -> pd.Categorical:
        return pd.Categorical.from_codes(np.where(missing(column), -1, codes), labels)

    gender_on_file = np.where(missing("gender"), len(GENDERS), gender)
    return pd.DataFrame(
        {
            "birth_year": pd.arrays.IntegerArray(year_on_file, has_no_year),
            "gender": pd.Categorical.from_codes(gender_on_file, [*GENDERS, "unknown"]),
            "country": category("country", home, HOME_COUNTRIES),
            "city": category("city", lives_in, [city for city, *_ in HOME_TOWNS]),
            "language": category("language", language, _LANGUAGE_CODES),
            "email": email,
            "phone": phone,
            "full_name": full_name,
        }
    )


def _other_form(dice: Dice, person, tradition, form) -> np.ndarray:
    """A form of the name that differs from the one given."""
    is_foreign = np.isin(tradition, (nm.ENGLISH, nm.MALAY, nm.INDIAN)).astype(np.int64)
    other = _OTHER_NAME_FORM.pick(dice.unit("paper other form", person), is_foreign)
    spare = np.where(form == nm.CAPITALS, nm.LATIN, nm.CAPITALS)
    return np.where(other == form, spare, other)


def _phones(dice: Dice, person, home, is_new, may_be_rewritten) -> np.ndarray:
    """Phone numbers as object array of str; `is_new` are those of a second phone."""
    number = _national_number(dice, person, home, is_new)
    phone = np.empty(len(person), dtype=object)
    written = pick(dice.unit("paper phone written", person), list(PHONE_WRITTEN.values()))
    for country, (dial, trunk, _, _, width) in enumerate(PHONES[c] for c in HOME_COUNTRIES):
        rows = np.flatnonzero(home == country)
        digits = _digits(number[rows], width)
        phone[rows] = f"+{dial} " + digits
        for style, form in (
            ("national", lambda d, trunk=trunk: trunk + d),
            ("zeros", lambda d, dial=dial: f"00{dial}{d}"),
            ("dashes", lambda d, dial=dial: f"+{dial}-{d[:-8]}-{d[-8:-4]}-{d[-4:]}".replace("--", "-")),
        ):
            chosen = may_be_rewritten[rows] & (written[rows] == list(PHONE_WRITTEN).index(style))
            phone[rows[chosen]] = [form(d) for d in digits[chosen]]
    return phone


def _national_number(dice: Dice, person, home, is_new) -> np.ndarray:
    """Numbers without country code, as whole numbers."""
    number = np.empty(len(person), dtype=np.int64)
    for country, code in enumerate(HOME_COUNTRIES):
        _, _, first, size, _ = PHONES[code]
        rows = np.flatnonzero(home == country)
        number[rows] = first + _shuffled(dice, f"paper phone {code}", 2 * person[rows] + is_new[rows], size)
    return number


def _mails(dice: Dice, person, home, is_new, may_be_rewritten, birth_year, names) -> np.ndarray:
    """Mail addresses as object array of str; `is_new` are those of a second mailbox."""
    box = 2 * person + is_new
    pattern = _MAIL_PATTERN.pick(dice.unit("paper mail pattern", box), (home != _MAINLAND).astype(np.int64))
    family, given, family_letters, given_letters = nm.slugs(names)
    front, gap, back = (np.full(len(person), "", dtype=object) for _ in range(3))
    chance = dice.unit("paper mail digits", box)
    # Six digits without a repetition among a million first mailboxes; those of second ones lie between.
    six = _shuffled(dice, "paper mail code", person + 414_214 * is_new, 10**6)

    def rows_of(name: str) -> np.ndarray:
        return np.flatnonzero(pattern == list(MAIL_PATTERNS).index(name))

    rows = rows_of("number")
    front[rows] = _digits(10**8 + _shuffled(dice, "paper mail number", box[rows], 29 * 10**8))
    rows = rows_of("phone")
    front[rows] = _digits(_national_number(dice, person[rows], home[rows], is_new[rows]))
    rows = rows_of("name")
    front[rows] = family[rows]
    gap[rows] = np.array(["", "", ".", "_"], dtype=object)[six[rows] % 4]
    back[rows] = given[rows] + _digits(10_000 + (chance[rows] * 90_000).astype(np.int64))
    rows = rows_of("name_year")
    front[rows] = family[rows]
    back[rows] = given[rows] + _digits(birth_year[rows] * 1000 + (chance[rows] * 1000).astype(np.int64))
    rows = rows_of("letters")
    front[rows] = family_letters[rows] + given_letters[rows]
    back[rows] = _digits(six[rows], 6)
    rows = rows_of("nickname")
    nicknames = nm.nicknames()
    front[rows] = nicknames[(chance[rows] * len(nicknames)).astype(np.int64)]
    back[rows] = _digits(six[rows], 6)
    rows = rows_of("given_family")
    front[rows], gap[rows] = given[rows], "."
    back[rows] = family[rows] + _digits(1000 + (chance[rows] * 9000).astype(np.int64))

    written = pick(dice.unit("paper mail written", person), list(MAIL_WRITTEN.values()))
    rows = np.flatnonzero(may_be_rewritten & (written == list(MAIL_WRITTEN).index("dots")) & (back != ""))
    gap[rows] = np.where(gap[rows] == ".", "", np.where(gap[rows] == "", ".", gap[rows]))
    domain = pick(dice.unit("paper mail domain", box), list(MAIL_DOMAINS.values()))
    mail = front + gap + back + np.array(["@" + name for name in MAIL_DOMAINS], dtype=object)[domain]
    rows = np.flatnonzero(may_be_rewritten & (written == list(MAIL_WRITTEN).index("capitals")))
    mail[rows] = [address.upper() for address in mail[rows]]
    return mail


def _shuffled(dice: Dice, part: str, number: np.ndarray, size: int) -> np.ndarray:
    """A bijection of 0 .. size - 1, continued periodically; `number` stays below 10^9."""
    return (number * _STEP + int(dice.key(part) % np.uint64(size))) % size


def _digits(number: np.ndarray, width: int = 0) -> np.ndarray:
    """Whole numbers as object array of str, filled up with zeros."""
    # zfill cannot take an empty array.
    return (
        np.strings.zfill(number.astype("U12"), width).astype(object) if len(number) else number.astype(object)
    )
