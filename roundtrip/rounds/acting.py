"""Stage `act`: approved rounds leave the house, once, for whoever still wants to hear from us."""

from datetime import date

import duckdb
import pandas as pd

from roundtrip.errors import BadInput
from roundtrip.home import Home
from roundtrip.products import write_product
from roundtrip.rounds import assignments, people, receivers, store
from roundtrip.rounds.assignments import SENT_COLUMNS
from roundtrip.rounds.outbox import FILES, POSTGRES, WEBHOOK, Ledger, ledger, write_files
from roundtrip.rounds.recipients import recipients
from roundtrip.rounds.settings import Retention
from roundtrip.rounds.store import Round
from roundtrip.strategies import of_company

_SEND = {WEBHOOK: receivers.post, POSTGRES: receivers.insert}


def act(home: Home, as_of: date) -> dict:
    """Send every approved round that was not sent, and write the product `interventions`.

    Consent, channels and customers are looked at again, as published for `as_of`, in both arms alike: who
    cannot be reached any more counts as failed. What goes out are files in `outbox/<round id>/`, and messages
    to a webhook and a PostgreSQL table where company.yml names them. Killed anywhere and called again, every
    receiver has each message once: files are whole or absent, and each message carries its key.

    Returns:
        rounds: {round_id: {"sent": n, "held_out": n, "failed": n, "channels": {...}}}, waiting (ids of rounds
        that nobody has decided on), interventions (rows written).

    Raises:
        BadInput: the published warehouse is of another date; a receiver's address is missing or unsafe.
        RoundtripError: a receiver refuses or does not answer; the round stays approved.
    """
    retention = Retention.of_home(home)
    addresses = receivers.addresses(retention)
    summary: dict = {"rounds": {}}
    with people.open_warehouse(home, as_of) as connection, ledger(home) as book:
        for found in store.rounds(home):
            if found.state == store.APPROVED and found.as_of <= as_of:
                summary["rounds"][found.id] = _send(connection, found, as_of, retention, addresses, book)
        assignments.prepare(connection, home, as_of)
        summary["interventions"] = assignments.write(connection, home, as_of)
    return summary | {"waiting": store.waiting(home)}


def orders(home: Home, round_id: str) -> pd.DataFrame:
    """What a sent round does to whom, as `roundtrip simulate --interventions` reads it; no personal data.

    Returns:
        customer_id, action, arm, channel (blank for controls), campaign_id, intervention_id, of both arms,
        without those who could not be reached; no rows where the round was not sent.
    """
    found = store.round_named(home, round_id)
    columns = ["customer_id", "action", "arm", "channel", "campaign_id", "intervention_id"]
    if not found.sent_file.exists():
        return pd.DataFrame({name: pd.Series(dtype=str) for name in columns})
    plan = pd.read_parquet(found.plan_file, columns=columns)
    sent = pd.read_parquet(found.sent_file, columns=["intervention_id", "status"])
    reached = sent.loc[sent["status"].isin(("sent", "held_out")), "intervention_id"]
    rows = plan[plan["intervention_id"].isin(reached)].reset_index(drop=True)
    return rows.assign(channel=rows["channel"].where(rows["arm"] == "treatment", ""))


def _send(
    connection: duckdb.DuckDBPyConnection,
    found: Round,
    as_of: date,
    retention: Retention,
    addresses: dict[str, str],
    book: Ledger,
) -> dict:
    rows = _looked_at(connection, found, as_of, retention)
    # What went out before this process was killed is sent, whatever has changed since.
    is_out = rows["intervention_id"].isin(book.delivered(FILES, found.id))
    to_send = rows[(rows["arm"] == "treatment") & (rows["status_reason"].isna() | is_out)]
    if len(to_send):
        table = of_company(found.home, found.as_of)
        if missing := sorted(set(to_send["strategy_id"]) - {row.id for row in table.rows}):
            raise BadInput(
                f"{found.id} has strategies without words: {', '.join(missing)}",
                "put them back into the table of strategies (with valid_until, if they have ended)",
            )
        messages = recipients(connection, found.home, to_send, table)
        write_files(found.home, found.id, messages, book)
        written = book.delivered(FILES, found.id)
        for receiver, address in addresses.items():
            still_wanted = to_send.loc[to_send["status_reason"].isna(), "intervention_id"]
            wanted = messages["intervention_id"].isin(written) & messages["intervention_id"].isin(
                still_wanted
            )
            _SEND[receiver](address, found.id, messages[wanted], book)
    return _close(found, rows, book.delivered(FILES, found.id), as_of)


def _looked_at(
    connection: duckdb.DuckDBPyConnection, found: Round, as_of: date, retention: Retention
) -> pd.DataFrame:
    """The approved rows of a plan with the reason why one cannot be carried out any more."""
    assignments.prepare(connection, found.home, as_of)
    connection.execute(
        "CREATE OR REPLACE TEMP TABLE approved AS "
        "FROM assignments WHERE round_id = ? AND status = 'approved'",
        [found.id],
    )
    people.open_channels(connection, found.home, retention, people="approved")
    return connection.execute(
        """
        SELECT approved.* EXCLUDE (status, status_reason, sent_at),
            CASE WHEN customers.customer_id IS NULL THEN 'customer left'
                WHEN NOT coalesce(customers.may_be_profiled, true) THEN 'profiling consent withdrawn'
                WHEN open_channels.channel IS NULL THEN 'channel closed' END AS status_reason
        FROM approved
        LEFT JOIN marts.dim_customers AS customers USING (customer_id)
        LEFT JOIN open_channels USING (customer_id, channel)
        ORDER BY intervention_id
        """
    ).df()


def _close(found: Round, rows: pd.DataFrame, written: set[str], as_of: date) -> dict:
    """Write down what has become of each row; from then on the round is sent."""
    is_sent = rows["intervention_id"].isin(written)
    failed = ~is_sent & (rows["status_reason"].notna() | (rows["arm"] == "treatment"))
    status = pd.Series("held_out", index=rows.index).mask(failed, "failed").mask(is_sent, "sent")
    closed = pd.DataFrame(
        {
            "intervention_id": rows["intervention_id"],
            "status": status,
            # A channel that opened after the file was written is too late for it.
            "status_reason": rows["status_reason"].fillna("file written before").where(failed, None),
            "channel": rows["channel"],
            "sent_at": pd.Timestamp(as_of).as_unit("us"),
        }
    )
    write_product(closed, SENT_COLUMNS, found.sent_file)
    channels = rows.loc[is_sent, "channel"].value_counts().sort_index()
    return {
        **{name: int((status == name).sum()) for name in ("sent", "held_out", "failed")},
        "channels": {str(name): int(count) for name, count in channels.items()},
    }
