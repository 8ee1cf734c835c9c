"""`roundtrip strategies`: the table in force, for one company or as it is shipped."""

import math
from datetime import date
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from roundtrip.errors import BadInput
from roundtrip.home import Home
from roundtrip.options import HomeOption
from roundtrip.strategies import evidence
from roundtrip.strategies.check import LANGUAGES
from roundtrip.strategies.page import conditions, cost
from roundtrip.strategies.table import of_company
from roundtrip.verdicts import HARMS, HELPS, OPEN

_HEADINGS = {
    "en": ("strategy", "for whom", "action", "cost", "channels", "due in", "without warning", "measured"),
    "zh": ("策略", "适用对象", "措施", "成本", "渠道", "期限(天)", "无需预警", "实测效果"),
}

#: What the holdouts say of an action: change of the share that books, in percentage points, 95 % interval.
_MEASURED = {
    "en": "{effect:+.1f} ({ci_low:+.1f} to {ci_high:+.1f}) points\n[dim]{verdict}, {window_days:.0f} days[/]",
    "zh": "{effect:+.1f}({ci_low:+.1f} 至 {ci_high:+.1f})个百分点\n[dim]{verdict},{window_days:.0f} 天[/]",
}
_VERDICTS = {
    "en": {HELPS: "helps", HARMS: "does harm, rests", OPEN: "open"},
    "zh": {HELPS: "有效", HARMS: "有害,暂停", OPEN: "尚无定论"},
}

LanguageOption = Annotated[str, typer.Option("--language", help="en or zh.")]


def strategies(
    name: Annotated[
        str | None, typer.Argument(help="One strategy, to see its words, limits and reason.")
    ] = None,
    home: HomeOption = None,
    language: LanguageOption = "en",
) -> None:
    """The service strategies: whom to offer what, after what, at what cost."""
    check_language(language)
    of_home = Home.from_env(home)
    table, console = of_company(of_home), Console()
    if name is not None:
        if name not in [row.id for row in table.rows]:
            raise BadInput(f"there is no strategy {name!r}", "`roundtrip strategies` shows them all")
        row = table[name]
        console.print(f"[bold]{row.name[language]}[/]  {escape(row.why)}", highlight=False)
        console.print(escape(row.wording[language]), highlight=False)
        for limit, value in row.limits.items():
            console.print(f"  {limit}: {value:g}", highlight=False)
        return
    found = evidence.of_everybody(of_home, date.max)
    shown = Table(*_HEADINGS[language], title=f"{table.file}, {table.version}", title_justify="left")
    for row in table.rows:
        shown.add_row(
            f"{row.name[language]}\n[dim]{row.id}[/]",
            conditions(row),
            table.actions[row.action][language],
            cost(row),
            ", ".join(row.channels),
            str(row.due_in_days),
            "✓" if row.without_warning else "",
            _measured(found.get(row.action), language),
        )
    console.print(shown)


def _measured(found: dict | None, language: str) -> str:
    """In words; nothing where the action was never measured."""
    if found is None or math.isnan(found["effect"]):
        return ""
    points = {name: 100 * found[name] for name in ("effect", "ci_low", "ci_high")}
    verdict = _VERDICTS[language][found["verdict"]]
    return _MEASURED[language].format(verdict=verdict, window_days=found["window_days"], **points)


def check_language(language: str) -> None:
    """
    Raises:
        BadInput: texts are not kept in that language.
    """
    if language not in LANGUAGES:
        raise BadInput(f"--language {language!r} is not kept", f"one of: {', '.join(LANGUAGES)}")
