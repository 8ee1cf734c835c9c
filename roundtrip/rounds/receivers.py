"""A webhook and a PostgreSQL table of the company: each message carries intervention_id as its key."""

import ipaddress
import os
import time
from urllib.parse import urlsplit

import pandas as pd

from roundtrip.errors import BadInput, RoundtripError
from roundtrip.rounds.outbox import POSTGRES, WEBHOOK, Ledger
from roundtrip.rounds.recipients import columns_of
from roundtrip.rounds.settings import SETTING, Retention, parameters

#: Statuses of a webhook that mean: I have it. 409 is what receivers answer to a key that they have seen.
_CONFLICT = 409
_BUSY = (408, 425, 429)
#: Answers written down at once.
_BATCH = 100

_TABLE_COLUMNS = (
    *("intervention_id", "campaign_id", "customer_id", "action", "strategy_id", "due_on"),
    *("language", "message", "channel", "email", "phone", "full_name"),
)


def addresses(retention: Retention) -> dict[str, str]:
    """Where to send besides files: receiver -> address, a secret.

    Raises:
        BadInput: a variable that company.yml names is not set, or the webhook's address is not safe.
    """
    found = {}
    for receiver, name in ((WEBHOOK, retention.webhook_env), (POSTGRES, retention.postgres_env)):
        if name is None:
            continue
        given = os.environ.get(name, "").strip()
        if not given:
            raise BadInput(
                f"company.yml: {SETTING} names the environment variable {name}, which is not set",
                "set it where roundtrip (or Airflow) runs, or take the line out",
            )
        found[receiver] = given
    if WEBHOOK in found:
        _check_address(found[WEBHOOK], retention.webhook_env)
    return found


def _check_address(address: str, name: str) -> None:
    """Names and addresses of people do not travel in the clear: https, or this machine."""
    parts = urlsplit(address)
    host = parts.hostname or ""
    try:
        is_here = host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        is_here = False
    if not host or parts.scheme not in ("http", "https") or (parts.scheme == "http" and not is_here):
        raise BadInput(
            f"the address in ${name} cannot be used: messages hold personal data",
            "give one that begins with https:// (http:// only for this machine)",
        )


def _payload(row, channel: str) -> dict:
    values = {name: getattr(row, name) for name in ("channel", *columns_of(channel))}
    return {name: None if value is None or value != value else str(value) for name, value in values.items()}


def post(address: str, round_id: str, messages: pd.DataFrame, book: Ledger) -> None:
    """POST each message as JSON with the header Idempotency-Key; those delivered before are left out.

    Raises:
        RoundtripError: the receiver refuses a message, or does not answer. What it took is written down.
    """
    import httpx

    settings = parameters()["sending"]
    seen = book.delivered(WEBHOOK, round_id)
    pending = messages[~messages["intervention_id"].isin(seen)]
    done: list[str] = []
    try:
        with httpx.Client(timeout=settings["webhook_timeout_seconds"], follow_redirects=False) as client:
            # One message after the other is what a webhook takes; the number is what a budget pays for.
            for row in pending.itertuples(index=False):
                _post_one(client, address, row, settings)
                done.append(row.intervention_id)
                if len(done) >= _BATCH:
                    book.note(WEBHOOK, round_id, done)
                    done.clear()
    finally:
        book.note(WEBHOOK, round_id, done)


def _post_one(client, address: str, row, settings: dict) -> None:
    import httpx

    wait = settings["webhook_wait_seconds"]
    for left in reversed(range(settings["webhook_tries"])):
        try:
            answer = client.post(
                address,
                json=_payload(row, row.channel),
                headers={"Idempotency-Key": row.intervention_id},
            ).status_code
        except httpx.HTTPError as error:
            # Its text may hold the address, and with it a password.
            answer = type(error).__name__
        if isinstance(answer, int) and (200 <= answer < 300 or answer == _CONFLICT):
            return
        may_pass = not isinstance(answer, int) or answer in _BUSY or answer >= 500
        if not may_pass or not left:
            raise RoundtripError(
                f"the webhook did not take {row.intervention_id}: {answer}",
                "mend the receiver and run the stage act again: what it has taken is not sent twice",
            )
        time.sleep(wait)
        wait *= 2


def insert(address: str, round_id: str, messages: pd.DataFrame, book: Ledger) -> None:
    """Insert messages into a PostgreSQL table; a key that is there already stays as it is.

    The table is made where it is missing. All in one transaction.

    Raises:
        RoundtripError: the server does not answer or refuses; nothing of it is then in the table.
    """
    import psycopg2
    from psycopg2 import sql as names
    from psycopg2.extras import execute_values

    pending = messages[~messages["intervention_id"].isin(book.delivered(POSTGRES, round_id))]
    if pending.empty:
        return
    table = parameters()["sending"]["postgres_table"]
    shown = pending[list(_TABLE_COLUMNS)].astype(object)
    for channel in shown["channel"].unique():
        unneeded = [name for name in ("email", "phone", "full_name") if name not in columns_of(channel)]
        shown.loc[shown["channel"] == channel, unneeded] = None
    rows = shown.where(shown.notna(), None)
    failure = None
    try:
        connection = psycopg2.connect(address, connect_timeout=5)
        try:
            with connection, connection.cursor() as cursor:
                cursor.execute("SELECT to_regclass(%s)", [table])
                if cursor.fetchone()[0] is None:
                    cursor.execute(_create(names, table))
                statement = names.SQL(
                    "INSERT INTO {} ({}) VALUES %s ON CONFLICT (intervention_id) DO NOTHING"
                ).format(names.Identifier(table), names.SQL(", ").join(map(names.Identifier, _TABLE_COLUMNS)))
                execute_values(cursor, statement, rows.to_numpy().tolist(), page_size=1000)
        finally:
            connection.close()
    except psycopg2.Error as error:
        # The server's own words may quote a password or somebody's address; its code says what it was.
        failure = f"{type(error).__name__}{f' {error.pgcode}' if error.pgcode else ''}"
    if failure:
        raise RoundtripError(
            f"the PostgreSQL server for the CRM refuses {table}: {failure}",
            "check the connection string, that the role may insert into the table (or create it), and that "
            f"its columns are {', '.join(_TABLE_COLUMNS)}",
        )
    book.note(POSTGRES, round_id, pending["intervention_id"])


def _create(names, table: str):
    columns = [
        f'"{name}" ' + {"intervention_id": "text PRIMARY KEY", "due_on": "date"}.get(name, "text")
        for name in _TABLE_COLUMNS
    ]
    return names.SQL("CREATE TABLE {} ({})").format(names.Identifier(table), names.SQL(", ".join(columns)))
