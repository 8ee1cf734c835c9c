"""Cells of the file that somebody mends: what a spreadsheet may do with them, and what stands for a secret.

A cell that begins with = + - @ (or a tab, a line end, or one of the wide forms of these characters) is run as
a formula by spreadsheets, and a customer can have written it. It is led by an apostrophe, as OWASP advises
("CSV Injection"), unless it is a plain number; the apostrophe is taken off again when the file comes back, so
that a cell nobody touched comes back as it was.
"""

import duckdb

#: In the file, in the place of personal data that the quarantine keeps a pseudonym of.
KEPT = "kept:"

_BEGINS_A_FORMULA = r"[=+\-@\t\r\n＝＋－＠]"
_PLAIN_NUMBER = r"[+-]?\d+([.,]\d+)?"

_MACROS = f"""
CREATE OR REPLACE TEMP MACRO guarded(cell) AS CASE
    WHEN regexp_matches(cell, '^''*{_BEGINS_A_FORMULA}') AND NOT regexp_full_match(cell, '{_PLAIN_NUMBER}')
    THEN '''' || cell ELSE cell END;
CREATE OR REPLACE TEMP MACRO unguarded(cell) AS CASE
    WHEN regexp_matches(cell, '^''+{_BEGINS_A_FORMULA}') THEN cell[2:] ELSE cell END;
"""


def was(column: str, row: str) -> str:
    """SQL for what the quarantine holds of a column; `row` names the relation of the refused row."""
    return f"json_extract_string({row}.row_json, '$.{column}')"


def is_pseudonym(value: str) -> str:
    """SQL: whether a quarantined value is one. A column may become personal after a row of it is refused."""
    return f"regexp_full_match({value}, '[0-9a-f]{{32}}')"


def create_macros(connection: duckdb.DuckDBPyConnection) -> None:
    """`guarded(cell)` on the way out and `unguarded(cell)` on the way in; each undoes the other."""
    connection.execute(_MACROS)
