"""Fixtures that every kind of test may use."""

from pathlib import Path

import pytest

from roundtrip.home import PROJECT_ROOT, Home
from roundtrip.vault.key import VARIABLE as VAULT_KEY


@pytest.fixture(autouse=True, scope="session")
def no_key_from_outside():
    """Homes of tests make keys of their own, whatever is set where the tests run."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv(VAULT_KEY, raising=False)
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
