"""Thousands of spoiled files: every line is loaded, quarantined or superseded, or the file is refused."""

import time
from collections import Counter

from rich.console import Console
from rich.table import Table

from benchmarks.ingest import mutants, trial

FILES, SEED, AT_ONCE = 6_000, 1, 400


def main(console: Console, files: int = FILES, seed: int = SEED) -> int:
    """Print kind x outcome, and every broken rule with what brings it back; how many there were."""
    started, counts, faults = time.monotonic(), Counter(), {}
    for begin in range(0, files, AT_ONCE):
        numbers = range(begin, min(begin + AT_ONCE, files))
        batch = [mutants.mutant(seed, number) for number in numbers]
        judged = trial.run(batch)
        for mutant, outcome in zip(batch, judged.outcomes, strict=True):
            counts.update((kind, outcome) for kind in dict.fromkeys(mutant.kinds))
            counts[outcome] += 1
        faults |= {begin + place if place >= 0 else -begin: fault for place, fault in judged.faults.items()}
    table = Table("kind", "files", *trial.OUTCOMES, title=f"{files:,} files, seed {seed}")
    for column in table.columns[1:]:
        column.justify = "right"
    for kind in mutants.KINDS:
        numbers = [counts[kind, outcome] for outcome in trial.OUTCOMES]
        table.add_row(kind, f"{sum(numbers):,}", *(f"{n:,}" for n in numbers))
    table.add_section()
    table.add_row("all files", f"{files:,}", *(f"{counts[outcome]:,}" for outcome in trial.OUTCOMES))
    console.print(table)
    console.print("A file of several kinds stands in the line of each.")
    for number, fault in sorted(faults.items()):
        console.print(f"seed {seed}, file {number}: {fault}", markup=False, soft_wrap=True)
    console.print(f"{time.monotonic() - started:.0f} s")
    return len(faults)
