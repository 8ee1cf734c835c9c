"""The two gates: what came in (before loading) and what would go out (before publishing).

Great Expectations takes 12 s to import, so only `run.run_checks` does, and only when there is something
to check.
"""

from roundtrip.gates.landing import landing_gate
from roundtrip.gates.marts import marts_gate
from roundtrip.gates.results import read_result
from roundtrip.gates.work import work_fingerprint

__all__ = ["landing_gate", "marts_gate", "read_result", "work_fingerprint"]
