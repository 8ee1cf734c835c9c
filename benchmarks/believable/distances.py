"""How far two distributions are apart. All of them take counts, so that ten million rows are a few hundred.

A numeric distribution is a pair of arrays: distinct values, ascending, and their counts.
"""

import numpy as np

#: A rate of 0 has no logarithm: half an event is added to each side (Haldane 1956, Anscombe 1956).
HALF_AN_EVENT = 0.5


def cumulative(values: np.ndarray, counts: np.ndarray, at: np.ndarray) -> np.ndarray:
    """The share of a distribution that is not above each of `at`."""
    below = np.concatenate([[0.0], np.cumsum(counts) / np.sum(counts)])
    return below[np.searchsorted(values, at, side="right")]


def quantiles(values: np.ndarray, counts: np.ndarray, at: tuple[float, ...]) -> np.ndarray:
    """The smallest values that hold at least these shares (no interpolation: days stay whole days)."""
    shares = np.cumsum(counts) / np.sum(counts)
    # Without the small step back, 0.1 + 0.2 > 0.3 would skip a value that is reached exactly.
    return values[np.searchsorted(shares, np.asarray(at) - 1e-12).clip(0, len(values) - 1)]


def kolmogorov_smirnov(real: tuple, simulated: tuple) -> float:
    """The largest difference of the two cumulative shares, 0..1."""
    at = np.union1d(real[0], simulated[0])
    return float(np.abs(cumulative(*real, at) - cumulative(*simulated, at)).max())


def wasserstein(real: tuple, simulated: tuple, is_log: bool) -> float | None:
    """How far mass must be moved on average, in interquartile ranges of the real distribution.

    The 1-Wasserstein distance is the area between the two cumulative shares (Vallender 1974).

    Args:
        is_log: measure on log(1 + value), where a tail of hundreds would drown everything else.

    Returns:
        None where the middle half of the real distribution is a single value.
    """
    if is_log:
        real, simulated = ((np.log1p(values), counts) for values, counts in (real, simulated))
    low, high = quantiles(*real, (0.25, 0.75))
    if high == low:
        return None
    at = np.union1d(real[0], simulated[0])
    gaps = np.abs(cumulative(*real, at) - cumulative(*simulated, at))[:-1]
    return float((gaps * np.diff(at)).sum() / (high - low))


def total_variation(real: np.ndarray, simulated: np.ndarray) -> float:
    """The share of rows that would have to change their category, 0..1; counts of the same categories."""
    return float(np.abs(real / real.sum() - simulated / simulated.sum()).sum() / 2)


def jensen_shannon(real: np.ndarray, simulated: np.ndarray) -> float:
    """Root of the Jensen-Shannon divergence with base-2 logarithms, 0..1 (Endres & Schindelin 2003)."""
    p, q = real / real.sum(), simulated / simulated.sum()
    mean = (p + q) / 2
    divergence = sum(
        (share[share > 0] * np.log2(share[share > 0] / mean[share > 0])).sum() / 2 for share in (p, q)
    )
    return float(np.sqrt(max(divergence, 0.0)))


def rate_gap(real: tuple, simulated: tuple) -> float:
    """Mean absolute difference of rates, groups weighted by the real ones' size; (events, of) per group."""
    return float(np.average(np.abs(real[0] / real[1] - simulated[0] / simulated[1]), weights=real[1]))


def rate_factor(real: tuple, simulated: tuple) -> float:
    """By what factor rates differ in either direction, as a weighted geometric mean over groups; >= 1."""
    ratios = [np.log((events + HALF_AN_EVENT) / (of + 2 * HALF_AN_EVENT)) for events, of in (real, simulated)]
    return float(np.exp(np.average(np.abs(ratios[0] - ratios[1]), weights=real[1])))


def came_back(days: np.ndarray, has_come: np.ndarray, counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Kaplan-Meier share (1958) of those who came back within so many days, where some were not yet seen to.

    Args:
        days: until coming back, or until watching ended.
        has_come: whether it was the former.
        counts: how many customers each entry stands for.

    Returns:
        The days on which somebody came back, ascending, and the share back by then.
    """
    order = np.argsort(days, kind="stable")
    days, has_come, counts = days[order], has_come[order], counts[order]
    at, first = np.unique(days, return_index=True)
    leaving = np.add.reduceat(counts, first)
    coming = np.add.reduceat(counts * has_come, first)
    watched = counts.sum() - np.concatenate([[0], np.cumsum(leaving)[:-1]])
    still_away = np.cumprod(1 - coming / watched)
    return at[coming > 0], 1 - still_away[coming > 0]


def share_by(curve: tuple, at: np.ndarray) -> np.ndarray:
    """A curve of `came_back` read at some days."""
    return np.concatenate([[0.0], curve[1]])[np.searchsorted(curve[0], at, side="right")]


def curve_gap(real: tuple, simulated: tuple, until: float) -> float:
    """The largest difference of two curves up to a day that both reach."""
    at = np.union1d(real[0], simulated[0])
    at = at[at <= until]
    if not len(at):
        return 0.0
    return float(np.abs(share_by(real, at) - share_by(simulated, at)).max())


def variety(texts: list[str], characters: int, length: int = 4) -> float:
    """Distinct runs of `length` characters per run, in the first so many characters of the texts.

    It falls with the amount of text, so both sides must be given the same amount.
    """
    seen, runs, left = set(), 0, characters
    for text in texts:
        text = text[:left]
        left -= len(text)
        runs += max(0, len(text) - length + 1)
        seen.update(text[start : start + length] for start in range(len(text) - length + 1))
        if left <= 0:
            break
    return len(seen) / runs if runs else 0.0
