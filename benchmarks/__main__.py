"""`make bench`: every measurement that needs no outside data; or one of them.

python -m benchmarks                                         all of them
python -m benchmarks road                                    seconds of each stage
python -m benchmarks oracle [--customers N] [--futures N] [--seeds N N N | --home DIR]
                                                             the champion beside what can be known at all
python -m benchmarks allowed [--customers N] [--seed S] [--config FILE]
                                                             churn where everybody is approached at any cost
python -m benchmarks alive [--customers N]                   probability_alive beside the personal rhythm
python -m benchmarks training [--rows N]                     time and memory of training on a million rows
python -m benchmarks sizes [--million]                       time and memory of simulating
python -m benchmarks gates [--rows N]                        each group of checks beside a scan of its columns
python -m benchmarks builds [--times N]                      the warehouse: full, by plain SQL, and one day on
python -m benchmarks alarms [--customers N] [--months M]     warnings on normal and on troubled months
python -m benchmarks ingest [--rows N]                       reading beside a bare read_csv of the same files
python -m benchmarks mutations [--files N] [--seed S]        what becomes of thousands of spoiled files
python -m benchmarks scoring [--customers N]                 seconds and memory of scoring a million customers
python -m benchmarks kills [--share S]                       every stage killed, run again, compared
python -m benchmarks warnings [--customers N]                who was warned about, and who then left
python -m benchmarks worlds [--worlds N] [--at-once N]       effects and decisions against what is hidden

Beside `../shared/data`, or on a published home: python -m benchmarks.texts, .real_data, .next_order, .stages
"""

import argparse
from pathlib import Path

from rich.console import Console

from benchmarks import (
    alive,
    allowed,
    builds,
    gates,
    kills,
    oracle,
    road,
    scoring,
    sizes,
    training,
    warnings,
    worlds,
)
from benchmarks.gates import alarms
from benchmarks.ingest import mutations, speed


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, usage=argparse.SUPPRESS
    )
    measurements = parser.add_subparsers(dest="measurement")
    measurements.add_parser("road")
    of_oracle = measurements.add_parser("oracle")
    of_oracle.add_argument("--customers", type=int, default=oracle.CUSTOMERS)
    of_oracle.add_argument("--futures", type=int, default=oracle.FUTURES)
    of_oracle.add_argument(
        "--seeds", type=int, nargs="+", help=f"of simulated companies (default: {oracle.SEED})"
    )
    of_oracle.add_argument("--home", type=Path, help="a simulated company that is scored, instead")
    of_oracle.add_argument("--landing", type=Path, help="its landing folder, if it has moved")
    of_allowed = measurements.add_parser("allowed")
    of_allowed.add_argument("--customers", type=int, default=allowed.CUSTOMERS)
    of_allowed.add_argument("--seed", type=int, default=allowed.SEED)
    of_allowed.add_argument("--config", type=Path, help="a file that changes the world")
    of_alive = measurements.add_parser("alive")
    of_alive.add_argument("--customers", type=int, default=alive.CUSTOMERS)
    of_training = measurements.add_parser("training")
    of_training.add_argument("--rows", type=int, default=training.ROWS)
    of_sizes = measurements.add_parser("sizes")
    of_sizes.add_argument(
        "--million", action="store_true", help="a million customers, too: minutes and 10 GB"
    )
    of_gates = measurements.add_parser("gates")
    of_gates.add_argument(
        "--rows", type=int, default=gates.ROWS, help=f"bookings; {gates.QUICK_ROWS} for a quicker look"
    )
    of_builds = measurements.add_parser("builds")
    of_builds.add_argument(
        "--times", type=int, default=builds.TIMES, help=f"{builds.SIMULATED.customers:,} customers each"
    )
    of_alarms = measurements.add_parser("alarms")
    of_alarms.add_argument("--customers", type=int, default=alarms.CUSTOMERS)
    of_alarms.add_argument("--months", type=int, default=alarms.MONTHS)
    of_ingest = measurements.add_parser("ingest")
    of_ingest.add_argument("--rows", type=int, default=speed.ROWS)
    of_ingest.add_argument("--repetitions", type=int, default=speed.REPETITIONS)
    of_mutations = measurements.add_parser("mutations")
    of_mutations.add_argument("--files", type=int, default=mutations.FILES)
    of_mutations.add_argument("--seed", type=int, default=mutations.SEED)
    of_scoring = measurements.add_parser("scoring")
    of_scoring.add_argument("--customers", type=int, default=scoring.CUSTOMERS)
    of_kills = measurements.add_parser("kills")
    of_kills.add_argument("--share", type=float, default=1.0, help="of all kills, for a quicker look")
    of_warnings = measurements.add_parser("warnings")
    of_warnings.add_argument("--customers", type=int, default=warnings.CUSTOMERS)
    of_worlds = measurements.add_parser("worlds")
    of_worlds.add_argument("--worlds", type=int, default=worlds.WORLDS)
    of_worlds.add_argument("--customers", type=int, default=worlds.CUSTOMERS)
    of_worlds.add_argument("--first-seed", type=int, default=worlds.FIRST_SEED)
    of_worlds.add_argument("--at-once", type=int, default=2, help="worlds lived side by side")
    chosen = vars(parser.parse_args(arguments))
    console, measurement = Console(), chosen.pop("measurement")
    measure = {
        "road": lambda: road.main(console),
        "oracle": lambda: oracle.main(console, **chosen),
        "allowed": lambda: allowed.main(console, **chosen),
        "alive": lambda: alive.main(console, **chosen),
        "training": lambda: training.main(console, **chosen),
        "sizes": lambda: sizes.main(console, with_million=chosen.get("million", False)),
        "gates": lambda: gates.main(console, **chosen),
        "builds": lambda: builds.main(console, **chosen),
        "alarms": lambda: alarms.main(console, **chosen),
        "ingest": lambda: speed.main(console, **chosen),
        "mutations": lambda: mutations.main(console, **chosen),
        "scoring": lambda: scoring.main(console, **chosen),
        "kills": lambda: kills.main(console, **chosen),
        "warnings": lambda: warnings.main(console, **chosen),
        "worlds": lambda: worlds.main(console, **chosen),
    }
    missed = []
    for name in [measurement] if measurement else measure:
        # One that misses its aim says so by its exit; the others are measured all the same.
        try:
            if measure[name]():
                missed.append(name)
        except SystemExit as end:
            if end.code:
                missed.append(name)
    if missed:
        raise SystemExit(f"missed their aim: {', '.join(missed)}")


if __name__ == "__main__":
    main()
