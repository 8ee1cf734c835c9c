"""docs/analysts.md: every snippet that this project's environment can run is run on a published warehouse."""

import os
import re
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from roundtrip.home import PROJECT_ROOT, Home
from tests.explorer_fixture import publish_for_explorer

PAGE = (PROJECT_ROOT / "docs" / "analysts.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
NOTEBOOK = PROJECT_ROOT / "docs" / "notebooks" / "first_look.py"


def blocks(kind: str) -> list[str]:
    return [code for language, code in BLOCKS if language == kind]


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """A working folder with a home named data, as the page supposes."""
    folder = tmp_path_factory.mktemp("analyst")
    publish_for_explorer(Home(folder / "data"))
    # As a publication is: nobody may write it.
    (folder / "data" / "published" / "current.duckdb").chmod(0o444)
    return folder


def run(argument: list[str], folder: Path, **environment: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, *argument],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(PROJECT_ROOT), **environment},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_the_page_has_snippets_of_each_kind() -> None:
    assert len(blocks("python")) == 3
    assert len(blocks("sql")) == 1
    assert {language for language, _ in BLOCKS} == {"python", "sql", "text"}


@pytest.mark.parametrize("code", blocks("python"), ids=["duckdb", "queries", "sqlalchemy"])
def test_python_runs_and_prints_rows(folder: Path, code: str) -> None:
    done = run(["-c", code], folder)
    assert done.returncode == 0, done.stderr
    assert re.search(r"2025-12-01|'unknown'|kpi_months", done.stdout)
    assert "None" not in done.stdout


@pytest.mark.parametrize(
    "statement", [part for code in blocks("sql") for part in code.split(";\n") if part.strip()]
)
def test_sql_gives_rows(folder: Path, statement: str) -> None:
    with duckdb.connect(str(folder / "data" / "published" / "current.duckdb"), read_only=True) as warehouse:
        assert warehouse.execute(statement).fetchall()


def test_the_notebook_runs_from_top_to_bottom(folder: Path) -> None:
    done = run([str(NOTEBOOK)], folder, ROUNDTRIP_HOME=str(folder / "data"))
    assert done.returncode == 0, done.stderr


def test_the_sqlalchemy_address_cannot_write(folder: Path) -> None:
    address = re.search(r'create_engine\("(.+?)"\)', PAGE)[1]
    code = (
        "from sqlalchemy import create_engine, text\n"
        f"with create_engine({address!r}).connect() as c:\n"
        "    c.execute(text('CREATE TABLE marts.mine AS SELECT 1'))"
    )
    done = run(["-c", code], folder)
    assert done.returncode != 0
    assert "read-only" in done.stderr
