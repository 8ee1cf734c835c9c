"""What the landing gate costs: each group of checks beside one full scan of the columns that it reads.

Both are measured in turn, in one process, on one made-up batch of bookings with a past of half as many rows;
medians of processor time, all threads together, so that neighbours on the machine do not count. A full scan
hashes every value (`bit_xor(hash(column))`): the cheapest way to read a column that cannot be answered from
its statistics.
"""

import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks.gates.groups import Group, groups
from benchmarks.gates.made_up import AS_OF, write
from roundtrip.gates.personal import create_macros
from roundtrip.gates.sides import Sides
from roundtrip.gates.summaries import summary_database
from roundtrip.home import Home

ROWS, QUICK_ROWS = 10_000_000, 1_000_000
REPEATS = 5
#: A group may take so many times the scan of its columns.
ALLOWED = 2.0


@dataclass(frozen=True)
class Cost:
    """Medians in seconds of processor time."""

    group: str
    columns: int
    scan_seconds: float
    check_seconds: float

    @property
    def ratio(self) -> float:
        return self.check_seconds / self.scan_seconds


def main(console: Console, rows: int = ROWS, repeats: int = REPEATS) -> None:
    """Make the batch up, measure, print the table.

    Raises:
        SystemExit: a group takes more than `ALLOWED` scans.
    """
    with tempfile.TemporaryDirectory() as scratch:
        home = Home(Path(scratch) / "home")
        write(home, rows)
        costs = measure(home, repeats)
        whole = _whole_gate(home)
    table = Table("group of checks", "columns", "scan s", "checks s", "ratio", title=f"{rows:,} bookings")
    for cost in costs:
        table.add_row(
            cost.group,
            str(cost.columns),
            f"{cost.scan_seconds:.3f}",
            f"{cost.check_seconds:.3f}",
            f"{cost.ratio:.2f}",
        )
    console.print(table)
    console.print(
        f"the whole gate with Great Expectations: {whole['wall_seconds']:.1f} s, "
        f"{whole['cpu_seconds']:.1f} s of processor time, peak {whole['peak_bytes'] / 1e6:,.0f} MB"
    )
    if slow := [cost.group for cost in costs if cost.ratio > ALLOWED]:
        console.print(f"more than {ALLOWED:g} scans: {', '.join(slow)}", style="red")
        sys.exit(1)


def measure(home: Home, repeats: int) -> list[Cost]:
    """The cost of each group of checks of the table bookings."""
    with summary_database(home) as (connection, _):
        create_macros(connection)
        sides = Sides.attach(connection, home, AS_OF)
        return [_cost(sides, group, repeats) for group in groups(sides)]


def _cost(sides: Sides, group: Group, repeats: int) -> Cost:
    scans, checks = [], []
    for _ in range(repeats):
        scans.append(_seconds(lambda: _scan(sides, group.columns)))
        checks.append(_seconds(lambda: group.carry_out(sides)))
    return Cost(
        group.name,
        sum(len(names) for _, names in group.columns),
        statistics.median(scans),
        statistics.median(checks),
    )


def _scan(sides: Sides, columns: Sequence[tuple[str, Sequence[str]]]) -> None:
    for relation, names in columns:
        hashes = ", ".join(f'bit_xor(hash("{name}"))' for name in names)
        sides.connection.execute(f"SELECT {hashes} FROM {relation}").fetchone()


def _seconds(work: Callable[[], object]) -> float:
    started = time.process_time()
    work()
    return time.process_time() - started


def _whole_gate(home: Home) -> dict:
    """The stage as a run carries it out, in a process of its own: wall_seconds, cpu_seconds, peak_bytes."""
    script = (
        "import sys; from pathlib import Path; from roundtrip.gates import landing_gate; "
        "from roundtrip.home import Home; from benchmarks.gates.made_up import AS_OF; "
        "landing_gate(Home(Path(sys.argv[1])), AS_OF)"
    )
    launched = [sys.executable, "-m", "benchmarks.launch", sys.executable, "-c", script, str(home.root)]
    return json.loads(subprocess.run(launched, stdout=subprocess.PIPE, check=True).stdout)
