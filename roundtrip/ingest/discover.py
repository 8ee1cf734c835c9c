"""What was delivered: files in the contract's shape, or a company's own files with a mapping."""

import difflib
import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path

import duckdb

from roundtrip.contract import source_contract
from roundtrip.errors import BadInput
from roundtrip.ingest.landing import LandingFile, files_in


@dataclass(frozen=True)
class Delivery:
    """What is read at once for one contract table: one file, or one SELECT over the company's own files.

    `views` (mapping only) holds the files behind each name that the SELECT mentions.
    """

    table: str
    label: str
    content_hash: str
    files: tuple[LandingFile, ...]
    order: int = 0
    sql: str | None = None
    views: dict[str, tuple[LandingFile, ...]] = field(default_factory=dict)


def in_contract_shape(landing: Path) -> tuple[list[Delivery], list[str]]:
    """One delivery per file `<landing>/<table>/*`, and warnings about whatever is not read."""
    deliveries, warnings = [], []
    tables = source_contract()
    for folder in sorted(path for path in landing.iterdir() if path.is_dir()):
        if folder.name.startswith("."):
            continue
        if folder.name not in tables:
            warnings.append(
                f"{folder.name}/ is not read: no contract table{_did_you_mean(folder.name, tables)}"
            )
            continue
        files, others = files_in(folder, landing)
        warnings += [f"{other} is not read: neither CSV nor Parquet" for other in others]
        deliveries += [
            Delivery(folder.name, file.name, file.content_hash, (file,), order)
            for order, file in enumerate(files)
        ]
    loose, others = files_in(landing, landing)
    warnings += [
        f"{name} is not read: files belong into a folder named after their contract table"
        for name in [file.name for file in loose] + others
    ]
    return deliveries, warnings


def mapped(landing: Path, source: Path) -> tuple[list[Delivery], list[str]]:
    """One delivery per `<source>/<table>.sql`, and warnings about whatever is not read.

    Raises:
        BadInput: a mapping is not one SELECT, is for no contract table, or mentions a file that is not there.
    """
    tables = source_contract()
    offered, others = offered_views(landing)
    deliveries = []
    for file in sorted(source.glob("*.sql")):
        label = f"{source.name}/{file.name}"
        if file.stem not in tables:
            raise BadInput(
                f"{label}: there is no contract table {file.stem}", _did_you_mean(file.stem, tables)[2:]
            )
        sql = file.read_text(encoding="utf-8").strip().rstrip(";")
        views = _mentioned(label, sql, offered)
        files = tuple(dict.fromkeys(landing_file for behind in views.values() for landing_file in behind))
        parts = [sql, *sorted(f"{landing_file.name} {landing_file.content_hash}" for landing_file in files)]
        content_hash = hashlib.sha256("\n".join(parts).encode()).hexdigest()
        deliveries.append(Delivery(file.stem, label, content_hash, files, 0, sql, views))
    return deliveries, [f"{other} is not read: neither CSV nor Parquet" for other in others]


def offered_views(landing: Path) -> tuple[dict[str, tuple[LandingFile, ...]], list[str]]:
    """Every file or folder of files under the name that a mapping may use for it (lower case)."""
    files, others = files_in(landing, landing)
    candidates = [(file.stem, (file,)) for file in files]
    for folder in sorted(path for path in landing.iterdir() if path.is_dir()):
        inside, _ = files_in(folder, landing)
        if inside:
            candidates.append((folder.name, tuple(inside)))
    offered: dict[str, tuple[LandingFile, ...]] = {}
    for stem, behind in candidates:
        if stem.lower() in offered:
            raise BadInput(
                f"{behind[0].name} and {offered[stem.lower()][0].name} would both be called {stem}",
                "rename or remove one of them",
            )
        offered[stem.lower()] = behind
    return offered, others


def _mentioned(label: str, sql: str, offered: dict) -> dict[str, tuple[LandingFile, ...]]:
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
            f"{_did_you_mean(unknown[0], offered)}",
            f"the landing folder offers: {', '.join(sorted(offered)) or 'no file'}",
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


def closest(word: str, known) -> str | None:
    """The known name most like `word`, or None."""
    lowered = {str(name).lower(): str(name) for name in known}
    match = difflib.get_close_matches(word.lower(), lowered, n=1, cutoff=0.5)
    return lowered[match[0]] if match else None


def _did_you_mean(word: str, known) -> str:
    match = closest(word, known)
    return f"; did you mean {match}?" if match else f"; known are {', '.join(known) or 'none'}"
