"""What was delivered: files and tables in the contract's shape, or a company's own with a mapping."""

import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path

import duckdb

from roundtrip.contract import source_contract
from roundtrip.errors import BadInput
from roundtrip.home import Home
from roundtrip.ingest import databases, requeued
from roundtrip.ingest.landing import OTHER_KIND, LandingFile, files_in
from roundtrip.ingest.postgres import Databases, DatabaseTable
from roundtrip.ingest.suggest import closest as closest
from roundtrip.ingest.suggest import did_you_mean

#: What may stand behind a delivery.
Landed = LandingFile | DatabaseTable
#: Files of a mapping folder that are no data.
_OF_A_MAPPING = (".sql", ".yml")


@dataclass(frozen=True)
class Delivery:
    """What is read at once for one contract table: one file or database table, or one SELECT over the
    company's own ones, or mended rows.

    `views` (mapping only) holds what is behind each name that the SELECT mentions.
    """

    table: str
    label: str
    content_hash: str
    files: tuple[Landed, ...]
    order: int = 0
    sql: str | None = None
    views: dict[str, tuple[Landed, ...]] = field(default_factory=dict)
    mended: requeued.Requeued | None = None


def in_contract_shape(landing: Path, company: Databases) -> tuple[list[Delivery], list[str]]:
    """One delivery per file `<landing>/<table>/*` and per table (or month of one) of the company's databases
    that bears the name of a contract table, and warnings about whatever is not read."""
    deliveries, warnings = [], []
    tables = source_contract()
    for folder in sorted(path for path in landing.iterdir() if path.is_dir()):
        if folder.name.startswith("."):
            continue
        if folder.name not in tables:
            warnings.append(
                f"{folder.name}/ is not read: no contract table{did_you_mean(folder.name, tables)}"
            )
            continue
        files, others = files_in(folder, landing)
        warnings += [f"{other} is not read: {OTHER_KIND}" for other in others]
        deliveries += [
            Delivery(folder.name, file.name, file.content_hash, (file,), order)
            for order, file in enumerate(files)
        ]
    loose, others = files_in(landing, landing)
    warnings += [
        f"{name} is not read: files belong into a folder named after their contract table"
        for name in [file.name for file in loose] + others
        if name != databases.FILE_NAME
    ]
    from_databases, more_warnings = _tables_in_contract_shape(company, deliveries)
    return deliveries + from_databases, warnings + more_warnings


def _tables_in_contract_shape(company: Databases, before: list[Delivery]) -> tuple[list[Delivery], list[str]]:
    """Tables count as delivered after all files (`before`), in the order of databases.yml."""
    deliveries, warnings = [], []
    tables = source_contract()
    orders = {name: sum(delivery.table == name for delivery in before) for name in tables}
    for table in company.tables:
        name = table.relation.name
        if name not in tables:
            warnings.append(f"{table.name} is not read: no contract table{did_you_mean(name, tables)}")
            continue
        warnings += table.warnings()
        for part in table.by_month():
            deliveries.append(Delivery(name, part.name, part.content_hash, (part,), orders[name]))
            orders[name] += 1
    return deliveries, warnings


def mapped(landing: Path, source: Path, company: Databases) -> tuple[list[Delivery], list[str]]:
    """One delivery per `<source>/<table>.sql`, and warnings about whatever is not read.

    Raises:
        BadInput: a mapping is not one SELECT, is for no contract table, or mentions a file that is not there.
    """
    tables = source_contract()
    offered, others = offered_views(landing, company)
    deliveries = []
    for file in sorted(source.glob("*.sql")):
        label = f"{source.name}/{file.name}"
        if file.stem not in tables:
            raise BadInput(
                f"{label}: there is no contract table {file.stem}", did_you_mean(file.stem, tables)[2:]
            )
        sql = file.read_text(encoding="utf-8").strip().rstrip(";")
        views = _mentioned(label, sql, offered, bool(company.tables))
        files = tuple(dict.fromkeys(landing_file for behind in views.values() for landing_file in behind))
        parts = [sql, *sorted(f"{landing_file.name} {landing_file.content_hash}" for landing_file in files)]
        content_hash = hashlib.sha256("\n".join(parts).encode()).hexdigest()
        deliveries.append(Delivery(file.stem, label, content_hash, files, 0, sql, views))
    warnings = [
        f"{other} is not read: {OTHER_KIND}"
        for other in others
        # A company without files of its own is run with its mapping folder as the landing folder.
        if other != databases.FILE_NAME and not (landing == source and other.endswith(_OF_A_MAPPING))
    ]
    used = {landed for delivery in deliveries for landed in delivery.files}
    return deliveries, warnings + [w for table in company.tables if table in used for w in table.warnings()]


def mended(home: Home, key: str) -> list[Delivery]:
    """One delivery per mended file that `roundtrip requeue` took in and no load has seen yet."""
    return [
        Delivery(
            table,
            requeued.label(name),
            content_hash,
            (),
            requeued.ORDER,
            mended=requeued.Requeued(requeued.rows_file(home, name), key),
        )
        for name, table, content_hash in requeued.waiting(home)
    ]


def offered_views(landing: Path, company: Databases) -> tuple[dict[str, tuple[Landed, ...]], list[str]]:
    """Every file, folder of files and database table under the name that a mapping may use for it (lower
    case). No database is connected to."""
    files, others = files_in(landing, landing)
    candidates = [(file.stem, (file,)) for file in files]
    for folder in sorted(path for path in landing.iterdir() if path.is_dir()):
        inside, _ = files_in(folder, landing)
        if inside:
            candidates.append((folder.name, tuple(inside)))
    candidates += [(table.stem, (table,)) for table in company.tables]
    offered: dict[str, tuple[Landed, ...]] = {}
    for stem, behind in candidates:
        if stem.lower() in offered:
            raise BadInput(
                f"{behind[0].name} and {offered[stem.lower()][0].name} would both be called {stem}",
                "rename or remove one of them",
            )
        offered[stem.lower()] = behind
    return offered, others


def _mentioned(label: str, sql: str, offered: dict, has_databases: bool) -> dict[str, tuple[Landed, ...]]:
    """The offered views that a SELECT mentions, found by DuckDB's own parser (comments do not count)."""
    with duckdb.connect() as connection:
        tree = json.loads(connection.execute("SELECT json_serialize_sql(?)", [sql]).fetchone()[0])
    if tree.get("error") or len(tree["statements"]) != 1:
        reason = tree.get("error_message", "more than one statement")
        raise BadInput(f"{label} must be one SELECT: {reason}", "mend the statement")
    names, ctes = set(), set()
    _walk(tree["statements"], names, ctes)
    if unknown := sorted(names - set(offered) - ctes):
        raise BadInput(
            f"{label} mentions {unknown[0]}, which is not in the landing folder"
            f"{' nor in databases.yml' if has_databases else ''}{did_you_mean(unknown[0], offered)}",
            f"there are: {', '.join(sorted(offered)) or 'no files'}",
        )
    return {name: offered[name] for name in sorted(names & set(offered))}


def _walk(node, names: set[str], ctes: set[str]) -> None:
    if isinstance(node, list):
        for child in node:
            _walk(child, names, ctes)
    elif isinstance(node, dict):
        if node.get("type") == "BASE_TABLE" and "table_name" in node:
            names.add(node["table_name"].lower())
        for entry in node.get("cte_map", {}).get("map", []):
            ctes.add(entry["key"].lower())
        for child in node.values():
            _walk(child, names, ctes)


def several(labels: list[str]) -> str:
    """The first two labels, and how many more there are: a message must stay readable with 48 files."""
    more = f" and {len(labels) - 2} more" if len(labels) > 2 else ""
    return ", ".join(labels[:2]) + more
