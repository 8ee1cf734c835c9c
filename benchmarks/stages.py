"""The lifecycle of a real company as a picture: customers of each stage by month.

    python -m benchmarks.stages --home HOME --out docs/pictures/stages-NAME.svg

HOME holds a warehouse that is built (`warehouse/work.duckdb`). The picture holds counts alone.
"""

import argparse
from pathlib import Path

import altair as alt
import pandas as pd

from roundtrip.duck import connect
from roundtrip.home import Home

#: From the first look to the last, and the colours of the report.
STAGES = {
    "introduction": "#7fb3c8",
    "growth": "#2f7f95",
    "maturity": "#17506b",
    "decline": "#d99a4e",
    "lost": "#b5483a",
}
QUERY = """
    SELECT as_of_date, lifecycle_stage, count(*) AS customers
    FROM marts.fct_customer_months
    WHERE lifecycle_stage <> 'prospect'
    GROUP BY ALL
    ORDER BY ALL
"""


def counts(home: Home) -> pd.DataFrame:
    """One row per month end and stage: as_of_date, lifecycle_stage, customers; prospects are left out."""
    with connect(home.work_db, home.tmp_dir, read_only=True) as work:
        return work.execute(QUERY).df()


def picture(rows: pd.DataFrame) -> alt.Chart:
    """The stages on top of each other; the height is everybody who ever booked."""
    order = list(STAGES)
    rows = rows.assign(
        place=rows["lifecycle_stage"].map(order.index), as_of_date=rows["as_of_date"].dt.tz_localize("UTC")
    )
    return (
        alt.Chart(rows, width=640, height=260)
        .mark_area()
        .encode(
            # By the month, in UTC: a month end shown in a zone east of it would be the next month's.
            x=alt.X("utcyearmonth(as_of_date):T", title=None, axis=alt.Axis(format="%b %Y", labelAngle=-40)),
            y=alt.Y("customers:Q", title="customers", axis=alt.Axis(format=",d")),
            color=alt.Color(
                "lifecycle_stage:N",
                title="stage at month end",
                scale=alt.Scale(domain=order, range=list(STAGES.values())),
            ),
            order=alt.Order("place:Q", sort="descending"),
        )
        .configure_view(stroke=None)
    )


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    chosen = parser.parse_args(arguments)
    rows = counts(Home(chosen.home))
    picture(rows).save(chosen.out)
    print(rows.pivot(index="as_of_date", columns="lifecycle_stage", values="customers").fillna(0).astype(int))


if __name__ == "__main__":
    main()
