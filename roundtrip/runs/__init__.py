"""The page of a run: what was done, what was refused, what the gates said, and what to do next."""

from roundtrip.runs.page import run_page, write_run_page

__all__ = ["run_page", "write_run_page"]
