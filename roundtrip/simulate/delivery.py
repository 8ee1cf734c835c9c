"""What a company's systems hand over of a month: the contract's tables, in codes (see write.py)."""

import numpy as np
import pandas as pd

from roundtrip.contract import source_contract
from roundtrip.simulate import bookings, campaigns, registration, service
from roundtrip.simulate import dice as dice_of
from roundtrip.simulate.accounts import account_number, scramble_id
from roundtrip.simulate.codes import named
from roundtrip.simulate.dice import unit
from roundtrip.simulate.texts import STYLES, write_texts
from roundtrip.simulate.world import Month, World

_CHINESE_WRITE_ENGLISH = 0.03
_LANGUAGES = ("zh-CN", "en")
_IDS = ("booking_id", "event_id", "ticket_id", "response_id", "entry_id", "touch_id", "request_id")


def tables(world: World, month: Month, known_until: int, with_updates: bool) -> dict[str, pd.DataFrame]:
    """Every table of the contract with what is delivered after a month.

    Args:
        known_until: epoch second; bookings and tickets are handed over as they stand then.
        with_updates: hand over again what was delivered before and has moved on in the month.
    """
    made = {
        "customers": _customers(world, month),
        "bookings": _bookings(month, known_until, with_updates, world),
        "web_events": _of_account(month.visits),
        "support_tickets": _tickets(world, month, known_until, with_updates),
        "surveys": _surveys(world, month),
        "loyalty_ledger": _of_account(month.entries.assign(copy=0)),
        "campaigns": campaigns.campaign_rows(world.p, month.month, month.approaches, world.calendar),
        "campaign_touches": _touches(month),
        "consents": _consents(world, month),
        "erasure_requests": _erasures(month),
        "market": world.market.rows(month.month, world.calendar),
    }
    for name, frame in made.items():
        key = source_contract()[name].columns[0].name
        if key in _IDS and len(frame):
            frame[key] = scramble_id(frame[key].to_numpy())
        if name in ("support_tickets", "surveys") and len(frame):
            about = frame["booking_id"].to_numpy()
            frame["booking_id"] = np.where(about >= 0, scramble_id(np.maximum(about, 0)), -1)
    return made


def _of_account(frame: pd.DataFrame) -> pd.DataFrame:
    account = account_number(frame["person"].to_numpy(np.int64), frame["copy"].to_numpy(np.int64))
    return frame.drop(columns=["person", "copy"]).assign(customer_id=account)


def _accounts(frame: pd.DataFrame) -> np.ndarray:
    return account_number(frame["person"].to_numpy(np.int64), frame["copy"].to_numpy(np.int64))


def _customers(world: World, month: Month) -> pd.DataFrame:
    """Newcomers and second accounts; and both accounts of those who moved, once more."""
    people, state, calendar, dice = month.people, month.state, world.calendar, world.dice
    new, second, moved = month.newcomers, month.second_accounts, month.moved
    moved_twice = moved[people.second_month[moved] < month.month]
    who = np.concatenate([new, second, moved, moved_twice])
    copy = np.repeat([0, 1, 0, 1], [len(new), len(second), len(moved), len(moved_twice)])
    opened = registration.second_registered_at(
        who, people.second_month[who].clip(0, month.month), calendar, dice
    )
    registered_at = np.where(copy == 1, opened, people.registered_at[who])
    room = calendar.start_of(month.month + 1) - calendar.start_of(month.month) - 1
    moved_at = calendar.start_of(month.month) + (dice.unit("moved at", month.month, who) * room).astype(
        np.int64
    )
    is_update = np.arange(len(who)) >= len(new) + len(second)
    updated_at = np.where(is_update, moved_at, registered_at)
    rows = registration.customer_rows(world.p, people, state, who, copy, registered_at, updated_at, dice)
    return rows.sort_values(["updated_at", "customer_id"], kind="stable", ignore_index=True)


def _bookings(month: Month, known_until: int, with_updates: bool, world: World) -> pd.DataFrame:
    parts = [month.lines]
    if with_updates:
        earlier = month.over["booked_at"].to_numpy() < world.calendar.start_of(month.month)
        parts.insert(0, month.over[earlier])
    parts = [part for part in parts if len(part)] or parts[:1]
    rows = pd.concat(parts, ignore_index=True)
    return bookings.as_of(rows, _accounts(rows), known_until)


def _tickets(world: World, month: Month, known_until: int, with_updates: bool) -> pd.DataFrame:
    parts = [part for part in ([month.handled] if with_updates else []) + [month.tickets] if len(part)]
    rows = pd.concat(parts, ignore_index=True) if parts else month.tickets
    if rows.empty:
        return pd.DataFrame(columns=source_contract()["support_tickets"].column_names)
    frame = service.tickets_as_of(rows, _accounts(rows), known_until)
    style = np.full(len(frame), STYLES.index("ticket"), dtype=np.int8)
    return _with_texts(frame, rows, style, np.ones(len(frame), dtype=bool), month)


def _surveys(world: World, month: Month) -> pd.DataFrame:
    rows = month.answers
    if rows.empty:
        return pd.DataFrame(columns=source_contract()["surveys"].column_names)
    frame = service.surveys_as_delivered(rows, _accounts(rows))
    is_review = (frame["survey_type"] == "review").to_numpy()
    style = np.where(is_review, STYLES.index("review"), STYLES.index("comment")).astype(np.int8)
    return _with_texts(frame, rows, style, rows["writes"].to_numpy(), month)


def _with_texts(frame: pd.DataFrame, rows: pd.DataFrame, style: np.ndarray, writes: np.ndarray, month: Month):
    """What they write, in their language; nothing where they do not write."""
    who, key = rows["person"].to_numpy(), dice_of.split(rows["key"].to_numpy(), 50)
    is_chinese = month.people.speaks_chinese[who] & (unit(key, 0) >= _CHINESE_WRITE_ENGLISH)
    text = np.full(len(frame), None, dtype=object)
    mood, topic = frame.pop("mood").to_numpy(), frame.pop("topic").to_numpy()
    text[writes] = write_texts(
        key[writes], mood[writes], topic[writes], is_chinese[writes],
        rows["destination"].to_numpy()[writes], rows["line"].to_numpy()[writes], style[writes],
    )  # fmt: skip
    language = named(np.where(writes, np.where(is_chinese, 0, 1), -1), _LANGUAGES)
    return frame.assign(text=text, language=language)


def _touches(month: Month) -> pd.DataFrame:
    if month.touches.empty:
        return pd.DataFrame(columns=source_contract()["campaign_touches"].column_names)
    touches = month.touches.sort_values(["assigned_at", "touch_id"], kind="stable", ignore_index=True)
    return _of_account(touches)


def _consents(world: World, month: Month) -> pd.DataFrame:
    people, state, p = month.people, month.state, world.p
    new, second = month.newcomers, month.second_accounts
    at = registration.second_registered_at(
        second, people.second_month[second].astype(int), world.calendar, world.dice
    )
    who, moment = month.unsubscribed
    frames = [
        registration.consents_at_start(
            p, new, np.zeros_like(new), people.registered_at[new], state, world.dice
        ),
        registration.consents_at_start(p, second, np.ones_like(second), at, state, world.dice),
        registration.consents_taken_back(p, who, moment),
    ]
    found = pd.concat(frames, ignore_index=True)
    return found.sort_values(["changed_at", "customer_id", "purpose"], kind="stable", ignore_index=True)


def _erasures(month: Month) -> pd.DataFrame:
    """One request an account: who asks to be forgotten means all of it."""
    who, moment = month.erasures
    twice = np.flatnonzero(month.people.second_month[who] <= month.month)
    person = np.concatenate([who, who[twice]])
    copy = np.repeat([0, 1], [len(who), len(twice)])
    return pd.DataFrame(
        {
            "request_id": person.astype(np.int64) * 1_000_000 + month.month * 1_000 + copy,
            "customer_id": account_number(person.astype(np.int64), copy),
            "requested_at": np.concatenate([moment, moment[twice] + 60]),
        }
    ).sort_values(["requested_at", "request_id"], kind="stable", ignore_index=True)
