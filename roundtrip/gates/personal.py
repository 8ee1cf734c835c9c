"""Personal data where none should be: counted by kind, and never told.

Free text is looked through for all kinds; ids for addresses and identity cards only, since a number that
looks like a telephone is a normal id. A value is looked at closely only where a first, cheap look finds an @
or enough digits.
"""

import duckdb

from roundtrip.contract import Table
from roundtrip.gates.sides import Sides, accepted
from roundtrip.gates.watched import watched
from roundtrip.ingest import sql

KINDS = ("email", "phone", "id_card", "payment_card")
IN_WORDS = {
    "email": "e-mail addresses",
    "phone": "telephone numbers",
    "id_card": "identity card numbers",
    "payment_card": "payment card numbers",
}
KINDS_OF_IDS = ("email", "id_card")

# RE2 knows no look-around, so each pattern takes the character before and after with it; the digits of a
# number are what remains without anything else.
_EMAIL = r"[[:alnum:]._%+-]+@[[:alnum:]-]+(\.[[:alnum:]-]+)*\.[[:alpha:]]{2,}"
_MOBILE = r"(^|[^0-9A-Za-z])(\+?86[ -]?)?1[3-9][0-9][ -]?[0-9]{4}[ -]?[0-9]{4}($|[^0-9A-Za-z])"
_INTERNATIONAL = r"(^|[^0-9A-Za-z])(\+|00)[1-9][0-9]{0,2}([ ().-]{0,2}[0-9]){7,12}($|[^0-9A-Za-z])"
_GROUPED = r"(^|[^0-9A-Za-z])(\([0-9]{2,4}\) ?|[0-9]{3}[ .-])[0-9]{3,4}[ .-][0-9]{4}($|[^0-9A-Za-z-])"
_ID_CARD = (
    r"(^|[^0-9A-Za-z])([1-9][0-9]{5}(19|20)[0-9]{2}(0[1-9]|1[0-2])(0[1-9]|[12][0-9]|3[01])"
    r"[0-9]{3}[0-9Xx])($|[^0-9A-Za-z])"
)
_CARD = r"(^|[^0-9A-Za-z])([2-6](?:[ -]?[0-9]){12,18})($|[^0-9A-Za-z])"
#: Weights of the first 17 digits of an identity card; their sum modulo 11 picks the last (GB 11643-1999).
_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_LAST_DIGITS = "10X98765432"

_MACROS = f"""
CREATE OR REPLACE TEMP MACRO has_email(t) AS contains(t, '@') AND regexp_matches(t, '{_EMAIL}');
CREATE OR REPLACE TEMP MACRO has_phone(t) AS regexp_matches(t, '{_MOBILE}|{_INTERNATIONAL}|{_GROUPED}');
-- Luhn: every second digit from the right is doubled, the digits of all of them add up to a multiple of 10.
CREATE OR REPLACE TEMP MACRO passes_luhn(digits) AS length(digits) BETWEEN 13 AND 19 AND list_sum(
    list_transform(
        range(1, length(digits) + 1),
        lambda place: CASE
            WHEN place % 2 = 1 THEN substr(digits, -place, 1)::INTEGER
            ELSE [0, 2, 4, 6, 8, 1, 3, 5, 7, 9][1 + substr(digits, -place, 1)::INTEGER]
        END
    )
) % 10 = 0;
CREATE OR REPLACE TEMP MACRO is_id_card(number) AS upper(right(number, 1)) = substr(
    '{_LAST_DIGITS}',
    1 + list_sum(
        list_transform(
            range(1, 18), lambda place: substr(number, place, 1)::INTEGER * {list(_WEIGHTS)}[place]
        )
    )::INTEGER % 11,
    1
);
CREATE OR REPLACE TEMP MACRO has_id_card(t) AS length(list_filter(
    regexp_extract_all(t, '{_ID_CARD}', 2), lambda number: is_id_card(number)
)) > 0;
CREATE OR REPLACE TEMP MACRO has_payment_card(t) AS length(list_filter(
    regexp_extract_all(t, '{_CARD}', 2),
    lambda number: passes_luhn(regexp_replace(number, '[^0-9]', '', 'g')) AND NOT (
        length(number) = 18 AND coalesce(has_id_card(number), false)
    )
)) > 0;
"""
#: The cheap look: without an @ and without seven digits close together nothing can be found.
_MAYBE = r"contains({value}, '@') OR regexp_matches({value}, '[0-9]([ ().-]{{0,2}}[0-9]){{6}}')"
_MAYBE_OF_IDS = r"contains({value}, '@') OR strlen({value}) = 18"


def create_macros(connection: duckdb.DuckDBPyConnection) -> None:
    """has_email, has_phone, has_id_card, has_payment_card of a text; is_id_card, passes_luhn of a number."""
    connection.execute(_MACROS)


def personal(sides: Sides, table: Table) -> tuple[dict, dict[str, dict[str, int]]]:
    """How many rows hold personal data, for each column that should hold none.

    Returns:
        (`<column>_personal_rows` and `<column>_personal_share`, of the rows with a value, as figures;
        by column the rows of each kind that was found).
    """
    looked_through = watched()[table.name]
    figures: dict = {}
    found = {}
    of_kinds = (
        (looked_through.free_text, KINDS, False),
        (looked_through.names, KINDS, True),
        (looked_through.ids, KINDS_OF_IDS, False),
    )
    for columns, kinds, do_repeat in of_kinds:
        for column in columns:
            counts = sides.one(_counts(table, column, kinds, do_repeat))
            rows, filled = counts.pop("personal_rows"), counts.pop("filled")
            figures[f"{column}_personal_rows"] = rows
            figures[f"{column}_personal_share"] = rows / filled if filled else None
            found[column] = {kind: count for kind, count in counts.items() if count}
    return figures, found


def told(kinds: dict[str, int]) -> str:
    """Kinds and their rows in words."""
    return ", ".join(f"{rows} with {IN_WORDS[kind]}" for kind, rows in kinds.items())


def _counts(table: Table, column: str, kinds: tuple[str, ...], do_repeat: bool) -> str:
    """One column's counts; words that repeat are looked at once each."""
    name = sql.name(column)
    cheap_look = _MAYBE if kinds == KINDS else _MAYBE_OF_IDS
    maybe = cheap_look.format(value="value")
    if do_repeat:
        # No WHERE: it would be moved down to the rows.
        values = f"SELECT {name} AS value, count(*) AS rows FROM {accepted(table)} GROUP BY {name}"
    else:
        values = (
            f"SELECT {name} AS value, 1 AS rows FROM {accepted(table)} WHERE {cheap_look.format(value=name)}"
        )
    flags = ", ".join(f"CASE WHEN {maybe} THEN has_{kind}(value) ELSE false END AS {kind}" for kind in kinds)
    any_kind = " OR ".join(kinds)
    sums = ", ".join(f"coalesce(sum(rows) FILTER ({kind}), 0)::BIGINT AS {kind}" for kind in kinds)
    return f"""
        SELECT
            coalesce(sum(rows) FILTER ({any_kind}), 0)::BIGINT AS personal_rows,
            (SELECT count({name}) FROM {accepted(table)}) AS filled,
            {sums}
        FROM (SELECT rows, {flags} FROM ({values}))
    """
