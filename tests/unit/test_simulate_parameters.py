"""Parameters of the simulated company: the default, a file over it, and what is refused with its line."""

from datetime import date
from pathlib import Path

import pytest
import yaml

from roundtrip.contract import source_contract
from roundtrip.errors import BadInput
from roundtrip.simulate import parameters
from roundtrip.simulate.parameters import DEFAULT_FILE, dump, load

CONTRACT = source_contract()
DEFAULT = yaml.safe_load(DEFAULT_FILE.read_text(encoding="utf-8"))
#: A need type with every key; takes over the share of the students.
NEW_TYPE = {"need_types": {"student": None, "digital_nomad": DEFAULT["need_types"]["student"]}}


@pytest.fixture
def config(tmp_path):
    def write(content: str | bytes | dict) -> Path:
        file = tmp_path / "config.yml"
        if isinstance(content, dict):
            content = yaml.safe_dump(content, sort_keys=False)
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
        return file

    return write


def refusal(config, content: str | bytes) -> str:
    with pytest.raises(BadInput) as caught:
        load(config(content))
    assert caught.value.hint
    return str(caught.value)


def plain(values) -> object:
    """Tuples as lists, as YAML has them."""
    if isinstance(values, dict):
        return {key: plain(value) for key, value in values.items()}
    return [plain(value) for value in values] if isinstance(values, list | tuple) else values


def spelled(values, at: str = "") -> list[str]:
    """The place of every value, in order."""
    if isinstance(values, dict):
        return [place for key, value in values.items() for place in spelled(value, f"{at}.{key}")]
    return [at]


# --- the default -----------------------------------------------------------------------------------------


def test_the_default_has_every_key_of_the_file_in_its_order():
    given = load().model_dump()
    assert plain(given) == DEFAULT
    assert spelled(given["need_types"]) == spelled(DEFAULT["need_types"])
    assert list(given["need_types"]) == list(DEFAULT["need_types"])


@pytest.mark.parametrize(
    ("names", "table", "column"),
    [
        (parameters.SERVICE_LINES, "bookings", "service_line"),
        (parameters.BOOKING_CHANNELS, "bookings", "channel"),
        (parameters.ACTIONS, "campaigns", "action"),
        (parameters.ACQUISITION_CHANNELS, "customers", "acquisition_channel"),
        (parameters.RESOLUTIONS, "support_tickets", "resolution"),
        (parameters.PURPOSES, "consents", "purpose"),
        ((*parameters.REACH_CHANNELS, "post"), "campaign_touches", "channel"),
    ],
)
def test_enumerations_are_the_contracts_in_its_order(names, table, column):
    assert names == CONTRACT[table].column(column).values


def test_survey_types_are_the_contracts():
    assert set(parameters.SURVEY_TYPES) == set(CONTRACT["surveys"].column("survey_type").values)


def test_parameters_cannot_be_changed():
    with pytest.raises(ValueError, match="frozen"):
        load().service.delay = 1.0


# --- a user's file over it -------------------------------------------------------------------------------


@pytest.mark.parametrize("content", ["", "# nothing yet\n", "\ufeff", "service: {}\n"])
def test_an_empty_file_changes_nothing(config, content):
    assert load(config(content)) == load()


def test_a_mapping_changes_only_the_keys_it_names(config):
    changed = load(config("service: {delay: 0.3, writes: {nps: 1}}\ncompany: {ends_on: 2024-02-29}\n"))
    default = load()
    assert changed.service.delay == 0.3
    assert changed.service.writes == {**default.service.writes, "nps": 1.0}
    assert changed.company.ends_on == date(2024, 2, 29)
    assert changed.service.failure == default.service.failure
    assert changed.need_types == default.need_types


def test_a_list_is_replaced_whole(config):
    shock = {"from_month": 10, "months": 2, "demand": 0.1, "cancels": 0.7, "abroad_only": True}
    market = load(config({"market": {"price_wars": [], "shocks": [shock]}})).market
    assert market.price_wars == ()
    assert [each.model_dump() for each in market.shocks] == [shock]
    assert market.supplier_troubles == load().market.supplier_troubles


def test_the_order_of_keys_in_the_file_does_not_matter(config):
    text = yaml.safe_dump({**DEFAULT, **NEW_TYPE}, sort_keys=False)

    def backwards(values):
        if not isinstance(values, dict):
            return values
        return {key: backwards(values[key]) for key in reversed(values)}

    one = load(config(text))
    other = load(config(backwards(yaml.safe_load(text))))
    assert repr(one) == repr(other)
    assert spelled(one.model_dump()) == spelled(other.model_dump())


def test_new_need_types_stand_behind_the_default_ones_by_name(config):
    kinds = DEFAULT["need_types"]
    halves = {name: {**kinds["student"], "share": kinds["student"]["share"] / 2} for name in ("zebra", "ape")}
    given = load(config({"need_types": {**halves, "student": None}}))
    assert list(given.need_types) == [*(name for name in kinds if name != "student"), "ape", "zebra"]


@pytest.mark.parametrize("content", [{}, NEW_TYPE, {"leaving": {"unknown": 0.1 + 0.2}}])
def test_what_is_dumped_loads_back_the_same(config, tmp_path, content):
    given = load(config(content))
    stored = tmp_path / "stored.yml"
    stored.write_text(dump(given), encoding="utf-8")
    assert repr(load(stored)) == repr(given)
    assert dump(load(stored)) == dump(given)


# --- what is refused -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        # Keys.
        ("service:\n  dellay: 0.1\n", ":2: service.dellay: unknown key|did you mean delay?"),
        ("\nservcie:\n  delay: 0.1\n", ":2: servcie: unknown key|did you mean service?"),
        ("consents: {fax: 1}\n", ":1: consents.fax: unknown key|known: analytics, profiling"),
        ("need_types:\n  student:\n    lines: {rial: 1}\n", ":3: need_types.student.lines.rial|mean rail?"),
        (
            "need_types:\n  student:\n    shar: 1\n",
            ":3: need_types.student.shar: unknown|did you mean share?",
        ),
        ("prices:\n  add_ons:\n    hotel:\n      rial: 0.1\n", ":4: prices.add_ons.hotel.rial|mean rail?"),
        ("service:\n  delay: 0.1\n  delay: 0.2\n", ":3: delay is given twice"),
        ("need_types:\n  busines: {share: 0.1}\n", ":2: need_types.busines: lacks trips|mean business?"),
        ("need_types:\n  nomad: {share: 0.1}\n", ":2: need_types.nomad: lacks trips_per_year|every key"),
        ("need_types:\n  Nomads!: {share: 0.1}\n", ":2: need_types.Nomads!: cannot be a name"),
        ("need_types:\n  nomad: ~\n", ":2: need_types.nomad: has no value|only a default type"),
        ("market:\n  shocks:\n  - {from_month: 1}\n", ":3: market.shocks[0]: lacks months, demand, cancels"),
        # Kinds of value.
        ("service:\n  delay: '0.3'\n", ":2: service.delay: '0.3' is text, not a number|write 0.3, without"),
        ("service:\n  delay: 1e-3\n", ":2: service.delay: '1e-3' is text, not a number|write 0.001"),
        ("service:\n  delay: often\n", ":2: service.delay: 'often' is not a number"),
        ("service:\n  delay: true\n", ":2: service.delay: True is not a number"),
        ("service:\n  delay: .nan\n", ":2: service.delay: nan is not a number"),
        ("service:\n  delay: .inf\n", ":2: service.delay: inf is "),
        ("service:\n  delay:\n", ":2: service.delay: has no value|remove the line"),
        ("service:\n  delay: {a: 1}\n", ":2: service.delay: {'a': 1} is not a number"),
        ("actions:\n  months: 2.5\n", ":2: actions.months: 2.5 is not a whole number"),
        ("service: 3\n", ":1: service: 3 is not a mapping"),
        ("consents: [1]\n", ":1: consents: [1] is not a mapping"),
        ("market: {price_wars: 3}\n", ":1: market.price_wars: 3 is not a list"),
        ("company:\n", ":1: company: has no value"),
        ("company:\n  ends_on: soon\n", ":2: company.ends_on: 'soon' is not a date|2025-12-31"),
        ("company:\n  ends_on: 2025-13-31\n", ":2: 2025-13-31 cannot be read"),
        ("company: {currency: rmb}\n", ":1: company.currency: 'rmb' has the wrong form|three capital"),
        ("company: {name: ' '}\n", ":1: company.name: is blank"),
        (
            "prices: {base: {car: {per: week}}}\n",
            ":1: prices.base.car.per: unknown value 'week'|one of: person",
        ),
        (
            "market:\n  shocks:\n  - {from_month: 1, months: 1, demand: 1, cancels: 0, abroad_only: 1}\n",
            ":3: market.shocks[0].abroad_only: 1 is not true or false",
        ),
        # Limits.
        ("arrivals:\n  launch_boost: -0.2\n", ":2: arrivals.launch_boost: -0.2 is below 0|at least 0"),
        ("service:\n  delay: 1.2\n", ":2: service.delay: 1.2 is above 1|at most 1"),
        ("consents:\n  email: 1.2\n", ":2: consents.email: 1.2 is above 1|at most 1"),
        ("need_types: {student: {party: 0}}\n", ":1: need_types.student.party: 0 is below 1"),
        ("web: {bursts: 0}\n", ":1: web.bursts: 0 is not above 0"),
        ("market: {memory: 1}\n", ":1: market.memory: 1 is not below 1"),
        ("actions: {months: 0}\n", ":1: actions.months: 0 is below 1"),
        ("campaigns: {programme: {pilot_from: -1}}\n", ":1: campaigns.programme.pilot_from: -1 is below 0"),
        (
            "market:\n  price_wars:\n  - {from_month: 3, months: 2, factor: 1}\n"
            "  - {from_month: -3, months: 2, factor: 1}\n",
            ":4: market.price_wars[1].from_month: -3 is below 0",
        ),
        (
            "need_types: {student: {months: [1, 2]}}\n",
            ":1: need_types.student.months: 2 values instead of 12",
        ),
        ("leaving: {fade_web: [1, 1, 1, 1]}\n", ":1: leaving.fade_web: 4 values instead of 3"),
        # Numbers that make no sense together.
        (
            "need_types:\n  student:\n    share: 0.99\n",
            ":3: need_types.student.share: | + 0.99 + |, not 1|add up",
        ),
        ("need_types:\n  student: ~\n", ":1: need_types: |, not 1|the shares must add up to 1"),
        (
            "need_types: {" + ", ".join(f"{name}: null" for name in DEFAULT["need_types"]) + "}\n",
            ":1: need_types: no need type is left",
        ),
        (
            "service:\n  resolutions:\n"
            "    {resolved: 0.5, refunded: 0.3, compensated: 0.1, rejected: 0, open: 0.3}\n",
            ":3: service.resolutions.resolved: 0.5 + 0.3 + 0.1 + 0 + 0.3 = 1.2, not 1|add up to 1",
        ),
        ("service:\n  resolutions:\n    open: 1\n", ":3: service.resolutions.open: | + 1 = |, not 1"),
        (
            "leaving: {fade_lengths: [0.1, 0.2, 0.3]}\n",
            ":1: leaving.fade_lengths: 0.1 + 0.2 + 0.3 = 0.6, not 1",
        ),
        (
            "need_types: {student: {birth_years: [2006, 1999]}}\n",
            "[2006, 1999] is the wrong|write [1999, 2006]",
        ),
        ("prices: {discount_range: [0.2, 0.1]}\n", ":1: prices.discount_range: [0.2, 0.1] is the wrong way"),
        ("need_types: {student: {months: [0,0,0,0,0,0,0,0,0,0,0,0]}}\n", ".months: all weights are 0"),
        (
            "loyalty:\n  tiers:\n    gold: 9000\n    platinum: 5000\n",
            ":4: loyalty.tiers.platinum: platinum (5000 points) is not above gold (9000 points)",
        ),
        ("loyalty:\n  tiers:\n    gold: 1.0e+9\n", ":3: loyalty.tiers.gold: platinum "),
        (
            "campaigns:\n  programme:\n    overdue_from: 4\n    overdue_to: 4\n",
            ":4: campaigns.programme.overdue_to: overdue_to 4 is not above overdue_from 4",
        ),
        (
            "campaigns:\n  programme:\n    overdue_from: 99\n",
            ":3: campaigns.programme.overdue_from: overdue_to",
        ),
        ("campaigns: {programme: {pilot_from: 3, full_from: 2}}\n", "full_from 2 is below pilot_from 3"),
        ("service:\n  ceiling: 0\n", ":2: service.ceiling: the ceiling 0 is not above satisfaction_start"),
        ("service:\n  delay: 0.6\n  failure: 0.5\n", ":3: service.failure: failure + delay = 1.1, above 1"),
        ("trips:\n  no_show: 1\n", ":2: trips.no_show: customer_cancels + "),
        ("prices:\n  discount_base: 1\n", ":2: prices.discount_base: discount_base + "),
        ("prices:\n  add_ons:\n    car: {car: 0.1}\n", ":3: prices.add_ons.car.car: car cannot be added to"),
        ("company:\n  ends_on: 2025-12-30\n", ":2: company.ends_on: 2025-12-30 is not the end|2025-12-31"),
        ("company:\n  ends_on: 1990-12-31\n", ":2: company.ends_on: no holidays are known for 1990-12"),
        # Files.
        ("a: [", ":1: this is not YAML"),
        ("service:\n  delay: 0.1\n  : :\n x", ": this is not YAML"),
        ("- 1\n", ":1: expected `key: value` lines"),
        ("0.3\n", ":1: expected `key: value` lines"),
        ("service: &a [*a]\n", "nested too deeply"),
        ("service:\n  delay: !!python/name:os.system x\n", ":2: this is not YAML"),
        (b"service:\n  # caf\xe9\n  delay: 0.1\n", ":2: not UTF-8"),
    ],
)
def test_a_mistake_is_refused_with_line_key_and_what_to_do(config, content, expected):
    told = refusal(config, content)
    assert "config.yml" in told
    for part in expected.split("|"):
        assert part in told


def test_all_mistakes_are_told_at_once_in_the_order_of_the_file(config):
    told = refusal(config, "web:\n  bursts: -1\nservice:\n  delay: 2\n  dellay: 1\n").splitlines()
    assert [line.split("config.yml")[1].split(": ")[0] for line in told[:3]] == [":2", ":4", ":5"]
    assert len(told) == 4


@pytest.mark.parametrize("name", ["nowhere.yml", "."])
def test_a_file_that_cannot_be_read_is_refused(tmp_path, name):
    with pytest.raises(BadInput, match="cannot be read"):
        load(tmp_path / name)
