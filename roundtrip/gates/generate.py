"""Writes expectations/landing/ from the source contract: `python -m roundtrip.gates.generate`.

Run it after a change of the contract. What it adds beside the contract's rules (thresholds, severities) is
chosen here, so that a regenerated suite never loses an author's choice.
"""

import json
from typing import Any

from roundtrip.contract import Table, source_contract
from roundtrip.files import write_atomically
from roundtrip.gates.doubts import figure
from roundtrip.gates.suites import SUITES_DIR
from roundtrip.gates.watched import watched

#: Tables in which something is new every month; the others may rightly be quiet for longer.
STEADY = ("customers", "bookings", "web_events", "support_tickets", "surveys", "loyalty_ledger")

#: An erasure may be asked for by somebody who was never a customer, or who is erased already.
LOOSE_REFERENCES = (("erasure_requests", "customer_id"), ("consents", "customer_id"))


#: How far a new period's rows may lie from what the table's past lets expect, in standard deviations.
VOLUME_DEVIATION = 3.0

#: How many times as long as ever in a year a table may be silent up to as_of.
SILENCE_RATIO = 2.0

#: Known references / references, at most (the upper end of the interval of confidence).
KNOWN_SHARE, KNOWN_SHARE_REFUSED = 0.99, 0.95

#: Population stability index beyond chance: under 0.1 a distribution is commonly taken as unchanged.
DRIFT = 0.1

#: Doubtful rows / rows of which it can be said, by doubt; the others may be one in a hundred.
DOUBTFUL_SHARE = 0.01
DOUBTFUL_SHARES = {
    # Guests register after they booked, and questions become bookings.
    "booked_after_registration": 0.2,
    "opened_after_booking": 0.2,
}

#: Rows that repeat a key of their own file / rows: now and then, or as a rule.
REPEATED_KEYS, REPEATED_KEYS_REFUSED = 0.05, 0.5

#: Rows with personal data / rows with a text: from here on it is no slip of the pen but the wrong column.
PERSONAL_SHARE = 0.2


def landing_suite(table: Table) -> dict:
    """The suite of one contract table, as Great Expectations' JSON."""
    expectations = [*_rows(table), *_summary(table)]
    return {
        "name": f"landing.{table.name}",
        "expectations": expectations,
        "meta": {"written_by": "roundtrip.gates.generate, from roundtrip/contract/source_contract.yml"},
    }


def _rows(table: Table) -> list[dict]:
    found = []
    for column in table.columns:
        if column.required:
            found.append(
                _expectation(
                    "expect_column_values_to_not_be_null",
                    "fail",
                    "rows",
                    "the contract requires it; read_files sets rows without it aside",
                    column=column.name,
                )
            )
        if column.values:
            found.append(
                _expectation(
                    "expect_column_values_to_be_in_set",
                    "fail",
                    "rows",
                    "the contract's values; the models know no others",
                    column=column.name,
                    value_set=list(column.values),
                )
            )
        if column.min is not None or column.max is not None:
            limits = {"min_value": column.min, "max_value": column.max}
            found.append(
                _expectation(
                    "expect_column_values_to_be_between",
                    "fail",
                    "rows",
                    "the contract's range",
                    column=column.name,
                    **{name: limit for name, limit in limits.items() if limit is not None},
                )
            )
        if column.pattern:
            holds = f'"{column.name}" IS NULL OR regexp_full_match("{column.name}", \'{column.pattern}\')'
            found.append(_sql(f"{column.name}_pattern", column.name, holds, "the contract's pattern"))
    for rule in table.rules:
        found.append(_sql(rule.name, rule.column, rule.holds, rule.reason))
    return found


def _summary(table: Table) -> list[dict]:
    between = "expect_column_values_to_be_between"
    found = [
        _expectation(
            between,
            "fail",
            "summary",
            "every column of the contract: without one, its rows would be taken for empty",
            column="columns_missing",
            max_value=0,
        ),
        _expectation(
            between,
            "fail",
            "summary",
            "the contract's types: the batch was read with another contract",
            column="columns_mistyped",
            max_value=0,
        ),
        _expectation(
            between,
            "fail",
            "summary",
            "more refused than accepted rows: the file or the mapping is wrong, not a row",
            column="quarantined_share",
            max_value=0.5,
        ),
        _expectation(
            between,
            "warn",
            "summary",
            "more than one row in twenty refused: tell whoever delivers the file",
            column="quarantined_share",
            max_value=0.05,
        ),
        _expectation(
            between,
            "warn",
            "summary",
            "rows of the future: a clock or a date format is wrong; they stay unread until their day",
            column="rows_after_as_of",
            max_value=0,
        ),
    ]
    if table.required:
        found.append(
            _expectation(
                between,
                "fail",
                "summary",
                "without a row of this table, here or loaded before, nothing can be computed",
                column="rows_known",
                min_value=1,
            )
        )
    if table.name in STEADY:
        found.append(
            _expectation(
                between,
                "warn",
                "summary",
                "nothing new for over a month (31 days and a late delivery): is the export still running?",
                column="days_since_newest",
                max_value=35,
            )
        )
    for column in table.columns:
        if not column.references:
            continue
        share = f"{column.name}_known_share_at_most"
        if column.required and (table.name, column.name) not in LOOSE_REFERENCES:
            found.append(
                _expectation(
                    between,
                    "fail",
                    "summary",
                    f"over one row in twenty points to {column.references} nobody knows: a file is missing "
                    "or ids differ",
                    column=share,
                    min_value=KNOWN_SHARE_REFUSED,
                )
            )
        found.append(
            _expectation(
                between,
                "warn",
                "summary",
                f"over one row in a hundred points to {column.references} nobody knows; they are loaded and "
                "stay out of the marts until their master row comes",
                column=share,
                min_value=KNOWN_SHARE,
            )
        )
    return [*found, *_keys(), *_doubts(table), *_against_the_past(table), *_personal(table)]


def _keys() -> list[dict]:
    between, share = "expect_column_values_to_be_between", "repeated_key_share"
    return [
        _expectation(
            between,
            "fail",
            "summary",
            "over half of the rows repeat a key of their own file: it is no key, and loading would lose rows",
            column=share,
            max_value=REPEATED_KEYS_REFUSED,
        ),
        _expectation(
            between,
            "warn",
            "summary",
            "rows repeat a key of their own file; only the newest of each is kept",
            column=share,
            max_value=REPEATED_KEYS,
        ),
    ]


def _doubts(table: Table) -> list[dict]:
    return [
        _expectation(
            "expect_column_values_to_be_between",
            "warn",
            "summary",
            doubt.reason,
            column=figure(doubt),
            max_value=DOUBTFUL_SHARES.get(doubt.name, DOUBTFUL_SHARE),
        )
        for doubt in watched()[table.name].doubts
    ]


def _against_the_past(table: Table) -> list[dict]:
    between = "expect_column_values_to_be_between"
    # A month without a campaign is no trouble.
    least = {"min_value": -VOLUME_DEVIATION} if table.name in (*STEADY, "market") else {}
    found = [
        _expectation(
            between,
            "warn",
            "summary",
            "far more or fewer new rows than the table's past suggests: is a part missing, or there twice?",
            column="volume_deviation",
            **least,
            max_value=VOLUME_DEVIATION,
        )
    ]
    found.append(
        _expectation(
            between,
            "warn",
            "summary",
            "silent for twice as long as ever in a year: did the export stop, or is its end cut off?",
            column="silence_ratio",
            max_value=SILENCE_RATIO,
        )
    )
    if "currency" in table.column_names:
        found.append(
            _expectation(
                between,
                "warn",
                "summary",
                "a currency never seen before: a new market, or a wrong code?",
                column="new_currencies",
                max_value=0,
            )
        )
    return found + [
        _expectation(
            between,
            "warn",
            "summary",
            "the new rows differ from the table's last year, and from its season a year ago, by more than "
            "chance: a new code list, a lost market, or a real change that models must learn",
            column=f"{column}_drift",
            max_value=DRIFT,
        )
        for column in watched()[table.name].drift
    ]


def _personal(table: Table) -> list[dict]:
    between, found = "expect_column_values_to_be_between", []
    looked_through = watched()[table.name]
    for column in (*looked_through.free_text, *looked_through.names, *looked_through.ids):
        found.append(
            _expectation(
                between,
                "warn",
                "summary",
                "personal data in a column that should hold none; to keep it in the vault, name the column "
                "in personal_columns of company.yml",
                column=f"{column}_personal_rows",
                max_value=0,
            )
        )
        if column not in looked_through.ids:
            found.append(
                _expectation(
                    between,
                    "fail",
                    "summary",
                    "over one value in five is personal data: the wrong column was delivered, or it belongs "
                    "in the vault (personal_columns in company.yml)",
                    column=f"{column}_personal_share",
                    max_value=PERSONAL_SHARE,
                )
            )
    return found


def _expectation(kind: str, severity: str, subject: str, reason: str, **kwargs: Any) -> dict:
    return {
        "type": kind,
        "kwargs": kwargs,
        "meta": {"severity": severity, "on": subject, "reason": reason},
    }


def _sql(name: str, column: str, holds: str, reason: str) -> dict:
    # Great Expectations fills {batch}; every other brace has to be doubled.
    condition = holds.replace("{", "{{").replace("}", "}}")
    expectation = _expectation(
        "unexpected_rows_expectation",
        "fail",
        "rows",
        reason,
        unexpected_rows_query=f'SELECT _file, _line, "{column}" FROM {{batch}} WHERE NOT ({condition})',
    )
    expectation["meta"] |= {"name": name, "column": column}
    return expectation


def as_text(suite: dict) -> str:
    """The suite as JSON with one line each for an expectation's type, kwargs and meta."""
    expectations = ",\n".join(
        "    {\n"
        + ",\n".join(
            f'      "{key}": {json.dumps(expectation[key], ensure_ascii=False)}'
            for key in ("type", "kwargs", "meta")
        )
        + "\n    }"
        for expectation in suite["expectations"]
    )
    name, meta = json.dumps(suite["name"]), json.dumps(suite["meta"], ensure_ascii=False)
    return f'{{\n  "name": {name},\n  "meta": {meta},\n  "expectations": [\n{expectations}\n  ]\n}}\n'


def main() -> None:
    for table in source_contract().values():
        write_atomically(SUITES_DIR / "landing" / f"{table.name}.json", as_text(landing_suite(table)))


if __name__ == "__main__":
    main()
