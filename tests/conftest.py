"""Fixtures that every kind of test may use."""

from pathlib import Path

import pytest

from roundtrip.home import PROJECT_ROOT, Home
from roundtrip.report.pdf import VARIABLE as CHROMIUM
from roundtrip.vault.key import VARIABLE as VAULT_KEY

#: Files that take minutes, the longest first: they begin, so that none is left alone at the end.
LONGEST = (
    "test_killed_runs.py",
    "test_airflow_run.py",
    "test_increments.py",
    "test_killed_training.py",
    "test_dbt_restarts.py",
    "test_features_see_no_future.py",
    "test_ml_uplift.py",
    "test_report_page.py",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    rank = {name: place for place, name in enumerate(LONGEST)}
    items.sort(key=lambda item: rank.get(item.path.name, len(rank)))


@pytest.fixture(autouse=True, scope="session")
def no_key_from_outside():
    """Homes of tests make keys of their own, whatever is set where the tests run."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv(VAULT_KEY, raising=False)
        yield


@pytest.fixture(autouse=True, scope="session")
def no_pdfs():
    """Reports are printed only in the tests of the PDFs: ten seconds each otherwise."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(CHROMIUM, "")
        yield


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """An empty home of its own for each test."""
    return Home(tmp_path / "home")


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The public data sets beside the checkout; tests that need them skip where they are absent."""
    folder = PROJECT_ROOT.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("the public data sets (../shared/data) are not beside this checkout")
    return folder
