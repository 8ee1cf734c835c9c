"""Stage `identify`: which accounts are one person's, kept in raw as a table that can be thrown away."""

import json
from datetime import date

from roundtrip import duck
from roundtrip.company import Company
from roundtrip.errors import RoundtripError
from roundtrip.home import Home
from roundtrip.identity.accounts import fingerprint, prepare
from roundtrip.identity.groups import group
from roundtrip.identity.settings import Linking
from roundtrip.ingest.load import IDENTITIES, RAW
from roundtrip.vault import Identities, encrypted

#: To be raised when the rules change, so that unchanged accounts are linked anew.
_RULES = 1
_TABLE = f"{RAW}.{IDENTITIES}"


def identify(home: Home, as_of: date) -> dict:
    """Write `raw.customer_identities`: one row an account of a person with several.

    Columns: account_id (as delivered), customer_id (the person's first account), link_probability and
    evidence (of the account's strongest link). Nothing else changes: with `link_accounts: false`, or a pair
    in `never_link`, the next run has the accounts apart again. Personal data is compared in memory and is in
    no row written. Accounts that did not change since are not compared again.

    Returns:
        {"accounts": n, "comparable": n, "persons_with_several": n, "linked_accounts": n, "left_apart": n,
        "is_compared": bool}; comparable: with a contact, or with a name and a year of birth; left_apart:
        accounts in groups that groups.group did not trust.

    Raises:
        BadInput: a setting has the wrong shape; the vault's key is missing or wrong.
        RoundtripError: nothing was loaded yet.
        Locked: another process holds a database.
    """
    if not home.raw_db.exists():
        raise RoundtripError(f"{home.raw_db} does not exist", "run the load stage first")
    linking = Linking.of(Company.load(home).settings)
    bench = encrypted.workbench(home)
    try:
        comparable = prepare(bench, home, Identities.of(home), as_of)
        (accounts,) = bench.execute("SELECT count(*) FROM accounts").fetchone()
        inputs = f"{_RULES} {linking} {fingerprint(bench)}"
        kept = _kept(home)
        is_compared = kept.get("inputs") != inputs
        if is_compared:
            is_possible = linking.is_on and comparable > 1
            left_apart = group(bench, linking) if is_possible else 0
            kept = {"inputs": inputs, "left_apart": left_apart}
            _write(home, bench.execute("FROM identities").to_arrow_table() if is_possible else None, kept)
    finally:
        bench.close()
    with duck.connect(home.raw_db, home.tmp_dir, read_only=True) as raw:
        persons, linked = raw.execute(
            f"SELECT count(DISTINCT customer_id), count(*) FROM {_TABLE}"
        ).fetchone()
    return {
        "accounts": accounts,
        "comparable": comparable,
        "persons_with_several": persons,
        "linked_accounts": linked,
        "left_apart": kept["left_apart"],
        "is_compared": is_compared,
    }


def _kept(home: Home) -> dict:
    """What the table was made from; it stands in the table's comment, so that the two change together."""
    with duck.connect(home.raw_db, home.tmp_dir, read_only=True) as raw:
        comment = raw.execute(
            "SELECT comment FROM duckdb_tables() WHERE schema_name = 'raw' AND table_name = ?", [IDENTITIES]
        ).fetchone()
    return json.loads(comment[0]) if comment and comment[0] else {}


def _write(home: Home, identities, kept: dict) -> None:
    """Replace the rows and the comment in one transaction; None: no account is linked."""
    comment = json.dumps(kept).replace("'", "''")
    with duck.connect(home.raw_db, home.tmp_dir) as raw:
        raw.execute("BEGIN")
        raw.execute(f"DELETE FROM {_TABLE}")
        if identities is not None:
            raw.register("found", identities)
            raw.execute(f"INSERT INTO {_TABLE} BY NAME FROM found ORDER BY account_id")
        raw.execute(f"COMMENT ON TABLE {_TABLE} IS '{comment}'")
        raw.execute("COMMIT")
