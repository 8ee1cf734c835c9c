"""Rounds: who is approached with what, decided, approved by a human, carried out (docs/deciding.md)."""

import importlib

_MODULES = {
    "act": "acting",
    "approve": "decision",
    "decide": "deciding",
    "orders": "acting",
    "refuse": "decision",
    "round_of": "store",
    "waiting": "store",
}

__all__ = ["act", "approve", "decide", "orders", "refuse", "round_of", "waiting"]


def __getattr__(name: str):
    # Loaded when asked for: commands and settings live here, too, and need none of what a plan is made with.
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_MODULES[name]}"), name)
