"""Simulated companies that nothing was developed on: do measured effects hold, and are decisions worth it?

python -m benchmarks worlds [--worlds N] [--customers N] [--first-seed S] [--at-once N]

Each world is a company of its own (seed, history, dice). The whole road is walked once, up to the plan of its
first round. Then what the company cannot know is opened: the true effect of each touch of its campaigns, and
what each action would truly do to each customer.

*Coverage*: of the 95 % intervals of measured effects on return, the share that holds the true mean effect of
those assigned. *Decisions*: the true value of the plan, less its cost, beside other ways of spending the same
money, with as many calls, on the customers who can be reached. Two of them are oracles: one knows what each
action will do to each person, which no company can; the other knows the mean effect on all people whom the
warehouse cannot tell apart, which is the most that a company could learn with endless campaigns.
"""

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from rich.console import Console
from rich.progress import track
from rich.table import Table

WORLDS, CUSTOMERS, MONTHS, FIRST_SEED = 20, 10_000, 48, 101
#: What the issue allows: shares of intervals that hold the truth, and the plan's value beside the others'.
COVERAGE = (0.90, 0.98)
LEAST_OF_HIGHEST_RISK, LEAST_OF_ORACLE = 1.5, 0.8
POLICIES = (
    *("the plan", "highest risk", "highest value", "random"),
    *("knows what can be seen", "knows every effect"),
)


@dataclass(frozen=True)
class World:
    """What one world said: see benchmarks.worlds.one."""

    seed: int
    intervals: int
    covering: int
    spent: float
    expected: float
    net: dict[str, float]
    seconds: float


def main(
    console: Console,
    worlds: int = WORLDS,
    customers: int = CUSTOMERS,
    first_seed: int = FIRST_SEED,
    at_once: int = 2,
) -> bool:
    """Live the worlds, each in a process of its own; print the tables. True where an aim is missed."""
    seeds = list(range(first_seed, first_seed + worlds))
    with ThreadPoolExecutor(at_once) as pool:
        found = list(
            track(
                pool.map(lambda seed: _one(seed, customers), seeds),
                description="worlds",
                total=worlds,
                console=console,
                transient=True,
            )
        )
    return show(found, customers, console)


def _one(seed: int, customers: int) -> World:
    command = [sys.executable, "-m", "benchmarks.worlds.one", str(seed), str(customers), str(MONTHS)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"world {seed}: {done.stderr.strip().splitlines()[-1]}")
    return World(**json.loads(done.stdout.strip().splitlines()[-1]))


def show(found: list[World], customers: int, console: Console) -> bool:
    table = Table(title=f"{len(found)} worlds of {customers:,} customers: true net value by the same money")
    for head in ("world", "spent", "the plan expected", *POLICIES, "intervals that hold the truth"):
        table.add_column(head, justify="right")
    for world in found:
        shares = f"{world.covering} of {world.intervals}"
        values = [f"{world.net[policy]:,.0f}" for policy in POLICIES]
        table.add_row(str(world.seed), f"{world.spent:,.0f}", f"{world.expected:,.0f}", *values, shares)
    total = {policy: sum(world.net[policy] for world in found) for policy in POLICIES}
    table.add_section()
    intervals, covering = sum(w.intervals for w in found), sum(w.covering for w in found)
    expected = sum(world.expected for world in found)
    table.add_row(
        "all",
        f"{sum(w.spent for w in found):,.0f}",
        f"{expected:,.0f}",
        *[f"{total[policy]:,.0f}" for policy in POLICIES],
        f"{covering} of {intervals}",
    )
    console.print(table)
    coverage = covering / intervals if intervals else float("nan")
    plan, risk = total["the plan"], total["highest risk"]
    console.print(f"coverage of 95 % intervals: {coverage:.1%} (aim {COVERAGE[0]:.0%} to {COVERAGE[1]:.0%})")
    if expected > 0:
        console.print(f"of what the plans expected came true: {plan / expected:.2f}")
    beside_risk = f"{plan / risk:.2f}" if risk > 0 else "the other one loses money"
    console.print(f"the plan to highest risk: {beside_risk} (aim {LEAST_OF_HIGHEST_RISK})")
    for oracle in ("knows what can be seen", "knows every effect"):
        low, high = _interval_of_ratio(found, "the plan", oracle)
        console.print(
            f"the plan to the oracle that {oracle}: {plan / total[oracle]:.2f} ({low:.2f} to {high:.2f}, "
            f"worlds drawn with replacement; aim {LEAST_OF_ORACLE})"
        )
    return (
        not COVERAGE[0] <= coverage <= COVERAGE[1]
        or plan < LEAST_OF_HIGHEST_RISK * max(risk, 0)
        or plan < LEAST_OF_ORACLE * total["knows every effect"]
    )


def _interval_of_ratio(found: list[World], one: str, other: str) -> tuple[float, float]:
    """95 %, worlds drawn with replacement."""
    values = np.array([[world.net[one], world.net[other]] for world in found])
    draws = np.random.default_rng(1).integers(0, len(found), (2_000, len(found)))
    sums = values[draws].sum(axis=1)
    low, high = np.percentile(sums[:, 0] / sums[:, 1], [2.5, 97.5])
    return float(low), float(high)
