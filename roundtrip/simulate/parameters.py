"""The numbers the simulated world runs on: their shape, their limits, and how they are read.

Values, and the meaning of each, stand in parameters.yml beside this file; the attributes here have the names
of its keys. A mapping by name (lines, channels, resolutions …) is a dict in the order of the constants below
whatever order a file has, so that no result depends on the order of keys.
"""

import calendar
from datetime import date
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Literal

import yaml
from pydantic import AfterValidator, Field, ValidationError, model_validator

from roundtrip.simulate.holidays import FIRST_MONTH, LAST_MONTH
from roundtrip.simulate.parameter_file import ParameterFile, overlay, problems, refuse
from roundtrip.simulate.parameter_types import (
    Change,
    MonthNumber,
    Months,
    Part,
    Positive,
    Rate,
    Share,
    Year,
    by,
    check_at_most_one,
    check_sum,
    range_of,
    some_of,
    that_add_up,
    that_weigh,
)

# Enumerations of the source contract, in its order.
SERVICE_LINES = ("flight", "hotel", "package", "rail", "car", "activity", "cruise", "insurance")
BOOKING_CHANNELS = ("web", "app", "mini_program", "phone", "store", "partner")
ACTIONS = ("discount", "points_bonus", "upgrade", "service_recovery", "care_call", "content")
ACQUISITION_CHANNELS = ("direct", "search", "social", "ota", "referral", "offline", "partner")
RESOLUTIONS = ("resolved", "refunded", "compensated", "rejected", "open")
PURPOSES = ("analytics", "profiling", "email", "sms", "push", "phone", "wechat")
#: The contract's touch channels without `post`, which this company does not use.
REACH_CHANNELS = ("email", "sms", "push", "phone", "wechat")

# Enumerations of this world.
CAUSES = ("service_quality", "price", "competition", "need_change", "unknown")
REGIONS = ("east", "south", "north", "west")
SURVEY_TYPES = ("csat", "nps", "servqual", "review")
PHASES = ("active", "fading", "gone")
AUDIENCES = ("recent", "silent", "complained")
TIERS = ("silver", "gold", "platinum")
DEFECTS = (
    "duplicate_row",
    "late_row",
    "late_correction",
    "broken_date",
    "missing_reference",
    "outside_domain",
    "ragged_line",
    "encoding_mistake",
)

DEFAULT_FILE = Path(__file__).with_name("parameters.yml")


class Retention(Part):
    budget_per_customer: Rate
    customers_per_call: Annotated[int, Field(ge=1)]
    kept_customer_value: Rate


class Company(Part):
    name: Annotated[str, Field(pattern=r"\S")]
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")]
    ends_on: date
    plan_share_of_history: Share
    plan_months_at_most: Annotated[int, Field(ge=0, le=12)]
    retention: Retention

    @model_validator(mode="after")
    def _ends_with_a_known_month(self):
        day = self.ends_on
        last_day = calendar.monthrange(day.year, day.month)[1]
        if day.day != last_day:
            end = day.replace(day=last_day)
            raise refuse(f"{day} is not the end of a month", f"write {end}", ("ends_on",))
        if not str(FIRST_MONTH) <= f"{day:%Y-%m}" <= str(LAST_MONTH):
            raise refuse(
                f"no holidays are known for {day:%Y-%m}",
                f"choose a month from {FIRST_MONTH} to {LAST_MONTH}",
                ("ends_on",),
            )
        return self


class Arrivals(Part):
    launch_boost: Rate
    launch_fades_months: Positive
    monthly_growth: Annotated[float, Field(gt=-1)]
    comes_for_a_trip: Share
    acquisition: by(ACQUISITION_CHANNELS, Rate, that_weigh)
    refers_from_satisfaction: Share
    second_account: Share
    second_account_after_months: Positive
    second_account_use: Share


class NeedType(Part):
    share: Share
    trips_per_year: Annotated[float, Field(gt=0, le=365)]
    regularity: Positive
    lead_days: Positive
    nights: Positive
    party: Annotated[float, Field(ge=1)]
    price_level: Positive
    price_sensitivity: Share
    expectation: Share
    web_events: Rate
    life_event: Share
    one_off: Share
    joins_loyalty: Share
    birth_years: range_of(Year)
    months: Annotated[tuple[Rate, ...], Field(min_length=12, max_length=12), AfterValidator(that_weigh)]
    spring_festival: float
    holiday_pull: float
    weekend_pull: float
    lines: by(SERVICE_LINES, Rate, that_weigh)
    channels: by(BOOKING_CHANNELS, Rate, that_weigh)


class People(Part):
    rate_spread: Positive
    months_spread: Positive
    lines_spread: Positive
    price_sensitivity_spread: Rate
    expectation_spread: Rate
    web_spread: Rate
    drops_a_line: Share
    moves_house: Share


class Trips(Part):
    lead_shape: Positive
    price_on_wish: Rate
    satisfaction_on_wish: Rate
    wish_after_life_event: Share
    stays_in_the_country: Share
    couples: Share
    customer_cancels: Share
    customer_cancels_more: Share
    customer_cancels_days: Positive
    cancels_more_while_fading: Rate
    supplier_cancels: Share
    no_show: Share

    @model_validator(mode="after")
    def _fates_fit(self):
        check_at_most_one(self, "customer_cancels", "customer_cancels_more", "supplier_cancels", "no_show")
        return self


class BasePrice(Part):
    price: Positive
    per: Literal["person", "room_night", "day", "person_night"]


class Prices(Part):
    base: by(SERVICE_LINES, BasePrice)
    margin_rates: by(SERVICE_LINES, Share)
    noise: Rate
    peak_markup: Rate
    abroad_factor: Positive
    add_ons: some_of(SERVICE_LINES, some_of(SERVICE_LINES, Share))
    add_on_later: Share
    add_on_days: Positive
    discount_base: Share
    discount_per_sensitivity: Share
    discount_range: range_of(Share)
    campaign_discount_range: range_of(Share)
    discount_borne: Share

    @model_validator(mode="after")
    def _makes_sense(self):
        for added, mains in self.add_ons.items():
            if added in mains:
                raise refuse(
                    f"{added} cannot be added to itself", "remove the key", ("add_ons", added, added)
                )
        check_at_most_one(self, "discount_base", "discount_per_sensitivity")
        return self


class Lognormal(Part):
    median: Positive
    sigma: Rate


class Service(Part):
    satisfaction_start: Share
    satisfaction_spread: Rate
    ceiling: Share
    ceiling_per_expectation: Rate
    good_trip_step: Share
    failure: Share
    delay: Share
    drop_per_severity: Share
    delay_drop: Share
    supplier_cancellation_drop: Share
    rejected_drop: Share
    unanswered_drop: Share
    compensated_gain: Share
    price_jump_drop: Share
    forgetting: Share
    complains_after_failure: Share
    complains_after_delay: Share
    complains_after_supplier_cancellation: Share
    resolutions: by(RESOLUTIONS, Share, that_add_up)
    price_complaint: Share
    price_complaint_while_fading: Share
    question: Share
    question_is_complaint: Share
    first_response_hours: Lognormal
    resolution_days: Lognormal
    asked: by(SURVEY_TYPES, Share)
    writes: by(SURVEY_TYPES, Share)

    @model_validator(mode="after")
    def _makes_sense(self):
        if self.ceiling <= self.satisfaction_start:
            raise refuse(
                f"the ceiling {self.ceiling:g} is not above satisfaction_start {self.satisfaction_start:g}",
                "good trips must be able to please: raise the ceiling or lower the start",
                ("ceiling",),
                ("satisfaction_start",),
            )
        check_at_most_one(self, "failure", "delay")
        return self


class Leaving(Part):
    service_base: Share
    service_slope: Rate
    service_neutral: Share
    price_base: Share
    price_slope: Rate
    competition_base: Share
    competition_slope: Rate
    need_base: Share
    need_after_life_event: Share
    life_event_months: Months
    one_off: Share
    unknown: Share
    cap: Share
    prospect: Share
    fade_lengths: Annotated[tuple[Share, ...], Field(min_length=3, max_length=3), AfterValidator(that_add_up)]
    fade_web: Annotated[tuple[Share, ...], Field(min_length=3, max_length=3)]
    fade_bookings: Annotated[tuple[Share, ...], Field(min_length=3, max_length=3)]
    gone_web: Share
    returns: by(CAUSES, Share)
    unsubscribes: by(PHASES, Share)
    asks_for_erasure_when_gone: Share


class Web(Part):
    bursts: Positive
    attention_before_a_trip: Rate
    run_up_events: Rate
    run_up_days: Positive
    checkout_fails: by(PHASES[:2], Share)


class Planted(Part):
    """A factor from a month of the history on, for some months."""

    from_month: MonthNumber
    months: Months
    factor: Positive


class Shock(Part):
    from_month: MonthNumber
    months: Months
    demand: Share
    cancels: Share
    abroad_only: bool


class Market(Part):
    noise: Rate
    memory: Annotated[float, Field(ge=0, lt=1)]
    own_price_growth: Annotated[float, Field(gt=-1)]
    price_wars: tuple[Planted, ...]
    own_price_rises: tuple[Planted, ...]
    supplier_troubles: tuple[Planted, ...]
    shocks: tuple[Shock, ...]


class Loyalty(Part):
    points_per_currency_unit: Rate
    welcome_points: Rate
    expire_months: Months
    redeems_from_points: Rate
    redeems: Share
    tiers: by(TIERS, Rate)
    leaves_when_gone: Share

    @model_validator(mode="after")
    def _tiers_rise(self):
        for lower, higher in pairwise(TIERS):
            if self.tiers[lower] >= self.tiers[higher]:
                raise refuse(
                    f"{higher} ({self.tiers[higher]:g} points) is not above {lower} "
                    f"({self.tiers[lower]:g} points)",
                    "each tier must need more points than the one before: " + ", ".join(TIERS),
                    ("tiers", higher),
                    ("tiers", lower),
                )
        return self


class ActionKind(Part):
    unit_cost: Rate
    wish: Annotated[float, Field(gt=-1)]
    calm: Annotated[float, Field(lt=1)]
    satisfaction: Change
    wins_back: Share


class Actions(Part):
    months: Months
    response_sigma: Rate
    wins_back_when_gone: Share
    allergic: Share
    allergic_wish: Annotated[float, Field(gt=-1, le=0)]
    allergic_calm: Annotated[float, Field(le=0)]
    allergic_unsubscribes: Share
    tired_satisfaction: Annotated[float, Field(ge=-1, le=0)]
    tired_unsubscribes: Share
    kinds: by(ACTIONS, ActionKind)


class Programme(Part):
    pilot_from: MonthNumber
    pilot_share: Share
    full_from: MonthNumber
    holdout_share: Share
    overdue_from: Rate
    overdue_to: Rate
    rest_months: MonthNumber

    @model_validator(mode="after")
    def _runs_forward(self):
        if self.full_from < self.pilot_from:
            raise refuse(
                f"full_from {self.full_from} is below pilot_from {self.pilot_from}",
                "the pilot comes first",
                ("full_from",),
                ("pilot_from",),
            )
        if self.overdue_to <= self.overdue_from:
            raise refuse(
                f"overdue_to {self.overdue_to:g} is not above overdue_from {self.overdue_from:g}",
                "nobody would be at risk: raise overdue_to or lower overdue_from",
                ("overdue_to",),
                ("overdue_from",),
            )
        return self


class Campaigns(Part):
    every_months: Months
    control_share: Share
    audience_share: by(AUDIENCES, Share)
    programme: Programme
    opens: by(REACH_CHANNELS, Share)
    clicks: by(REACH_CHANNELS, Share)


class Parameters(Part):
    """All numbers of a world; equal parameters and an equal seed make an equal world.

    `need_types` are in the order of the default file, those that a user adds behind them by name.
    """

    company: Company
    arrivals: Arrivals
    need_types: dict[Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")], NeedType]
    people: People
    trips: Trips
    prices: Prices
    service: Service
    leaving: Leaving
    web: Web
    market: Market
    loyalty: Loyalty
    consents: by(PURPOSES, Share)
    actions: Actions
    campaigns: Campaigns
    defects: by(DEFECTS, Share)

    @model_validator(mode="after")
    def _shares_of_need_types(self):
        shares = {("need_types", name, "share"): kind.share for name, kind in self.need_types.items()}
        if not shares:
            raise refuse("no need type is left", "keep or add one", ("need_types",))
        check_sum(shares, ("need_types",))
        return self


def load(config: Path | None = None) -> Parameters:
    """The default parameters, changed by the keys that a user's file names.

    A mapping in the file changes only the keys it names; a list (months, price_wars, shocks …) is replaced
    whole. Under `need_types` a new name adds a type, which then needs every key, and `name: null` removes
    one; the shares of those that remain must add up to 1.

    Raises:
        BadInput: the file cannot be read or used. The message names file, line and key of every problem.
    """
    default = _default()
    given = ParameterFile.read(config) if config else ParameterFile.empty()
    merged = overlay(default.values, given.values)
    kinds, known = merged.get("need_types"), default.values["need_types"]
    if isinstance(kinds, dict):
        merged["need_types"] = {n: kind for n, kind in kinds.items() if kind is not None or n not in known}
    try:
        return Parameters.model_validate(merged)
    except ValidationError as error:
        raise problems(error, Parameters, given if config else default, default) from None


def dump(parameters: Parameters) -> str:
    """YAML that `load` turns into equal parameters, also where a default need type was removed."""
    values = parameters.model_dump()
    removed = set(_default().values["need_types"]) - set(parameters.need_types)
    values["need_types"] |= dict.fromkeys(sorted(removed))
    return yaml.dump(values, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=110)


@cache
def _default() -> ParameterFile:
    return ParameterFile.read(DEFAULT_FILE)


class _Dumper(yaml.SafeDumper):
    """Tuples as short lists on one line."""


_Dumper.add_representer(
    tuple,
    lambda dumper, value: dumper.represent_sequence("tag:yaml.org,2002:seq", value, flow_style=True),
)
