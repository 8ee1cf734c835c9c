"""Accounts as they are compared: contacts and names folded, so that what is written twice looks the same."""

import duckdb

from roundtrip.home import Home
from roundtrip.ingest import sql
from roundtrip.vault import Identities, encrypted

#: A contact that more accounts share is an office, a travel agent or a placeholder, and says nothing.
MAX_ACCOUNTS_PER_CONTACT = 5
#: Numbers written with and without the country's code, and with or without leading zeros, end alike.
_PHONE_DIGITS = 8
_MIN_PHONE_DIGITS = 7


def prepare(bench: duckdb.DuckDBPyConnection, home: Home, vault: Identities, as_of) -> int:
    """Fill `accounts`, in memory: one row a customer who registered by `as_of`.

    Columns: customer_id, registered_at, email (without case, dots and +tags before the @), phone (last eight
    digits), name (its words without case and accents, in the alphabet's order), birth_year, city, gender.

    Returns:
        How many accounts have an e-mail address, a phone number, or a name with a year of birth.
    """
    encrypted.attach(bench, home.raw_db, "held", read_only=True)
    is_vault = home.vault_db.exists()
    if is_vault:
        encrypted.attach(bench, home.vault_db, "vault", key=vault.key, read_only=True)
    plain = {
        column: f"(SELECT pseudonym, any_value(value) AS value FROM vault.identities "
        f"WHERE table_name = 'customers' AND column_name = '{column}' GROUP BY pseudonym)"
        if is_vault
        else "(SELECT NULL::VARCHAR AS pseudonym, NULL::VARCHAR AS value)"
        for column in ("email", "phone", "full_name")
    }
    try:
        bench.execute(
            f"""
            CREATE OR REPLACE TEMP TABLE accounts AS
            WITH folded AS (
                SELECT
                    customers.customer_id,
                    customers.registered_at,
                    regexp_replace(split_part(lower(email.value), '@', 1), '\\+.*$|\\.', '', 'g')
                        || '@' || nullif(split_part(lower(email.value), '@', 2), '') AS email,
                    regexp_replace(phone.value, '[^0-9]', '', 'g') AS digits,
                    nullif(array_to_string(list_sort(string_split_regex(trim(
                        regexp_replace(strip_accents(lower(full_name.value)), '[^\\p{{L}}]+', ' ', 'g')
                    ), ' +')), ' '), '') AS name,
                    customers.birth_year,
                    customers.city,
                    nullif(customers.gender, 'unknown') AS gender
                FROM held.raw.customers
                LEFT JOIN {plain["email"]} AS email ON customers.email = email.pseudonym
                LEFT JOIN {plain["phone"]} AS phone ON customers.phone = phone.pseudonym
                LEFT JOIN {plain["full_name"]} AS full_name ON customers.full_name = full_name.pseudonym
                WHERE customers.registered_at::DATE <= $as_of
            )
            SELECT
                customer_id,
                registered_at,
                email,
                CASE WHEN length(digits) >= {_MIN_PHONE_DIGITS} THEN right(digits, {_PHONE_DIGITS}) END
                    AS phone,
                name,
                birth_year,
                city,
                gender
            FROM folded
            """,
            {"as_of": as_of},
        )
    finally:
        if is_vault:
            bench.execute("DETACH vault")
        bench.execute("DETACH held")
    for contact in ("email", "phone"):
        column = sql.name(contact)
        bench.execute(
            f"UPDATE accounts SET {column} = NULL WHERE {column} IN (SELECT {column} FROM accounts "
            f"GROUP BY {column} HAVING count(*) > {MAX_ACCOUNTS_PER_CONTACT})"
        )
    return bench.execute(
        "SELECT count(*) FROM accounts "
        "WHERE email IS NOT NULL OR phone IS NOT NULL OR (name IS NOT NULL AND birth_year IS NOT NULL)"
    ).fetchone()[0]


def fingerprint(bench: duckdb.DuckDBPyConnection) -> str:
    """The same for the same accounts in any order; a keyed row hash would say no more."""
    return bench.execute(
        "SELECT md5(count(*) || ' ' || coalesce(bit_xor(hash(accounts)), 0) || ' ' "
        "|| coalesce(sum(hash(accounts) >> 32), 0)) FROM accounts"
    ).fetchone()[0]
