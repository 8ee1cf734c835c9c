"""What a plan may say: every mistake is told with its line and what to do."""

import math
from collections.abc import Collection, Iterator
from datetime import date
from pathlib import Path
from typing import Any, NoReturn

from roundtrip.errors import BadInput
from roundtrip.rollout.names import PLAN_MONTHS
from roundtrip.yaml_lines import Lines, line_of

LANGUAGES = {"en", "zh"}


class Checker:
    """Checks the values of one file."""

    def __init__(self, path: Path, lines: Lines):
        self.path = path
        self.lines = lines

    def fail(self, at: tuple, what: str, hint: str) -> NoReturn:
        raise BadInput(f"{self.path}:{line_of(self.lines, at)}: {what}", hint)

    def mapping(self, at: tuple, value: Any, required: set[str], optional: Collection[str] = ()) -> dict:
        known = ", ".join(sorted({*required, *optional}))
        if not isinstance(value, dict):
            self.fail(at, "expected `key: value` lines", f"keys: {known}")
        if unknown := sorted(set(value) - required - set(optional)):
            self.fail((*at, unknown[0]), f"unknown key {unknown[0]}", f"known keys: {known}")
        if missing := sorted(key for key in required if value.get(key) in (None, "", [])):
            self.fail(at, f"{missing[0]} is missing", f"add a line `{missing[0]}: …`")
        return value

    def items(
        self, key: str, top: dict, required: set[str], optional: Collection[str] = ()
    ) -> Iterator[tuple[tuple, dict]]:
        """(place, mapping) of each entry of a list, whose id or indicator must be unique."""
        if not isinstance(top[key], list) or not top[key]:
            self.fail((key,), f"{key} must be a list with at least one entry", "see plan/rollout.yml")
        name = "id" if "id" in required else "indicator"
        seen = set()
        for i, item in enumerate(top[key]):
            at = (key, i)
            self.mapping(at, item, required, optional)
            if self.word((*at, name), item[name]) in seen:
                self.fail((*at, name), f"{name} {item[name]} is used twice in {key}", "give it another name")
            seen.add(item[name])
            yield at, item

    def texts(self, at: tuple, value: Any) -> dict[str, str]:
        self.mapping(at, value, LANGUAGES)
        return {language: self.word((*at, language), value[language]) for language in ("en", "zh")}

    def word(self, at: tuple, value: Any) -> str:
        if not isinstance(value, str) or not value.strip():
            self.fail(at, f"{at[-1]} is {value!r}, not a text", "write words")
        return value

    def words(self, at: tuple, value: Any) -> tuple[str, ...]:
        if value is not None and not isinstance(value, list):
            self.fail(at, f"{at[-1]} must be a list", "write it as [one, another]")
        return tuple(self.word((*at, i), each) for i, each in enumerate(value or ()))

    def one_of(self, at: tuple, value: Any, allowed: Collection[str]) -> None:
        if not isinstance(value, str) or value not in allowed:
            self.fail(at, f"unknown {at[-1]} {value!r}", "one of: " + ", ".join(allowed))

    def flag(self, at: tuple, value: Any) -> bool:
        if not isinstance(value, bool):
            self.fail(at, f"{at[-1]} is {value!r}", "write true or false")
        return value

    def number(self, at: tuple, value: Any, least: float) -> float:
        is_number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
        if not is_number or value < least:
            self.fail(at, f"{at[-1]} is {value!r}, not a number of at least {least:g}", "write it like 12.5")
        return float(value)

    def day(self, at: tuple, value: Any) -> date | None:
        if value is not None and type(value) is not date:
            self.fail(at, f"{at[-1]} is {value!r}, not a date", "write it as 2025-12-31")
        return value

    def months(self, at: tuple, value: Any) -> tuple[int, int]:
        at = (*at, "months")
        if not isinstance(value, list) or len(value) != 2:
            self.fail(at, f"months are {value!r}, not [first, last]", "write it like [1, 3]")
        if any(not isinstance(month, int) or isinstance(month, bool) for month in value):
            self.fail(at, f"months are {value!r}, not whole numbers", "write it like [1, 3]")
        first, last = value
        if not 1 <= first <= last <= PLAN_MONTHS:
            self.fail(
                at, f"months [{first}, {last}] do not lie within 1-{PLAN_MONTHS}", "write it like [1, 3]"
            )
        return first, last

    def within(self, at: tuple, task: str, months: tuple[int, int], phase) -> None:
        if not (phase.first_month <= months[0] and months[1] <= phase.last_month):
            self.fail(
                at,
                f"{task} in months {list(months)} lies outside phase {phase.id} "
                f"(months {phase.first_month}-{phase.last_month})",
                "move the task to the phase it is due in",
            )

    def band(self, at: tuple, value: Any, direction: str) -> tuple[float, float]:
        if not isinstance(value, list) or len(value) != 2:
            self.fail(at, f"change_percent is {value!r}, not [least, most]", "write it like [10, 20]")
        least, most = (self.number((*at, i), each, least=0) for i, each in enumerate(value))
        if least > most or least == 0:
            self.fail(at, f"change_percent is {value!r}, not [least, most] above 0", "write it like [10, 20]")
        if direction == "down" and most > 100:
            self.fail(at, f"nothing falls by {most:g} %", "100 at most")
        return least, most

    def cover_the_year(self, phases: tuple) -> None:
        expected = 1
        for i, phase in enumerate(phases):
            if phase.first_month != expected:
                overlaps = phase.first_month < expected
                self.fail(
                    ("phases", i, "months"),
                    f"phase {phase.id} "
                    + ("overlaps the phase before it" if overlaps else f"leaves out month {expected}"),
                    f"it must begin in month {expected}",
                )
            expected = phase.last_month + 1
        if expected != PLAN_MONTHS + 1:
            self.fail(
                ("phases",), f"the phases end with month {expected - 1}", f"cover months 1-{PLAN_MONTHS}"
            )
        if len(phases) < 2:
            self.fail(
                ("phases",), "there is one phase only", "the first measures what later ones are held to"
            )

    def dependencies(self, tasks: tuple) -> None:
        """Known tasks only, due no later, and no way back to the task itself."""
        by_id = {task.id: task for task in tasks}
        for i, task in enumerate(tasks):
            at = ("tasks", i, "depends_on")
            for j, other in enumerate(task.depends_on):
                if other not in by_id:
                    self.fail(
                        (*at, j),
                        f"{task.id} depends on unknown task {other!r}",
                        "one of: " + ", ".join(by_id),
                    )
            if way := _way_back(task.id, by_id):
                self.fail(at, f"tasks wait for each other: {' → '.join(way)}", "take one of them out")
            for j, other in enumerate(task.depends_on):
                if by_id[other].due_month > task.due_month:
                    self.fail(
                        (*at, j),
                        f"{task.id} is due in month {task.due_month}, before {other} in month "
                        f"{by_id[other].due_month}",
                        "make it due later, or the other one sooner",
                    )


def _way_back(start: str, by_id: dict) -> list[str] | None:
    """A way along the dependencies from a task to itself; None: there is none."""
    ways = [[start, other] for other in by_id[start].depends_on]
    seen = set()
    while ways:
        way = ways.pop()
        if way[-1] == start:
            return way
        if way[-1] in seen or way[-1] not in by_id:
            continue
        seen.add(way[-1])
        ways += [[*way, other] for other in by_id[way[-1]].depends_on]
    return None
