"""The parameters of the buy-till-you-die model on each day of fitting, from what was known on it alone."""

import pandas as pd

from roundtrip.alive import Parameters, fit

FITTED, TOO_SHORT, TOO_FEW, NO_END = (
    "fitted",
    "history_too_short",
    "too_few_customers",
    "search_did_not_end",
)


def _fitted_before(session, this, day):
    """The rows of the last build up to a day, the parameters in force on it, and the day those are from."""
    kept = session.sql(
        f"select * exclude (valid_until) from {this} where fitted_on < '{day}' order by fitted_on"
    )
    rows = [dict(zip(kept.columns, row, strict=True)) for row in kept.fetchall()]
    last = rows[-1] if rows and rows[-1]["parameters_from"] else None
    if last is None:
        return rows, None, None
    in_force = Parameters(last["r"], last["alpha_weeks"], last["a"], last["b"], last["log_likelihood"])
    return rows, in_force, last["parameters_from"]


def model(dbt, session):
    dbt.config(materialized="table")
    fewest = int(dbt.config.get("min_repeat_customers"))
    shortest = int(dbt.config.get("min_history_weeks"))
    # Sorted, since sums of floats depend on their order.
    counts = dbt.ref("int_alive_counts").order("fitted_on, repeat_occasions, recency_weeks, age_weeks").df()
    rows, current, current_from = [], None, None
    if dbt.config.get("previous_as_of_date"):
        # What earlier days were fitted on has not changed.
        (starts_on,) = dbt.ref("int_build_scope").project("dates_from").fetchone()
        rows, current, current_from = _fitted_before(session, dbt.this, starts_on)
        counts = counts[counts["fitted_on"].dt.date >= starts_on]
    for fitted_on, group in counts.groupby("fitted_on"):
        returned = int(group.loc[group["repeat_occasions"] > 0, "customers"].sum())
        found = None
        if group["age_weeks"].max() < shortest:
            status = TOO_SHORT
        elif returned < fewest:
            status = TOO_FEW
        else:
            found = fit(
                group["repeat_occasions"], group["recency_weeks"], group["age_weeks"], group["customers"]
            )
            status = FITTED if found else NO_END
        if found:
            current, current_from = found, fitted_on
        rows.append(
            {
                "fitted_on": fitted_on,
                "status": status,
                "customers": int(group["customers"].sum()),
                "repeat_customers": returned,
                "parameters_from": current_from,
                "r": current and current.r,
                "alpha_weeks": current and current.alpha,
                "a": current and current.a,
                "b": current and current.b,
                "log_likelihood": found and found.log_likelihood,
            }
        )
    columns = {
        "fitted_on": "date",
        "status": "varchar",
        "customers": "bigint",
        "repeat_customers": "bigint",
        "parameters_from": "date",
        "r": "double",
        "alpha_weeks": "double",
        "a": "double",
        "b": "double",
        "log_likelihood": "double",
    }
    session.register("alive_parameters", pd.DataFrame(rows, columns=list(columns)).astype(object))
    casts = ", ".join(f"cast({name} as {kind}) as {name}" for name, kind in columns.items())
    return session.sql(
        f"select {casts}, lead(cast(fitted_on as date), 1, date '9999-12-31') "
        "over (order by fitted_on) as valid_until from alive_parameters"
    )
