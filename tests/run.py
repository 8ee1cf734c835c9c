"""Run the tests kind by kind, so that the last lines show which kind failed."""

import os
import subprocess
import sys
import time
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

HERE = Path(__file__).parent
#: Kinds that run together, in turn: what is cheap to know is known early. The DAGs are alone, since the time
#: that they take to import is itself tested.
TURNS = (
    ("unit",),
    ("dags",),
    ("property", "world", "leakage", "integration", "fault"),
    ("browser", "e2e"),
)
#: One more than there are cores: a third of the time a test waits for a process, a server or the disk.
WORKERS = min(4, (os.cpu_count() or 1) + 1)
#: A file in one process, in the order of the conftest, which lets the longest files begin. Files know nothing
#: of each other; servers have ports of their own.
SPREAD = (f"--numprocesses={WORKERS}", "--dist=loadfile", "--no-loadscope-reorder")
#: pytest's exit codes of a run that came to its end: all passed, some failed.
_CAME_TO_ITS_END = (0, 1)


@dataclass
class Outcome:
    """Counts of one kind of test; `seconds` are those of its tests, which run side by side."""

    kind: str
    came_to_its_end: bool
    tests: int = 0
    failed: int = 0
    skipped: int = 0
    seconds: float = 0.0

    @property
    def is_good(self) -> bool:
        # A kind without tests would be a hole, so it fails too.
        return self.came_to_its_end and self.tests > 0 and self.failed == 0


def run_turn(kinds: tuple[str, ...], options: list[str]) -> Iterator[Outcome]:
    """Run some folders of tests in one pytest, and count by folder."""
    print(f"\n━━ {', '.join(kinds)}", flush=True)
    with TemporaryDirectory() as folder:
        report = Path(folder) / "junit.xml"
        spread = SPREAD if kinds != ("dags",) else ()
        command = [sys.executable, "-m", "pytest", *(str(HERE / kind) for kind in kinds)]
        command += [f"--junit-xml={report}", "-rs", *spread, *options]
        exit_code = subprocess.run(command, cwd=HERE.parent, check=False).returncode
        cases = list(ElementTree.parse(report).iter("testcase")) if report.exists() else []
    for kind in kinds:
        outcome = Outcome(kind, exit_code in _CAME_TO_ITS_END)
        for case in cases:
            if case.get("classname", "").startswith(f"tests.{kind}."):
                found = {child.tag for child in case}
                outcome.tests += 1
                outcome.failed += bool(found & {"failure", "error"})
                outcome.skipped += "skipped" in found
                outcome.seconds += float(case.get("time", 0))
        yield outcome


def main(options: list[str]) -> int:
    started = time.monotonic()
    outcomes = [outcome for kinds in TURNS for outcome in run_turn(kinds, options)]
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
    print(
        f"{total - failed - skipped} passed, {failed} failed, {skipped} skipped "
        f"in {time.monotonic() - started:.0f} seconds"
    )
    return 0 if all(outcome.is_good for outcome in outcomes) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
