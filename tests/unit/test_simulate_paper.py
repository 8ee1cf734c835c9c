"""Who customers are on paper: real in looks, nobody's in fact, and linkable as often as intended."""

import re

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from roundtrip.contract import source_contract
from roundtrip.simulate import accounts, names, paper, places
from roundtrip.simulate.dice import Dice, pick

PERSONS = 60_000
HOMES = np.array([country for _, country, _, _ in places.HOME_TOWNS], dtype=object)
#: What no national numbering plan gives to anybody, without the country code.
DEAD = {
    "CN": r"12\d{9}", "HK": r"0[1-9]\d{6}", "MO": r"[345]\d{7}", "SG": r"[45]\d{7}", "MY": r"81\d{7}",
    "AU": r"6\d{8}", "NZ": r"5[1-8]\d{7}", "CA": r"39\d{8}", "US": r"49\d{8}", "GB": r"4\d{9}",
}  # fmt: skip
DIAL = {
    "CN": "86", "HK": "852", "MO": "853", "SG": "65", "MY": "60",
    "AU": "61", "NZ": "64", "CA": "1", "US": "1", "GB": "44",
}  # fmt: skip


def people(n: int, seed: int = 5) -> dict[str, np.ndarray]:
    """Arguments of on_file for the first accounts of persons 0 .. n - 1."""
    dice, person = Dice(seed), np.arange(n)
    town = pick(dice.unit("test town", person), [size for *_, size in places.HOME_TOWNS])
    return {
        "person": person,
        "copy": np.zeros(n, dtype=np.int64),
        "town": town,
        "birth_year": 1940 + (dice.unit("test year", person) * 66).astype(np.int64),
        "is_chinese": (HOMES[town] == "CN") | (dice.unit("test chinese", person) < 0.6),
    }


@pytest.fixture(scope="module")
def who() -> dict[str, np.ndarray]:
    return people(PERSONS)


@pytest.fixture(scope="module")
def first(who) -> pd.DataFrame:
    return paper.on_file(Dice(5), **who)


@pytest.fixture(scope="module")
def second(who) -> pd.DataFrame:
    return paper.on_file(Dice(5), **(who | {"copy": np.ones(PERSONS, dtype=np.int64)}))


def test_a_row_follows_from_its_own_arguments_alone(who, first, second):
    order = np.random.default_rng(0).permutation(2 * PERSONS)[:5000]
    both = {name: np.concatenate([column, column])[order] for name, column in who.items()}
    both["copy"] = np.repeat([0, 1], PERSONS)[order]
    again = paper.on_file(Dice(5), **both)
    expected = pd.concat([first, second], ignore_index=True).iloc[order].reset_index(drop=True)
    pd.testing.assert_frame_equal(again, expected)
    other_seed = paper.on_file(Dice(6), **both)
    assert (other_seed["phone"] != again["phone"]).mean() > 0.9
    assert (other_seed["full_name"] != again["full_name"]).mean() > 0.9


def test_a_move_within_the_country_changes_the_city_only(who, first):
    next_one = np.arange(len(HOMES))
    for country in places.HOME_COUNTRIES:
        here = np.flatnonzero(np.equal(HOMES, country))
        next_one[here] = np.roll(here, -1)
    later = paper.on_file(Dice(5), **(who | {"town": next_one[who["town"]]}))
    pd.testing.assert_frame_equal(later.drop(columns="city"), first.drop(columns="city"))
    assert (later["city"].astype(str) != first["city"].astype(str)).mean() > 0.8


def test_an_empty_month_and_a_third_account():
    nobody = {name: column[:0] for name, column in people(1).items()}
    assert len(paper.on_file(Dice(5), **nobody)) == 0
    with pytest.raises(ValueError, match="copy"):
        paper.on_file(Dice(5), **(people(1) | {"copy": np.array([2])}))


def test_entries_keep_the_contract(first):
    columns = {column.name: column for column in source_contract()["customers"].columns}
    assert set(first.columns) <= set(columns)
    assert set(first["gender"].unique()) == set(columns["gender"].values)
    for name in ("country", "language"):
        for code in first[name].cat.categories:
            assert re.fullmatch(columns[name].pattern, code)
    assert set(first["language"].cat.categories) == {"zh-CN", "zh-HK", "en", "ms"}
    assert first["birth_year"].dtype == "Int64"


@pytest.mark.parametrize("file", ["first", "second"])
def test_mail_can_reach_nobody(file, request):
    mail = request.getfixturevalue(file)["email"].dropna()
    # RFC 2606: example.com, .net and .org, and whatever ends in .example.
    assert mail.str.fullmatch(r"[a-z0-9._]+@([a-z]+\.)*example(\.com|\.net|\.org)?", case=False).all()


@pytest.mark.parametrize("file", ["first", "second"])
def test_phones_cannot_ring(file, who, request):
    phones = request.getfixturevalue(file)["phone"]
    for country, dead in DEAD.items():
        here = (
            phones[(HOMES[who["town"]] == country) & phones.notna()].str.replace("-", "").str.replace(" ", "")
        )
        assert len(here) > 50
        assert here.str.fullmatch(rf"(?:(?:\+|00){DIAL[country]}|0?){dead}").all(), country
    if file == "first":
        assert phones.dropna().str.fullmatch(r"\+\d+ \d{8,11}").all()


def test_no_two_persons_share_a_phone_or_an_address():
    many = people(120_000)
    file = paper.on_file(Dice(5), **many)
    assert not file["phone"].dropna().duplicated().any()
    assert file["email"].dropna().duplicated(keep=False).mean() < 1e-4


def test_second_accounts_share_phones_and_addresses_with_their_own_person_only(first, second):
    for column, plain in (("phone", _plain_phone), ("email", _plain_mail)):
        values = pd.concat([plain(first[column]), plain(second[column])])
        owners = pd.DataFrame({"value": values, "person": values.index}).dropna()
        persons = owners.groupby("value")["person"].nunique()
        assert (persons > 1).mean() < 1e-4, column


def test_shares_of_what_is_missing(first):
    missing = first.isna().mean()
    missing["gender"] = (first["gender"] == "unknown").mean()
    for column, share in paper.MISSING.items():
        assert missing[column] == pytest.approx(share, rel=0.10), column


def test_second_accounts_can_be_linked_as_often_as_intended(first, second):
    """Measured as a company would: mail in small letters without dots, the last digits of the phone."""

    def same(column, plain):
        a, b = plain(first[column]), plain(second[column])
        return (a == b).fillna(False).to_numpy(dtype=bool)

    mail, phone = same("email", _plain_mail), same("phone", _plain_phone)
    name = same("full_name", lambda s: s) & same("birth_year", lambda s: s)
    assert mail.mean() == pytest.approx(0.42 * 0.90, abs=0.01)
    assert phone.mean() == pytest.approx(0.64 * 0.95, abs=0.01)
    assert name.mean() == pytest.approx(0.565 * 0.88 * 0.985, abs=0.01)
    assert (mail | phone | name).mean() == pytest.approx(0.90, abs=0.01)

    assert (first["email"] == second["email"])[mail].mean() == pytest.approx(0.63, abs=0.05)
    assert (first["phone"] == second["phone"])[phone].mean() == pytest.approx(0.40, abs=0.02)
    years = (second["birth_year"] - first["birth_year"]).dropna()
    assert set(years.unique()) == {-1, 0, 1}
    assert (years != 0).mean() < 0.05


def test_some_second_accounts_are_in_another_town_of_the_country(first, second, who):
    on_both = (first["city"].notna() & second["city"].notna()).to_numpy()
    moved = on_both & (first["city"].astype(str) != second["city"].astype(str)).to_numpy()
    assert 0.05 < moved.sum() / on_both.sum() < 0.09
    country = dict(zip((c for c, *_ in places.HOME_TOWNS), HOMES, strict=True))
    assert (second["city"][moved].map(country).to_numpy() == HOMES[who["town"][moved]]).all()


def test_names_fit_gender_and_generation(who, first):
    file = first.assign(born=who["birth_year"]).dropna(subset=["full_name"])
    given_name = file["full_name"].str[1:]
    old, young = file["born"] < 1960, file["born"] >= 2000
    assert set(file["gender"][given_name == "建国"]) <= {"male", "other", "unknown"}
    assert (given_name[old] == "建国").sum() > 10
    assert (given_name[young] == "建国").sum() == 0
    assert set(file["gender"][given_name.isin(["雨欣", "欣怡"])]) <= {"female", "other", "unknown"}
    assert (given_name[young].isin(["雨欣", "欣怡"])).sum() > 10
    assert (given_name[old].isin(["雨欣", "欣怡"])).sum() == 0
    shares = file["full_name"][file["country"] == "CN"].str[0].value_counts(normalize=True)
    assert list(shares.index[:3]) in (["王", "李", "张"], ["李", "王", "张"])
    assert shares["王"] == pytest.approx(0.083, abs=0.01)
    assert (shares > 1e-4).sum() >= 90


def test_pinyin_says_what_the_characters_say():
    n = 4000
    person = np.arange(n)
    chosen = names.name_people(
        Dice(5), person, np.full(n, names.MAINLAND), is_female=person % 2 == 0, birth_year=1940 + person % 66
    )
    no_slip = np.zeros(n, dtype=bool)
    characters = names.write_names(chosen, np.full(n, names.USUAL), no_slip)
    latin = names.write_names(chosen, np.full(n, names.LATIN), no_slip)
    spelt = {"王": "Wang", "李": "Li", "伟": "wei", "静": "jing", "婷": "ting", "建": "jian", "雪": "xue"}
    for character, syllable in spelt.items():
        having = [spelling for name, spelling in zip(characters, latin, strict=True) if character in name]
        assert having
        assert all(syllable.lower() in spelling.lower() for spelling in having), character
    assert all(re.fullmatch(r"[A-Z][a-z]+ [A-Z][a-z]+", spelling) for spelling in latin)


def test_a_slip_changes_every_name(second):
    everyone = np.arange(3000)
    tradition = everyone % len(names.TRADITIONS)
    chosen = names.name_people(Dice(5), everyone, tradition, everyone % 4 < 2, 1950 + everyone % 55)
    for form in (names.USUAL, names.LATIN, names.GIVEN_FIRST, names.ENGLISH_GIVEN, names.CAPITALS):
        right, wrong = (
            names.write_names(chosen, np.full(3000, form), np.full(3000, slip)) for slip in (False, True)
        )
        assert (right != wrong).all(), names.FORMS[form]


def test_languages_and_names_fit_the_country(who, first):
    home = HOMES[who["town"]]
    chinese = who["is_chinese"]

    def share(rows, language):
        return (first["language"][rows].dropna() == language).mean()

    assert share(home == "CN", "zh-CN") > 0.97
    assert share((home == "HK") & chinese, "zh-HK") > 0.7
    assert share((home == "MY") & ~chinese, "ms") > 0.6
    assert share((home == "AU") & ~chinese, "en") == 1
    hong_kong = first["full_name"][(home == "HK") & chinese].dropna()
    assert 0.3 < hong_kong.str.fullmatch(r"[一-鿿]{2,4}").mean() < 0.7
    malays = first["full_name"][(home == "MY") & ~chinese].dropna()
    assert malays.str.contains(" bin ").any()
    assert malays.str.contains(" binti ").any()


def test_places_are_whole():
    sizes = np.array([size for *_, size in places.HOME_TOWNS], dtype=float)
    assert 0.07 < sizes[HOMES != "CN"].sum() / sizes.sum() < 0.08
    assert {region for _, _, region, _ in places.HOME_TOWNS} == {"east", "south", "north", "west"}
    assert len(places.HOME_CURRENCY) == len(places.HOME_TOWNS)
    assert set(places.HOME_CURRENCY) == set(places.CNY_PER_UNIT)
    for column in (places.CHINESE_NAMES, places.POPULARITY, places.IS_ABROAD):
        assert len(column) == len(places.NAMES)
    assert len(set(places.NAMES)) == len(places.NAMES)
    assert set(places.HOME_COUNTRIES) == set(DEAD)


persons = st.integers(0, accounts.MAX_PERSONS - 1)


@given(person=persons, copy=st.integers(0, 1))
def test_an_account_leads_back_to_its_person(person, copy):
    number = accounts.account_number(person, copy)
    assert 0 <= number < 10**8
    assert tuple(map(int, accounts.person_of(number))) == (person, copy)


def test_account_numbers_tell_nothing():
    person = np.arange(100_000)
    numbers = np.stack([accounts.account_number(person, copy) for copy in (0, 1)])
    assert len(np.unique(numbers)) == numbers.size
    assert np.abs(numbers[0] - numbers[1]).min() > 10**6
    assert np.abs(np.diff(numbers[0])).min() > 10**6
    assert abs(np.corrcoef(person, numbers[0])[0, 1]) < 0.01
    last = accounts.account_number(accounts.MAX_PERSONS - 1, 1)
    assert 0 <= last < 10**8


@pytest.mark.parametrize(("person", "copy"), [(-1, 0), (accounts.MAX_PERSONS, 0), (0, 2), (0, -1)])
def test_an_account_outside_the_bounds_is_refused(person, copy):
    with pytest.raises(ValueError, match="must be"):
        accounts.account_number(person, copy)


def test_a_number_that_no_account_has_is_refused():
    numbers = np.arange(2_000)
    whose = [number for number in numbers if _is_account(number)]
    # 80 of 100 million numbers are accounts.
    assert 0.7 < len(whose) / len(numbers) < 0.9
    with pytest.raises(ValueError, match="must be"):
        accounts.person_of(10**8)


@given(number=st.integers(0, 2**48 - 1))
@settings(max_examples=300)
def test_row_ids_can_be_unscrambled(number):
    assert _unscramble(int(accounts.scramble_id(number))) == number


def test_row_ids_are_opaque():
    person, month = np.repeat(np.arange(2000), 20), np.tile(np.arange(20), 2000)
    number = person * 10**6 + month * 10**3
    scrambled = accounts.scramble_id(number)
    assert len(np.unique(scrambled)) == len(number)
    assert scrambled.min() >= 0
    assert scrambled.max() < 2**48
    assert abs(np.corrcoef(number, scrambled)[0, 1]) < 0.03
    # A step of one anywhere changes about half of the 48 bits.
    changed = np.bitwise_count(accounts.scramble_id(number + 1) ^ scrambled)
    assert 20 < changed.mean() < 28
    for wrong in (-1, 2**48):
        with pytest.raises(ValueError, match="must be"):
            accounts.scramble_id(wrong)


def test_ids_are_written_as_delivered():
    assert accounts.customer_id(np.array([7, 99_999_988])).tolist() == ["C00000007", "C99999988"]
    assert accounts.row_id("B", np.array([255])).tolist() == ["B0000000000ff"]


def _plain_phone(column: pd.Series) -> pd.Series:
    return column.str.replace(r"\D", "", regex=True).str[-8:]


def _plain_mail(column: pd.Series) -> pd.Series:
    local = column.str.lower().str.split("@")
    return local.str[0].str.replace(".", "") + "@" + local.str[1]


def _is_account(number: int) -> bool:
    try:
        accounts.person_of(number)
    except ValueError:
        return False
    return True


def _unscramble(z: int) -> int:
    """scramble_id the other way round: a xor-shift by half the bits undoes itself."""
    z ^= z >> 24
    for factor in reversed(accounts._ROW_FACTORS):
        z = z * pow(int(factor), -1, 2**48) % 2**48
        z ^= z >> 24
    return (z - int(accounts._ROW_SHIFT)) % 2**48
