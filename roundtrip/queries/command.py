"""`roundtrip query`: the saved queries on the command line; everything slow is imported inside."""

import sys
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from roundtrip.home import Home
from roundtrip.options import HomeOption
from roundtrip.strategies.command import LanguageOption, check_language

app = typer.Typer(
    help="The saved queries: questions that analysts ask first, with their answers.",
    no_args_is_help=True,
    add_completion=False,
)


@app.command("list")
def list_queries(language: LanguageOption = "en") -> None:
    """Every saved query with its question."""
    from roundtrip.queries.saved import groups, saved_queries

    check_language(language)
    table = Table("query", "question" if language == "en" else "问题", show_lines=False)
    for group, heading in groups().items():
        table.add_section()
        table.add_row("", f"[bold]{escape(heading[language])}[/]")
        for query in saved_queries().values():
            if query.group == group:
                table.add_row(query.name, escape(query.question[language]))
    Console().print(table)


@app.command()
def run(
    name: Annotated[str, typer.Argument(help="Such as who_to_call_first; `roundtrip query list` shows all.")],
    as_csv: Annotated[bool, typer.Option("--csv", help="As CSV, for other programs.")] = False,
    show_sql: Annotated[bool, typer.Option("--sql", help="Show the SQL instead of running it.")] = False,
    home: HomeOption = None,
    language: LanguageOption = "en",
) -> None:
    """The answer to a saved query, from the published warehouse."""
    from roundtrip.queries import opened, query_named
    from roundtrip.queries.show import shown, to_csv

    check_language(language)
    query = query_named(name)
    if show_sql:
        print(query.sql, end="")
        return
    with opened(Home.from_env(home)) as warehouse:
        answer = warehouse.ask(query.sql)
    if as_csv:
        sys.stdout.write(to_csv(answer))
        return
    table = Table(*answer.columns, title=escape(query.question[language]))
    for row in answer.rows:
        table.add_row(*(escape(shown(value, ("yes", "no")) or "") for value in row))
    console = Console()
    console.print(table)
    for text in (query.note[language], "" if answer.rows else "no row answers this question"):
        if text:
            console.print(escape(text), highlight=False)
