"""Which company a home belongs to, and what company.yml may say."""

from datetime import date
from pathlib import Path

import pytest

from roundtrip.cli import parse_as_of
from roundtrip.company import Company
from roundtrip.errors import BadInput
from roundtrip.home import Home


def landing(tmp_path: Path, text: str | None = None) -> Path:
    folder = tmp_path / "acme"
    folder.mkdir(exist_ok=True)
    if text is not None:
        (folder / "company.yml").write_text(text, encoding="utf-8")
    return folder


def test_settings_survive_the_home(home, tmp_path):
    company = Company.describe(landing(tmp_path, "name: 远行\nas_of: 2025-12-31\n"), None)
    company.save(home)
    assert Company.load(home) == company
    assert company.name == "远行"
    assert parse_as_of(None, company) == date(2025, 12, 31)


def test_the_date_given_beats_the_company_s(tmp_path):
    company = Company.describe(landing(tmp_path, "as_of: 2025-12-31\n"), None)
    assert parse_as_of("2024-02-29", company) == date(2024, 2, 29)
    with pytest.raises(BadInput, match="2025-02-30"):
        parse_as_of("2025-02-30", company)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("colour: blue\n", "colour"),
        ("as_of: someday\n", "someday"),
        ("- a list\n", "key: value"),
        ("name: [unclosed\n", "not YAML"),
    ],
)
def test_a_bad_company_file_is_refused_by_name(tmp_path, text, complaint):
    with pytest.raises(BadInput, match=complaint) as refused:
        Company.describe(landing(tmp_path, text), None)
    assert "company.yml" in refused.value.message


def test_missing_folders_are_named(tmp_path):
    with pytest.raises(BadInput, match="nowhere"):
        Company.describe(tmp_path / "nowhere", None)
    with pytest.raises(BadInput, match="mapping folder"):
        Company.describe(landing(tmp_path), tmp_path / "nowhere")


def test_companies_are_kept_apart(tmp_path, monkeypatch):
    monkeypatch.delenv("ROUNDTRIP_HOME", raising=False)
    monkeypatch.setattr("roundtrip.home.PROJECT_ROOT", tmp_path)
    first, second = Company("first", "x"), Company("second one", "y")
    said: list[str] = []
    default = first.home(None, said.append)
    first.save(default)
    assert default == Home(tmp_path / "data")
    assert first.home(None, said.append) == default
    assert said == []
    assert second.home(None, said.append) == Home(tmp_path / "data" / "companies" / "second_one")
    assert len(said) == 1
    with pytest.raises(BadInput, match="first"):
        second.home(default.root, said.append)


def test_an_empty_home_says_how_to_start(home):
    with pytest.raises(BadInput, match="no company yet"):
        Company.load(home)
