"""`roundtrip model` on a home without models, and how a history is shown."""

from datetime import date

from typer.testing import CliRunner

from ml import history
from roundtrip.cli import app
from roundtrip.company import Company
from roundtrip.home import Home


def run(*arguments: str, home: Home):
    return CliRunner().invoke(app, ["model", *arguments, "--home", str(home.root)])


def test_without_a_model_the_history_says_who_scores(home: Home):
    result = run("history", home=home)
    assert result.exit_code == 0
    assert "the inactivity rule scores" in result.output


def test_the_history_tells_every_move_and_what_is_missing(home: Home):
    day = date(2025, 6, 30)
    history.add(home, history.PROMOTED, "1", day, "beats [the] rule", None, trigger="it was time")
    history.add(home, history.ROLLED_BACK, "2", day, "too eager", "2026-03-02T09:00:00+00:00", by="anna")
    output = " ".join(run("history", home=home).output.split())
    assert "1 time not recorded as of 2025-06-30 promoted version 1 trained because it was time" in output
    assert "beats [the] rule" in output
    assert (
        "2026-03-02 09:00 UTC as of 2025-06-30 back to version 2, in place of 1 by anna too eager" in output
    )
    assert "mlflow.db is gone" in output


def test_a_rollback_needs_a_reason(home: Home):
    result = run("rollback", home=home)
    assert result.exit_code == 2
    assert "--reason" in result.output


def test_a_rollback_without_models_is_refused(home: Home):
    Company("Meridian", landing=".").save(home)
    result = run("rollback", "--reason", "why not", home=home)
    assert "mlflow.db is gone" in str(result.exception)
    assert not home.champions_file.exists()
