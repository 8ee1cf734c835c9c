"""Quoting for SQL that is put together from the contract and from file headers."""

from pathlib import Path


def name(identifier: str) -> str:
    """A quoted identifier."""
    return '"' + identifier.replace('"', '""') + '"'


def text(value: str) -> str:
    """A string literal."""
    return "'" + value.replace("'", "''") + "'"


def path(file: Path) -> str:
    """A path as a literal for the readers, which would otherwise take [, * and ? for a pattern."""
    return text("".join(f"[{character}]" if character in "[*?" else character for character in str(file)))
