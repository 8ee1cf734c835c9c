"""What happens on trips, what customers say about it, and what that does to their satisfaction."""

import numpy as np
import pandas as pd

from roundtrip.simulate import dice as dice_of
from roundtrip.simulate.codes import named
from roundtrip.simulate.dice import Dice, unit
from roundtrip.simulate.holidays import Calendar, clock
from roundtrip.simulate.market import Market
from roundtrip.simulate.parameters import Parameters
from roundtrip.simulate.people import People
from roundtrip.simulate.state import ACTIVE, FADING, State
from roundtrip.simulate.texts import MOODS, TOPICS
from roundtrip.simulate.trips import BY_CUSTOMER, BY_SUPPLIER, COMPLETED

CATEGORIES = ("service_quality", "price", "cancellation_refund", "information", "payment", "other")
TICKET_CHANNELS = ("phone", "app", "web", "email", "wechat")
RESOLUTIONS = ("resolved", "refunded", "compensated", "rejected", "open")
SURVEY_TYPES = ("csat", "nps", "servqual", "review")
_RESOLVED, _REFUNDED, _COMPENSATED, _REJECTED, _OPEN = range(5)
_SERVICE, _PRICE, _REFUND, _INFORMATION = range(4)


def live_through(
    p: Parameters, month: int, ended: pd.DataFrame, people: People, state: State, market: Market
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Trips that end (or fall) this month: outcome, complaint, its handling, satisfaction afterwards.

    Args:
        ended: the main lines of the trips.

    Returns:
        tickets and survey answers, as they will be in the end; some lie in later months.
    """
    s = p.service
    state.satisfaction += s.forgetting * (s.satisfaction_start - state.satisfaction)
    _feel_prices(p, month, people, state, market)
    who = ended["person"].to_numpy()
    key, fate = dice_of.split(ended["key"].to_numpy(), 400), ended["fate"].to_numpy()
    failed = (fate == COMPLETED) & (unit(key, 0) < s.failure * market.trouble[month])
    delayed = (fate == COMPLETED) & ~failed & (unit(key, 1) < s.delay)
    fallen = fate == BY_SUPPLIER
    severity = np.where(failed, 2 + dice_of.pick(unit(key, 2), (0.45, 0.35, 0.20)), np.where(delayed, 1, 0))
    severity = np.where(fallen, 3 + (unit(key, 2) < 0.4), severity)

    ceiling = s.ceiling - s.ceiling_per_expectation * (people.expectation[who] - 0.62)
    change = np.where(
        (fate == COMPLETED) & (severity == 0),
        s.good_trip_step * (ceiling - state.satisfaction[who]) + 0.03 * dice_of.normal(unit(key, 3)),
        0.0,
    )
    change -= np.where(failed, s.drop_per_severity * severity, 0)
    change -= np.where(delayed, s.delay_drop, 0)
    change -= np.where(fallen, s.supplier_cancellation_drop, 0)

    speaks_up = np.where(failed, s.complains_after_failure * (0.5 + severity / 5), 0)
    speaks_up = np.where(delayed, s.complains_after_delay, speaks_up)
    speaks_up = np.where(fallen, s.complains_after_supplier_cancellation, speaks_up)
    complains = np.flatnonzero(unit(key, 4) < speaks_up)
    tickets = _complaints(p, ended.iloc[complains], key[complains], fallen[complains], severity[complains])
    change[complains] += np.array(
        [0, s.compensated_gain, s.compensated_gain, -s.rejected_drop, -s.unanswered_drop]
    )[tickets["resolution"]]
    state.last_complaint_month[who[complains]] = month
    np.add.at(state.satisfaction, who, change)
    np.clip(state.satisfaction, 0.02, 0.98, out=state.satisfaction)
    answers = _answers(p, ended, key, severity, state)
    return tickets, answers[fate[answers["at"].to_numpy()] != BY_CUSTOMER].drop(columns="at")


def _feel_prices(p: Parameters, month: int, people: People, state: State, market: Market) -> None:
    """A price jump within a quarter costs satisfaction, of those who look at prices."""
    before = market.own_price[max(month - 3, 0)]
    jump = np.maximum(market.own_price[month] - before, 0)[people.region]
    state.satisfaction -= p.service.price_jump_drop / 3 / 0.1 * jump * people.price_sensitivity


def _complaints(
    p: Parameters, about: pd.DataFrame, key: np.ndarray, fallen: np.ndarray, severity: np.ndarray
):
    opened_at = about["fate_at"].to_numpy() + (dice_of.exponential(unit(key, 5), 1.2) * 86_400).astype(
        np.int64
    )
    return _handled(
        p,
        key,
        person=about["person"].to_numpy(),
        copy=about["copy"].to_numpy(),
        ticket=about["booking"].to_numpy() // 10 * 10 + 500,
        booking=about["booking"].to_numpy(),
        opened_at=opened_at,
        category=np.where(fallen, _REFUND, _SERVICE),
        severity=severity,
        is_complaint=np.ones(len(about), dtype=bool),
        destination=about["destination"].to_numpy(),
        line=about["line"].to_numpy(),
    )


def other_tickets(
    p: Parameters, month: int, people: People, state: State, calendar: Calendar, dice: Dice
) -> pd.DataFrame:
    """Complaints about price and payment, and plain questions, not tied to a trip."""
    key = dice.key("questions", month, np.arange(len(state)))
    here = np.isin(state.phase, (ACTIVE, FADING))
    over_price = (state.phase == FADING) & np.isin(state.cause, (1, 2))
    price_chance = np.where(over_price, p.service.price_complaint_while_fading, p.service.price_complaint)
    about_price = here & (unit(key, 0) < price_chance)
    who = np.flatnonzero(about_price | (here & (unit(key, 1) < p.service.question)))
    key, about_price = key[who], about_price[who]
    starts = np.maximum(calendar.start_of(month), people.registered_at[who] + 1_200)
    room = np.maximum(calendar.start_of(month + 1) - 1 - starts, 0)
    category = np.where(about_price, _PRICE, _INFORMATION + dice_of.pick(unit(key, 2), (0.6, 0.25, 0.15)))
    annoys = (category > _INFORMATION) & (unit(key, 9) < p.service.question_is_complaint)
    is_complaint = about_price | annoys
    state.last_complaint_month[who[is_complaint]] = month
    return _handled(
        p,
        key,
        person=who,
        copy=((people.second_month[who] < month) & (unit(key, 8) < p.arrivals.second_account_use)).astype(
            np.int8
        ),
        ticket=who.astype(np.int64) * 1_000_000 + month * 1_000 + np.where(about_price, 900, 901),
        booking=np.full(len(who), -1, dtype=np.int64),
        opened_at=starts + (unit(key, 3) * room).astype(np.int64),
        category=category,
        severity=np.where(is_complaint, 1 + dice_of.pick(unit(key, 4), (0.5, 0.4, 0.1)), 1),
        is_complaint=is_complaint,
        destination=dice_of.pick(unit(key, 6), np.ones(10)),
        line=people.line_weights[who].argmax(axis=1),
    )


def _handled(
    p: Parameters, key: np.ndarray, opened_at: np.ndarray, is_complaint: np.ndarray, **columns
) -> pd.DataFrame:
    """Tickets with their handling; shares of resolutions are those of complaints, questions are answered."""
    first, whole = p.service.first_response_hours, p.service.resolution_days
    answered_at = opened_at + (dice_of.lognormal(unit(key, 20), first.median, first.sigma) * 3_600).astype(
        np.int64
    )
    resolved_at = answered_at + (dice_of.lognormal(unit(key, 21), whole.median, whole.sigma) * 86_400).astype(
        np.int64
    )
    shares = [p.service.resolutions[name] for name in RESOLUTIONS]
    resolution = np.where(is_complaint, dice_of.pick(unit(key, 22), shares), _RESOLVED)
    never_answered = (resolution == _OPEN) & (unit(key, 23) < 0.3)
    return pd.DataFrame(
        {
            **columns,
            "key": key,
            "opened_at": opened_at,
            "first_response_at": np.where(never_answered, -1, answered_at),
            "resolved_at": np.where(resolution == _OPEN, -1, resolved_at),
            "channel": dice_of.pick(unit(key, 24), (0.3, 0.25, 0.12, 0.13, 0.2)),
            "is_complaint": is_complaint,
            "resolution": resolution,
        }
    )


def tickets_as_of(tickets: pd.DataFrame, account: np.ndarray, known_until: int) -> pd.DataFrame:
    """The contract's `support_tickets` as they stand at an epoch second, with codes for their texts."""
    answered_at, resolved_at = tickets["first_response_at"].to_numpy(), tickets["resolved_at"].to_numpy()
    is_resolved = (resolved_at >= 0) & (resolved_at < known_until)
    is_complaint = tickets["is_complaint"].to_numpy()
    category = tickets["category"].to_numpy()
    return pd.DataFrame(
        {
            "ticket_id": tickets["ticket"].to_numpy(),
            "customer_id": account,
            "booking_id": tickets["booking"].to_numpy(),
            "opened_at": tickets["opened_at"].to_numpy(),
            "first_response_at": np.where(answered_at < known_until, answered_at, -1),
            "resolved_at": np.where(is_resolved, resolved_at, -1),
            "channel": named(tickets["channel"].to_numpy(), TICKET_CHANNELS),
            "is_complaint": is_complaint,
            "category": named(category, CATEGORIES),
            "severity": tickets["severity"].to_numpy(),
            "resolution": named(np.where(is_resolved, tickets["resolution"].to_numpy(), _OPEN), RESOLUTIONS),
            "mood": np.where(is_complaint, MOODS.index("angry"), MOODS.index("neutral")).astype(np.int8),
            "topic": category.astype(np.int8),
        }
    )


def _answers(
    p: Parameters, ended: pd.DataFrame, key: np.ndarray, severity: np.ndarray, state: State
) -> pd.DataFrame:
    """Answers after trips: noisy readings of satisfaction; those who are leaving answer half as often."""
    who = ended["person"].to_numpy()
    satisfaction = state.satisfaction[who]
    # The delighted and the angry answer more often than those in between.
    keen = (0.7 + 1.2 * np.abs(satisfaction - 0.6)) * np.where(state.phase[who] == FADING, 0.5, 1.0)
    parts = []
    for kind, name in enumerate(SURVEY_TYPES):
        each = dice_of.split(key, 30 + kind)
        at = np.flatnonzero(unit(each, 0) < p.service.asked[name] * keen)
        each, rows = each[at], ended.iloc[at]
        noisy = satisfaction[at] - 0.05 * severity[at] + 0.13 * dice_of.normal(unit(each, 1))
        # What is written for everybody to see is kinder than what the company is told.
        kinder = 0.28 if name == "review" else 0.14
        perceived = np.clip(np.round((1 + 4 * (noisy + kinder)) * 2) / 2, 1, 5)
        expected = np.clip(np.round((4.1 + 0.5 * dice_of.normal(unit(each, 2))) * 2) / 2, 1, 5)
        is_servqual = name == "servqual"
        score = np.round(11 * noisy + 0.8).clip(0, 10) if name == "nps" else np.round(perceived).clip(1, 5)
        later = (dice_of.exponential(unit(each, 3), 3.0)).astype(np.int64) + 1
        day = rows["fate_at"].to_numpy() // 86_400 + later
        parts.append(
            pd.DataFrame(
                {
                    "at": at,
                    "person": who[at],
                    "copy": rows["copy"].to_numpy(),
                    "response": rows["booking"].to_numpy() // 10 * 10 + kind,
                    "booking": rows["booking"].to_numpy(),
                    "key": each,
                    "responded_at": day * 86_400 + clock(unit(each, 4)),
                    "survey_type": np.full(len(at), kind, dtype=np.int8),
                    "score": perceived if is_servqual else score,
                    "expectation_score": expected if is_servqual else np.full(len(at), np.nan),
                    "perception_score": perceived if is_servqual else np.full(len(at), np.nan),
                    "felt": noisy,
                    "writes": unit(each, 5) < p.service.writes[name],
                    "destination": rows["destination"].to_numpy(),
                    "line": rows["line"].to_numpy(),
                }
            )
        )
    return pd.concat(parts, ignore_index=True)


def surveys_as_delivered(answers: pd.DataFrame, account: np.ndarray) -> pd.DataFrame:
    """The contract's `surveys`, with codes for their texts."""
    felt = answers["felt"].to_numpy()
    mood = np.select(
        [felt > 0.62, felt > 0.45], [MOODS.index("happy"), MOODS.index("neutral")], MOODS.index("angry")
    )
    topic = np.select([felt > 0.62, felt > 0.45], [TOPICS.index("praise"), TOPICS.index("mixed")], _SERVICE)
    return pd.DataFrame(
        {
            "response_id": answers["response"].to_numpy(),
            "customer_id": account,
            "booking_id": answers["booking"].to_numpy(),
            "responded_at": answers["responded_at"].to_numpy(),
            "survey_type": named(answers["survey_type"].to_numpy(), SURVEY_TYPES),
            "touchpoint": named(np.zeros(len(answers), dtype=np.int8), ["after"]),
            "score": answers["score"].to_numpy(),
            "expectation_score": answers["expectation_score"].to_numpy(),
            "perception_score": answers["perception_score"].to_numpy(),
            "mood": mood.astype(np.int8),
            "topic": topic.astype(np.int8),
        }
    )
