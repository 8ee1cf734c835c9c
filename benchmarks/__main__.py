"""`make bench`: every measurement that needs no outside data; or one of them.

python -m benchmarks                                         all of them
python -m benchmarks road                                    seconds of each stage
python -m benchmarks oracle [--customers N] [--futures N]    the champion beside what can be known at all
python -m benchmarks sizes [--million]                       time and memory of simulating
python -m benchmarks kills [--share S]                       every stage killed, run again, compared
"""

import argparse

from rich.console import Console

from benchmarks import kills, oracle, road, sizes


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, usage=argparse.SUPPRESS
    )
    measurements = parser.add_subparsers(dest="measurement")
    measurements.add_parser("road")
    of_oracle = measurements.add_parser("oracle")
    of_oracle.add_argument("--customers", type=int, default=oracle.CUSTOMERS)
    of_oracle.add_argument("--futures", type=int, default=oracle.FUTURES)
    of_oracle.add_argument("--seed", type=int, default=oracle.SEED)
    of_sizes = measurements.add_parser("sizes")
    of_sizes.add_argument(
        "--million", action="store_true", help="a million customers, too: minutes and 10 GB"
    )
    of_kills = measurements.add_parser("kills")
    of_kills.add_argument("--share", type=float, default=1.0, help="of all kills, for a quicker look")
    chosen = vars(parser.parse_args(arguments))
    console, measurement = Console(), chosen.pop("measurement")
    if measurement in (None, "road"):
        road.main(console)
    if measurement in (None, "oracle"):
        oracle.main(console, **chosen)
    if measurement in (None, "sizes"):
        sizes.main(console, with_million=chosen.get("million", False))
    if measurement in (None, "kills"):
        kills.main(console, **chosen)


if __name__ == "__main__":
    main()
