"""The draft of one contract table: a guess for every column, and where the rows come from."""

import re
from dataclasses import dataclass, field, replace

from roundtrip.contract import Table, source_contract
from roundtrip.draft import codes
from roundtrip.draft.guess import GUESS, NEEDS_YOU, SURELY, Guess, from_match, nothing, percent
from roundtrip.draft.match import BY_VALUES, Match, assign
from roundtrip.draft.profile import Field, is_unique, share_known
from roundtrip.draft.reading import Source
from roundtrip.draft.sqltext import identifier
from roundtrip.draft.words import concepts
from roundtrip.ingest import sql

#: Columns that change while a booking lives: a key made of the rest stays the same.
_CHANGING = ("status", "updated_at", "cancelled_at")
_REFERENCES = (("customer_id", "customers"), ("booking_id", "bookings"), ("campaign_id", "campaigns"))


@dataclass
class Draft:
    """A SELECT to be written: CTEs, guesses in the contract's order, FROM, and what is said above them."""

    table: Table
    source: Source
    guesses: dict[str, Guess]
    prepared: list[tuple[str, str]]
    relation: str
    has_lines: bool = True
    join: str = ""
    group: str = ""
    about: list[str] = field(default_factory=list)
    refused_share: float = 0.0

    def guess(self, column: str) -> Guess:
        return self.guesses[column]


@dataclass
class Company:
    """Everything known of the files: the connection, the sources with their fields, the drafts so far."""

    connection: object
    sources: dict[str, Source]
    fields: dict[str, list[Field]]
    drafts: dict[str, Draft] = field(default_factory=dict)
    matches: dict[str, dict[str, Match]] = field(default_factory=dict)


def draft_tables(company: Company) -> None:
    """Fill `company.drafts`: bookings first, since the others lean on them."""
    for table in sorted(company.sources, key=lambda name: name != "bookings"):
        _draft(company, source_contract()[table])
    if "bookings" in company.drafts and "customers" not in company.drafts:
        _customers_from_bookings(company)


def _draft(company: Company, table: Table) -> None:
    source = company.sources[table.name]
    fields = company.fields[source.name]
    matches = assign(fields, table)
    _match_by_overlap(company, table, source, fields, matches)
    company.matches[table.name] = matches
    guesses = {column.name: nothing(column) for column in table.columns}
    guesses |= {name: from_match(table, match) for name, match in matches.items()}
    (key, *more) = table.key
    seems_unique = not more and key in matches and matches[key].field.is_unique
    if seems_unique and not is_unique(company.connection, source, matches[key].field):
        guesses[key] = guesses[key].doubted("in all rows some are the same: the last of them is kept", GUESS)
    draft = Draft(table, source, guesses, list(source.prepared), _relation(source))
    company.drafts[table.name] = draft
    if table.name == "bookings":
        _finish_bookings(company, draft, matches)
    elif table.name == "customers":
        _finish_customers(company, draft, fields)
    else:
        _finish_other(company, draft, matches, fields)
    _references(company, draft, matches)


def _match_by_overlap(company: Company, table: Table, source: Source, fields: list[Field], matches) -> None:
    """A customer or booking id whose name says nothing: the column whose values are in their file."""
    for column, there in _REFERENCES:
        other = company.sources.get(there)
        if other is None or there == table.name or column in matches or column not in table.column_names:
            continue
        theirs = assign(company.fields[other.name], source_contract()[there], {column}).get(column)
        used = {match.field.name for match in matches.values()}
        for found in fields if theirs else ():
            # Small numbers are in every file: they tell nothing.
            is_id = (
                found.distinct >= 20 and not found.is_date and found.letters >= 4 and found.kind == "column"
            )
            if found.name in used or not is_id:
                continue
            if share_known(company.connection, (source, found), (other, theirs.field)) >= 0.9:
                matches[column] = Match(column, found, BY_VALUES, 1.0)
                break


def _relation(source: Source) -> str:
    return identifier(source.views[0]) if len(source.views) == 1 else "delivered_rows"


def _row_key(company: Company, draft: Draft, matches: dict[str, Match], column: str) -> None:
    """A key for rows without one: a hash of what does not change, and a number among equal rows."""
    changing = {made for name in _CHANGING if name in matches for made in matches[name].field.made_of}
    changing |= {
        found.name
        for found in company.fields[draft.source.name]
        if set(found.concepts) & {"status", "updated", "cancelled"}
    }
    kept = [identifier(name) for name in draft.source.columns if name not in changing] or ["_file", "_line"]
    hashed = f"md5(concat_ws('|', {', '.join(kept)}))"
    hashed = hashed if len(hashed) < 100 else "md5(concat_ws(\n    '|', " + _wrapped(kept) + "\n))"
    draft.prepared.append(("row_hash", hashed))
    number = "row_number() OVER (PARTITION BY row_hash ORDER BY _file, _line)"
    draft.prepared.append(("row_key", f"row_hash || '-' || {number}"))
    left_out = f" ({', '.join(sorted(changing))} left out, as they change)" if changing else ""
    draft.guesses[column] = Guess(
        column, "row_key", NEEDS_YOU,
        f"no column is a key, so one is made of the row{left_out} and a number among equal rows. A row that "
        "is changed at the source comes in as a new one; name the real key if there is one",
    )  # fmt: skip


def _wrapped(names: list[str], width: int = 90) -> str:
    lines, line = [], ""
    for name in names:
        if line and len(line) + len(name) + 2 > width:
            lines.append(line)
            line = ""
        line += f"{', ' if line else ''}{name}"
    return ",\n    ".join([*lines, line])


def _finish_bookings(company: Company, draft: Draft, matches: dict[str, Match]) -> None:
    guesses = draft.guesses
    fields = company.fields[draft.source.name]
    if "booking_id" not in matches:
        _row_key(company, draft, matches, "booking_id")
    if "customer_id" not in matches:
        guesses["customer_id"] = Guess(
            "customer_id", guesses["booking_id"].sql, NEEDS_YOU,
            "no column tells customers apart, so each booking counts as a customer of its own: nothing can "
            "be said about retention until you name one",
        )  # fmt: skip
    start = guesses["travel_start"]
    if "booked_at" not in matches and "travel_start" in matches:
        guesses["booked_at"] = Guess(
            "booked_at",
            start.sql,
            NEEDS_YOU,
            "no column says when it was booked; the start of the trip stands in",
        )
    nights = next((found for found in fields if found.kind == "nights"), None)
    if "travel_end" not in matches and nights and "travel_start" in matches:
        guesses["travel_end"] = Guess(
            "travel_end",
            f"(try_cast({start.sql} AS DATE) + {nights.sql})::VARCHAR",
            GUESS,
            f"the start and the nights, {nights.notes[0]}",
        )
    if "service_line" not in matches:
        guesses["service_line"] = _only_service(company, draft)
    if "status" not in matches:
        guesses["status"] = Guess(
            "status",
            "'completed'",
            NEEDS_YOU,
            "no column says what became of a booking; all are taken as completed",
        )
    if "cancelled_at" not in matches and "updated_at" in matches and "status" in matches:
        _cancelled_when_updated(guesses, matches)
    _money(company, draft, matches, fields)


def _cancelled_when_updated(guesses: dict[str, Guess], matches: dict[str, Match]) -> None:
    """The day of the last status is the day of the cancellation, where that is the status."""
    if "status" not in matches["updated_at"].field.concepts:
        return
    whens = [line for line in guesses["status"].sql.splitlines() if "THEN 'cancelled_by" in line]
    words = ", ".join(re.match(r"\s*WHEN ('(?:[^']|'')*')", line).group(1) for line in whens)
    if words:
        status, day = matches["status"].field, guesses["updated_at"].sql
        guesses["cancelled_at"] = Guess(
            "cancelled_at", f"CASE WHEN {status.sql} IN ({words}) THEN {day} END", GUESS,
            f'the day of the status where "{status.name}" is a cancellation',
        )  # fmt: skip


def _only_service(company: Company, draft: Draft) -> Guess:
    """One service for all rows, told by the words in the names of the file and its columns."""
    column = draft.table.column("service_line")
    hits: dict[str, int] = {}
    for weight, name in [(3, draft.source.name), *((1, column_name) for column_name in draft.source.columns)]:
        for word in concepts(name):
            said = "hotel" if word == "nights" else codes.value_of("bookings", column, word.lstrip("?"))
            if said:
                hits[said] = hits.get(said, 0) + weight
    best = sorted(hits, key=lambda service: (-hits[service], service))
    if not best or (len(best) > 1 and hits[best[0]] == hits[best[1]]):
        return nothing(column).doubted(f"write one of {', '.join(column.values)}", NEEDS_YOU)
    return Guess(
        "service_line",
        sql.text(best[0]),
        GUESS,
        f"no column tells services apart; the names of the file and its columns speak of {best[0]}",
    )


def _money(company: Company, draft: Draft, matches: dict[str, Match], fields: list[Field]) -> None:
    """The currency where no column names it: from a name, from signs, from where the customers live."""
    guesses = draft.guesses
    amounts = [name for name in ("gross_amount", "discount_amount", "margin_amount") if name in matches]
    if "currency" in matches or not amounts:
        return
    for name in amounts:
        found = matches[name].field
        signs = [codes.currency_named(word) for word, _ in found.codes[:20]]
        code = codes.currency_named(found.name) or next((sign for sign in signs if sign), None)
        if code:
            guesses["currency"] = Guess(
                "currency", sql.text(code), GUESS, f'"{found.name}" names it or its values bear its sign'
            )
            return
    home = _home_currency(fields)
    if home:
        code, country, share = home
        guesses["currency"] = Guess(
            "currency", sql.text(code), NEEDS_YOU,
            f"nothing names the currency; {percent(share)} of the rows are of {country}, where it is {code}",
        )  # fmt: skip
        return
    for name in amounts:
        guesses[name] = replace(
            guesses[name], sql="NULL", level=NEEDS_YOU,
            why=f"{guesses[name].why}; left out, as an amount needs its currency and nothing names it: write "
            f"{guesses[name].sql} here, and the currency below",
        )  # fmt: skip
    guesses["currency"] = Guess(
        "currency", "NULL", NEEDS_YOU, "nothing names the currency of the amounts; write it, such as 'EUR'"
    )


def _home_currency(fields: list[Field]) -> tuple[str, str, float] | None:
    for found in fields:
        if "country" in found.concepts and found.codes:
            word, count = found.codes[0]
            code = codes.country(word)
            if code and codes.currency_of(code):
                return codes.currency_of(code), code, count / found.rows
    return None


def _finish_customers(company: Company, draft: Draft, fields: list[Field]) -> None:
    guesses = draft.guesses
    if guesses["country"].sql == "NULL" and "city" in company.matches["customers"]:
        province = company.matches["customers"]["city"].field
        chinese = sum(count for word, count in province.codes if codes.is_chinese_province(word))
        if chinese >= 0.9 * province.filled:
            guesses["country"] = Guess(
                "country", f"CASE WHEN {province.sql} IS NOT NULL THEN 'CN' END", GUESS,
                f'{percent(chinese / province.filled)} of "{province.name}" are provinces of China',
            )  # fmt: skip
    if "registered_at" not in company.matches["customers"]:
        _first_booking(company, draft)


def _first_booking(company: Company, draft: Draft) -> None:
    """Registration where the file has no date: the first booking of the customer."""
    bookings = company.drafts.get("bookings")
    mine = company.matches["customers"].get("customer_id")
    if bookings is None or mine is None or "customer_id" not in company.matches["bookings"]:
        return
    theirs = company.matches["bookings"]["customer_id"].field
    known = share_known(company.connection, (draft.source, mine.field), (bookings.source, theirs))
    draft.join = _lookup(bookings, "customer_id", "min", draft.guess("customer_id").sql)
    draft.guesses["registered_at"] = Guess(
        "registered_at", "found_booked_at", NEEDS_YOU if known < 0.95 else GUESS,
        f"no column says when; the first booking stands in. {percent(known)} of these customers have booked; "
        "the others have no date and are refused",
        is_joined=True,
    )  # fmt: skip


def _lookup(bookings: Draft, key: str, which: str, mine: str) -> str:
    """A join that brings `found_booked_at`, the first or last date of the bookings with a key."""
    cte = bookings_cte(bookings, (key, "booked_at"))
    return (
        f"LEFT JOIN (\n    SELECT {key} AS found_{key}, {which}(booked_at) AS found_booked_at\n"
        f"    FROM (\n{_indented(cte, 8)}\n    ) AS bookings\n    GROUP BY {key}\n"
        f") AS found ON found_{key} = {mine}"
    )


def bookings_cte(bookings: Draft, columns: tuple[str, ...]) -> str:
    """The drafted bookings with these columns only, as a SELECT."""
    listed = ",\n".join(f"{_indented(bookings.guess(name).sql, 4)} AS {name}" for name in columns)
    return f"SELECT\n{listed}\nFROM {rows_of(bookings, _names_in(bookings, columns))}"


def _names_in(draft: Draft, columns: tuple[str, ...]) -> str:
    return "\n".join(draft.guess(name).sql for name in columns)


def rows_of(draft: Draft, used_in: str) -> str:
    """Where a draft's rows come from, with those prepared columns that `used_in` needs."""
    needed = needed_columns(draft.prepared, used_in)
    base = draft.relation
    if len(draft.source.views) > 1:
        base = "(\n" + _indented(union_of(draft.source), 4) + "\n) AS delivered_rows"
    if not needed:
        return base
    inner = f"SELECT\n    *,\n{listed_columns(needed)}\nFROM {base}"
    return f"(\n{_indented(inner, 4)}\n) AS prepared"


def union_of(source: Source) -> str:
    return "\nUNION ALL BY NAME\n".join(f"SELECT * FROM {identifier(view)}" for view in source.views)


def listed_columns(prepared: list[tuple[str, str]]) -> str:
    return ",\n".join(f"{_indented(expression, 4)} AS {name}" for name, expression in prepared)


def needed_columns(prepared: list[tuple[str, str]], used_in: str) -> list[tuple[str, str]]:
    """The prepared columns that a text mentions, and those that these need."""
    needed, text = [], used_in
    for name, expression in reversed(prepared):
        if re.search(rf"\b{re.escape(name)}\b", text):
            needed.insert(0, (name, expression))
            text += "\n" + expression
    return needed


def _indented(text: str, spaces: int) -> str:
    return "\n".join(" " * spaces + line if line else line for line in text.splitlines())


def _finish_other(company: Company, draft: Draft, matches: dict[str, Match], fields: list[Field]) -> None:
    table, guesses = draft.table, draft.guesses
    booking = matches.get("booking_id")
    (key, *more_keys) = table.key
    if not more_keys and key not in matches:
        if booking and is_unique(company.connection, draft.source, booking.field):
            guesses[key] = Guess(
                key,
                booking.field.sql,
                GUESS,
                f'no key of its own, but every row has another "{booking.field.name}"',
            )
        else:
            _row_key(company, draft, matches, key)
    if table.occurred not in matches and booking and "bookings" in company.drafts:
        _dated_by_booking(company, draft, booking)
    if table.name == "surveys":
        _finish_surveys(draft, matches, fields)


def _dated_by_booking(company: Company, draft: Draft, booking: Match) -> None:
    bookings = company.drafts["bookings"]
    theirs = company.matches["bookings"].get("booking_id")
    if theirs is None:
        return
    known = share_known(company.connection, (draft.source, booking.field), (bookings.source, theirs.field))
    if not known:
        return
    draft.join = _lookup(bookings, "booking_id", "min", booking.field.sql)
    draft.guesses[draft.table.occurred] = Guess(
        draft.table.occurred, "found_booked_at", NEEDS_YOU if known < 0.95 else GUESS,
        f"no column says when; the booking's date stands in, the earliest it could be. {percent(known)} of "
        "the bookings are known; the other rows have no date and are refused",
        is_joined=True,
    )  # fmt: skip


def _finish_surveys(draft: Draft, matches: dict[str, Match], fields: list[Field]) -> None:
    guesses = draft.guesses
    texts = [found for found in fields if "text" in found.concepts and found.shapes.get("text", 0) >= 0.5]
    if "text" in matches and len(texts) > 1:
        joined = f"nullif(concat_ws('|', {', '.join(found.sql for found in texts)}), '')"
        names = " and ".join(f'"{found.name}"' for found in texts)
        guesses["text"] = Guess("text", joined, GUESS, f"{names} together")
    if "survey_type" not in matches:
        guesses["survey_type"] = _survey_type(draft, matches)
    if guesses["survey_type"].sql == "'review'" and "touchpoint" not in matches:
        guesses["touchpoint"] = Guess("touchpoint", "'after'", GUESS, "reviews are written after the trip")
    if "language" not in matches and "text" in matches and matches["text"].field.chinese >= 0.5:
        share = matches["text"].field.chinese
        guesses["language"] = Guess(
            "language",
            f"CASE WHEN {guesses['text'].sql} IS NOT NULL THEN 'zh' END",
            GUESS,
            f"{percent(share)} of the texts hold Chinese characters",
        )


def _survey_type(draft: Draft, matches: dict[str, Match]) -> Guess:
    named = concepts_text(draft.source)
    score = matches.get("score")
    high = score.field.high if score else None
    if "nps" in named:
        return Guess("survey_type", "'nps'", GUESS, "the names speak of NPS")
    if "csat" in named or "satisfaction" in named or "满意度" in named:
        return Guess("survey_type", "'csat'", GUESS, "the names speak of satisfaction")
    if high is not None and high > 5:
        return Guess(
            "survey_type",
            "'nps'",
            NEEDS_YOU,
            f"the scores go up to {high:g}: NPS, or another scale to be brought to 1 to 5?",
        )
    low = score.field.low if score else None
    level = GUESS if low is not None and low >= 1 else NEEDS_YOU
    return Guess(
        "survey_type",
        "'review'",
        level,
        "ratings or texts of customers" + ("" if level == GUESS else "; a score from 1 to 5 is required"),
    )


def concepts_text(source: Source) -> str:
    return " ".join([source.name, *source.columns]).lower()


def _references(company: Company, draft: Draft, matches: dict[str, Match]) -> None:
    """What share of the customers and bookings that a table names is known in their own files."""
    for column, there in (
        ("customer_id", "customers"),
        ("booking_id", "bookings"),
        ("campaign_id", "campaigns"),
    ):
        other = company.sources.get(there)
        if column not in matches or other is None or there == draft.table.name:
            continue
        theirs = assign(company.fields[other.name], source_contract()[there], {column}).get(column)
        if theirs is None:
            continue
        known = share_known(company.connection, (draft.source, matches[column].field), (other, theirs.field))
        why = f"{percent(known)} of them are in {other.name}"
        draft.guesses[column] = draft.guesses[column].doubted(why, SURELY if known >= 0.95 else NEEDS_YOU)


def _customers_from_bookings(company: Company) -> None:
    """One row per customer of the bookings: no file of customers was found."""
    bookings, table = company.drafts["bookings"], source_contract()["customers"]
    used = {made for match in company.matches["bookings"].values() for made in match.field.made_of}
    fields = [found for found in company.fields[bookings.source.name] if found.name not in used]
    wanted = {column.name for column in table.columns} - {
        "customer_id",
        "registered_at",
        "updated_at",
        "referred_by",
    }
    matches = assign(fields, table, wanted)
    company.matches["customers"] = matches
    guesses = {column.name: nothing(column) for column in table.columns}
    mine = bookings.guess("customer_id")
    own = mine.level == NEEDS_YOU and "customer_id" not in company.matches["bookings"]
    guesses["customer_id"] = Guess(
        "customer_id",
        "customer_id",
        mine.level,
        "each booking is a customer of its own, see bookings.sql" if own else "as in bookings.sql",
    )
    guesses["registered_at"] = Guess(
        "registered_at", "min(booked_at)", GUESS, "no file of customers: the first booking stands in"
    )
    prepared = [*bookings.prepared]
    details = []
    for name, match in matches.items():
        guess = from_match(table, match)
        details.append((name, guess.sql))
        pick = "arg_min" if name == "acquisition_channel" else "arg_max"
        which = "first" if pick == "arg_min" else "last"
        guesses[name] = replace(guess, sql=f"{pick}({name}, booked_at)").doubted(
            f"that of the {which} booking", GUESS
        )
    columns = [("customer_id", mine.sql), ("booked_at", bookings.guess("booked_at").sql), *details]
    inner = Draft(table, bookings.source, {}, prepared, bookings.relation)
    listed = ",\n".join(f"{_indented(expression, 4)} AS {name}" for name, expression in columns)
    body = f"SELECT\n{listed}\nFROM {rows_of(inner, listed)}"
    company.drafts["customers"] = Draft(
        table, bookings.source, guesses, [("customers_booked", body)], "customers_booked", has_lines=False,
        group="GROUP BY customer_id", about=["No file holds customers: one row per customer who booked."],
    )  # fmt: skip
