"""Fixtures that every kind of test may use."""

from pathlib import Path

import pytest

from roundtrip.home import PROJECT_ROOT, Home


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
