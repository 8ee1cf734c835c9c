"""The draft as files: one SELECT per contract table and company.yml, all of them or none."""

import os
import shutil
import textwrap
from pathlib import Path

from roundtrip.draft.guess import GUESS, NEEDS_YOU, SURELY
from roundtrip.draft.tables import Draft, listed_columns, needed_columns, union_of
from roundtrip.errors import BadInput

_WIDTH = 112


def select(draft: Draft) -> str:
    """The SELECT without comments."""
    return _select(draft, with_comments=False)


def commented(draft: Draft) -> str:
    """The file: what it is, then the SELECT with a comment on every guess."""
    counted = counts(draft)
    views = ", ".join(draft.source.views[:3]) + (" …" if len(draft.source.views) > 3 else "")
    head = [
        f"Drafted by `roundtrip new-source` from {views} ({draft.source.rows:,} rows): "
        f"{counted['sure']} columns sure, {counted['guessed']} guessed, {counted['need you']} need you, "
        f"{counted['absent']} absent. Go through the comments, mend what is wrong, and turn "
        "them into your reasons.",
        *draft.about,
    ]
    if draft.source.one_in > 1:
        head.append(f"Shares and numbers are of a sample, one row in {draft.source.one_in}.")
    if draft.source.broken:
        head.append(f"{draft.source.broken:,} lines are broken: their columns cannot be told apart.")
    return "".join(_comment(line) for line in head) + _select(draft, with_comments=True) + "\n"


def counts(draft: Draft) -> dict[str, int]:
    """How many of the columns are sure, guessed, in need of a human, and in no file."""
    absent = sum(guess.is_absent for guess in draft.guesses.values())
    levels = [guess.level for guess in draft.guesses.values()]
    guessed = levels.count(GUESS) - absent
    return {
        "sure": levels.count(SURELY),
        "guessed": guessed,
        "need you": levels.count(NEEDS_YOU),
        "absent": absent,
    }


def _comment(text: str, indent: int = 0) -> str:
    before = " " * indent + "-- "
    lines = textwrap.wrap(text, _WIDTH - len(before), break_long_words=False, break_on_hyphens=False)
    return "".join(f"{before}{line}\n" for line in lines)


def _select(draft: Draft, with_comments: bool) -> str:
    columns = []
    for guess in draft.guesses.values():
        comment = _comment(f"{guess.level}: {guess.why}", 4) if with_comments else ""
        shown = _indent(guess.sql, 4)
        name = "" if guess.sql == guess.column else f" AS {guess.column}"
        columns.append(f"{comment}{shown}{name}")
    if draft.has_lines:
        columns += ["    _file", "    _line"]
    ctes, relation = _ctes(draft)
    lines = [f"{ctes}SELECT\n" + ",\n".join(columns), f"FROM {relation}", draft.join, draft.group]
    return "\n".join(line for line in lines if line)


def _ctes(draft: Draft) -> tuple[str, str]:
    if draft.group:
        ((name, body),) = draft.prepared
        return f"WITH {name} AS (\n{_indent(body, 4)}\n)\n\n", name
    parts, relation = [], draft.relation
    if len(draft.source.views) > 1:
        parts.append(f"delivered_rows AS (\n{_indent(union_of(draft.source), 4)}\n)")
    used = "\n".join(guess.sql for guess in draft.guesses.values()) + draft.join
    needed = needed_columns(draft.prepared, used)
    if needed:
        body = f"SELECT\n    *,\n{listed_columns(needed)}\nFROM {relation}"
        parts.append(f"prepared AS (\n{_indent(body, 4)}\n)")
        relation = "prepared"
    return (f"WITH {', '.join(parts)}\n\n" if parts else ""), relation


def _indent(text: str, spaces: int) -> str:
    return textwrap.indent(text, " " * spaces)


def write_folder(folder: Path, contents: dict[str, str]) -> None:
    """Put the files into a new folder; it appears whole or not at all.

    Raises:
        BadInput: the folder is there already, or cannot be made.
    """
    if os.path.lexists(folder):
        raise _is_there(folder)
    beside = folder.with_name(f".{folder.name}.{os.getpid()}.tmp")
    try:
        shutil.rmtree(beside, ignore_errors=True)
        beside.mkdir(parents=True)
        for name, content in contents.items():
            (beside / name).write_text(content, encoding="utf-8")
        # A rename would silently take the place of an empty folder that somebody made meanwhile.
        if os.path.lexists(folder):
            raise _is_there(folder)
        beside.rename(folder)
    except OSError as error:
        raise BadInput(
            f"{folder} cannot be written: {error.strerror}", "choose another place with --sources"
        ) from error
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def _is_there(folder: Path) -> BadInput:
    return BadInput(
        f"{folder} exists already; nothing was written", "choose another name, or move the folder away"
    )
