"""What somebody may have meant by a name that is not there."""

import difflib
from collections.abc import Iterable


def closest(word: str, known: Iterable) -> str | None:
    """The known name most like `word`, or None."""
    lowered = {str(name).lower(): str(name) for name in known}
    match = difflib.get_close_matches(word.lower(), lowered, n=1, cutoff=0.5)
    return lowered[match[0]] if match else None


def did_you_mean(word: str, known: Iterable) -> str:
    """The end of a message: the closest name, else all there are."""
    match = closest(word, known)
    return f"; did you mean {match}?" if match else f"; known are {', '.join(known) or 'none'}"
