"""Run the tests kind by kind, so that the last lines show which kind failed."""

import subprocess
import sys
import time
import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

HERE = Path(__file__).parent
#: Fast kinds first: what is cheap to know is known early.
KINDS = ("unit", "dags", "property", "world", "leakage", "integration", "fault", "browser", "e2e")
#: Kinds whose files know nothing of each other: several at once, a file in one process. The end-to-end ones
#: start servers, each on ports of its own, and mostly wait for them.
SIDE_BY_SIDE = {"unit", "property", "world", "leakage", "integration", "fault", "e2e"}
#: In the order of the conftest, which lets the longest files begin: none is left alone at the end.
SPREAD = ("--numprocesses=auto", "--maxprocesses=4", "--dist=loadfile", "--no-loadscope-reorder")


@dataclass
class Outcome:
    """Counts of one kind of test; `exit_code` is pytest's."""

    kind: str
    exit_code: int
    tests: int
    failed: int
    skipped: int
    seconds: float

    @property
    def is_good(self) -> bool:
        # 5 is pytest's "no test collected": a kind without tests would be a hole, so it fails too.
        return self.exit_code == 0


def run_kind(kind: str, options: list[str]) -> Outcome:
    """Run one folder of tests in a process of its own."""
    print(f"\n━━ {kind}", flush=True)
    started = time.monotonic()
    with TemporaryDirectory() as folder:
        report = Path(folder) / "junit.xml"
        spread = SPREAD if kind in SIDE_BY_SIDE else ()
        command = [sys.executable, "-m", "pytest", str(HERE / kind), f"--junit-xml={report}", "-rs"]
        command += [*spread, *options]
        exit_code = subprocess.run(command, cwd=HERE.parent, check=False).returncode
        suite = ElementTree.parse(report).getroot().find("testsuite") if report.exists() else None
    count = {
        key: int(suite.get(key, 0)) if suite is not None else 0
        for key in ("tests", "failures", "errors", "skipped")
    }
    return Outcome(
        kind,
        exit_code,
        count["tests"],
        count["failures"] + count["errors"],
        count["skipped"],
        time.monotonic() - started,
    )


def main(options: list[str]) -> int:
    outcomes = [run_kind(kind, options) for kind in KINDS]
    print(f"\n{'kind':<14}{'passed':>8}{'failed':>8}{'skipped':>9}{'seconds':>9}")
    for outcome in outcomes:
        passed = outcome.tests - outcome.failed - outcome.skipped
        mark = "" if outcome.is_good else "  ← failed"
        print(
            f"{outcome.kind:<14}{passed:>8}{outcome.failed:>8}{outcome.skipped:>9}{outcome.seconds:>9.1f}{mark}"
        )
    total = sum(outcome.tests for outcome in outcomes)
    failed = sum(outcome.failed for outcome in outcomes)
    skipped = sum(outcome.skipped for outcome in outcomes)
    print(f"{total - failed - skipped} passed, {failed} failed, {skipped} skipped")
    return 0 if all(outcome.is_good for outcome in outcomes) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
