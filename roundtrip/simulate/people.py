"""The customers: when they register, who they are on paper, and what they hide."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from roundtrip.simulate import parameters as p
from roundtrip.simulate.holidays import Calendar, clock
from roundtrip.simulate.places import HOME_TOWNS
from roundtrip.simulate.randomness import Streams, pick

_SURNAMES = (
    ("王", "Wang"), ("李", "Li"), ("张", "Zhang"), ("刘", "Liu"), ("陈", "Chen"), ("杨", "Yang"),
    ("赵", "Zhao"), ("黄", "Huang"), ("周", "Zhou"), ("吴", "Wu"), ("徐", "Xu"), ("孙", "Sun"),
    ("胡", "Hu"), ("朱", "Zhu"), ("高", "Gao"), ("林", "Lin"), ("何", "He"), ("郭", "Guo"),
)  # fmt: skip
_GIVEN = (
    ("明", "ming"), ("芳", "fang"), ("伟", "wei"), ("静", "jing"), ("磊", "lei"), ("丽", "li"),
    ("强", "qiang"), ("敏", "min"), ("洋", "yang"), ("霞", "xia"), ("涛", "tao"), ("雪", "xue"),
    ("晨", "chen"), ("慧", "hui"), ("杰", "jie"), ("婷", "ting"), ("宇", "yu"), ("欣", "xin"),
)  # fmt: skip
#: Reserved for documentation (RFC 2606): no mailbox can exist.
_MAIL_DOMAINS = ("example.com", "example.net", "example.org", "mail.example.com")
_ACQUISITION = {
    "direct": 22,
    "search": 20,
    "social": 18,
    "ota": 14,
    "referral": 10,
    "offline": 9,
    "partner": 7,
}


@dataclass(frozen=True)
class People:
    """Customers in order of registration; every array has one entry (or row) per customer.

    Attributes:
        table: the contract's columns of `customers`.
        registered_at: epoch seconds.  registered_month: month index.
        need_type: index into parameters.NEED_TYPES.
        trips_per_year: the customer's own rate.  regularity: gamma shape of the customer's gaps.
        own_months: relative demand by calendar month, mean 1; shape (n, 12).
        line_weights: use of service lines; shape (n, lines).
        region: index into parameters.REGIONS.
        web_rate: web events a month.
    """

    table: pd.DataFrame
    customer_id: np.ndarray
    registered_at: np.ndarray
    registered_month: np.ndarray
    need_type: np.ndarray
    is_one_off: np.ndarray
    comes_for_a_trip: np.ndarray
    trips_per_year: np.ndarray
    regularity: np.ndarray
    price_sensitivity: np.ndarray
    own_months: np.ndarray
    line_weights: np.ndarray
    region: np.ndarray
    web_rate: np.ndarray
    speaks_chinese: np.ndarray

    def of_type(self, attribute: str) -> np.ndarray:
        """A NeedType attribute for every customer; scalars give (n,), tuples (n, length)."""
        return np.array([getattr(t, attribute) for t in p.NEED_TYPES])[self.need_type]


def make_people(n: int, calendar: Calendar, streams: Streams) -> People:
    """`n` customers who register over the months of the calendar."""
    rng = streams["registration"]
    age = np.arange(calendar.months)
    arrivals = (1 + p.LAUNCH_BOOST * np.exp(-age / p.LAUNCH_FADES_MONTHS)) * (1 + p.MONTHLY_GROWTH) ** age
    month = pick(rng, arrivals, n)
    length = np.diff(calendar.month_starts)[month]
    day = calendar.month_starts[month] + (rng.random(n) * length).astype(np.int64)
    registered_at = np.sort(day * 86_400 + clock(rng, n))

    hidden = streams["hidden"]
    need_type = pick(hidden, [t.share for t in p.NEED_TYPES], n)

    def of_type(attribute):
        return np.array([getattr(t, attribute) for t in p.NEED_TYPES])[need_type]

    own = of_type("months") * hidden.gamma(p.OWN_MONTHS_SPREAD, 1 / p.OWN_MONTHS_SPREAD, (n, 12))
    own = np.maximum(own, 0.02)
    lines = of_type("lines") * hidden.gamma(1.5, 1 / 1.5, (n, len(p.SERVICE_LINES)))
    lines[np.arange(n), of_type("lines").argmax(axis=1)] += 0.05  # never without any line
    town = pick(streams["home"], [size for *_, size in HOME_TOWNS], n)
    region = np.array([p.REGIONS.index(r) for _, _, r, _ in HOME_TOWNS])[town]
    customer_id = np.char.mod("C%07d", np.arange(1, n + 1)).astype(object)
    table, speaks_chinese = _paper(customer_id, registered_at, need_type, town, calendar, streams["paper"])
    return People(
        table=table,
        customer_id=customer_id,
        registered_at=registered_at,
        registered_month=calendar.month_of(registered_at // 86_400),
        need_type=need_type,
        is_one_off=hidden.random(n) < of_type("one_off_share"),
        comes_for_a_trip=hidden.random(n) < p.COMES_FOR_A_TRIP,
        trips_per_year=of_type("trips_per_year") * hidden.gamma(p.RATE_SPREAD, 1 / p.RATE_SPREAD, n),
        regularity=of_type("regularity"),
        price_sensitivity=np.clip(of_type("price_sensitivity") + hidden.normal(0, 0.15, n), 0.02, 1),
        own_months=own / own.mean(axis=1, keepdims=True),
        line_weights=lines,
        region=region,
        web_rate=of_type("web_events") * hidden.lognormal(-(p.WEB_SPREAD**2) / 2, p.WEB_SPREAD, n),
        speaks_chinese=speaks_chinese,
    )


def _paper(customer_id, registered_at, need_type, town, calendar, rng) -> tuple[pd.DataFrame, np.ndarray]:
    """What the company has on file; some of it missing, as on any file."""
    n = len(customer_id)
    country = np.array([c for _, c, _, _ in HOME_TOWNS], dtype=object)[town]
    city = np.array([c for c, *_ in HOME_TOWNS], dtype=object)[town]
    low, high = np.array([t.birth_years for t in p.NEED_TYPES])[need_type].T
    birth_year = np.round(rng.normal((low + high) / 2, (high - low) / 3.3)).clip(1930, 2007).astype(int)
    is_chinese = np.isin(country, ("CN", "HK")) | (rng.random(n) < 0.4)
    language = np.where(is_chinese, "zh-CN", "en").astype(object)
    language[(country == "HK") & is_chinese] = "zh-HK"
    channel = pick(rng, list(_ACQUISITION.values()), n)
    channels = np.array(list(_ACQUISITION), dtype=object)

    # A referral comes from somebody who was there before; the very first customer has nobody.
    referrer = (rng.random(n) * np.arange(n)).astype(int)
    is_referred = (channels[channel] == "referral") & (np.arange(n) > 0)
    referred_by = np.where(is_referred, customer_id[referrer], None)
    channel = np.where((channels[channel] == "referral") & ~is_referred, 0, channel)

    surname, first, second = (rng.integers(0, len(names), n) for names in (_SURNAMES, _GIVEN, _GIVEN))
    zh = [np.array([c for c, _ in names], dtype=object) for names in (_SURNAMES, _GIVEN)]
    latin = [np.array([c for _, c in names], dtype=object) for names in (_SURNAMES, _GIVEN)]
    has_second = rng.random(n) < 0.6
    zh_name = zh[0][surname] + zh[1][first] + np.where(has_second, zh[1][second], "")
    given = latin[1][first] + np.where(has_second, latin[1][second], "")
    latin_name = np.char.capitalize(given.astype(str)).astype(object) + " " + latin[0][surname]
    # No mobile number in China starts with 12, so none of these can ring.
    digits = np.char.mod(
        "%09d", rng.choice(10**9, n, replace=False) if n < 10**6 else rng.integers(0, 10**9, n)
    )
    phone = "+86 12" + digits.astype(object)
    mail = given + "." + np.char.lower(latin[0][surname].astype(str)).astype(object)
    mail = mail + np.char.mod("%d", rng.integers(1, 9_999, n)).astype(object) + "@"
    mail = mail + np.array(_MAIL_DOMAINS, dtype=object)[rng.integers(0, len(_MAIL_DOMAINS), n)]

    gender = np.array(["female", "male", "other", "unknown"], dtype=object)[pick(rng, (50, 43, 1, 6), n)]
    room = calendar.ends_at - 1 - registered_at
    changed = np.where(rng.random(n) < 0.3, (rng.random(n) * room).astype(np.int64), 0)
    table = pd.DataFrame(
        {
            "customer_id": customer_id,
            "registered_at": registered_at,
            "updated_at": registered_at + changed,
            "birth_year": pd.array(birth_year, dtype="Int64"),
            "gender": gender,
            "country": country,
            "city": city,
            "language": language,
            "acquisition_channel": channels[channel],
            "referred_by": referred_by,
            "email": mail,
            "phone": phone,
            "full_name": np.where(is_chinese, zh_name, latin_name),
        }
    )
    table.loc[rng.random(n) < 0.12, "birth_year"] = pd.NA
    table.loc[rng.random(n) < 0.10, "email"] = None
    return table, is_chinese
