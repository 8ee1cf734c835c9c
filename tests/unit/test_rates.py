"""Exchange rates of company.yml: a list or a file, sound or refused with the place."""

import json
from pathlib import Path

import pytest

from roundtrip.build import dbt_vars
from roundtrip.company import Company
from roundtrip.errors import BadInput
from roundtrip.home import Home
from roundtrip.rates import MOST_RATES
from tests.unit.test_company import landing

SOUND = """reporting_currency: EUR
exchange_rates:
  - {currency: USD, valid_from: 2024-03-01, rate: 0.95}
  - {currency: JPY, valid_from: "2024-01-01", rate: 0.0062}
  - {currency: USD, valid_from: 2024-01-01, rate: 9.2e-1}
"""


def described(folder: Path, company: str, rates: str | None = None) -> Company:
    files = landing(folder, company)
    if rates is not None:
        (files / "rates.csv").write_text(rates, encoding="utf-8")
    return Company.describe(files, None)


def test_a_list_in_order_and_without_rounding(tmp_path):
    company = described(tmp_path, SOUND)
    home = Home(tmp_path / "home")
    company.save(home)
    expected = [
        {"currency": "JPY", "valid_from": "2024-01-01", "rate": "0.00620000"},
        {"currency": "USD", "valid_from": "2024-01-01", "rate": "0.92000000"},
        {"currency": "USD", "valid_from": "2024-03-01", "rate": "0.95000000"},
    ]
    assert Company.load(home).settings["exchange_rates"] == expected
    assert dbt_vars(home)["exchange_rates"] == expected


def test_a_file_beside_company_yml(tmp_path):
    company = described(
        tmp_path,
        "reporting_currency: EUR\nexchange_rates: rates.csv\n",
        "\ufeffvalid_from,currency,rate\n2024-01-01,USD,0.92\n",
    )
    assert company.settings["exchange_rates"] == [
        {"currency": "USD", "valid_from": "2024-01-01", "rate": "0.92000000"}
    ]


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("{currency: usd, valid_from: 2024-01-01, rate: 1}", r"exchange rate 1: currency is 'usd'"),
        ("{currency: EUR, valid_from: 2024-01-01, rate: 1}", r"exchange rate 1: currency is 'EUR'"),
        ("{currency: USD, valid_from: January, rate: 1}", r"valid_from is 'January', not a date"),
        ("{currency: USD, valid_from: 2024-01-01, rate: 0}", r"rate is '0', not a number above 0"),
        ("{currency: USD, valid_from: 2024-01-01, rate: -2}", r"rate is '-2'"),
        ("{currency: USD, valid_from: 2024-01-01, rate: .inf}", r"rate is 'inf'"),
        ("{currency: USD, valid_from: 2024-01-01, rate: cheap}", r"rate is 'cheap'"),
        ("{currency: USD, valid_from: 2024-01-01}", r"exchange rate 1 does not have exactly"),
        ("0.92", r"exchange rate 1 does not have exactly"),
    ],
)
def test_an_unsound_rate_is_named(tmp_path, line, complaint):
    with pytest.raises(BadInput, match=complaint):
        described(tmp_path, f"reporting_currency: EUR\nexchange_rates:\n  - {line}\n")


@pytest.mark.parametrize(
    ("company", "rates", "complaint"),
    [
        (SOUND.replace("reporting_currency: EUR\n", ""), None, "without reporting_currency"),
        (SOUND + "  - {currency: USD, valid_from: 2024-03-01, rate: 1}\n", None, "USD has a second rate"),
        ("reporting_currency: EUR\nexchange_rates: 3\n", None, "neither a list nor the name of a file"),
        ("reporting_currency: EUR\nexchange_rates: other.csv\n", None, "other.csv does not exist"),
        (
            "reporting_currency: EUR\nexchange_rates: rates.csv\n",
            "currency,rate\nUSD,1\n",
            r"rates.csv:1: the columns",
        ),
        ("reporting_currency: EUR\nexchange_rates: rates.csv\n", "", r"rates.csv:1: the columns are missing"),
        (
            "reporting_currency: EUR\nexchange_rates: rates.csv\n",
            "currency,valid_from,rate\nUSD,2024-01-01,1\nUSD,2024-13-01,1\n",
            r"rates.csv:3: valid_from is '2024-13-01'",
        ),
        (
            "reporting_currency: EUR\nexchange_rates: rates.csv\n",
            "currency,valid_from,rate\n" + "USD,2024-01-01,1\n" * (MOST_RATES + 1),
            f"at most {MOST_RATES} can be used",
        ),
    ],
)
def test_unsound_settings_are_named(tmp_path, company, rates, complaint):
    with pytest.raises(BadInput, match=complaint):
        described(tmp_path, company, rates)


def test_the_most_rates_still_fit_into_one_argument(tmp_path):
    rows = [f"USD,{1000 + i}-01-01,123456789.12345678\n" for i in range(MOST_RATES)]
    text = "currency,valid_from,rate\n" + "".join(rows)
    company = described(tmp_path, "reporting_currency: EUR\nexchange_rates: rates.csv\n", text)
    assert len(json.dumps(company.settings)) < 128 * 1024 - 2000
