"""What happens on trips, what customers say about it, and what that does to their satisfaction."""

from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from roundtrip.simulate import parameters as p
from roundtrip.simulate.holidays import Calendar, clock
from roundtrip.simulate.market import Market
from roundtrip.simulate.people import People
from roundtrip.simulate.randomness import Streams, pick
from roundtrip.simulate.state import ACTIVE, FADING, State
from roundtrip.simulate.trips import BY_CUSTOMER, BY_SUPPLIER, COMPLETED

_RESOLUTIONS = np.array(list(p.RESOLUTIONS), dtype=object)
_TICKET_CHANNELS = np.array(["phone", "app", "web", "email", "wechat"], dtype=object)


@dataclass
class Experience:
    """What trips came to and which tickets were opened, month by month."""

    outcomes: list[pd.DataFrame] = field(default_factory=list)
    tickets: list[pd.DataFrame] = field(default_factory=list)


def live_through(
    month: int,
    ended: pd.DataFrame,
    people: People,
    state: State,
    calendar: Calendar,
    market: Market,
    streams: Streams,
    experience: Experience,
) -> None:
    """Trips that end (or fall) this month: outcome, complaint, its handling, satisfaction afterwards."""
    state.satisfaction += p.FORGETTING * (p.SATISFACTION_START[0] - state.satisfaction)
    rng, size = streams["outcomes"], len(ended)
    draw = rng.random((size, 3))
    fate = ended["fate"].to_numpy()
    failed = (fate == COMPLETED) & (draw[:, 0] < p.SERVICE_FAILURE * market.trouble[month])
    delayed = (fate == COMPLETED) & ~failed & (draw[:, 1] < p.DELAY)
    fallen = fate == BY_SUPPLIER
    severity = np.where(failed, 2 + pick(rng, (0.45, 0.35, 0.20), size), np.where(delayed, 1, 0))
    severity = np.where(fallen, 3 + (rng.random(size) < 0.4), severity)

    customers = ended["customer"].to_numpy()
    change = np.where(
        (fate == COMPLETED) & (severity == 0),
        p.GOOD_TRIP_STEP * (p.SATISFACTION_CEILING - state.satisfaction[customers])
        + rng.normal(0, 0.03, size),
        0.0,
    )
    change -= np.where(failed, p.FAILURE_DROP_PER_SEVERITY * severity, 0)
    change -= np.where(delayed, p.DELAY_DROP, 0)
    change -= np.where(fallen, p.SUPPLIER_CANCELLATION_DROP, 0)

    speaks_up = np.where(failed, p.COMPLAINS_AFTER_FAILURE * (0.5 + severity / 5), 0)
    speaks_up = np.where(delayed, p.COMPLAINS_AFTER_DELAY, speaks_up)
    speaks_up = np.where(fallen, p.COMPLAINS_AFTER_SUPPLIER_CANCELLATION, speaks_up)
    complains = draw[:, 2] < speaks_up
    about = ended[complains]
    ticket = _tickets(
        rng,
        calendar,
        customer=customers[complains],
        opened_at=np.minimum(
            about["fate_at"].to_numpy() + (rng.exponential(1.2, len(about)) * 86_400).astype(np.int64),
            calendar.ends_at - 1,
        ),
        category=np.where(fallen[complains], "cancellation_refund", "service_quality").astype(object),
        severity=severity[complains],
        trip=about["trip"].to_numpy(),
        is_complaint=True,
    )
    experience.tickets.append(ticket)
    resolution = ticket["resolution"].to_numpy()
    change[complains] += np.select(
        [resolution == "rejected", resolution == "open", np.isin(resolution, ("compensated", "refunded"))],
        [-p.REJECTED_DROP, -p.UNANSWERED_DROP, p.COMPENSATED_GAIN],
        0.0,
    )
    state.last_complaint_month[customers[complains]] = month
    np.add.at(state.satisfaction, customers, change)
    np.clip(state.satisfaction, 0.02, 0.98, out=state.satisfaction)
    happened = ended[["trip", "customer", "fate_at"]].assign(
        severity=severity,
        satisfaction=state.satisfaction[customers],
        is_fading=np.isin(state.phase[customers], (FADING,)),
    )
    experience.outcomes.append(happened[fate != BY_CUSTOMER])
    experience.tickets.append(_other_tickets(month, people, state, calendar, streams["questions"]))


def _other_tickets(month, people, state, calendar, rng) -> pd.DataFrame:
    """Complaints about price, failed payments, and plain questions, not tied to a trip."""
    n = len(state.phase)
    draw, moment = rng.random((n, 2)), rng.random(n)
    here = np.isin(state.phase, (ACTIVE, FADING))
    over_price = (state.phase == FADING) & np.isin(state.cause, (1, 2))
    price_chance = np.where(over_price, p.PRICE_COMPLAINT_WHEN_FADING, p.PRICE_COMPLAINT_BASE)
    price = here & (draw[:, 0] < price_chance)
    question = here & ~price & (draw[:, 1] < p.QUESTION_PER_MONTH)
    who = np.concatenate([np.flatnonzero(price), np.flatnonzero(question)])
    is_complaint = np.arange(len(who)) < price.sum()
    kinds = np.array(["information", "payment", "other"], dtype=object)[
        pick(rng, (0.6, 0.25, 0.15), len(who))
    ]
    start = np.maximum(calendar.month_starts[month] * 86_400, people.registered_at[who] + 1_200)
    room = np.maximum(calendar.month_starts[month + 1] * 86_400 - 1 - start, 0)
    return _tickets(
        rng,
        calendar,
        customer=who,
        opened_at=start + (moment[who] * room).astype(np.int64),
        category=np.where(is_complaint, "price", kinds).astype(object),
        severity=np.where(is_complaint, 1 + pick(rng, (0.5, 0.4, 0.1), len(who)), 1),
        trip=np.full(len(who), -1),
        is_complaint=is_complaint,
    )


def _tickets(rng, calendar, customer, opened_at, category, severity, trip, is_complaint) -> pd.DataFrame:
    """Tickets with their handling; what would come after the end of the history has not happened yet."""
    size = len(customer)
    is_complaint = np.broadcast_to(is_complaint, size)
    median, sigma = p.FIRST_RESPONSE_HOURS
    answered_at = opened_at + (rng.lognormal(np.log(median), sigma, size) * 3_600).astype(np.int64)
    median, sigma = p.RESOLUTION_DAYS
    resolved_at = answered_at + (rng.lognormal(np.log(median), sigma, size) * 86_400).astype(np.int64)
    resolution = _RESOLUTIONS[pick(rng, list(p.RESOLUTIONS.values()), size)]
    resolution = np.where(is_complaint, resolution, "resolved")
    resolution = np.where(resolved_at >= calendar.ends_at, "open", resolution)
    never_answered = (resolution == "open") & (rng.random(size) < 0.3)
    return pd.DataFrame(
        {
            "customer": customer,
            "trip": trip,
            "opened_at": opened_at,
            "first_response_at": np.where(
                never_answered | (answered_at >= calendar.ends_at), -1, answered_at
            ),
            "resolved_at": np.where(resolution == "open", -1, resolved_at),
            "channel": _TICKET_CHANNELS[pick(rng, (0.3, 0.25, 0.12, 0.13, 0.2), size)],
            "is_complaint": is_complaint,
            "category": category,
            "severity": severity,
            "resolution": resolution,
        }
    )


#: Probability of an answer after a trip, by kind of survey.
_ASKED = {"csat": 0.17, "nps": 0.09, "servqual": 0.04, "review": 0.09}


def surveys(outcomes: pd.DataFrame, calendar: Calendar, streams: Streams) -> pd.DataFrame:
    """Answers after trips: noisy readings of satisfaction; those who are leaving answer half as often.

    Returns:
        One row per answer: customer, trip, responded_at (epoch s), survey_type, touchpoint, score,
        expectation_score, perception_score (NaN outside servqual), satisfaction.
    """
    rng, parts = streams["surveys"], []
    for kind, share in _ASKED.items():
        draw = rng.random(len(outcomes))
        # The delighted and the angry answer more often than those in between.
        keen = 0.7 + 1.2 * np.abs(outcomes["satisfaction"].to_numpy() - 0.6)
        answers = outcomes[draw < share * keen * np.where(outcomes["is_fading"], 0.5, 1.0)]
        felt = answers["satisfaction"].to_numpy() - 0.05 * answers["severity"].to_numpy()
        noisy = felt + rng.normal(0, 0.13, len(answers))
        perceived = np.clip(np.round((1 + 4 * (noisy + 0.10)) * 2) / 2, 1, 5)
        expected = np.clip(np.round(rng.normal(4.1, 0.5, len(answers)) * 2) / 2, 1, 5)
        is_servqual = kind == "servqual"
        score = np.round(11 * noisy + 0.4).clip(0, 10) if kind == "nps" else np.round(perceived).clip(1, 5)
        responded_at = answers["fate_at"].to_numpy() + (rng.exponential(3.0, len(answers)) * 86_400).astype(
            int
        )
        parts.append(
            pd.DataFrame(
                {
                    "customer": answers["customer"].to_numpy(),
                    "trip": answers["trip"].to_numpy(),
                    "responded_at": responded_at // 86_400 * 86_400 + clock(rng, len(answers)) + 86_400,
                    "survey_type": kind,
                    "touchpoint": "after",
                    "score": perceived if is_servqual else score,
                    "expectation_score": expected if is_servqual else np.nan,
                    "perception_score": perceived if is_servqual else np.nan,
                    "satisfaction": noisy,
                }
            )
        )
    found = pd.concat(parts, ignore_index=True)
    return found[found["responded_at"] < calendar.ends_at]
