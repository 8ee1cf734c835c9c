"""Rows that contradict themselves, or the row they refer to, and can be used all the same: their share."""

from roundtrip.contract import Table, source_contract
from roundtrip.gates.sides import Sides, accepted, loaded
from roundtrip.gates.watched import Doubt, watched
from roundtrip.ingest import sql


def doubts(sides: Sides, table: Table) -> dict:
    """`<name>_broken_share` for every doubt: rows that break it / rows that it can be said of.

    Of many rows a sample is looked at. A row of which a column is missing, or whose parent is not known,
    neither holds nor breaks it.
    """
    every_row = sides.every(accepted(table))
    found = {}
    if own := [doubt for doubt in watched()[table.name].doubts if not doubt.parent]:
        shares = ", ".join(_share(doubt) for doubt in own)
        sampled = f"_row % {every_row} = 0"
        found |= sides.one(f"SELECT {shares} FROM {accepted(table)} WHERE {sampled}")
    for doubt in watched()[table.name].doubts:
        if doubt.parent:
            found |= sides.one(_with_parent(table, doubt, every_row))
    return found


def figure(doubt: Doubt) -> str:
    return f"{doubt.name}_broken_share"


def _share(doubt: Doubt) -> str:
    broken = f"count(*) FILTER (NOT ({doubt.holds}))"
    return f"{broken}::DOUBLE / nullif(count(*) FILTER (({doubt.holds}) IS NOT NULL), 0) AS {figure(doubt)}"


def _with_parent(table: Table, doubt: Doubt, every: int) -> str:
    """Of many rows those of every n-th parent are looked at; of a parent's versions the newest counts."""
    parent_table, column = doubt.parent
    parent = source_contract()[parent_table]
    key, occurred, by = sql.name(parent.key[0]), sql.name(parent.occurred), sql.name(column)
    versions = " UNION ALL ".join(
        f"SELECT hash({key}) AS id, {occurred}, {place} AS place FROM {relation} "
        f"WHERE hash({key}) % {every} = 0"
        for place, relation in enumerate((loaded(parent), accepted(parent)))
    )
    return f"""
        WITH parent AS (
            SELECT id, max_by({occurred}, (place, {occurred})) AS {occurred} FROM ({versions}) GROUP BY id
        )
        SELECT {_share(doubt)}
        FROM (SELECT * FROM {accepted(table)} WHERE hash({by}) % {every} = 0) AS child
        JOIN parent ON hash(child.{by}) = parent.id
    """
