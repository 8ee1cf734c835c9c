"""`roundtrip report`: where the pages are, in one language or both, and why there is no PDF."""

import pytest
from typer.testing import CliRunner

from roundtrip.cli import app
from roundtrip.errors import BadInput
from roundtrip.home import Home
from roundtrip.report.pdf import VARIABLE
from tests.report_fixture import AS_OF, publish_by_hand


def run(home: Home, *arguments: str):
    return CliRunner().invoke(app, ["report", "--home", str(home.root), "--as-of", str(AS_OF), *arguments])


def test_it_says_where_the_page_is_and_why_there_is_no_pdf(home: Home, monkeypatch):
    publish_by_hand(home, first_month=AS_OF, has_scores=False, has_model=False)
    monkeypatch.setenv(VARIABLE, "/nowhere/chromium")
    chinese = run(home, "--lang", "zh")
    assert chinese.exit_code == 0
    assert f"{AS_OF}.zh.html" in chinese.output
    assert f"{AS_OF}.en.html" not in chinese.output
    assert (home.reports_dir / f"{AS_OF}.en.html").exists(), "the other language is written all the same"
    assert "PDF: $ROUNDTRIP_CHROMIUM names /nowhere/chromium, which is no program" in chinese.output
    assert "apt install chromium" in chinese.output
    assert "not kept in MLflow: no model was in use on this date" in chinese.output
    both = run(home)
    for language in ("en", "zh"):
        assert f"{AS_OF}.{language}.html" in both.output


def test_a_language_that_is_not_kept_is_refused(home: Home):
    publish_by_hand(home, first_month=AS_OF, has_scores=False, has_model=False)
    refused = run(home, "--lang", "fr")
    assert isinstance(refused.exception, BadInput)
    assert not home.reports_dir.exists()


@pytest.fixture(autouse=True)
def wide_terminal(monkeypatch):
    """Paths of tests are longer than a line."""
    monkeypatch.setenv("COLUMNS", "400")
