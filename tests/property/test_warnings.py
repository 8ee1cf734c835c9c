"""Whatever happens to a few customers over some months: the rate holds, nothing is told twice, a second run
writes the same bytes, and no channel is named that a customer has withdrawn."""

import tempfile
from datetime import date, timedelta
from pathlib import Path

import pandas as pd
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from roundtrip.company import Company
from roundtrip.home import Home
from roundtrip.strategies.check import CHANNELS
from roundtrip.warn import warn
from roundtrip.warn.settings import parameters
from tests.warn_fixture import customer, granted, intervene, publish, read, signal

FIRST = date(2024, 1, 31)
NAMES = [f"c{number}" for number in range(6)]
KINDS = ["web_falling", "points_falling", "complaints_rising"]

states = st.fixed_dictionaries(
    {
        "churn_probability": st.sampled_from([None, 0.1, 0.45, 0.9]),
        "lifecycle_stage": st.sampled_from(["maturity", "maturity", "decline", "lost", "prospect"]),
        "expected_value_12m": st.sampled_from([None, 0.0, 10.0, 500.0]),
        "may_be_profiled": st.sampled_from([True, True, True, False]),
    }
)
fired = st.dictionaries(st.sampled_from(KINDS), st.integers(1, 3), max_size=2)
answers = st.dictionaries(st.sampled_from(CHANNELS), st.booleans())
looks = st.lists(
    st.tuples(
        st.integers(1, 70),
        st.lists(st.tuples(states, fired, answers), min_size=len(NAMES), max_size=len(NAMES)),
    ),
    min_size=2,
    max_size=4,
)
#: Everybody at risk by another signal each time, a month apart.
ALL_AT_RISK = [
    (days, [({"churn_probability": 0.9, "lifecycle_stage": "decline"}, {kind: 1}, {})] * len(NAMES))
    for days, kind in ((10, KINDS[0]), (20, KINDS[1]), (40, KINDS[0]))
]


@given(looks, st.sampled_from([0.2, 0.5, 1.0]))
@example(ALL_AT_RISK, 0.5)
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_warnings_stay_few_and_never_repeat_themselves(looks, share):
    with tempfile.TemporaryDirectory() as folder:
        home = Home(Path(folder))
        Company("acme", "/nowhere", settings={"warnings": {"max_share_per_month": share}}).save(home)
        day, current_at, withdrawn_at = FIRST, {}, {}
        for days, customers in looks:
            day += timedelta(days)
            people = [customer(name, **state) for name, (state, _, _) in zip(NAMES, customers, strict=True)]
            for person in people:
                # The warehouse scores nobody who never booked or is lost.
                if person["lifecycle_stage"] in ("prospect", "lost"):
                    person["churn_probability"] = None
            signals = [
                signal(name, signal=kind, severity=severity)
                for name, (_, kinds, _) in zip(NAMES, customers, strict=True)
                for kind, severity in kinds.items()
            ]
            consents = [
                granted(name, channel, is_granted)
                for name, (_, _, said) in zip(NAMES, customers, strict=True)
                for channel, is_granted in said.items()
            ]
            publish(home, day, people, signals, consents)
            warn(home, day)
            files = [
                home.products_dir / table / f"{day}.parquet" for table in ("warnings", "warning_history")
            ]
            first_run = [file.read_bytes() for file in files]
            warn(home, day)
            assert [file.read_bytes() for file in files] == first_run
            current_at[day] = sum(person["lifecycle_stage"] not in ("prospect", "lost") for person in people)
            withdrawn_at[day] = {
                (row["customer_id"], row["purpose"]) for row in consents if not row["is_granted"]
            }
            # Half of what is open is acted upon before the next look.
            rows = read(home, "warnings", day)
            opened = rows.loc[rows["status"] == "open", "warning_id"].iloc[::2]
            if len(opened):
                sent = {"arm": "treatment", "status": "sent", "sent_at": pd.Timestamp(day)}
                intervene(home, day, [{"warning_id": warning_id, **sent} for warning_id in opened])
        rows = read(home, "warnings", day)
        check_rate(rows, current_at, share)
        check_repeats(rows)
        for row in rows.itertuples():
            assert (row.customer_id, row.channel) not in withdrawn_at[row.raised_on]
            assert pd.isna(row.channel) == (row.channel_missing == "no_open_channel")
        check_history(rows, read(home, "warning_history", day))


def check_rate(rows: pd.DataFrame, current_at: dict, share: float) -> None:
    for day, current in current_at.items():
        if (rows["raised_on"] == day).any():
            since = day - timedelta(parameters()["rate_days"])
            month = (rows["raised_on"] > since) & (rows["raised_on"] <= day)
            assert month.sum() <= share * current


def check_repeats(rows: pd.DataFrame) -> None:
    """A second warning within the cool-down tells of another kind of signal, or of a higher severity."""
    cool_down = timedelta(parameters()["warnings"]["cool_down_days"])
    for row in rows.itertuples():
        before = rows[
            (rows["customer_id"] == row.customer_id)
            & (rows["raised_on"] < row.raised_on)
            & (rows["raised_on"] > row.raised_on - cool_down)
        ]
        if len(before):
            told = {kind for kinds in before["signals"] for kind in kinds.split(",")}
            assert not set(row.signals.split(",")) <= told or row.severity > before["severity"].max()


def check_history(rows: pd.DataFrame, history: pd.DataFrame) -> None:
    """Every warning's changes lead from open to its status, one after the other."""
    for warning_id, changes in history.groupby("warning_id", sort=False):
        ends = list(changes["to_status"])
        assert ends[0] == "open"
        assert list(changes["from_status"])[1:] == ends[:-1]
        assert rows.loc[rows["warning_id"] == warning_id, "status"].item() == ends[-1]
    assert set(history["warning_id"]) == set(rows["warning_id"])
