"""What is spread over several columns: year, month and day; nights; travellers; rate times nights."""

from dataclasses import replace

from roundtrip.draft import shapes
from roundtrip.draft.profile import Field, measure
from roundtrip.draft.reading import Source
from roundtrip.draft.words import likeness, table_words

_DATE_WORDS = frozenset(("year", "month", "day", "when"))
_MONTH_FORMATS = (("%B", ("january", "august", "december")), ("%b", ("jan", "aug", "dec")))


def put_together(connection, source: Source, fields: list[Field]) -> tuple[Source, list[Field]]:
    """The source with its prepared columns, and the fields with those that they make.

    Columns that became part of one are no fields of their own any more.
    """
    for step in (_dates, _nights, _people, _amounts, _lead):
        for name, expression, concepts, kind, used, note in step(fields, connection):
            name = _free_name(name, source)
            source = replace(source, prepared=(*source.prepared, (name, expression)))
            made = measure(
                connection, source, name, name, concepts=concepts, kind=kind, made_of=used, notes=(note,)
            )
            fields = [each for each in fields if each.name not in used or kind == "lead"] + [made]
    return source, fields


def _free_name(name: str, source: Source) -> str:
    taken = {column.lower() for column in source.columns} | {made for made, _ in source.prepared}
    while name in taken:
        name += "_"
    return name


def _dates(fields: list[Field], connection):
    """A year column with the month (and day) columns of the same name but for the word."""
    for year in fields:
        is_year = year.is_whole and year.low is not None and 1900 <= year.low <= year.high <= 2100
        if "year" not in year.concepts or "birth" in year.concepts or not is_year:
            continue
        about = _about(year)
        month = _partner(fields, "month", about, 12)
        if month is None:
            continue
        day = _partner(fields, "day", about, 31)
        parts = [year, month, *([day] if day else [])]
        month_format = _month_format(month)
        text = f"concat_ws('-', {', '.join(part.sql for part in parts)})"
        month_and_day = f"'%Y-{month_format}{'-%d' if day else ''}'"
        moment = f"try_strptime(\n        {text}, {month_and_day}\n    )::DATE::VARCHAR"
        kind = "date" if day else "month"
        stem = "_".join(concept.lstrip("?") for concept in year.concepts if concept not in _DATE_WORDS)
        concepts = (
            *(c for c in year.concepts if c not in _DATE_WORDS),
            *(("when",) if day else ("year", "month")),
        )
        note = f"put together from {_listed(parts)}"
        yield (
            f"{stem or 'its'}_on",
            f"coalesce(\n    {moment},\n    nullif({text}, '')\n)",
            concepts,
            kind,
            tuple(part.name for part in parts),
            note if day else f"{note}: the first day of the month",
        )


def _about(found: Field) -> frozenset[str]:
    return frozenset(found.concepts) - _DATE_WORDS


def _partner(fields: list[Field], word: str, about: frozenset[str], highest: int) -> Field | None:
    for found in fields:
        if word not in found.concepts or "week" in found.concepts or _about(found) != about:
            continue
        in_range = found.is_whole and found.low is not None and 1 <= found.low <= found.high <= highest
        if in_range or (word == "month" and _month_format(found) != "%m"):
            return found
    return None


def _month_format(month: Field) -> str:
    words = {word.lower() for word, _ in month.codes}
    return next((code for code, some in _MONTH_FORMATS if words & set(some) and len(words) <= 12), "%m")


def _listed(parts: list[Field]) -> str:
    return ", ".join(f'"{part.name}"' for part in parts)


def _sum(parts: list[Field]) -> str:
    return "\n+ ".join(f"coalesce(try_cast({part.sql} AS INTEGER), 0)" for part in parts)


def _nights(fields: list[Field], connection):
    nights = [
        f
        for f in fields
        if "nights" in f.concepts
        and "amount" not in f.concepts
        and f.is_whole
        and 0 <= f.low <= f.high <= 1000
    ]
    if nights:
        used = tuple(f.name for f in nights)
        yield "nights", _sum(nights), ("nights",), "nights", used, f"the sum of {_listed(nights)}"


def _people(fields: list[Field], connection):
    groups = [
        f
        for f in fields
        if set(f.concepts) <= {"agegroup", "people", "id"} and "agegroup" in f.concepts and f.is_whole
    ]
    if len(groups) > 1 and not any(
        "people" in f.concepts and "agegroup" not in f.concepts and f.is_whole for f in fields
    ):
        used = tuple(f.name for f in groups)
        yield "travellers", _sum(groups), ("people",), "sum", used, f"the sum of {_listed(groups)}"


def _amounts(fields: list[Field], connection):
    nights = next((f for f in fields if f.kind == "nights"), None)
    rate = next(
        (
            f
            for f in fields
            if f.is_numeric and ("rate" in f.concepts or {"amount", "nights"} <= set(f.concepts))
        ),
        None,
    )
    if nights and rate:
        number = shapes.as_number(rate.sql, rate.shapes).sql
        note = f'"{rate.name}", read as a price per night, times the nights'
        yield (
            "stay_amount",
            f"round(try_cast({number} AS DOUBLE) * {nights.sql}, 2)",
            ("amount",),
            "rate",
            (rate.name,),
            note,
        )


def _lead(fields: list[Field], connection):
    """The day of booking, from the days between it and the start of the trip."""
    lead = next(
        (
            f
            for f in fields
            if "lead" in f.concepts and f.is_whole and f.low is not None and f.low >= 0 and f.high < 2000
        ),
        None,
    )
    start = start_of_trip(fields)
    if lead and start:
        moment = shapes.as_moment(
            start.sql, start.shapes, start.day_first, start.month_first, is_date=True
        ).sql
        booked = f"(try_cast({moment} AS DATE) - try_cast({lead.sql} AS INTEGER))::VARCHAR"
        note = f'"{start.name}" less the days in "{lead.name}"'
        yield "booked_on", booked, ("booking", "when"), "lead", (lead.name, start.name), note


def start_of_trip(fields: list[Field]) -> Field | None:
    """The date field that is named most like the start of a trip."""
    words = table_words()["bookings"]
    scored = [
        (likeness(found.concepts, words.columns["travel_start"], words.means), -place, found)
        for place, found in enumerate(fields)
        if found.is_date and found.kind != "lead"
    ]
    best = max(scored, default=None, key=lambda each: each[:2])
    return best[2] if best and best[0] >= 0.8 else None
