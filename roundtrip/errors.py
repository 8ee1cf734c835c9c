"""What can go wrong, one class per kind, so that callers and exit codes can tell them apart."""


class RoundtripError(Exception):
    """An error that a user can act on.

    Args:
        message: what is wrong and where (file, line, column as far as known).
        hint: what to do about it.
    """

    exit_code = 1

    def __init__(self, message: str, hint: str | None = None):
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}\n  → {self.hint}" if self.hint else self.message

    def __reduce__(self):
        # Airflow carries exceptions between processes; the default pickling would drop the hint.
        return type(self), (self.message, self.hint)


class BadInput(RoundtripError):
    """A file, a mapping or a setting that cannot be used."""

    exit_code = 2


class GateFailed(RoundtripError):
    """A check ran and said no. The last good publication stays."""

    exit_code = 3


class CheckBroken(RoundtripError):
    """A check could not be carried out: neither a pass nor bad data."""

    exit_code = 4


class Locked(RoundtripError):
    """Another process holds what this one needs."""

    exit_code = 5


class DiskFull(RoundtripError):
    """There is no room for what has to be written. What was there before is still there."""

    exit_code = 6


class DamagedFile(RoundtripError):
    """A file of the home is not whole: cut off, or changed by something else."""

    exit_code = 7
