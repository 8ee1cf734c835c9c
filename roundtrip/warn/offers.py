"""What to do about a new warning: the strategy, the channel that consent leaves, and until when."""

from datetime import date

import duckdb
import pandas as pd

from roundtrip.home import Home
from roundtrip.rounds.people import open_channels
from roundtrip.rounds.settings import Retention
from roundtrip.strategies import candidates, of_company
from roundtrip.warn.settings import company_settings

#: Why a warning names no channel.
NO_OPEN_CHANNEL = "no_open_channel"


def offer(connection: duckdb.DuckDBPyConnection, home: Home, as_of: date) -> bool:
    """Make the temporary table `offers`: customer_id, strategy_id, action, channel, channel_missing, due_on.

    The strategy is the preferred one of the table that is in force; its first open channel is taken
    (roundtrip.rounds.people says which are). Without one the channel is NULL and channel_missing says why.

    Returns:
        Whether the company has delivered any answer about a channel.
    """
    table = of_company(home, as_of)
    customers = connection.execute(
        "SELECT * EXCLUDE (cause, cause_confidence), coalesce(cause, 'unknown') AS churn_cause FROM raised"
    ).df()
    first = candidates(customers, table)
    first = first.loc[first["rank"] == 1, ["customer_id", "strategy_id", "action"]]
    terms = pd.DataFrame(
        [
            {"strategy_id": row.id, "due_in_days": row.due_in_days, "channel": channel, "place": place}
            for row in table.rows
            for place, channel in enumerate(row.channels)
        ]
    ).astype({"due_in_days": "int64", "place": "int64"})
    has_answers = open_channels(connection, home, Retention.of(company_settings(home)), people="raised")
    connection.register("first_choices", first.astype("object"))
    connection.register("terms", terms)
    connection.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE offers AS
        SELECT first_choices.customer_id, strategy_id, any_value(action) AS action,
            arg_min(open_channels.channel, place) AS channel,
            CASE WHEN count(open_channels.channel) = 0 THEN '{NO_OPEN_CHANNEL}' END AS channel_missing,
            CAST($as_of + any_value(due_in_days)::INTEGER AS DATE) AS due_on
        FROM first_choices JOIN terms USING (strategy_id)
        LEFT JOIN open_channels
            ON first_choices.customer_id = open_channels.customer_id AND terms.channel = open_channels.channel
        GROUP BY first_choices.customer_id, strategy_id
        """,
        {"as_of": as_of},
    )
    return has_answers
