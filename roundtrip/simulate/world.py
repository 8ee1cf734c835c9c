"""The world: everybody's hidden state, lived one month at a time."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from roundtrip.simulate import (
    actions,
    campaigns,
    effects,
    leaving,
    loyalty,
    registration,
    service,
    trips,
    web,
)
from roundtrip.simulate.bookings import booking_lines, is_known_at
from roundtrip.simulate.dice import Dice
from roundtrip.simulate.holidays import Calendar, make_calendar
from roundtrip.simulate.market import Market, make_market
from roundtrip.simulate.parameters import Parameters
from roundtrip.simulate.people import Arrivals, People, make_people
from roundtrip.simulate.state import ERASED, State, start


@dataclass(frozen=True)
class Month:
    """What happened in one month, in codes.

    Attributes:
        people, state: views of all who are registered at its end; the state is that of the month's end.
        phase, satisfaction, cause, hazard: as they stood during the month, before its end; (n,), hazard by
            cause (n, causes).  return_chance: of the gone, at the month's end.
        newcomers, second_accounts, moved: people.
        lines: booking lines made in the month.  over: lines that became known to be over in it.
        tickets, answers: opened or given in the month.  handled: earlier tickets that moved on in it.
        visits, entries, touches: web events, points and campaign touches.
        approaches: campaigns.  unsubscribed, erasures: people and epoch seconds.
        effects: of each touch, in the order of `touches`: return and value.
        turns: what changed for whom: (people, word, cause codes or None).
    """

    month: int
    people: People
    state: State
    phase: np.ndarray
    satisfaction: np.ndarray
    cause: np.ndarray
    hazard: np.ndarray
    return_chance: np.ndarray
    wish: np.ndarray
    newcomers: np.ndarray
    second_accounts: np.ndarray
    moved: np.ndarray
    lines: pd.DataFrame
    over: pd.DataFrame
    tickets: pd.DataFrame
    handled: pd.DataFrame
    answers: pd.DataFrame
    visits: pd.DataFrame
    entries: pd.DataFrame
    approaches: list[campaigns.Approach]
    touches: pd.DataFrame
    effects: pd.DataFrame
    unsubscribed: tuple[np.ndarray, np.ndarray]
    erasures: tuple[np.ndarray, np.ndarray]
    turns: list[tuple[np.ndarray, str, np.ndarray | None]]


@dataclass
class Open:
    """What is to come: lines not known to be over, tickets not opened or closed, answers not given."""

    lines: pd.DataFrame
    tickets: pd.DataFrame
    answers: pd.DataFrame


@dataclass(frozen=True)
class SoFar:
    """A world's past, as far as its future depends on it."""

    lived: int
    people: People
    state: State
    open: Open


class World:
    """A company's customers and what they hide, after `lived` months.

    Args:
        customers: people who register within the first `months`; later ones come at the same pace.
        first_month: the first month of the history.
        so_far: where to go on from; None begins with the first month.

    Attributes:
        dice: replace them to throw other dice from now on (for expectations over futures).
    """

    def __init__(
        self,
        p: Parameters,
        customers: int,
        months: int,
        seed: int,
        first_month: np.datetime64,
        so_far: "SoFar | None" = None,
    ):
        self.p, self.customers, self.months, self.seed = p, customers, months, seed
        self.first_month = first_month
        self.dice = Dice(seed)
        self.arrivals = Arrivals(p, customers, months)
        planned = int(months * p.company.plan_share_of_history)
        self.plan_starts = months - min(planned, p.company.plan_months_at_most)
        if so_far:
            self.lived, self.people, self.state, self.open = (
                so_far.lived,
                so_far.people,
                so_far.state,
                so_far.open,
            )
            self.reach(max(months, so_far.lived))
            return
        self.lived = 0
        self.reach(months)
        self.people = make_people(
            p, self.calendar, self.arrivals, self.dice, 0, self._registered_until(months)
        )
        self.state = start(p, self.people, self.dice)
        self.open = Open(pd.DataFrame(), pd.DataFrame(), pd.DataFrame())

    def reach(self, months: int) -> None:
        """Make calendar and market reach `months` months."""
        self.calendar: Calendar = make_calendar(self.first_month, months)
        self.market: Market = make_market(self.p, self.calendar, Dice(self.seed))

    def _registered_until(self, months: int) -> int:
        return int(self.arrivals.until(months)[-1])

    def welcome(self) -> None:
        """Make room for those who register in the next month, beyond the history that was planned."""
        known, wanted = len(self.people), self._registered_until(self.lived + 1)
        if wanted <= known:
            return
        newcomers = make_people(self.p, self.calendar, self.arrivals, Dice(self.seed), known, wanted)
        theirs = start(self.p, newcomers, Dice(self.seed), known)
        self.people, self.state = self.people.joined_by(newcomers), self.state.joined_by(theirs)

    def live(self, orders: pd.DataFrame | None = None, with_visits: bool = True) -> Month:
        """Advance everybody by a month.

        Args:
            orders: what to do to whom (see campaigns.ordered); None lets the scripted company act.
            with_visits: False leaves the web events out, which change nothing in anybody.
        """
        p, month, calendar, market, dice = self.p, self.lived, self.calendar, self.market, self.dice
        self.welcome()
        registered = self._registered_until(month + 1)
        people, state = self.people.first(registered), self.state.first(registered)
        is_erased = state.phase == ERASED
        newcomers = registration.register(p, month, people, state, dice)
        second = registration.open_second_accounts(month, people, state)
        moved = registration.move_house(p, month, people, state, dice)
        changed = leaving.live_events(p, month, people, state, dice)
        dropped = trips.drop_lines(p, month, people, state, dice)

        approaches = (
            campaigns.planned(p, month, self.plan_starts, people, state, calendar, dice)
            if orders is None
            else campaigns.ordered(orders, month, state, calendar, dice)
        )
        touches, truth, put_off, stayed = self._approach(approaches, people, state)
        booked = trips.book_month(p, month, people, state, calendar, market, dice)
        np.add.at(state.discounted_trips, booked["person"].to_numpy(), booked["has_campaign"].to_numpy())
        lines = booking_lines(p, booked, people, state, calendar)
        usual = lines["is_main"] & (lines["discount"] > 0) & ~lines["has_campaign"]
        np.add.at(state.discounted_trips, lines.loc[usual, "person"].to_numpy(), 1)

        starts, ends = calendar.start_of(month), calendar.start_of(month + 1)
        going = _together(self.open.lines, lines)
        fate_at = going["fate_at"].to_numpy()
        ended = going[(fate_at >= starts) & (fate_at < ends)]
        over = is_known_at(going, ends)
        self.open.lines = going[~over]
        tickets, answers = service.live_through(p, month, ended[ended["is_main"]], people, state, market)
        tickets = _together(tickets, service.other_tickets(p, month, people, state, calendar, dice))
        opened, handled = self._tickets(tickets, starts, ends)
        given = self._answers(answers, ends)

        stops = leaving.unsubscribe(p, month, people, state, calendar, dice)
        stops = tuple(np.concatenate(pair) for pair in zip(put_off, stops, strict=True))
        visits = pd.DataFrame()
        if with_visits:
            visits = web.events(p, month, people, state, booked, stops, calendar, dice)
        entries = loyalty.month_entries(p, month, booked, ended, people, state, calendar, dice)

        hazard = leaving.hazards(p, month, people, state, market)
        before = (state.phase.copy(), state.satisfaction.copy(), state.cause.copy())
        erasures = leaving.ask_for_erasure(p, month, state, calendar, dice)
        comes_back = leaving.return_chance(p, month, state)
        end = leaving.end_month(p, month, hazard, comes_back, state, dice)
        self.lived += 1

        def heard(frame: pd.DataFrame) -> pd.DataFrame:
            return frame[~is_erased[frame["person"].to_numpy(int)]] if len(frame) else frame

        return Month(
            month=month,
            people=people,
            state=state,
            phase=before[0],
            satisfaction=before[1],
            cause=before[2],
            hazard=hazard,
            return_chance=comes_back,
            wish=actions.in_force(state, month).wish,
            newcomers=newcomers,
            second_accounts=second,
            moved=moved,
            lines=lines,
            over=heard(going[over]),
            tickets=heard(opened),
            handled=heard(handled),
            answers=heard(given),
            visits=visits,
            entries=entries,
            approaches=approaches,
            touches=touches,
            effects=truth,
            unsubscribed=stops,
            erasures=erasures,
            turns=[
                (changed, "life_event", None),
                (dropped, "dropped_a_line", None),
                (stayed, "stayed", state.cause[stayed]),
                (end.decided, "decided_to_leave", state.cause[end.decided]),
                (end.left, "left", state.cause[end.left]),
                (end.returned, "returned", state.cause[end.returned]),
            ],
        )

    def _approach(self, approaches, people, state):
        """Touches of all approaches, their true effects, who was put off and when, and who stayed."""
        p, month, calendar, market, dice = self.p, self.lived, self.calendar, self.market, self.dice
        touches, truth, put_off, stayed = [], [], [], []
        for each in approaches:
            found = effects.true_effects(
                p, month, each.who, [each.action], people, state, calendar, market, dice
            )
            touches.append(campaigns.touch_rows(p, month, each, state, calendar, dice))
            truth.append(_effects_of(touches[-1]["touch_id"].to_numpy(), each, found[each.action]))
            treated = np.unique(each.who[each.is_treated])
            done = actions.act(p, month, treated, each.action, people, state, dice)
            leaving.stay(state, done["stayed"])
            stayed.append(done["stayed"])
            put_off.append(done["unsubscribed"])
        who = np.unique(np.concatenate([np.zeros(0, dtype=np.int64), *put_off]))
        moment = (
            calendar.start_of(month)
            + 4 * 86_400
            + (dice.unit("put off", month, who) * 5 * 86_400).astype(np.int64)
        )
        return (
            _together(*touches, pd.DataFrame()),
            _together(*truth, _NO_EFFECTS),
            (who, moment),
            np.concatenate([np.zeros(0, dtype=np.int64), *stayed]),
        )

    def _tickets(self, new: pd.DataFrame, starts: int, ends: int) -> tuple[pd.DataFrame, pd.DataFrame]:
        going = _together(self.open.tickets, new)
        opened_at = going["opened_at"].to_numpy()
        steps = going[["first_response_at", "resolved_at"]].to_numpy()
        moved_on = ((steps >= starts) & (steps < ends)).any(axis=1)
        self.open.tickets = going[(opened_at >= ends) | (steps >= ends).any(axis=1)]
        opened = going[(opened_at >= starts) & (opened_at < ends)]
        handled = going[(opened_at < starts) & moved_on]
        return (
            part.sort_values(["opened_at", "ticket"], kind="stable", ignore_index=True)
            for part in (opened, handled)
        )

    def _answers(self, new: pd.DataFrame, ends: int) -> pd.DataFrame:
        going = _together(self.open.answers, new)
        is_given = going["responded_at"].to_numpy() < ends
        self.open.answers = going[~is_given]
        return going[is_given].sort_values(["responded_at", "response"], kind="stable", ignore_index=True)


def _effects_of(touch_id: np.ndarray, approach: campaigns.Approach, found: effects.Outlook) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "touch_id": touch_id,
            "person": approach.who,
            "action": np.full(len(touch_id), approach.action),
            "is_treated": approach.is_treated,
            "effect_on_return": found.returns,
            "effect_on_value": found.value,
        }
    )


_NOBODY = np.zeros(0, dtype=np.int64)
_NO_EFFECTS = _effects_of(
    _NOBODY,
    campaigns.Approach("", "", 0, _NOBODY, _NOBODY, _NOBODY.astype(bool), _NOBODY),
    effects.Outlook(_NOBODY.astype(float), _NOBODY.astype(float)),
)


def _together(*frames: pd.DataFrame) -> pd.DataFrame:
    filled = [frame for frame in frames if len(frame)]
    if not filled:
        return frames[-1] if frames else pd.DataFrame()
    return pd.concat(filled, ignore_index=True) if len(filled) > 1 else filled[0].reset_index(drop=True)
