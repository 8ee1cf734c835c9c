"""dbt's documentation as one page: what is in it, when it is made anew, and that it asks for nothing."""

import gzip
import json
import os
from datetime import date

import pytest

from roundtrip.build.command import docs
from roundtrip.build.lineage_page import lineage_page, write_docs
from roundtrip.errors import BadInput
from roundtrip.home import Home
from roundtrip.publish.versions import put_in_place
from tests.explorer_fixture import publish_for_explorer


def manifest_of(description: str) -> bytes:
    """As much of a manifest as dbt's page needs to begin with."""
    node = {
        "unique_id": "model.roundtrip.kpi_months",
        "name": "kpi_months",
        "schema": "marts",
        "description": description,
    }
    return gzip.compress(
        json.dumps(
            {"metadata": {"send_anonymous_usage_stats": True}, "nodes": {node["unique_id"]: node}}
        ).encode(),
        mtime=0,
    )


def publish_with(home: Home, description: str) -> None:
    publish_for_explorer(home)
    finished = home.published_dir / "finished.duckdb"
    os.replace(home.current_db, finished)
    lineage = {"content_hash": "c" * 64, "dbt_models_hash": "m" * 64}
    put_in_place(home, finished, date(2025, 12, 31), lineage, manifest_of(description), keep=3)


def test_the_page_holds_the_models_with_the_published_columns(home: Home) -> None:
    publish_with(home, "Every indicator </script><script>alert(1)</script>")
    told = write_docs(home)
    assert told["is_new"]
    text = lineage_page(home).read_text(encoding="utf-8")
    assert "INLINE DATA" not in text
    assert "alert(1)</script>" not in text
    assert "alert(1)<\\/script>" in text
    assert '"type": "DOUBLE"' in text
    assert '"send_anonymous_usage_stats": false' in text


def test_it_is_made_anew_only_where_the_manifest_is_another(home: Home) -> None:
    publish_with(home, "before")
    assert write_docs(home)["is_new"]
    bytes_before = lineage_page(home).read_bytes()
    assert not write_docs(home)["is_new"]
    assert lineage_page(home).read_bytes() == bytes_before
    publish_with(home, "after")
    assert write_docs(home)["is_new"]
    assert "after" in lineage_page(home).read_text(encoding="utf-8")


def test_the_command_says_where_the_page_is(home: Home, capsys) -> None:
    publish_with(home, "told")
    for words in ("written", "unchanged"):
        docs(home.root)
        told = "".join(capsys.readouterr().out.split())
        assert str(lineage_page(home)) in told
        assert words in told


def test_without_a_publication_or_its_manifest_that_is_said(home: Home) -> None:
    with pytest.raises(BadInput, match="no publication"):
        write_docs(home)
    publish_with(home, "kept")
    next(home.manifests_dir.glob("*.gz")).unlink()
    with pytest.raises(BadInput, match=r"json\.gz does not exist"):
        write_docs(home)
    assert not lineage_page(home).exists()
