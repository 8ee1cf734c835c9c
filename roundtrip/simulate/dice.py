"""Random numbers by name instead of by turn.

Every number is a hash of the seed, the part of the world that asks, and what it asks about (customer, month,
how manieth trip …). So whether one customer books changes no other customer's numbers: two runs of the same
seed differ only through what was done differently (common random numbers), and a month can be lived again
without the months before it.

The hash is the finaliser of SplitMix64 (Steele, Lea & Flood 2014, "Fast splittable pseudorandom number
generators"), applied once per coordinate. It uses 64-bit integers only, so it is the same on any machine.
"""

import zlib
from functools import lru_cache

import numpy as np
from scipy import special

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_FIRST, _SECOND = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
_TO_UNIT = 2.0**-53
#: Points of the tables that turn uniform numbers into gamma ones; tails beyond one in 8192 are cut.
_TABLE = np.arange(1, 8192) / 8192


def mix(key: np.ndarray) -> np.ndarray:
    """SplitMix64's finaliser: a bijection of 64-bit integers that looks like noise."""
    with np.errstate(over="ignore"):
        z = np.asarray(key, dtype=np.uint64) + _GOLDEN
        z = (z ^ (z >> np.uint64(30))) * _FIRST
        z = (z ^ (z >> np.uint64(27))) * _SECOND
        return z ^ (z >> np.uint64(31))


def split(key: np.ndarray, coordinate) -> np.ndarray:
    """A new key for each pair of key and coordinate (whole numbers; shapes broadcast)."""
    return mix(np.asarray(key, dtype=np.uint64) ^ mix(np.asarray(coordinate).astype(np.uint64)))


def unit(key: np.ndarray, draw: int = 0) -> np.ndarray:
    """Uniform numbers in [0, 1): the `draw`-th of each key."""
    return (split(key, draw + 1) >> np.uint64(11)).astype(np.float64) * _TO_UNIT


class Dice:
    """All random numbers of one seed."""

    def __init__(self, seed: int):
        self.seed = seed

    def key(self, part: str, *coordinates) -> np.ndarray:
        """64-bit keys for a part of the world and whole-numbered coordinates (scalars or equal shapes)."""
        key = split(np.uint64(self.seed), zlib.crc32(part.encode()))
        for coordinate in coordinates:
            key = split(key, coordinate)
        return key

    def unit(self, part: str, *coordinates) -> np.ndarray:
        """One uniform number in [0, 1) for each coordinate."""
        return unit(self.key(part, *coordinates))


def normal(u: np.ndarray) -> np.ndarray:
    """Standard normal numbers from uniform ones."""
    return special.ndtri(np.clip(u, 1e-12, 1 - 1e-12))


def lognormal(u: np.ndarray, median, sigma) -> np.ndarray:
    """Lognormal numbers with the given median and sigma of the logarithm."""
    return median * np.exp(sigma * normal(u))


def exponential(u: np.ndarray, mean) -> np.ndarray:
    return -mean * np.log1p(-u)


@lru_cache(maxsize=64)
def _gamma_table(shape: float) -> np.ndarray:
    return special.gammaincinv(shape, _TABLE) / shape


def gamma(u: np.ndarray, shape: float) -> np.ndarray:
    """Gamma numbers of mean 1 with one shape for all."""
    return np.interp(u, _TABLE, _gamma_table(float(shape)))


def poisson(u: np.ndarray, mean: np.ndarray) -> np.ndarray:
    """Poisson numbers by inverting the distribution; `mean` broadcasts to the shape of `u` (flat)."""
    mean = np.broadcast_to(np.asarray(mean, dtype=np.float64), u.shape)
    count = np.zeros(u.shape, dtype=np.int64)
    open_rows = np.flatnonzero(u > np.exp(-mean))
    left, term, rate = u[open_rows], np.exp(-mean[open_rows]), mean[open_rows]
    total, k = term.copy(), 0
    while len(open_rows):
        k += 1
        count[open_rows] = k
        term = term * rate / k
        total = total + term
        # The second condition ends the tail, where adding no longer changes the sum.
        stays = (left > total) & (term > 1e-17)
        open_rows, left, term, rate, total = (a[stays] for a in (open_rows, left, term, rate, total))
    return count


def pick(u: np.ndarray, weights) -> np.ndarray:
    """Indices into `weights` (relative, the same for all) from uniform numbers."""
    cumulative = np.cumsum(np.asarray(weights, dtype=float))
    return np.searchsorted(cumulative, u * cumulative[-1], side="right").clip(0, len(cumulative) - 1)


def pick_per_row(u: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """One column for each row of `weights` (rows, choices); a row's weights are relative."""
    cumulative = np.cumsum(weights, axis=1)
    return (u[:, None] * cumulative[:, -1:] >= cumulative).sum(axis=1).clip(0, weights.shape[1] - 1)
