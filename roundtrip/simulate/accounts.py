"""Numbers of accounts and rows: bijections, so that an id follows from what it names and tells nothing."""

import numpy as np

#: Persons a company can have; the limit of `account_number`, with room for two accounts each.
MAX_PERSONS = 40_000_000
#: The largest prime below 10^8, so that multiplying by any other number and taking the rest loses nothing.
_PRIME = 99_999_989
#: About the golden ratio of the prime: neighbours land far apart.
_FACTOR, _SHIFT = 61_803_397, 27_182_818
_INVERSE = pow(_FACTOR, -1, _PRIME)

_ROW_BITS = 48
_ROW_MASK = np.uint64((1 << _ROW_BITS) - 1)
_HALF = np.uint64(_ROW_BITS // 2)
#: Odd, so that multiplying modulo a power of two can be undone; else arbitrary.
_ROW_FACTORS = (np.uint64(0x9E3779B97F4B), np.uint64(0xC2B2AE3D27D5))
_ROW_SHIFT = np.uint64(0x5851F42D4C95)


def account_number(person, copy) -> np.ndarray:
    """Account numbers (int64, 0 .. 10^8 - 1) of persons' accounts; shapes broadcast.

    Args:
        person: 0 .. MAX_PERSONS - 1.  copy: 0 the first account, 1 the second one of the same person.

    Raises:
        ValueError: a person or a copy outside these bounds.
    """
    person, copy = np.asarray(person, dtype=np.int64), np.asarray(copy, dtype=np.int64)
    _check("person", person, MAX_PERSONS)
    _check("copy", copy, 2)
    return ((2 * person + copy) * _FACTOR + _SHIFT) % _PRIME


def person_of(number) -> tuple[np.ndarray, np.ndarray]:
    """Person and copy of account numbers: the inverse of `account_number`.

    Raises:
        ValueError: a number that no account has.
    """
    number = np.asarray(number, dtype=np.int64)
    _check("account number", number, _PRIME)
    account = (number - _SHIFT) * _INVERSE % _PRIME
    _check("person", account // 2, MAX_PERSONS)
    return account // 2, account % 2


def scramble_id(number) -> np.ndarray:
    """A bijection of the whole numbers below 2^48 (int64), for ids of rows.

    Two rounds of xor-shift and multiplication by an odd number, as in SplitMix64, on 48 bits instead of 64.
    Made for person * 10^6 + month * 10^3 + k, which stays below 2^48 for MAX_PERSONS persons.

    Raises:
        ValueError: a number below 0 or not below 2^48.
    """
    number = np.asarray(number, dtype=np.int64)
    _check("row number", number, 1 << _ROW_BITS)
    with np.errstate(over="ignore"):
        z = (number.astype(np.uint64) + _ROW_SHIFT) & _ROW_MASK
        for factor in _ROW_FACTORS:
            z = ((z ^ (z >> _HALF)) * factor) & _ROW_MASK
        return (z ^ (z >> _HALF)).astype(np.int64)


def customer_id(number) -> np.ndarray:
    """Account numbers as delivered, 'C' and 8 digits: object array of str, for small use."""
    return np.array([f"C{n:08d}" for n in np.asarray(number).tolist()], dtype=object)


def row_id(letter: str, number) -> np.ndarray:
    """Scrambled row numbers as delivered, a letter and 12 hex digits: object array of str, for small use."""
    return np.array([f"{letter}{n:012x}" for n in np.asarray(number).tolist()], dtype=object)


def _check(what: str, values: np.ndarray, end: int) -> None:
    if values.size and (values.min() < 0 or values.max() >= end):
        raise ValueError(f"a {what} must be 0 .. {end - 1}, not {values.min()} .. {values.max()}")
