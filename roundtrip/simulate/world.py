"""The world, month by month, and the tables that a company would have kept of it."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from roundtrip.simulate import bookings as booking_tables
from roundtrip.simulate import campaigns as campaign_tables
from roundtrip.simulate import consents as consent_tables
from roundtrip.simulate import loyalty, parameters, service, web
from roundtrip.simulate.holidays import Calendar, make_calendar
from roundtrip.simulate.leaving import Departures, end_month, hazards, unsubscribe
from roundtrip.simulate.market import Market, make_market
from roundtrip.simulate.people import People, make_people
from roundtrip.simulate.places import CHINESE_NAMES, NAMES
from roundtrip.simulate.randomness import Streams
from roundtrip.simulate.state import PROSPECT, UNREGISTERED, State, start
from roundtrip.simulate.texts import write_texts
from roundtrip.simulate.trips import book_month, drop_lines


@dataclass
class History:
    """A finished world.

    Attributes:
        trips: every trip, numbered by its `trip` column, which equals the row.
        phase, satisfaction, hazard, fade_left, cause: by month; shape (months, customers).
        hazard: the probability of deciding to leave in the month, before the draw.
        unsubscribed: (customers, epoch seconds).
    """

    calendar: Calendar
    people: People
    market: Market
    streams: Streams
    state: State
    trips: pd.DataFrame
    experience: service.Experience
    campaigns: campaign_tables.Campaigns
    departures: Departures
    reachable_at_start: np.ndarray
    phase: np.ndarray
    satisfaction: np.ndarray
    hazard: np.ndarray
    fade_left: np.ndarray
    cause: np.ndarray
    unsubscribed: tuple[np.ndarray, np.ndarray]


def run(customers: int, months: int, seed: int, progress=None) -> History:
    """Advance the world month by month; `progress(done, total)` is called after each."""
    streams = Streams(seed)
    calendar = make_calendar(months)
    people, market = make_people(customers, calendar, streams), make_market(calendar, streams)
    state = start(people, streams)
    shape = (months, customers)
    history = History(
        calendar=calendar,
        people=people,
        market=market,
        streams=streams,
        state=state,
        trips=pd.DataFrame(),
        experience=service.Experience(),
        campaigns=campaign_tables.Campaigns(),
        departures=Departures(),
        reachable_at_start=state.is_reachable.copy(),
        phase=np.zeros(shape, dtype=np.int8),
        satisfaction=np.zeros(shape, dtype=np.float32),
        hazard=np.zeros(shape, dtype=np.float32),
        fade_left=np.zeros(shape, dtype=np.int8),
        cause=np.full(shape, -1, dtype=np.int8),
        unsubscribed=(np.array([], dtype=int), np.array([], dtype=np.int64)),
    )
    booked: list[pd.DataFrame] = []
    ending: list[list[pd.DataFrame]] = [[] for _ in range(months)]
    stops: list[tuple] = []
    count = 0
    for month in range(months):
        state.phase[(people.registered_month == month) & (state.phase == UNREGISTERED)] = PROSPECT
        drop_lines(month, state, streams)
        campaign_tables.run_month(month, people, state, calendar, streams, history.campaigns)
        trips = book_month(month, people, state, calendar, market, streams)
        trips.insert(0, "trip", np.arange(count, count + len(trips)))
        count += len(trips)
        booked.append(trips)
        over_in = calendar.month_of(trips["fate_at"].to_numpy() // 86_400)
        for later in np.unique(over_in[over_in < months]):
            ending[later].append(trips[over_in == later])
        ended = pd.concat(ending[month], ignore_index=True) if ending[month] else trips.head(0)
        service.live_through(month, ended, people, state, calendar, market, streams, history.experience)
        stops.append(unsubscribe(month, people, state, calendar, streams))

        history.phase[month] = state.phase
        history.satisfaction[month] = state.satisfaction
        history.fade_left[month] = state.fade_left
        history.cause[month] = state.cause
        by_cause = hazards(month, people, state, market)
        history.hazard[month] = by_cause.sum(axis=1)
        end_month(month, by_cause, state, calendar, streams, history.departures)
        if progress:
            progress(month + 1, months)
    history.trips = pd.concat(booked, ignore_index=True)
    history.unsubscribed = tuple(np.concatenate(part) for part in zip(*stops, strict=True))
    return history


def tables(h: History) -> dict[str, pd.DataFrame]:
    """All eleven contract tables; times are epoch seconds, dates epoch days, -1 where missing."""
    lines = booking_tables.booking_lines(
        h.trips, h.people, (h.state.dropped_line, h.state.dropped_line_month), h.calendar, h.streams
    )
    bookings = booking_tables.as_delivered(lines, h.people, h.calendar)
    # Tickets and surveys name the first line of the trip.
    booking_of_trip = np.full(len(h.trips), None, dtype=object)
    booking_of_trip[lines["trip"].to_numpy()[::-1]] = bookings["booking_id"].to_numpy()[::-1]

    activity = web.fade_factor(h.phase, h.fade_left)
    requests = consent_tables.erasure_requests(h.people, h.phase, h.state.left_on, h.calendar, h.streams)
    made = {
        "customers": h.people.table,
        "bookings": bookings,
        "web_events": web.events(
            h.people, activity, h.phase, h.cause, h.trips, h.unsubscribed, h.calendar, h.streams
        ),
        "support_tickets": _tickets(h, booking_of_trip),
        "surveys": _surveys(h, booking_of_trip),
        "loyalty_ledger": loyalty.ledger(
            bookings, lines["customer"].to_numpy(), h.phase, h.people, h.calendar, h.streams
        ),
        "campaigns": pd.DataFrame(
            h.campaigns.runs,
            columns=["campaign_id", "name", "started_at", "ended_at", "action", "unit_cost", "currency"],
        ),
        "campaign_touches": _touches(h),
        "consents": consent_tables.consents(h.people, h.reachable_at_start, h.unsubscribed, h.streams),
        "erasure_requests": requests,
        "market": h.market.table(h.calendar),
    }
    occurred = {
        "web_events": "occurred_at",
        "support_tickets": "opened_at",
        "surveys": "responded_at",
        "loyalty_ledger": "occurred_at",
        "campaign_touches": "assigned_at",
        "consents": "changed_at",
    }
    for name, column in occurred.items():
        made[name] = consent_tables.forget(made[name], column, requests)
    numbered = {
        "web_events": ("event_id", "E%09d"),
        "support_tickets": ("ticket_id", "T%07d"),
        "surveys": ("response_id", "S%07d"),
        "loyalty_ledger": ("entry_id", "L%08d"),
        "campaign_touches": ("touch_id", "H%08d"),
        "erasure_requests": ("request_id", "R%05d"),
    }
    for name, (key, pattern) in numbered.items():
        ids = np.char.mod(pattern, np.arange(1, len(made[name]) + 1)).astype(object)
        made[name].insert(0, key, ids)
    return made


def _of_trip(h: History, trip: np.ndarray, values: np.ndarray, otherwise) -> np.ndarray:
    found = values[np.maximum(trip, 0)] if len(values) else np.full(len(trip), otherwise, dtype=object)
    return np.where(trip >= 0, found, otherwise)


def _words(h: History, stream: str, mood, point, customer, trip) -> tuple[np.ndarray, np.ndarray]:
    """(text, language) per row; the place and line are the trip's, or some where there is none."""
    rng = h.streams[stream]
    is_chinese = h.people.speaks_chinese[customer] & (rng.random(len(customer)) < 0.97)
    somewhere = rng.integers(0, len(NAMES), len(customer))
    some_line = rng.integers(0, len(parameters.SERVICE_LINES), len(customer))
    place = _of_trip(h, trip, h.trips["destination"].to_numpy(), -1)
    line = _of_trip(h, trip, h.trips["line"].to_numpy(), -1)
    place = np.where(place < 0, somewhere, place).astype(int)
    line = np.where(line < 0, some_line, line).astype(int)
    text = write_texts(
        rng,
        mood,
        point,
        is_chinese,
        (NAMES[place], CHINESE_NAMES[place]),
        np.array(parameters.SERVICE_LINES, dtype=object)[line],
    )
    return text, np.where(is_chinese, "zh-CN", "en")


def _tickets(h: History, booking_of_trip: np.ndarray) -> pd.DataFrame:
    found = pd.concat(h.experience.tickets, ignore_index=True)
    found = found.sort_values(["opened_at", "customer"], kind="stable", ignore_index=True)
    customer, trip = found["customer"].to_numpy(int), found["trip"].to_numpy(int)
    mood = np.where(found["is_complaint"], "angry", "neutral")
    text, language = _words(h, "ticket texts", mood, found["category"].to_numpy(), customer, trip)
    return found.assign(
        customer_id=h.people.customer_id[customer],
        booking_id=_of_trip(h, trip, booking_of_trip, None),
        is_complaint=found["is_complaint"].astype(bool),
        text=text,
        language=language,
    )


#: Share of answers with words, by kind of survey.
_WRITES = {"review": 1.0, "nps": 0.35, "csat": 0.15, "servqual": 0.0}


def _surveys(h: History, booking_of_trip: np.ndarray) -> pd.DataFrame:
    found = service.surveys(pd.concat(h.experience.outcomes, ignore_index=True), h.calendar, h.streams)
    found = found.sort_values(["responded_at", "customer", "survey_type"], kind="stable", ignore_index=True)
    customer, trip = found["customer"].to_numpy(int), found["trip"].to_numpy(int)
    felt = found["satisfaction"].to_numpy()
    mood = np.select([felt > 0.62, felt > 0.45], ["happy", "neutral"], "angry")
    point = np.select([felt > 0.62, felt > 0.45], ["praise", "mixed"], "service_quality")
    text, language = _words(h, "survey texts", mood, point, customer, trip)
    writes = h.streams["survey words"].random(len(found)) < found["survey_type"].map(_WRITES).to_numpy(float)
    return found.assign(
        customer_id=h.people.customer_id[customer],
        booking_id=_of_trip(h, trip, booking_of_trip, None),
        text=np.where(writes, text, None),
        language=np.where(writes, language, None),
    )


def _touches(h: History) -> pd.DataFrame:
    found = pd.concat(h.campaigns.touches, ignore_index=True)
    return found.assign(customer_id=h.people.customer_id[found["customer"].to_numpy(int)])
