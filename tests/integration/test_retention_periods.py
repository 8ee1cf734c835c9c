"""The median retention period beside that of lifelines, on a made-up company: everybody and each segment."""

import math
from collections import defaultdict

from lifelines import KaplanMeierFitter

from roundtrip.publish import published
from tests.company_fixture import AS_OF, published_company

KINDS = ("country", "acquisition_channel", "value_tier", "need_segment", "service_line", "cohort")
#: Per customer: the first booking that still counts, the first month end at which they were lost, segments.
SPELLS = """
    SELECT customers.first_booking_at::DATE AS began_on,
        (SELECT min(months.as_of_date) FROM marts.fct_customer_months AS months
         WHERE months.customer_id = customers.customer_id AND months.lifecycle_stage = 'lost') AS lost_on,
        activity.country, activity.acquisition_channel, activity.value_tier, activity.need_segment,
        activity.service_line, activity.cohort
    FROM marts.dim_customers AS customers
    INNER JOIN marts.fct_customer_activity AS activity USING (customer_id)
    WHERE activity.as_of_date = ? AND customers.first_booking_at IS NOT NULL
"""


def months_between(start, end) -> int:
    return 12 * (end.year - start.year) + end.month - start.month


def test_medians_are_those_of_lifelines(tmp_path_factory):
    home = published_company(tmp_path_factory)
    with published(home) as warehouse:
        spells = warehouse.execute(SPELLS, [AS_OF]).fetchall()
        told = dict(
            warehouse.execute(
                "SELECT (segment_kind, segment)::VARCHAR, value FROM marts.kpi_months WHERE month = ? "
                "AND indicator = 'retention_period_months'",
                [AS_OF.replace(day=1)],
            ).fetchall()
        )
    groups = defaultdict(list)
    for began_on, lost_on, *segments in spells:
        is_lost = lost_on is not None and lost_on >= began_on
        spell = (months_between(began_on, lost_on if is_lost else AS_OF), is_lost)
        for kind, segment in [("all", "all"), *zip(KINDS, segments, strict=True)]:
            groups[f"({kind}, {segment})"].append(spell)
    medians = {
        group: KaplanMeierFitter().fit(*zip(*found, strict=True)).median_survival_time_
        for group, found in groups.items()
    }
    reached = {group: float(median) for group, median in medians.items() if math.isfinite(median)}
    assert "(all, all)" in reached
    assert len(reached) > 10
    assert told == reached
