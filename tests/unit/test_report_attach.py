"""A report kept with the model behind its scores, and what is said where it cannot be."""

import shutil
from datetime import date

import pytest

from ml import registry
from ml.tracking import experiment_id, open_mlflow
from roundtrip.home import Home
from roundtrip.report.attach import attach

AS_OF = date(2025, 11, 30)


@pytest.fixture(scope="module")
def trained(tmp_path_factory) -> tuple[Home, str]:
    """A home with a champion of October, and the run that trained it."""
    home = Home(tmp_path_factory.mktemp("trained"))
    _, client = open_mlflow(home)
    run = client.create_run(experiment_id(home)).info.run_id
    client.create_registered_model(registry.MODEL)
    tags = {"as_of": "2025-10-31", "parameters_hash": "x", "promotion": "promoted"}
    version = client.create_model_version(registry.MODEL, "file:///nowhere", run, tags=tags).version
    client.set_registered_model_alias(registry.MODEL, registry.ALIAS, version)
    return home, run


def _kept(home: Home, run: str) -> dict[str, bytes]:
    mlflow, client = open_mlflow(home)
    paths = [each.path for each in client.list_artifacts(run, f"report/{AS_OF}")]
    root = mlflow.get_run(run).info.artifact_uri.removeprefix("file://")
    found = {}
    for path in paths:
        with open(f"{root}/{path}", "rb") as file:  # noqa: PTH123
            found[path] = file.read()
    return found


def test_it_is_kept_with_the_run_and_replaced_when_written_again(trained):
    home, run = trained
    first = attach(home, AS_OF, {"report.en.html": "<p>1</p>", "report.en.pdf": b"%PDF"})
    assert first == {"run_id": run, "path": "report/2025-11-30"}
    assert set(_kept(home, run)) == {"report/2025-11-30/report.en.html", "report/2025-11-30/report.en.pdf"}
    # Again, with other numbers and without a browser: nothing is there twice, nothing of before stays.
    attach(home, AS_OF, {"report.en.html": "<p>2 中</p>"})
    assert _kept(home, run) == {"report/2025-11-30/report.en.html": "<p>2 中</p>".encode()}
    assert list(home.tmp_dir.iterdir()) == []


def test_a_model_of_later_keeps_no_report_of_before(trained):
    home, _ = trained
    told = attach(home, date(2025, 9, 30), {"report.en.html": "x"})
    assert told == {"not_logged": "no model was in use on this date"}


def test_a_copied_home_does_not_write_into_the_one_it_was_copied_from(trained, tmp_path):
    home, run = trained
    before = _kept(home, run)
    shutil.copytree(home.root, tmp_path / "copy")
    told = attach(Home(tmp_path / "copy"), AS_OF, {"report.en.html": "<p>of the copy</p>"})
    assert "outside of this home: was it copied?" in told["not_logged"]
    assert _kept(home, run) == before


def test_without_a_model_or_with_a_broken_store_it_is_said(home: Home):
    assert attach(home, AS_OF, {"report.en.html": "x"}) == {"not_logged": "no model was in use on this date"}
    home.mlflow_dir.mkdir(parents=True)
    (home.mlflow_dir / "mlflow.db").write_bytes(b"no database at all" * 100)
    told = attach(home, AS_OF, {"report.en.html": "x"})
    assert "Error" in told["not_logged"]
