"""`make bench`: every measurement that needs no outside data."""

from rich.console import Console

from benchmarks import road

if __name__ == "__main__":
    road.main(Console())
