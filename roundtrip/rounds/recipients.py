"""Who gets what, in which words and at which address: the one place where personal data is joined."""

import duckdb
import pandas as pd

from roundtrip.home import Home
from roundtrip.ingest import sql
from roundtrip.strategies import Strategies
from roundtrip.vault import Identities, encrypted

#: Of every message; and what a channel needs besides. Nothing else leaves the house.
COLUMNS = (
    *("intervention_id", "campaign_id", "customer_id", "action", "strategy_id", "due_on"),
    *("language", "message"),
)
ADDRESSES = {"email": ("email",), "sms": ("phone",), "phone": ("full_name", "phone")}
#: Where the vault holds no name: words that fit before any text.
_NAMELESS = {"en": "traveller", "zh": "旅客"}


def columns_of(channel: str) -> tuple[str, ...]:
    return (*COLUMNS, *ADDRESSES.get(channel, ()))


def recipients(
    connection: duckdb.DuckDBPyConnection, home: Home, to_send: pd.DataFrame, table: Strategies
) -> pd.DataFrame:
    """Messages with addresses, from the vault.

    A person's own account gives the address, else another account of theirs. The text is in the customer's
    language: Chinese where it is Chinese, else English.

    Args:
        connection: the published warehouse.
        to_send: rows of a plan (assignments.PLAN_COLUMNS).

    Returns:
        channel, COLUMNS, email, phone, full_name, sorted by intervention_id; customer_id as the company
        delivered it, where raw holds a pseudonym of it.
    """
    encrypted.enable(connection)
    connection.execute(f"ATTACH IF NOT EXISTS {sql.text(str(home.raw_db))} AS raw_db (READ_ONLY)")
    connection.register("to_send", to_send)
    connection.register("wordings", _wordings(table))
    encrypted.attach(connection, home.vault_db, "vault", key=Identities.of(home).key, read_only=True)
    try:
        return connection.execute(_RECIPIENTS).df()
    finally:
        connection.execute("DETACH vault")


def _plain(column: str) -> str:
    return (
        "(SELECT pseudonym, any_value(value) AS value FROM vault.identities "
        f"WHERE table_name = 'customers' AND column_name = '{column}' GROUP BY pseudonym)"
    )


_RECIPIENTS = f"""
    WITH accounts AS (
        SELECT coalesce(linked.customer_id, accounts.customer_id) AS person,
            accounts.customer_id <> person AS is_other, accounts.customer_id AS account_id,
            email.value AS email, phone.value AS phone, name.value AS full_name
        FROM raw_db.raw.customers AS accounts
        LEFT JOIN marts.customer_identities AS linked ON accounts.customer_id = linked.account_id
        LEFT JOIN {_plain("email")} AS email ON accounts.email = email.pseudonym
        LEFT JOIN {_plain("phone")} AS phone ON accounts.phone = phone.pseudonym
        LEFT JOIN {_plain("full_name")} AS name ON accounts.full_name = name.pseudonym
        WHERE person IN (SELECT customer_id FROM to_send)
    ), people AS (
        SELECT person,
            first(email ORDER BY is_other, account_id) FILTER (email IS NOT NULL) AS email,
            first(phone ORDER BY is_other, account_id) FILTER (phone IS NOT NULL) AS phone,
            first(full_name ORDER BY is_other, account_id) FILTER (full_name IS NOT NULL) AS full_name
        FROM accounts GROUP BY person
    ), told AS (
        SELECT to_send.*, CASE WHEN customers.language ILIKE 'zh%' THEN 'zh' ELSE 'en' END AS spoken
        FROM to_send LEFT JOIN marts.dim_customers AS customers USING (customer_id)
    )
    SELECT
        told.channel, told.intervention_id, told.campaign_id,
        coalesce(plain_id.value, told.customer_id) AS customer_id,
        told.action, told.strategy_id, told.due_on::DATE::VARCHAR AS due_on, told.spoken AS language,
        replace(wordings.wording, '{{full_name}}', coalesce(people.full_name, wordings.nameless)) AS message,
        people.email, people.phone, people.full_name
    FROM told
    JOIN wordings ON told.strategy_id = wordings.strategy_id AND told.spoken = wordings.language
    LEFT JOIN people ON told.customer_id = people.person
    LEFT JOIN {_plain("customer_id")} AS plain_id ON told.customer_id = plain_id.pseudonym
    ORDER BY told.intervention_id
"""


def _wordings(table: Strategies) -> pd.DataFrame:
    return pd.DataFrame(
        [
            (row.id, language, wording, _NAMELESS[language])
            for row in table.rows
            for language, wording in row.wording.items()
        ],
        columns=["strategy_id", "language", "wording", "nameless"],
    )
