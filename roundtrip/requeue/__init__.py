"""Refused rows: what became of them, out to somebody who mends them, and back as a delivery."""

from roundtrip.requeue.deliver import Account, requeue
from roundtrip.requeue.export import export
from roundtrip.requeue.states import counts

__all__ = ["Account", "counts", "export", "requeue"]
