"""Columns of codes with names: what an enumeration is in a frame."""

from collections.abc import Iterable
from functools import cache

import numpy as np
import pandas as pd


def named(codes: np.ndarray, names: Iterable[str]) -> pd.Categorical:
    """A column of names[codes]; -1 is missing."""
    return pd.Categorical.from_codes(codes, dtype=_dtype(tuple(names)))


@cache
def _dtype(names: tuple[str, ...]) -> pd.CategoricalDtype:
    # Making one costs a millisecond, and a month needs dozens.
    return pd.CategoricalDtype(list(names))
