"""From pairs to persons: accounts that hang together, and which of such groups are believed."""

import duckdb

from roundtrip.identity.accounts import MAX_ACCOUNTS_PER_CONTACT
from roundtrip.identity.link import pairs
from roundtrip.identity.settings import Linking


def group(bench: duckdb.DuckDBPyConnection, linking: Linking) -> int:
    """Fill `identities` from `accounts`: account_id, customer_id, link_probability, evidence.

    A person is named by the account that was registered first. A group of more accounts than a contact may
    have is a chain of coincidences rather than a person, and one that holds a pair of `never_link` is wrong
    somewhere: all accounts of such a group stay apart.

    Returns:
        How many accounts stay apart for that.
    """
    pairs(bench, linking.min_probability)
    bench.execute("CREATE OR REPLACE TEMP TABLE never (first_id VARCHAR, second_id VARCHAR)")
    if linking.never:
        bench.executemany("INSERT INTO never VALUES (?, ?)", [sorted(pair) for pair in linking.never])
    bench.execute("DELETE FROM pairs WHERE (first_id, second_id) IN (FROM never)")
    bench.execute(
        """
        CREATE OR REPLACE TEMP TABLE grouped AS
        WITH RECURSIVE edges AS (
            SELECT first_id AS here, second_id AS there FROM pairs
            UNION ALL
            SELECT second_id, first_id FROM pairs
        ),
        reached AS (
            SELECT DISTINCT here AS account_id, here AS other_id FROM edges
            UNION
            SELECT reached.account_id, edges.there
            FROM reached INNER JOIN edges ON reached.other_id = edges.here
        )
        SELECT account_id, min(other_id) AS group_id FROM reached GROUP BY account_id
        """
    )
    bench.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE believed AS
        SELECT group_id FROM grouped GROUP BY group_id HAVING count(*) <= {MAX_ACCOUNTS_PER_CONTACT}
        EXCEPT
        SELECT l.group_id
        FROM never
        INNER JOIN grouped AS l ON never.first_id = l.account_id
        INNER JOIN grouped AS r ON never.second_id = r.account_id AND l.group_id = r.group_id
        """
    )
    bench.execute(
        """
        CREATE OR REPLACE TEMP TABLE identities AS
        WITH links AS (
            SELECT first_id AS account_id, probability, evidence FROM pairs
            UNION ALL
            SELECT second_id, probability, evidence FROM pairs
        ),
        strongest AS (
            SELECT
                account_id,
                max(probability) AS link_probability,
                max_by(evidence, (probability, evidence)) AS evidence
            FROM links
            GROUP BY account_id
        )
        SELECT
            grouped.account_id,
            first_value(grouped.account_id) OVER (
                PARTITION BY grouped.group_id ORDER BY accounts.registered_at, grouped.account_id
            ) AS customer_id,
            strongest.link_probability,
            strongest.evidence
        FROM grouped
        INNER JOIN believed USING (group_id)
        INNER JOIN accounts ON grouped.account_id = accounts.customer_id
        INNER JOIN strongest ON grouped.account_id = strongest.account_id
        """
    )
    return bench.execute("SELECT count(*) FROM grouped ANTI JOIN believed USING (group_id)").fetchone()[0]
