"""Does the draft hold? Its SELECT is run, and what the contract's rules refuse is written to the guess."""

from dataclasses import replace

from roundtrip.contract import Table
from roundtrip.draft.guess import GUESS, NEEDS_YOU, Guess
from roundtrip.draft.tables import Company, Draft
from roundtrip.draft.write import select
from roundtrip.ingest import rules, sql

#: Shares of rows that are refused for a column from which a guess is no longer sure, or needs a human.
_DOUBTFUL, _TOO_MANY = 0.001, 0.05


def run(company: Company, draft: Draft) -> None:
    """Run the draft over the rows that were looked at, and doubt the guesses that the rules refuse.

    What comes by a join is not judged on a sample, in which the other file's rows are missing.
    """
    connection, table = company.connection, draft.table
    texts = ", ".join(f"as_text({sql.name(column)}) AS {sql.name(column)}" for column in table.column_names)
    _use_samples(company, draft)
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE delivered AS SELECT {texts}, "
        "NULL::VARCHAR AS _file, NULL::BIGINT AS _line, 0 AS _order "
        f"FROM ({select(draft)}\n)"
    )
    typed, is_refused, reasons = rules.split(table)
    rows, all_refused = connection.execute(
        f"WITH typed AS ({typed}) SELECT count(*), count(*) FILTER (WHERE {is_refused}) FROM typed"
    ).fetchone()
    refused = connection.execute(
        f'WITH typed AS ({typed}) SELECT why."column", why.rule, count(*) FROM '
        f"(SELECT unnest({reasons}) AS why FROM typed) GROUP BY ALL ORDER BY ALL"
    ).fetchall()
    if any(rule == "trip_ends_after_start" and count > rows / 2 for _, rule, count in refused):
        _swap_ends(draft)
        return run(company, draft)
    whole = draft.source.one_in == 1
    draft.refused_share = all_refused / rows if rows and (whole or not draft.join) else 0.0
    for column, rule, count in refused:
        guess = draft.guesses[column]
        if (guess.is_joined and not whole) or guess.sql == "NULL" or _said(guess, rule):
            continue
        level = NEEDS_YOU if count > _TOO_MANY * rows else GUESS if count > _DOUBTFUL * rows else guess.level
        draft.guesses[column] = guess.doubted(
            f"{count:,} of {rows:,} rows are refused: {_reason(table, column, rule)}", level
        )


def _swap_ends(draft: Draft) -> None:
    """Arrival comes before departure at a hotel, and after it on a flight: the values decide."""
    start, end = draft.guess("travel_start"), draft.guess("travel_end")
    why = "the other way round most trips would end before they start"
    draft.guesses["travel_start"] = replace(end, column="travel_start").doubted(why, GUESS)
    draft.guesses["travel_end"] = replace(start, column="travel_end").doubted(why, GUESS)


def _said(guess: Guess, rule: str) -> bool:
    return (rule == "values" and "are not known" in guess.why) or (
        rule == "required" and "are refused" in guess.why
    )


def _reason(table: Table, column: str, rule: str) -> str:
    contract = table.column(column)
    named = next((each for each in table.rules if each.name == rule), None)
    words = {
        "required": "they have none",
        "type": f"no {contract.type.lower()}",
        "values": "not one of the contract's values",
        "min": f"less than {contract.min}",
        "max": f"more than {contract.max}",
        "year": "far from this century",
        "pattern": f"not of the form {contract.pattern}",
        "control_characters": "they hold control characters",
    }
    return named.reason if named else words[rule]


def _use_samples(company: Company, draft: Draft) -> None:
    """Let the names that the SELECT uses stand for the sampled rows of its own source."""
    source = draft.source
    if source.one_in == 1:
        return
    for place, view in enumerate(source.views):
        rows = f"SELECT * FROM {sql.name(f'some {source.name}')}" + ("" if place == 0 else " WHERE false")
        company.connection.execute(f"CREATE OR REPLACE TEMP VIEW {sql.name(view)} AS {rows}")
