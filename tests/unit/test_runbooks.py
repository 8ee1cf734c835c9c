"""The runbooks and the pages of the DAGs: commands that exist, sections that are there, signs of success."""

import ast
import re
import shlex
from pathlib import Path

import pytest
import typer

from roundtrip.cli import app
from roundtrip.home import PROJECT_ROOT
from roundtrip.runs import runbooks
from roundtrip.stages import STAGES

TEXT = runbooks.SOURCE.read_text(encoding="utf-8")
PAGES = ("runbooks.md", "operating-airflow.md", "runs.md", "servers.md")
DAGS = sorted((PROJECT_ROOT / "dags").glob("*.py"))
#: What the issue asks for, as a word of the heading.
ASKED_FOR = (
    *("backfill", "Late data", "held by another process", "gate refuses", "roll back", "Restore"),
    *("disk is full", "No champion", "waits for a yes"),
)


def commands_in(text: str) -> list[str]:
    """Every `roundtrip …` of a page, in a line of code or a block."""
    spans = re.findall(r"`((?:\.venv/bin/)?roundtrip [^`]+)`", text)
    blocks = re.findall(r"^ {4}((?:\.venv/bin/)?roundtrip .+)$", text, re.MULTILINE)
    lines = [line.split(" #")[0] for line in [*spans, *blocks]]
    return [part.strip().removeprefix(".venv/bin/") for line in lines for part in line.split(";")]


def complaint(command: str) -> str | None:
    """What is wrong with a command, by the command line's own parser; nothing of it is run."""
    words = [word for word in shlex.split(command) if word != "…"][1:]
    found = typer.main.get_command(app)
    while hasattr(found, "commands") and words:
        if words[0] not in found.commands:
            return f"there is no {words[0]}"
        found = found.commands[words.pop(0)]
    # The parser knows the options and how many arguments there may be; a page may leave out what is needed.
    try:
        _, left, _ = found.make_parser(found.context_class(found)).parse_args(list(words))
    except Exception as error:
        return str(error)
    if found.name == "stage" and words and words[0] not in {stage.name for stage in STAGES} | {"NAME"}:
        return f"there is no stage {words[0]}"
    return f"takes no {left}" if left else None


@pytest.mark.parametrize("page", PAGES)
def test_every_command_that_a_page_names_exists(page):
    found = commands_in((PROJECT_ROOT / "docs" / page).read_text(encoding="utf-8"))
    assert len(found) >= (20 if page == "runbooks.md" else 1)
    assert {command: wrong for command in found if (wrong := complaint(command))} == {}


@pytest.mark.parametrize(
    "command",
    [
        "roundtrip unheard-of",
        "roundtrip round approve R-1 --without-anybody x",
        "roundtrip stage unheard_of",
        "roundtrip status now",
        "roundtrip model history --to 3",
    ],
)
def test_a_command_that_does_not_exist_is_found(command):
    assert complaint(command)


def test_everything_asked_for_has_its_section():
    headings = list(runbooks.sections().values())
    assert [asked for asked in ASKED_FOR if not any(asked in heading for heading in headings)] == []
    assert len(set(runbooks.sections())) == len(headings)


def test_every_section_says_how_one_sees_that_it_worked():
    parts = re.split(r"^## ", TEXT, flags=re.MULTILINE)[1:]
    assert [part.splitlines()[0] for part in parts if "**It worked when**" not in part] == []


def test_the_page_of_the_runbooks_has_every_section_and_no_link_that_leads_nowhere():
    body = runbooks.body()
    for anchor, heading in runbooks.sections().items():
        title = re.search(rf'<h2 id="{re.escape(anchor)}">(.*?)</h2>', body)[1]
        assert re.sub("<[^>]+>", "", title) == heading
    assert "](" in TEXT
    assert all(href.startswith("#") for href in re.findall(r'href="([^"]*)"', body))
    assert "operating-airflow.md" in body
    assert body.count("<pre") == body.count('<pre tabindex="0"')


def test_without_the_documentation_there_are_no_sections(tmp_path: Path):
    assert runbooks.sections(tmp_path / "runbooks.md") == {}


@pytest.mark.parametrize("file", DAGS, ids=lambda file: file.stem)
def test_the_page_of_each_dag_says_what_it_reads_writes_when_and_what_to_do(file):
    doc = ast.get_docstring(ast.parse(file.read_text(encoding="utf-8")))
    for heading in ("**Reads**", "**Writes**", "**When**", "**When it fails**"):
        assert doc.count(heading) == 1, heading
    fails = re.sub(r"\s+", " ", doc[doc.index("**When it fails**") :])
    named = re.findall(r"(?<!\*)\*([^*]+)\*(?!\*)", fails.partition("Runbook")[2])
    headings = set(re.findall(r"^## (.+)$", TEXT, re.MULTILINE))
    assert named, "names no section of docs/runbooks.md"
    assert set(named) <= headings
    assert "docs/operating-airflow.md" in fails


def test_every_dag_is_in_the_table_of_the_operators():
    table = (PROJECT_ROOT / "docs" / "operating-airflow.md").read_text(encoding="utf-8")
    assert [file.stem for file in DAGS if f"| `{file.stem}` |" not in table] == []
