"""A closed border or another shock: nobody knows of it before it begins, nor when it will end."""

import numpy as np

from roundtrip.simulate.holidays import Calendar
from roundtrip.simulate.parameters import Parameters


def left_open(p: Parameters, month: int, travels: np.ndarray, is_abroad) -> np.ndarray:
    """What shocks that have begun by `month` leave of the demand for travel; shape of `travels`.

    Args:
        month: of the booking.  travels: months of travel.  is_abroad: bool or bools.
    """
    share = np.ones(len(travels))
    for shock in p.market.shocks:
        touched = _during(shock, travels) & (is_abroad | (not shock.abroad_only))
        share[touched & (month >= shock.from_month)] *= shock.demand
    return share


def cancelled(
    p: Parameters, travels: np.ndarray, is_abroad: np.ndarray, calendar: Calendar
) -> tuple[np.ndarray, np.ndarray]:
    """Chance that a shock cancels each trip, and the epoch second from which it may; shapes of `travels`."""
    chance, begins = np.zeros(len(travels)), np.zeros(len(travels), dtype=np.int64)
    for shock in p.market.shocks:
        touched = _during(shock, travels) & (is_abroad | (not shock.abroad_only))
        chance[touched] = np.maximum(chance[touched], shock.cancels)
        begins[touched] = calendar.start_of(shock.from_month)
    return chance, begins


def _during(shock, travels: np.ndarray) -> np.ndarray:
    return (travels >= shock.from_month) & (travels < shock.from_month + shock.months)
