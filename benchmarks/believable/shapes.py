"""The quantities of quantities.yml: read, measured on one side, compared between two."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import duckdb
import numpy as np
import yaml

from benchmarks.believable import distances

QUANTILES = (0.10, 0.25, 0.50, 0.75, 0.90)
#: Where curves of coming back are read for the tables.
CURVE_DAYS = (7, 30, 60, 90, 180, 270)
#: Variety is measured on so many characters, or fewer where a side has not that many.
VARIETY_CHARACTERS = 60_000
#: Under so many rows on one side chance alone moves a distance by several hundredths.
FEW_ROWS = 200
#: A curve of coming back ends where fewer customers are still watched: its last steps are a few people's.
ENOUGH_WATCHED = 100
#: Up to where two distributions are called close, or near; else they are apart. Ours, and no test.
CLOSE, NEAR = 0.10, 0.25
CLOSE_FACTOR, NEAR_FACTOR = 1.25, 2.0


@dataclass(frozen=True)
class Area:
    """Quantities of one real set."""

    name: str
    title: str
    set: str
    picture: str
    real: str
    simulated: str


@dataclass(frozen=True)
class Quantity:
    """One thing that is compared; quantities.yml says what the fields mean."""

    name: str
    area: str
    title: str
    kind: str
    unit: str
    sql: str
    why: str
    scale: str = "linear"
    bins: tuple[float, ...] = ()
    order: tuple[str, ...] = ()
    picture: str = ""


@dataclass(frozen=True)
class Shape:
    """One side of a quantity: sums over many rows, of which no single one can be read.

    Attributes:
        n: what it was measured on (rows, customers, member-months …).
        values: numeric: distinct values, ascending; survival: days of coming back; variety: texts.
        labels: shares, rates: the categories.
        counts: for each value or category.
        events: rates: how many of `counts`; survival: the share back by each day.
        until: survival: the last day on which enough customers were still watched.
    """

    n: int
    values: np.ndarray
    counts: np.ndarray
    events: np.ndarray
    labels: tuple[str, ...] = ()
    until: float = 0.0


@dataclass(frozen=True)
class Comparison:
    """A quantity on both sides. `first` is in 0..1; `second` is None where it is not defined."""

    quantity: Quantity
    real: Shape
    simulated: Shape
    first: float
    second: float | None

    @property
    def is_few(self) -> bool:
        return min(self.real.n, self.simulated.n) < FEW_ROWS

    @property
    def verdict(self) -> str:
        if self.quantity.kind in ("rates", "variety"):
            measured, close, near = self.second, CLOSE_FACTOR, NEAR_FACTOR
        else:
            measured, close, near = self.first, CLOSE, NEAR
        return "close" if measured <= close else "near" if measured <= near else "apart"


@lru_cache(maxsize=1)
def _specification() -> dict:
    return yaml.safe_load((Path(__file__).parent / "quantities.yml").read_text(encoding="utf-8"))


def areas() -> dict[str, Area]:
    return {name: Area(name=name, **entry) for name, entry in _specification()["areas"].items()}


def quantities(sets: Iterable[str]) -> list[Quantity]:
    """The quantities of these real sets, in the order of the file."""
    sets = set(sets)
    found = []
    for entry in _specification()["quantities"]:
        area = areas()[entry["area"]]
        if area.set in sets:
            lists = {key: tuple(entry.get(key, ())) for key in ("bins", "order")}
            found.append(Quantity(**{"picture": area.picture, **entry, **lists}))
    return found


def prepare(connection: duckdb.DuckDBPyConnection) -> None:
    """Table `order_days` of the current schema's `orders`: several orders within one day are one occasion."""
    connection.execute("""
        CREATE TABLE order_days AS
        SELECT
            customer,
            day,
            day - lag(day) OVER days AS gap_days,
            row_number() OVER days AS position
        FROM (SELECT DISTINCT customer, ordered_at::DATE AS day FROM orders)
        WINDOW days AS (PARTITION BY customer ORDER BY day)
    """)


def measure(connection: duckdb.DuckDBPyConnection, quantity: Quantity) -> Shape | None:
    """Run the quantity's query on the connection's current schema; None where there is nothing to measure."""
    rows = connection.execute(quantity.sql).df()
    none = np.array([])
    if rows.empty:
        return None
    if quantity.kind == "variety":
        texts = rows["text"].to_numpy()
        return Shape(len(texts), texts, none, none)
    if rows["n"].sum() == 0:
        return None
    rows = rows[rows["n"] > 0]
    n = int(rows["n"].sum())
    if quantity.kind == "numeric":
        rows = rows.groupby("value", as_index=False)["n"].sum().sort_values("value")
        return Shape(n, rows["value"].to_numpy(float), rows["n"].to_numpy(float), none)
    if quantity.kind == "survival":
        days, counts = rows["days"].to_numpy(float), rows["n"].to_numpy(float)
        at, share = distances.came_back(days, rows["has_come"].to_numpy(bool), counts)
        latest_first = np.argsort(-days, kind="stable")
        enough = np.searchsorted(np.cumsum(counts[latest_first]), min(ENOUGH_WATCHED, n))
        return Shape(n, at, none, share, until=float(days[latest_first][enough]))
    order = {label: place for place, label in enumerate(quantity.order)}
    rows = rows.sort_values("category", key=lambda labels: labels.map(order))
    events = rows["events"].to_numpy(float) if quantity.kind == "rates" else none
    return Shape(n, none, rows["n"].to_numpy(float), events, labels=tuple(rows["category"]))


def compare(quantity: Quantity, real: Shape, simulated: Shape) -> Comparison:
    """Both distances of the quantity's kind; rates only over the groups that both sides have."""
    if quantity.kind == "variety":
        characters = min(sum(map(len, side.values)) for side in (real, simulated))
        characters = min(characters, VARIETY_CHARACTERS)
        real, simulated = (_variety_as_rate(side, characters) for side in (real, simulated))
    if quantity.kind == "numeric":
        pair = [(side.values, side.counts) for side in (real, simulated)]
        first = distances.kolmogorov_smirnov(*pair)
        second = distances.wasserstein(*pair, is_log=quantity.scale == "log")
    elif quantity.kind == "survival":
        pair = [(side.values, side.events) for side in (real, simulated)]
        first, second = distances.curve_gap(*pair, until=min(real.until, simulated.until)), None
    elif quantity.kind == "shares":
        pair = [aligned(side, quantity.order) for side in (real, simulated)]
        first, second = distances.total_variation(*pair), distances.jensen_shannon(*pair)
    else:
        labels = [label for label in real.labels if label in simulated.labels]
        pair = [(aligned(side, labels, "events"), aligned(side, labels)) for side in (real, simulated)]
        first, second = distances.rate_gap(*pair), distances.rate_factor(*pair)
    return Comparison(quantity, real, simulated, first, second)


def aligned(side: Shape, labels: Iterable[str], what: str = "counts") -> np.ndarray:
    """Counts (or events) of a shape in the order of these labels, 0 where it has none."""
    known = dict(zip(side.labels, getattr(side, what), strict=True))
    return np.array([known.get(label, 0.0) for label in labels])


def in_percent(shape: Shape, kind: str, labels: tuple[str, ...]) -> np.ndarray:
    """Shares of all, or rates, by category; not a number where a rate has nobody."""
    counts = aligned(shape, labels)
    if kind == "shares":
        return counts / counts.sum() * 100
    with np.errstate(invalid="ignore", divide="ignore"):
        return aligned(shape, labels, "events") / counts * 100


def _variety_as_rate(side: Shape, characters: int) -> Shape:
    """From here on the texts are gone: only how many runs of characters were new."""
    runs = np.array([float(characters)])
    share = distances.variety(list(side.values), characters)
    return Shape(side.n, np.array([]), runs, share * runs, labels=("all",))
