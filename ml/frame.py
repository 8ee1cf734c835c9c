"""Step 1, the frame: one row per customer and month end with its features and, where known, its label.

Read from the published warehouse only, read-only: a model learns from nothing an analyst cannot see.
"""

import hashlib
from dataclasses import dataclass, field
from datetime import date

import pandas as pd

from ml.sentences import Sentence, join, words
from ml.settings import catalogue, check_feature_names
from roundtrip.duck import connect
from roundtrip.errors import BadInput
from roundtrip.home import Home

say = words("training")

#: Label kind → SQL over churn_labels `l`: the answer, when it is known, and which rows can have one.
LABELS = {
    "no_booking": {
        "answer": "l.is_churned",
        "ends_on": "l.horizon_ends_on",
        "candidates": "true",
        "known": "NOT l.is_censored AND l.is_churned IS NOT NULL",
    },
    "left_programme": {
        "answer": "l.has_left_programme_183d",
        "ends_on": "l.as_of_date + 183",
        "candidates": "l.is_programme_member",
        "known": "l.has_left_programme_183d IS NOT NULL",
    },
    # Members only, and the same half year for everybody: to stand beside what others publish.
    "silent_member": {
        "answer": """NOT EXISTS (
            FROM marts.fct_bookings b WHERE b.customer_id = l.customer_id
            AND CAST(b.booked_at AS DATE) BETWEEN l.as_of_date + 1 AND l.as_of_date + 183
            AND coalesce(CAST(b.cancelled_at AS DATE) > l.as_of_date + 183, true))""",
        "ends_on": "l.as_of_date + 183",
        "candidates": "l.is_programme_member",
        "known": "true",
    },
}


#: DuckDB's types that a number or a flag may have.
_NUMBERS = {
    *("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT"),
    *("UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT", "UHUGEINT"),
    *("FLOAT", "DOUBLE", "BOOLEAN"),
}


@dataclass
class Frame:
    """Labelled rows to learn from.

    Attributes:
        rows: customer_id, as_of_date, horizon_ends_on, label (0/1), overdue_ratio_for_rule,
            booked_in_months (after how many month ends a next booking was seen; NaN: in none so far) and one
            column per feature (float64 with NaN, or text for a category), sorted by as_of_date, customer_id.
        features: names in the order of the catalogue.
        months: per as_of_date how many rows could have a label (`candidates`) and how many have one
        (`labelled`). messages: what was left out and why, in words.
        unfinished: the same columns of rows whose outcome is not known yet (label NaN); a survival model
            learns from how long they have been silent so far.
        histories: for buy-till-you-die, customers with the same purchases, counted (fitted_on, repeats,
            recency_weeks, age_weeks, customers), lost ones too.
    """

    rows: pd.DataFrame
    features: list[str]
    months: pd.DataFrame
    messages: list[Sentence]
    unfinished: pd.DataFrame = field(default_factory=pd.DataFrame)
    histories: pd.DataFrame = field(default_factory=pd.DataFrame)

    @property
    def data_hash(self) -> str:
        """Changes when any row, label or feature does."""
        state = hashlib.sha256(",".join(self.rows.columns).encode())
        for table in (self.rows, self.unfinished, self.histories):
            state.update(pd.util.hash_pandas_object(table, index=False).to_numpy().tobytes())
        return state.hexdigest()[:16]


def feature_sql(names: list[str], table: str = "f") -> str:
    """Select list: numbers and flags as DOUBLE with infinities and NaN made NULL, categories as text."""
    check_feature_names(names)
    parts = []
    for name in names:
        if catalogue()["features"][name]["kind"] == "category":
            parts.append(f"CAST({table}.{name} AS VARCHAR) AS {name}")
        else:
            value = f"CAST({table}.{name} AS DOUBLE)"
            parts.append(f"CASE WHEN isfinite({value}) THEN {value} END AS {name}")
    return ", ".join(parts)


def open_published(home: Home):
    """The published warehouse, read-only.

    Raises:
        BadInput: nothing is published yet.
    """
    if not home.current_db.exists():
        raise BadInput(f"{home.current_db} does not exist", "publish a warehouse first: `roundtrip run`")
    return connect(home.current_db, home.tmp_dir, read_only=True)


def table_columns(connection, table: str) -> dict[str, str]:
    """Name → type of a table's columns in `marts`; empty where there is no such table."""
    return dict(
        connection.execute(
            "SELECT column_name, data_type FROM information_schema.columns "
            "WHERE table_schema = 'marts' AND table_name = ?",
            [table],
        ).fetchall()
    )


def available_features(connection) -> list[str]:
    """Catalogue features that marts.customer_features has as columns, numbers being numbers there, too."""
    columns = table_columns(connection, "customer_features")
    if not columns:
        raise BadInput(
            "marts.customer_features is not in the published warehouse", "build and publish it again"
        )
    return [
        name
        for name, entry in catalogue()["features"].items()
        if name in columns and (entry["kind"] == "category" or _is_number(columns[name]))
    ]


def _is_number(sql_type: str) -> bool:
    return sql_type in _NUMBERS or sql_type.startswith("DECIMAL")


def read_frame(home: Home, as_of: date, parameters: dict) -> Frame:
    """Month-end, scorable rows whose label was known on `as_of`, joined with their features.

    Without customers who have withdrawn consent to profiling by that date: none of their months, past ones
    neither.

    Raises:
        BadInput: no published warehouse, or a table is missing in it.
    """
    label = LABELS[parameters["label"]]
    scope = f"""marts.customer_features f JOIN marts.churn_labels l USING (customer_id, as_of_date)
        JOIN marts.dim_customers c USING (customer_id)
        WHERE c.may_be_profiled AND f.is_month_end AND f.is_scorable
        AND f.as_of_date <= $as_of AND {label["candidates"]}"""
    known = f"{label['known']} AND {label['ends_on']} <= $as_of"
    with open_published(home) as connection:
        names = available_features(connection)
        months = connection.execute(
            f"""SELECT f.as_of_date, count(*) AS candidates, count(*) FILTER ({known}) AS labelled
                FROM {scope} GROUP BY 1 ORDER BY 1""",
            {"as_of": as_of},
        ).df()
        messages = _missing_messages(names)
        (withdrawn,) = connection.execute(
            "SELECT count(*) FROM marts.dim_customers WHERE NOT may_be_profiled"
        ).fetchone()
        if withdrawn:
            messages.append(say("withdrawn", customers=withdrawn))
        keep_one_in = -(-int(months["labelled"].sum()) // parameters["frame"]["max_rows"]) or 1
        if keep_one_in > 1:
            messages.append(say("sampled", one_in=keep_one_in, rows=parameters["frame"]["max_rows"]))
        messages += _odd_numbers(connection, names, scope, as_of)
        follows = parameters["label"] == "no_booking" and set(_HISTORY) <= set(names)
        rows, unfinished = (
            connection.execute(
                f"""{_NEXT_BOOKINGS if follows else ""}
                    SELECT f.customer_id, f.as_of_date, {label["ends_on"]} AS horizon_ends_on,
                           CAST(CASE WHEN {known} THEN {label["answer"]} END AS INTEGER) AS label,
                           CAST(f.overdue_ratio AS DOUBLE) AS overdue_ratio_for_rule,
                           CAST({"n.booked_in_months" if follows else "NULL"} AS DOUBLE) AS booked_in_months,
                           {feature_sql(names)}
                    FROM {_joined(scope) if follows else scope} AND {answered}
                        AND hash(f.customer_id) % {keep_one_in} = 0
                    ORDER BY f.as_of_date, f.customer_id""",
                {"as_of": as_of},
            ).df()
            for answered in (f"({known})", f"NOT coalesce({known}, false) AND {str(follows).lower()}")
        )
        histories = _histories(connection, as_of) if follows else pd.DataFrame()
    for table in (rows, unfinished):
        for column in ("as_of_date", "horizon_ends_on"):
            table[column] = pd.to_datetime(table[column])
    months["as_of_date"] = pd.to_datetime(months["as_of_date"])
    features, dropped = _usable(rows, names, parameters)
    keep = [c for c in rows.columns if c not in set(names) - set(features)]
    return Frame(rows[keep], features, months, messages + dropped, unfinished[keep], histories)


#: What a history of purchases is told by.
_HISTORY = ("gap_count", "days_since_first_booking", "days_since_last_booking")
#: For every month end the number of months until one that has seen a booking since the month end before it.
_NEXT_BOOKINGS = """
    WITH month_ends AS (
        SELECT customer_id, as_of_date,
            as_of_date - CAST(days_since_last_booking AS INTEGER) > last_day(as_of_date - INTERVAL 1 MONTH)
                AS has_booked
        FROM marts.customer_features WHERE is_month_end AND as_of_date <= $as_of
    ), next_bookings AS (
        SELECT customer_id, as_of_date,
            date_diff('month', as_of_date, min(as_of_date) FILTER (has_booked) OVER later) AS booked_in_months
        FROM month_ends
        WINDOW later AS (
            PARTITION BY customer_id ORDER BY as_of_date ROWS BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING
        )
    )
"""


def _joined(scope: str) -> str:
    return scope.replace(" WHERE ", " LEFT JOIN next_bookings n USING (customer_id, as_of_date) WHERE ", 1)


def _histories(connection, as_of: date) -> pd.DataFrame:
    """Purchases of everybody who has booked, lost customers too, at the last month end of each quarter."""
    found = connection.execute(
        """SELECT f.as_of_date AS fitted_on, CAST(f.gap_count AS INTEGER) AS repeats,
               CAST(round((f.days_since_first_booking - f.days_since_last_booking) / 7e0) AS INTEGER)
                   AS recency_weeks,
               CAST(round(f.days_since_first_booking / 7e0) AS INTEGER) AS age_weeks,
               CAST(count(*) AS INTEGER) AS customers
           FROM marts.customer_features f JOIN marts.dim_customers c USING (customer_id)
           WHERE c.may_be_profiled AND f.is_month_end AND f.as_of_date <= $as_of
               AND month(f.as_of_date) % 3 = 0 AND f.days_since_first_booking IS NOT NULL
           GROUP BY ALL ORDER BY ALL""",
        {"as_of": as_of},
    ).df()
    return found.assign(fitted_on=pd.to_datetime(found["fitted_on"]))


def _odd_numbers(connection, names: list[str], scope: str, as_of: date) -> list[Sentence]:
    """Which features hold infinite values or NaN, and in how many rows; to the models they are unknown."""
    kinds = table_columns(connection, "customer_features")
    decimals = [name for name in names if kinds[name] in ("DOUBLE", "FLOAT")]
    if not decimals:
        return []
    counted = ", ".join(f"count(*) FILTER (NOT isfinite(f.{name}))" for name in decimals)
    counts = connection.execute(f"SELECT {counted} FROM {scope}", {"as_of": as_of}).fetchone()
    odd = [
        say("odd_number", name=name, rows=count)
        for name, count in zip(decimals, counts, strict=True)
        if count
    ]
    return [say("odd_numbers", names=join(odd))] if odd else []


def _missing_messages(names: list[str]) -> list[Sentence]:
    missing = [name for name in catalogue()["features"] if name not in names]
    return [say("not_there", names=", ".join(missing))] if missing else []


def _usable(rows: pd.DataFrame, names: list[str], parameters: dict) -> tuple[list[str], list[Sentence]]:
    """Leave out features without any value (a source this company does not have), and say so."""
    empty = [name for name in names if rows[name].isna().all()]
    messages = [say("no_values", names=", ".join(empty))] if empty and len(rows) else []
    months = rows["as_of_date"].nunique()
    if months < parameters["frame"]["min_months_for_calendar"] and "month_of_year" in names:
        messages.append(
            say("no_season", months=months, needed=parameters["frame"]["min_months_for_calendar"])
        )
        empty.append("month_of_year")
    return [name for name in names if name not in empty], messages
