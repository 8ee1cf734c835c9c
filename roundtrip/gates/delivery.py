"""Figures about a delivery as a whole: shape, refused rows, keys, references, freshness."""

import math

from roundtrip.contract import Table, source_contract
from roundtrip.gates.sides import Sides, accepted, loaded
from roundtrip.ingest import sql
from roundtrip.ingest.door import RULE as ERASED

#: The standard normal quantile of 99 %.
_Z = 2.3263


def shape(sides: Sides, table: Table) -> dict:
    """columns_missing, columns_mistyped: contract columns that the batch lacks, or has in another type."""
    missing, mistyped = sides.missing.get(table.name, ([], []))
    return {"columns_missing": len(missing), "columns_mistyped": len(mistyped)}


def account(sides: Sides, table: Table) -> dict:
    """How much came, how much of it was refused, and how new it is.

    rows_in, rows_accepted, rows_quarantined, rows_known (accepted or in raw), quarantined_share (without
    erased people's rows), days_since_newest (newest row up to as_of, here or in raw), rows_after_as_of. A
    share of nothing is NULL, which no range refuses.
    """
    refused = f"{table.name}__quarantine"
    quarantined = f'(SELECT count(*) FROM batch.main."{refused}")' if refused in sides.present else "0"
    # Rows of erased people are refused for ever; that says nothing about the delivery.
    faulty = (
        f'(SELECT count(*) FROM batch.main."{refused}" '
        f"WHERE NOT list_contains(list_transform(reasons, lambda why: why.rule), '{ERASED}'))"
        if refused in sides.present
        else "0"
    )
    occurred = sql.name(table.occurred)
    up_to = f"{occurred} < CAST($as_of AS DATE) + 1"
    return sides.one(
        f"""
        WITH here AS (
            SELECT
                (SELECT count(*) FROM {accepted(table)}) AS rows_accepted,
                (SELECT count(*) FROM {accepted(table)}) - count(*) AS rows_after_as_of,
                CAST(max({occurred}) AS DATE) AS newest_on
            FROM {accepted(table)}
            WHERE {up_to}
        ), before AS (
            SELECT
                (SELECT count(*) FROM {loaded(table)}) AS rows_before,
                CAST(max({occurred}) AS DATE) AS newest_on
            FROM {loaded(table)}
            WHERE {up_to}
        )
        SELECT
            rows_accepted + {quarantined} AS rows_in,
            rows_accepted,
            {quarantined} AS rows_quarantined,
            rows_accepted + rows_before AS rows_known,
            {faulty}::DOUBLE / nullif(rows_accepted + {faulty}, 0) AS quarantined_share,
            date_diff('day', greatest(here.newest_on, before.newest_on), $as_of) AS days_since_newest,
            rows_after_as_of
        FROM here CROSS JOIN before
        """,
        as_of=sides.as_of,
    )


def references(sides: Sides, table: Table) -> tuple[dict, dict[str, str]]:
    """Per reference `<column>_known_share` and `<column>_known_share_at_most`; and the latter in words.

    The share: rows whose reference is in the batch or in raw / rows with one. The second is the upper end of
    its interval of confidence (Wilson, 99 % one-sided): one unknown of sixteen is no sign of a missing file.

    Of many rows those of every n-th id are looked at. Ids are joined by their 64-bit hashes, three times as
    fast as by themselves: against ten million known ids an unknown one passes for known once in 10^12.
    """
    found: dict = {}
    told = {}
    for column in table.columns:
        if not column.references:
            continue
        referenced = source_contract()[column.references]
        id_hash, name = f"hash({sql.name(referenced.key[0])})", sql.name(column.name)
        every = sides.every(accepted(table))
        counts = sides.one(
            f"""
            WITH known AS (
                SELECT {id_hash} AS id FROM {accepted(referenced)} WHERE {id_hash} % {every} = 0
                UNION ALL
                SELECT {id_hash} FROM {loaded(referenced)} WHERE {id_hash} % {every} = 0
            ), referring AS (
                SELECT hash({name}) AS id, count(*) AS rows
                FROM {accepted(table)}
                WHERE {name} IS NOT NULL AND hash({name}) % {every} = 0
                GROUP BY id
            )
            SELECT
                coalesce(sum(rows), 0)::BIGINT AS referring,
                coalesce(sum(rows) FILTER (id IN (SELECT id FROM known)), 0)::BIGINT AS known
            FROM referring
            """
        )
        known, referring, share = counts["known"], counts["referring"], f"{column.name}_known_share"
        found[share] = known / referring if referring else None
        found[f"{share}_at_most"] = at_most(known, referring)
        if referring:
            told[f"{share}_at_most"] = f"{known} of {referring} are known"
    return found, told


def at_most(successes: int, trials: int) -> float | None:
    """The upper end of Wilson's one-sided 99 % interval of a share (Wilson, 1927); None of nothing."""
    if not trials:
        return None
    share, z2 = successes / trials, _Z**2
    if successes == trials:
        return 1.0
    middle = share + z2 / (2 * trials)
    half = _Z * math.sqrt(share * (1 - share) / trials + z2 / (4 * trials**2))
    return min(1.0, (middle + half) / (1 + z2 / trials))


def keys(sides: Sides, table: Table) -> dict:
    """repeated_key_share: rows whose key stands in the same file before / rows.

    One key in two files is a newer version of a row; in one file it is a doubtful key. Of many rows those of
    every n-th key are counted, the same in every run.
    """
    every = sides.every(accepted(table))
    key = f"hash({', '.join(sql.name(column) for column in table.key)})"
    return sides.one(
        f"""
        SELECT 1 - count(DISTINCT hash(key, _file))::DOUBLE / nullif(count(*), 0) AS repeated_key_share
        FROM (SELECT {key} AS key, _file FROM {accepted(table)})
        WHERE key % {every} = 0
        """
    )
