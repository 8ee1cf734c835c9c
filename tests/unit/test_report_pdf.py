"""Printing: what is done with browsers that are not there, crash, hang, or write half a file."""

import os
import re
import stat
import subprocess
import time
from datetime import date
from pathlib import Path

import pytest

from roundtrip.home import Home
from roundtrip.report import pdf, report
from tests.report_fixture import AS_OF, publish_by_hand

PDF = b"%PDF-1.4\n/CreationDate (D:20261122205539+00'00')\n/ModDate (D:20261122205539+00'00')\n\xff\n%%EOF\n"
#: Copies what the browser is to write to what follows --print-to-pdf=, as Chromium does.
WRITES = 'for a in "$@"; do case $a in --print-to-pdf=*) cp "$0.pdf" "${a#*=}";; esac; done'


@pytest.fixture
def browser(tmp_path: Path, monkeypatch):
    """Make a browser that is a shell script, and name it in the environment; `printed` is what it writes."""

    def make(script: str = WRITES, printed: bytes = PDF) -> Path:
        (tmp_path / "browser.pdf").write_bytes(printed)
        return _program(tmp_path / "browser", script, monkeypatch)

    return make


def _program(file: Path, script: str, monkeypatch) -> Path:
    file.write_text(f"#!/bin/sh\n{script}\n")
    file.chmod(file.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv(pdf.VARIABLE, str(file))
    return file


def test_each_page_becomes_a_pdf_of_its_date(browser, tmp_path):
    browser()
    prints = pdf.print_pages({"en": "<p>a</p>", "zh": "<p>b</p>"}, date(2025, 11, 30), tmp_path / "work")
    assert set(prints.pdfs) == {"en", "zh"}
    assert prints.pdfs["en"].count(b"(D:20251130000000+00'00')") == 2
    assert list((tmp_path / "work").iterdir()) == []


@pytest.mark.parametrize(
    ("script", "printed", "why"),
    [
        ("exit 7", PDF, "ended with 7"),
        ("exit 0", PDF, "wrote no whole PDF"),
        (WRITES, PDF[:-6], "wrote no whole PDF"),
        (WRITES, b"", "wrote no whole PDF"),
    ],
)
def test_a_browser_that_fails_is_told_and_raises_nothing(browser, tmp_path, script, printed, why):
    browser(script, printed)
    prints = pdf.print_pages({"en": "<p>a</p>"}, AS_OF, tmp_path)
    assert (prints.pdfs, prints.why_not) == ({}, f"browser: {why}")
    assert pdf.VARIABLE in prints.how_to


def test_a_browser_that_hangs_is_ended_with_its_children(browser, tmp_path, monkeypatch):
    monkeypatch.setattr(pdf, "LONGEST_SECONDS", 1)
    browser(f"sleep 300 & echo $! > {tmp_path}/child; wait")
    started = time.monotonic()
    prints = pdf.print_pages({"en": "<p>a</p>"}, AS_OF, tmp_path)
    assert prints.why_not == "browser: printing took longer than 1 seconds"
    assert time.monotonic() - started < 30
    child = int((tmp_path / "child").read_text())
    deadline = time.monotonic() + 10
    while _is_running(child) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not _is_running(child)


def _is_running(process_id: int) -> bool:
    try:
        state = Path(f"/proc/{process_id}/stat").read_text()
    except FileNotFoundError:
        return False
    return state.rsplit(")", 1)[1].split()[0] != "Z"


def test_what_a_killed_print_has_left_goes_with_the_next(browser, tmp_path):
    browser()
    killed = subprocess.run(
        ["sh", "-c", "echo $$"], capture_output=True, text=True, check=True
    ).stdout.strip()
    for process_id in (killed, os.getpid()):
        (tmp_path / "work" / f"pdf-{process_id}-x").mkdir(parents=True)
    pdf.print_pages({"en": "<p>a</p>"}, AS_OF, tmp_path / "work")
    assert [folder.name for folder in (tmp_path / "work").iterdir()] == [f"pdf-{os.getpid()}-x"]


def test_without_a_browser_it_is_said_how_to_get_one(tmp_path, monkeypatch):
    monkeypatch.delenv(pdf.VARIABLE, raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    prints = pdf.print_pages({"en": "<p>a</p>"}, AS_OF, tmp_path / "work")
    assert prints.why_not == "no Chromium on this machine"
    assert "apt install chromium" in prints.how_to
    assert not (tmp_path / "work").exists()
    monkeypatch.setenv(pdf.VARIABLE, "/nowhere/chromium")
    assert "/nowhere/chromium, which is no program" in pdf.print_pages({}, AS_OF, tmp_path).why_not
    monkeypatch.setenv(pdf.VARIABLE, "")
    unwanted = pdf.print_pages({"en": "<p>a</p>"}, AS_OF, tmp_path)
    assert (unwanted.pdfs, unwanted.how_to) == ({}, None)


@pytest.mark.parametrize(("known", "is_told"), [("echo Noto Sans CJK SC", False), ("true", True)])
def test_a_machine_without_chinese_letters_is_told(browser, tmp_path, monkeypatch, known, is_told):
    browser()
    chosen = os.environ[pdf.VARIABLE]
    _program(tmp_path / "fc-list", known, monkeypatch)
    monkeypatch.setenv(pdf.VARIABLE, chosen)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    assert bool(pdf.print_pages({"zh": "<p>中</p>"}, AS_OF, tmp_path / "w").note) == is_told
    assert pdf.print_pages({"en": "<p>a</p>"}, AS_OF, tmp_path / "w").note is None


def test_the_stage_goes_on_without_a_pdf_and_takes_an_old_one_away(browser, home: Home):
    publish_by_hand(home, first_month=date(2025, 8, 31), has_scores=False, has_model=False)
    browser()
    printed = report(home, AS_OF)
    names = {Path(file).name for file in printed["files"]}
    assert {f"{AS_OF}.en.pdf", f"{AS_OF}.zh.pdf"} <= names
    assert len(printed["pdf"]["files"]) == 2
    assert "why_not" not in printed["pdf"]
    page, index = home.reports_dir / f"{AS_OF}.zh.html", home.reports_dir / "index.html"
    link = f'href="{AS_OF}.zh.pdf"'
    assert link in page.read_text(encoding="utf-8")
    assert link in index.read_text(encoding="utf-8")
    before = {file.name: file.read_bytes() for file in home.reports_dir.iterdir()}
    report(home, AS_OF)
    assert {file.name: file.read_bytes() for file in home.reports_dir.iterdir()} == before

    browser("kill -9 $$")
    failed = report(home, AS_OF)
    assert failed["pdf"]["files"] == []
    assert "ended with -9" in failed["pdf"]["why_not"]
    assert list(home.reports_dir.glob("*.pdf")) == []
    for file in home.reports_dir.glob("*.html"):
        assert not re.search(r'href="[^"]*\.pdf"', file.read_text(encoding="utf-8")), file
