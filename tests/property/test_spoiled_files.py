"""Spoiled files of every kind: no line is lost or counted twice, and a refusal names the file.

`python -m benchmarks mutations` does the same with thousands, and prints what became of each kind.
"""

from dataclasses import replace

import pytest

from benchmarks.ingest import mutants, trial

SEED, AT_ONCE, BATCHES = 20_250_630, 2 * len(mutants.KINDS), 3


@pytest.mark.parametrize("batch", range(BATCHES))
def test_every_line_of_every_spoiled_file_is_accounted_for(batch):
    numbers = range(batch * AT_ONCE, (batch + 1) * AT_ONCE)
    spoiled = [mutants.mutant(SEED, number) for number in numbers]
    judged = trial.run(spoiled)
    assert judged.faults == {}
    assert trial.BROKEN not in judged.outcomes
    # Were most of the files refused, the lines of few would have been looked at.
    assert judged.outcomes.count(trial.REFUSED) < AT_ONCE / 2
    assert judged.outcomes.count(trial.SORTED) > AT_ONCE / 4


def test_a_seed_gives_the_same_files():
    assert [mutants.mutant(1, n) for n in range(20)] == [mutants.mutant(1, n) for n in range(20)]
    assert mutants.mutant(1, 0) != mutants.mutant(2, 0)


LINES = [b"booking_id,customer_id", b"b1,c1", b'b2,"a', b'b"', b"b3"]


@pytest.mark.parametrize(
    ("accepted", "refused", "fault"),
    [
        ([(2, "b1"), (3, "b2")], [5], None),
        ([(2, "b1"), (3, "b2")], [], "line 4 is lost behind line 3"),
        ([(3, "b2")], [5], "line 2 is lost"),
        ([(2, "b1"), (3, "b2"), (5, "b3")], [5], "line 5 is accounted for twice"),
        ([(2, "b1"), (4, "b2")], [5], "line 3 is lost behind line 2"),
        ([(2, "b2"), (3, "b1")], [5], "row b2 does not stand on line 2"),
        ([(1, "b1"), (3, "b2")], [5], "line 1 is accounted for, and is no line of data"),
    ],
)
def test_the_judge_sees_lost_doubled_and_misplaced_lines(accepted, refused, fault):
    """The property would be worth nothing if its judge could not see what it is there for."""
    mutant = mutants.Mutant("bookings", ("none",), ".csv", b"\n".join(LINES) + b"\n")
    lines = trial.Lines(accepted, refused, len(accepted) + len(refused))
    assert trial.fault_of(mutant, lines) == fault
    assert trial.fault_of(mutant, replace(lines, rows_in=9)) is not None
