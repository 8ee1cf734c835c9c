"""Compare a simulated landing folder with the real sets beside the checkout.

python -m benchmarks.believable --landing DIR                the tables, on the screen
python -m benchmarks.believable --landing DIR --write-docs   and into docs/, with the pictures
"""

import argparse
import sys
import tempfile
from pathlib import Path

import duckdb

from benchmarks.believable import page, pictures, real, shapes, simulated
from roundtrip.errors import BadInput
from roundtrip.home import PROJECT_ROOT

DOCS = Path(PROJECT_ROOT) / "docs"


def compare_all(
    landing: Path, data: Path, seed: str | None = None
) -> tuple[simulated.Landing, list[shapes.Comparison], list[str]]:
    """Measure everything that can be.

    Args:
        landing: of the simulated company.
        data: the folder of the real sets.
        seed: what the company was made from, where its company.yml does not say.

    Returns:
        What is known of the landing folder; the comparisons; and in words, what could not be compared.

    Raises:
        BadInput: there is no real set at all, or the landing folder lacks customers or bookings.
    """
    with tempfile.TemporaryDirectory() as scratch:
        connection = duckdb.connect(str(Path(scratch) / "sides.duckdb"))
        connection.execute("SET threads = 2")
        connection.execute("SET memory_limit = '2GB'")
        for schema in ("real", "simulated"):
            connection.execute(f"CREATE SCHEMA {schema}")
        connection.execute("USE sides.real")
        sets = real.read(connection, data)
        if not sets:
            raise BadInput(f"None of {', '.join(real.SETS)} in {data}", "Name their folder with --data.")
        connection.execute("USE sides.simulated")
        described = simulated.read(connection, landing, sets, seed)
        skipped = [f"{name}: not in {data}, skipped" for name in real.SETS if name not in sets]
        sides = {}
        for schema in ("real", "simulated"):
            connection.execute(f"USE sides.{schema}")
            if "hi_guides" in sets:
                shapes.prepare(connection)
            sides[schema] = [shapes.measure(connection, q) for q in shapes.quantities(sets)]
        connection.close()
    comparisons = []
    for quantity, *pair in zip(shapes.quantities(sets), sides["real"], sides["simulated"], strict=True):
        if None in pair:
            side = "real" if pair[0] is None else "simulated"
            skipped.append(f"{quantity.title}: nothing to measure on the {side} side, skipped")
        else:
            comparisons.append(shapes.compare(quantity, *pair))
    return described, comparisons, skipped


def main(arguments: list[str] | None = None) -> int:
    """Exit code 0; 2 where the input does not suffice."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--landing", type=Path, required=True, help="written by `roundtrip simulate --out`")
    parser.add_argument("--data", type=Path, default=real.DATA, help="real sets (default: ../shared/data)")
    parser.add_argument("--seed", help="of the simulated company, if its company.yml does not say")
    parser.add_argument("--write-docs", action="store_true", help="rewrite the page and its pictures")
    parser.add_argument("--docs", type=Path, default=DOCS, help="where to (default: docs/)")
    chosen = parser.parse_args(arguments)
    try:
        landing, comparisons, skipped = compare_all(chosen.landing, chosen.data, chosen.seed)
        print(page.summary(comparisons))
        for what in skipped:
            print(what, file=sys.stderr)
        if chosen.write_docs:
            if skipped:
                raise BadInput("The page would be incomplete", "Write it where all real sets and tables are.")
            pictures.write(comparisons, chosen.docs / "pictures")
            page.write(landing, comparisons, chosen.docs / "simulated-company-measured.md")
    except BadInput as problem:
        print(problem, file=sys.stderr)
        return problem.exit_code
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
