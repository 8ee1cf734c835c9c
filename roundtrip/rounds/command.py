"""`roundtrip round`: what was planned, and the human's word on it; everything slow is imported inside."""

import getpass
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from roundtrip.home import Home
from roundtrip.options import HomeOption
from roundtrip.strategies.command import LanguageOption, check_language

app = typer.Typer(
    help="Rounds of retention: what is planned, what it costs, and your yes or no.",
    no_args_is_help=True,
    add_completion=False,
)

ByOption = Annotated[str | None, typer.Option("--by", help="Who decides (default: your login).")]
NoteOption = Annotated[str, typer.Option("--note", help="Why; it is kept with the decision.")]
_TEXTS = {
    "en": {
        "rounds": ("round", "state", "treated", "held out", "cost", "budget", "net gain expected"),
        "actions": ("action", "treated", "held out", "explored", "cost", "expected net gain", "detectable"),
        "decided": {
            "approved": "approved by {by}, {on}",
            "changed": "changed by {by}, {on}",
            "refused": "refused by {by}, {on}",
        },
        "channels": "channels",
        "nothing": "no round was planned yet",
        "next": "approve or refuse it: `roundtrip round approve {id}`, `roundtrip round refuse {id}`",
        "states": {
            "proposed": "waits for a decision",
            "approved": "approved",
            "refused": "refused",
            "lapsed": "lapsed",
            "sent": "sent",
        },
    },
    "zh": {
        "rounds": ("轮次", "状态", "触达", "对照", "成本", "预算", "预计净收益"),
        "actions": ("措施", "触达", "对照", "探索", "成本", "预计净收益", "可检出差异"),
        "decided": {
            "approved": "{by} 批准,{on}",
            "changed": "{by} 修改后批准,{on}",
            "refused": "{by} 拒绝,{on}",
        },
        "channels": "渠道",
        "nothing": "尚未安排任何一轮",
        "next": "批准或拒绝:`roundtrip round approve {id}`、`roundtrip round refuse {id}`",
        "states": {
            "proposed": "等待决定",
            "approved": "已批准",
            "refused": "已拒绝",
            "lapsed": "已失效",
            "sent": "已发送",
        },
    },
}


@app.command("list")
def list_rounds(home: HomeOption = None, language: LanguageOption = "en") -> None:
    """Every round with what has become of it, the newest first."""
    from roundtrip.rounds.store import rounds

    check_language(language)
    texts, console = _TEXTS[language], Console()
    known = rounds(Home.from_env(home))
    if not known:
        console.print(texts["nothing"])
        return
    table = Table()
    name, state, *numbers = texts["rounds"]
    # A name that is cut off is none; what does not fit is broken in the words that follow it.
    table.add_column(name, no_wrap=True)
    table.add_column(state)
    for heading in numbers:
        table.add_column(heading, justify="right")
    for each in reversed(known):
        plan = each.plan
        table.add_row(
            each.id,
            texts["states"][each.state]
            + (f"\n[dim]{_decided(each.decision, language)}[/]" if each.decision else ""),
            f"{plan['treatment']:,}",
            f"{plan['control']:,}",
            f"{plan['cost']:,.0f}",
            f"{plan['budget']:,.0f}",
            f"{plan['expected_gain']['value']:,.0f}",
        )
    console.print(table)


@app.command()
def show(
    round_id: Annotated[
        str | None, typer.Argument(help="Such as R-2025-12-31; without it, the last one.")
    ] = None,
    home: HomeOption = None,
    language: LanguageOption = "en",
) -> None:
    """One round: what it costs, what it may earn, who is in it, and how it was found."""
    from roundtrip.rounds.store import PROPOSED, round_named, rounds

    check_language(language)
    texts, console, place = _TEXTS[language], Console(), Home.from_env(home)
    known = rounds(place)
    if round_id is None and not known:
        console.print(texts["nothing"])
        return
    found = round_named(place, round_id) if round_id else known[-1]
    plan = found.plan
    decided = _decided_and_why(found.decision, language) if found.decision else ""
    console.print(f"[bold]{found.id}[/]  {texts['states'][found.state]}  {decided}")
    for sentence in plan["texts"][language]:
        console.print(f"  {escape(sentence)}", highlight=False)
    action_name, *numbers = texts["actions"]
    table = Table(action_name)
    for heading in numbers:
        table.add_column(heading, justify="right")
    for action, row in plan["by_action"].items():
        table.add_row(
            action,
            f"{row['treatment']:,}",
            f"{row['control']:,}",
            f"{row['explored']:,}",
            f"{row['cost']:,.0f}",
            f"{row['expected_net_value']:,.0f}",
            "–" if row["mde"] is None else f"{row['mde']:.1%}",
        )
    console.print(table)
    channels = ", ".join(f"{name} {count:,}" for name, count in plan["by_channel"].items())
    console.print(f"{texts['channels']}: {channels or '–'}", highlight=False)
    console.print(str(found.plan_file), highlight=False, soft_wrap=True)
    if found.state == PROPOSED:
        console.print(texts["next"].format(id=found.id), highlight=False)


@app.command()
def approve(
    round_id: Annotated[str, typer.Argument(help="Such as R-2025-12-31.")],
    by: ByOption = None,
    note: NoteOption = "",
    without_action: Annotated[
        list[str] | None, typer.Option("--without-action", help="Leave an action out; repeatable.")
    ] = None,
    without_customer: Annotated[
        list[str] | None, typer.Option("--without-customer", help="Leave a customer out; repeatable.")
    ] = None,
    home: HomeOption = None,
) -> None:
    """Let a round be carried out, as a whole or without some of it; the stage act sends it."""
    from roundtrip.rounds.decision import approve as say_yes

    without = {"actions": without_action or [], "customers": without_customer or []}
    _say(round_id, say_yes(Home.from_env(home), round_id, by or getpass.getuser(), note, without))


@app.command()
def refuse(
    round_id: Annotated[str, typer.Argument(help="Such as R-2025-12-31.")],
    by: ByOption = None,
    note: NoteOption = "",
    home: HomeOption = None,
) -> None:
    """Let a round not be carried out; its customers may be in the next one."""
    from roundtrip.rounds.decision import refuse as say_no

    _say(round_id, say_no(Home.from_env(home), round_id, by or getpass.getuser(), note))


def _say(round_id: str, decision: dict) -> None:
    console = Console()
    console.print(f"{round_id}: {_decided_and_why(decision, 'en')}", highlight=False)
    if decision["decision"] != "refused":
        console.print("next: `roundtrip stage act`", highlight=False)


def _decided(decision: dict, language: str) -> str:
    words = _TEXTS[language]["decided"][decision["decision"]]
    return escape(words.format(by=decision["by"], on=decision["at"][:10]))


def _decided_and_why(decision: dict, language: str) -> str:
    note = f" ({decision['note']})" if decision["note"] else ""
    return _decided(decision, language) + escape(note)
