"""The report: what the published warehouse says to those who decide, in English and Chinese."""

from roundtrip.report.page import report

__all__ = ["report"]
