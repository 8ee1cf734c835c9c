"""Defects planted while files are written, each with a row in the ledger truth/defects.csv.

Nothing before the writing knows of them, so the world and its truth stay whole.
"""

from roundtrip.simulate.defects.catalogue import KINDS
from roundtrip.simulate.defects.planter import LEDGER_COLUMNS, MAX_SHARE, Planted, Planter, nothing_carried

__all__ = ["KINDS", "LEDGER_COLUMNS", "MAX_SHARE", "Planted", "Planter", "nothing_carried"]
