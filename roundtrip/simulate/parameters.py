"""Every number the simulated world runs on, in one place, with the reason for it.

None of them is an estimate of a real company. They were set so that the definitions of this product give
plausible values on the result: docs/simulated-company.md shows which. Rates are per month unless they say
otherwise; shares and probabilities are 0..1; money is CNY.
"""

from dataclasses import dataclass
from datetime import date

COMPANY_NAME = "模拟旅行社 (simulated travel company)"
CURRENCY = "CNY"

#: History always ends here, so that a file depends on its arguments alone and never on a clock.
ENDS_ON = date(2025, 12, 31)
#: The rollout plan stands in its month 4 at the end, so there must be a few months before it.
MIN_MONTHS = 6
#: The table of Spring Festival dates reaches no further back.
MAX_MONTHS = 240
PLAN_MONTHS_AT_END = 4

SERVICE_LINES = ("flight", "hotel", "package", "rail", "car", "activity", "cruise", "insurance")
BOOKING_CHANNELS = ("web", "app", "mini_program", "phone", "store", "partner")
CAUSES = ("service_quality", "price", "competition", "need_change", "unknown")


@dataclass(frozen=True)
class NeedType:
    """A hidden kind of customer: what for, how often and when they travel.

    Attributes:
        share: of all customers.
        trips_per_year: mean purchase occasions a year while the customer is with the company.
        regularity: gamma shape of the gap between trips; 1 is pure chance, 4 is a steady rhythm.
        lead_days: mean days from booking to travel.
        nights, party: means per trip.
        price_level: against the base prices below.
        price_sensitivity: 0..1; drives discounts taken and leaving over price.
        web_events: mean a month, apart from those around a trip.
        need_ends: monthly probability that the need itself goes away (a student graduates).
        one_off_share: came for a single trip and never meant to come again.
        joins_loyalty: probability of joining the programme with a trip.
        birth_years: the middle 90 %, roughly.
        months: relative demand by calendar month of travel, January first.
        spring_festival: demand added to a month that holds all of the festival.
        holiday_pull: how strongly travel dates move onto public holidays.
        lines: relative use of the main service line, in the order of SERVICE_LINES.
        channels: relative use, in the order of BOOKING_CHANNELS.
    """

    name: str
    share: float
    trips_per_year: float
    regularity: float
    lead_days: float
    nights: float
    party: float
    price_level: float
    price_sensitivity: float
    web_events: float
    need_ends: float
    one_off_share: float
    joins_loyalty: float
    birth_years: tuple[int, int]
    months: tuple[float, ...]
    spring_festival: float
    holiday_pull: float
    lines: tuple[float, ...]
    channels: tuple[float, ...]


NEED_TYPES = (
    NeedType(
        "annual_family", 0.26, 1.4, 5.0, 42, 5.0, 3.3, 1.1, 0.45, 2.2, 0.004, 0.32, 0.30, (1975, 1992),
        (0.4, 0.5, 0.3, 0.5, 0.7, 0.7, 2.6, 2.3, 0.4, 1.3, 0.3, 0.5), 1.2, 3.0,
        (0.20, 0.22, 0.42, 0.08, 0.03, 0.03, 0.02, 0.00), (0.25, 0.30, 0.25, 0.08, 0.10, 0.02),
    ),
    NeedType(
        "weekender", 0.23, 3.6, 3.5, 9, 1.6, 2.1, 0.9, 0.50, 3.2, 0.006, 0.30, 0.35, (1985, 2000),
        (0.8, 0.8, 1.0, 1.2, 1.2, 1.0, 1.0, 1.0, 1.0, 1.1, 1.0, 0.8), 0.2, 1.0,
        (0.08, 0.42, 0.05, 0.24, 0.07, 0.14, 0.00, 0.00), (0.15, 0.40, 0.38, 0.02, 0.02, 0.03),
    ),
    NeedType(
        "business", 0.09, 8.0, 3.0, 5, 1.9, 1.1, 1.25, 0.15, 2.6, 0.010, 0.18, 0.55, (1972, 1995),
        (0.8, 0.5, 1.3, 1.2, 1.0, 1.1, 0.9, 0.8, 1.2, 0.9, 1.3, 1.1), -0.3, -0.8,
        (0.42, 0.34, 0.00, 0.22, 0.02, 0.00, 0.00, 0.00), (0.30, 0.45, 0.15, 0.05, 0.00, 0.05),
    ),
    NeedType(
        "retiree", 0.15, 1.9, 4.5, 38, 6.0, 2.0, 0.95, 0.55, 1.2, 0.005, 0.32, 0.30, (1948, 1966),
        (0.4, 0.5, 1.3, 1.8, 1.6, 1.0, 0.4, 0.4, 1.5, 1.4, 1.2, 0.5), 0.1, -0.5,
        (0.05, 0.08, 0.54, 0.14, 0.00, 0.05, 0.14, 0.00), (0.08, 0.10, 0.22, 0.25, 0.33, 0.02),
    ),
    NeedType(
        "student", 0.19, 2.3, 3.5, 12, 2.8, 1.8, 0.6, 0.85, 4.5, 0.012, 0.40, 0.25, (1999, 2006),
        (1.4, 1.2, 0.5, 0.8, 1.1, 0.7, 1.8, 1.7, 0.6, 1.4, 0.4, 0.4), 0.6, 2.0,
        (0.18, 0.30, 0.06, 0.36, 0.02, 0.08, 0.00, 0.00), (0.12, 0.38, 0.45, 0.01, 0.00, 0.04),
    ),
    NeedType(
        "group_organiser", 0.08, 2.6, 4.0, 45, 3.0, 11.0, 0.8, 0.50, 2.0, 0.006, 0.28, 0.40, (1970, 1992),
        (0.4, 0.5, 1.2, 1.6, 1.4, 1.2, 0.8, 0.7, 1.4, 1.5, 1.2, 0.6), 0.0, 0.3,
        (0.08, 0.18, 0.52, 0.10, 0.04, 0.08, 0.00, 0.00), (0.30, 0.10, 0.10, 0.30, 0.15, 0.05),
    ),
)  # fmt: skip

# --- who comes -------------------------------------------------------------------------------------------

#: Registrations: a launch that fades over some months on top of slow growth.
LAUNCH_BOOST = 3.0
LAUNCH_FADES_MONTHS = 3.0
MONTHLY_GROWTH = 0.010
#: Gamma shape of a customer's own rate around the type's: small means very unlike customers.
RATE_SPREAD = 5.0
#: Gamma shape of a customer's own favourite months around the type's.
OWN_MONTHS_SPREAD = 2.0
#: Lognormal sigma of a customer's own web activity: many book without browsing, some browse all day.
WEB_SPREAD = 0.6
#: Registered because a trip was wanted now; the others look around first.
COMES_FOR_A_TRIP = 0.60
#: Chance a month that a customer with two or more lines stops using one of them.
DROPS_A_LINE = 0.004

# --- satisfaction (0..1) ---------------------------------------------------------------------------------

SATISFACTION_START = (0.68, 0.10)  # mean, standard deviation
SATISFACTION_CEILING = 0.88  # a good trip moves the step below of the way towards it
GOOD_TRIP_STEP = 0.22
FAILURE_DROP_PER_SEVERITY = 0.085
DELAY_DROP = 0.07
SUPPLIER_CANCELLATION_DROP = 0.26
REJECTED_DROP = 0.14
UNANSWERED_DROP = 0.10
COMPENSATED_GAIN = 0.09
#: Memories fade: each month this share of the way back to the start.
FORGETTING = 0.025

# --- what goes wrong -------------------------------------------------------------------------------------

SERVICE_FAILURE = 0.085
DELAY = 0.10
SUPPLIER_CANCELS = 0.022
CUSTOMER_CANCELS = 0.060
NO_SHOW = 0.008
#: A stretch of months in which suppliers fail more often (share of the history from..to, factor).
BAD_SUPPLIER_PERIOD = (0.58, 0.68, 2.2)
COMPLAINS_AFTER_FAILURE = 0.55
COMPLAINS_AFTER_DELAY = 0.12
COMPLAINS_AFTER_SUPPLIER_CANCELLATION = 0.55
#: How complaints end, by this company's own practice.
RESOLUTIONS = {"resolved": 0.46, "refunded": 0.16, "compensated": 0.12, "rejected": 0.17, "open": 0.09}
PRICE_COMPLAINT_BASE = 0.0012
PRICE_COMPLAINT_WHEN_FADING = 0.06
QUESTION_PER_MONTH = 0.014
FIRST_RESPONSE_HOURS = (5.0, 0.9)  # median, lognormal sigma
RESOLUTION_DAYS = (2.5, 0.9)

# --- leaving: monthly hazards, one per cause, added up -----------------------------------------------------

#: service_quality: base * exp(slope * (neutral - satisfaction)).
SERVICE_HAZARD = (0.0030, 6.5, 0.62)
#: price: base * sensitivity * exp(slope * (own price index - 1)).
PRICE_HAZARD = (0.0060, 7.0)
#: competition: base * sensitivity * exp(slope * (own / competitor - 1)).
COMPETITION_HAZARD = (0.0055, 9.0)
UNKNOWN_HAZARD = 0.0025
#: A one-off customer after the trip.
ONE_OFF_HAZARD = 0.45
#: A prospect who has not booked loses interest.
PROSPECT_HAZARD = 0.06
HAZARD_CAP = 0.60

#: Silent leaving takes 1, 2 or 3 months; activity and bookings in each month of it, then gone.
FADE_LENGTHS = (0.25, 0.40, 0.35)
FADE_WEB = (0.25, 0.40, 0.62)  # by months still to go: last month first
FADE_BOOKINGS = (0.35, 0.60, 0.85)
GONE_WEB = 0.04
#: Chance a month of coming back, by cause (order of CAUSES).
RETURNS = (0.004, 0.014, 0.012, 0.003, 0.008)
UNSUBSCRIBES = {"active": 0.0012, "fading": 0.05, "gone": 0.02}
CHECKOUT_FAILS = {"active": 0.010, "fading": 0.09}

# --- prices ----------------------------------------------------------------------------------------------

#: Base price and what it is multiplied by: person, room-night, day, person-night.
BASE_PRICES = {
    "flight": (880.0, "person"),
    "hotel": (390.0, "room_night"),
    "package": (620.0, "person_night"),
    "rail": (240.0, "person"),
    "car": (290.0, "day"),
    "activity": (165.0, "person"),
    "cruise": (780.0, "person_night"),
    "insurance": (45.0, "person"),
}
MARGIN_RATES = (0.06, 0.14, 0.16, 0.04, 0.12, 0.18, 0.15, 0.35)  # order of SERVICE_LINES
PRICE_NOISE = 0.22
PEAK_MARKUP = 0.22
#: Probability of a second line bought in the same hour, by main line.
ADD_ONS = {
    "hotel": {"flight": 0.34, "rail": 0.26},
    "car": {"flight": 0.07, "hotel": 0.03},
    "activity": {"hotel": 0.11, "package": 0.10, "rail": 0.05},
    "insurance": {"flight": 0.16, "package": 0.34, "cruise": 0.42, "car": 0.15},
}

# --- market ----------------------------------------------------------------------------------------------

REGIONS = ("east", "south", "north", "west")
MARKET_NOISE = 0.018
MARKET_MEMORY = 0.80
#: A competitor's price war (share of the history from..to, factor on its price index).
PRICE_WAR = (0.72, 0.82, 0.88)

# --- loyalty programme -----------------------------------------------------------------------------------

POINTS_PER_CNY = 0.1
WELCOME_POINTS = 100
#: Points lapse after this many months without a single entry.
POINTS_EXPIRE_MONTHS = 18
REDEEMS_FROM_POINTS = 800
REDEEMS = 0.30  # in a month with a trip and enough points
TIER_POINTS = {"silver": 0, "gold": 1500, "platinum": 5000}  # earned in the trailing 12 months
LEAVES_PROGRAMME_WHEN_GONE = 0.02

# --- consent, erasure ------------------------------------------------------------------------------------

#: Granted at registration.
CONSENTS = {
    "analytics": 0.93,
    "profiling": 0.82,
    "email": 0.55,
    "sms": 0.66,
    "push": 0.48,
    "phone": 0.30,
    "wechat": 0.62,
}
ASKS_FOR_ERASURE = 0.006  # of those gone

# --- defects: share of a table's rows, for each entry of defects.PLANTED (at least one row) ----------------

DEFECT_SHARES = {
    "duplicate_row": 0.0020,
    "late_correction": 0.0040,
    "broken_date": 0.0006,
    "missing_reference": 0.0006,
    "outside_domain": 0.0006,
}
