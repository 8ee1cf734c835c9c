"""One guess for one contract column: the SQL, how sure it is, and the evidence."""

from dataclasses import dataclass, replace

from roundtrip.contract import Column, Table
from roundtrip.draft import codes, shapes
from roundtrip.draft.match import BY_VALUES, SURE, Match, country_share, known_share
from roundtrip.draft.profile import Field
from roundtrip.draft.sqltext import mapping
from roundtrip.ingest import sql

SURELY, GUESS, NEEDS_YOU = "sure", "guess", "NEEDS YOU"
#: A word that is not known is written down from so many rows on: a rarer one could be somebody's name.
_FEW = 20
#: Where a column has more words than this that are not known, they are no codes and none is written down.
_MOST_UNKNOWN = 25


def percent(share: float) -> str:
    """A share in words that never rounds to all or nothing: 99.6% is not 100%."""
    if 0 < share < 0.01 or 0.99 < share < 1:
        return f"{min(max(share, 0.001), 0.999):.1%}"
    return f"{share:.0%}"


@dataclass(frozen=True)
class Guess:
    """What a contract column is drafted as; `is_joined` where it comes from another file."""

    column: str
    sql: str
    level: str
    why: str
    is_joined: bool = False

    @property
    def is_absent(self) -> bool:
        """No column was found, and none is required."""
        return self.sql == "NULL" and self.level == GUESS

    def doubted(self, why: str, level: str) -> "Guess":
        """The same with a further reason, at least as doubtful as `level`."""
        order = (SURELY, GUESS, NEEDS_YOU)
        return replace(
            self, level=max(self.level, level, key=order.index), why=f"{self.why}; {why}" if self.why else why
        )


def nothing(column: Column) -> Guess:
    """NULL for a column that no file has."""
    if column.required:
        return Guess(
            column.name,
            "NULL",
            NEEDS_YOU,
            "required, and no column looks like it: every row is refused until it is given",
        )
    return Guess(column.name, "NULL", GUESS, "no column looks like it")


def from_match(table: Table, match: Match) -> Guess:
    """The guess for a matched field: its SQL in the contract's form, and why."""
    column, found = table.column(match.column), match.field
    level = SURELY if match.name >= SURE and match.values == 1 else GUESS
    guess = Guess(column.name, found.sql, level, _named(match))
    if found.kind in ("lead", "rate"):
        guess = replace(guess, level=GUESS)
    if found.kind == "month":
        guess = guess.doubted("the day is not in the file", GUESS)
    if column.type in ("TIMESTAMP", "DATE", "MONTH"):
        return _moment(guess, column, found)
    if column.name == "birth_year":
        return _birth_year(guess, found)
    if column.type in ("INTEGER", "DECIMAL", "DOUBLE"):
        number = shapes.as_number(found.sql, found.shapes)
        shown = f", {number.what}" if number.what != "numbers" else ""
        span = f", {found.low:g} to {found.high:g}" if found.low is not None else ""
        return replace(guess, sql=number.sql, why=guess.why + shown + span)
    if column.type == "BOOLEAN":
        return _boolean(guess, found)
    if column.values:
        return _from_codes(guess, table, column, found)
    if column.name == "country":
        return _country(guess, found)
    if column.name == "currency":
        return _currency(guess, found)
    if table.key == (column.name,):
        return _key(guess, found)
    return _missing_values(guess, column, found)


def _named(match: Match) -> str:
    found = match.field
    shown = f'"{found.name}"' if found.kind == "column" else found.notes[0]
    by = "by its values alone, " if match.name < match.values and match.name == BY_VALUES else ""
    some = f", {percent(found.filled_share)} filled" if found.filled < found.rows else ""
    notes = "".join(f", {note}" for note in found.notes) if found.kind == "column" else ""
    return f"{by}{shown}{some}{notes}"


def _missing_values(guess: Guess, column: Column, found: Field) -> Guess:
    guess = replace(guess, why=f"{guess.why}, {found.distinct:,} different in {found.filled:,}")
    if column.required and found.filled < found.rows:
        return guess.doubted(f"{found.rows - found.filled:,} rows have none and are refused", GUESS)
    return guess


def _key(guess: Guess, found: Field) -> Guess:
    if found.is_unique:
        return replace(guess, why=f"{guess.why}, {found.distinct:,} values, all different")
    return guess.doubted(
        f"only {found.distinct:,} different values in {found.rows:,} rows: of rows with the same one only "
        "the last is kept; are they versions of one row, or parts of it?",
        NEEDS_YOU if found.distinct < 0.9 * found.rows else GUESS,
    )


def _moment(guess: Guess, column: Column, found: Field) -> Guess:
    is_date = column.type != "TIMESTAMP"
    if found.is_excel_date:
        conversion = shapes.as_excel_day(found.sql, is_date)
    else:
        conversion = shapes.as_moment(found.sql, found.shapes, found.day_first, found.month_first, is_date)
    what = f", {conversion.what}" if found.kind == "column" else ""
    guess = replace(guess, sql=conversion.sql, why=guess.why + what)
    if conversion.doubt is None:
        return guess
    return guess.doubted(
        conversion.doubt, NEEDS_YOU if "could be" in conversion.doubt or "only" in conversion.doubt else GUESS
    )


def _birth_year(guess: Guess, found: Field) -> Guess:
    if not found.is_date or (found.is_whole and found.low >= 1900 and found.high <= 2100):
        return guess
    conversion = shapes.as_moment(found.sql, found.shapes, found.day_first, found.month_first, is_date=True)
    return replace(guess, sql=f"left({conversion.sql}, 4)", why=f"the year of {guess.why}")


def _boolean(guess: Guess, found: Field) -> Guess:
    words = {word for word, _ in found.codes}
    if {word.lower() for word in words} <= {"true", "false", "t", "f", "yes", "no", "1", "0"}:
        return guess
    meanings = {"y": "true", "n": "false", "是": "true", "否": "false", "有": "true", "无": "false"}
    whens = [
        f"WHEN {sql.text(w)} THEN '{meanings[w.lower()]}'" for w in sorted(words) if w.lower() in meanings
    ]
    if len(whens) < len(words):
        guess = guess.doubted("not all its values say yes or no", NEEDS_YOU)
    return replace(guess, sql=_case(found.sql, whens)) if whens else guess


def _case(value: str, whens: list[str], end: str | None = None) -> str:
    lines = "".join(f"\n    {when}" for when in whens)
    return f"CASE {value}{lines}\n    ELSE {end or value}\nEND"


def _from_codes(guess: Guess, table: Table, column: Column, found: Field) -> Guess:
    if column.name == "status" and "cancelled" in found.concepts and known_share(table, column, found) < 0.5:
        yes = ("1", "true", "yes", "y", "t", "是")
        whens = [
            f"WHEN {sql.text(word)} THEN '{'cancelled_by_customer' if word.lower() in yes else 'completed'}'"
            for word, _ in found.codes
        ]
        return replace(guess, sql=_case(found.sql, whens)).doubted(
            "what is not cancelled is taken as completed, and the customer as who cancelled", GUESS
        )
    known, nobody_knows, unknown = [], [], []
    for word, count in found.codes:
        value = codes.value_of(table.name, column, word)
        if value:
            known.append((word, value))
        elif codes.says_unknown(word):
            nobody_knows.append(word)
        else:
            unknown.append((word, count))
    if not unknown and not nobody_knows and found.codes and all(word == value for word, value in known):
        return replace(guess, why=f"{guess.why}, the contract's own values")
    whens = [f"WHEN {sql.text(word)} THEN {sql.text(value)}" for word, value in known if word != value]
    whens += [f"WHEN {sql.text(word)} THEN NULL" for word in nobody_knows]
    share = sum(count for _, count in unknown) / found.filled
    if known:
        guess = guess.doubted(f"{len(known)} of its {found.distinct} values are known words", GUESS)
    if found.codes and not unknown:
        return replace(guess, sql=_case(found.sql, whens))
    listed = [(word, count) for word, count in unknown if count >= _FEW]
    shown = ""
    if 0 < len(listed) <= _MOST_UNKNOWN:
        shown = ": " + ", ".join(f"{sql.text(word)} {count / found.filled:.1%}" for word, count in listed)
        if not column.required:
            whens += [f"WHEN {sql.text(word)} THEN NULL" for word, _ in listed]
    number = len(unknown) if found.codes else found.distinct
    what = "they are refused" if column.required or not listed else "those named are left out, others refused"
    share = percent(share if found.codes else 1.0)
    guess = guess.doubted(
        f"{number} of its values ({share} of the rows) are not known{shown}. "
        f"Say which of {', '.join(column.values)} each is; until then {what}",
        # A few odd rows are a matter of the files, not of the mapping.
        NEEDS_YOU if listed or not known else GUESS,
    )
    return replace(guess, sql=_case(found.sql, whens)) if whens else guess


def _country(guess: Guess, found: Field) -> Guess:
    pairs = [(word, codes.country(word)) for word, _ in found.codes if codes.country(word)]
    if found.codes and len(pairs) == len(found.codes) and all(word == code for word, code in pairs):
        return replace(guess, why=f"{guess.why}, ISO 3166-1 alpha-2")
    known = country_share(found)
    if known < 0.999:
        guess = guess.doubted(
            f"only {known:.1%} are codes or names of countries that are known; the others are refused",
            NEEDS_YOU,
        )
    elif pairs:
        guess = replace(
            guess, why=f"{guess.why}, {len(pairs)} codes or names of countries as ISO 3166-1 alpha-2"
        )
    changed = [(word, code) for word, code in pairs if word != code]
    return replace(guess, sql=mapping(found.sql, changed)) if changed else guess


def _currency(guess: Guess, found: Field) -> Guess:
    if all(codes.is_currency(word) for word, _ in found.codes):
        return replace(guess, why=f"{guess.why}, ISO 4217, {found.distinct} different")
    named = [
        (word, word.upper() if codes.is_currency(word.upper()) else codes.currency_named(word))
        for word, _ in found.codes
    ]
    return replace(guess, sql=mapping(found.sql, [(w, c) for w, c in named if c and w != c])).doubted(
        "signs and words as ISO 4217", GUESS
    )
