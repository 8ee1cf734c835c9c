"""One stream of random numbers per part of the world."""

import zlib

import numpy as np


class Streams:
    """Named child streams of one seed.

    A part that draws more, or a new part, leaves the numbers of every other part as they were: the stream
    depends on the seed and the part's name only (NumPy SeedSequence with the name's checksum as spawn key).
    """

    def __init__(self, seed: int):
        self._seed = seed
        self._streams: dict[str, np.random.Generator] = {}

    def __getitem__(self, part: str) -> np.random.Generator:
        if part not in self._streams:
            key = np.random.SeedSequence(self._seed, spawn_key=(zlib.crc32(part.encode()),))
            self._streams[part] = np.random.Generator(np.random.PCG64(key))
        return self._streams[part]


def pick(rng: np.random.Generator, weights, size: int) -> np.ndarray:
    """Indices 0..len(weights)-1 drawn with the given relative weights; shape (size,)."""
    cumulative = np.cumsum(np.asarray(weights, dtype=float))
    return np.searchsorted(cumulative, rng.random(size) * cumulative[-1], side="right").clip(
        0, len(cumulative) - 1
    )


def pick_per_row(rng: np.random.Generator, weights: np.ndarray) -> np.ndarray:
    """One column index for each row of `weights` (rows, choices); a row's weights are relative."""
    cumulative = np.cumsum(weights, axis=1)
    draw = rng.random(len(weights))[:, None] * cumulative[:, -1:]
    return (draw >= cumulative).sum(axis=1).clip(0, weights.shape[1] - 1)
