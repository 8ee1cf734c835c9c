"""Asking the published warehouse: what is answered, what is refused, and what no question can do."""

import csv
import io
import shutil

import duckdb
import pandas as pd
import pytest
from typer.testing import CliRunner

from roundtrip.errors import BadInput
from roundtrip.home import Home
from roundtrip.queries import Limits, Refused, opened, query_named, saved_queries
from roundtrip.queries import warehouse as asking
from roundtrip.queries.command import app
from roundtrip.queries.saved import FOLDER, groups
from tests.explorer_fixture import publish_for_explorer


@pytest.fixture(scope="module")
def home(tmp_path_factory) -> Home:
    home = Home(tmp_path_factory.mktemp("queries") / "it's a home")
    publish_for_explorer(home)
    return home


def refusal(home: Home, sql: str, limits: Limits | None = None) -> Refused:
    with opened(home, limits) as warehouse, pytest.raises(Refused) as caught:
        warehouse.ask(sql)
    return caught.value


# --- what is answered --------------------------------------------------------------------------------------


def test_an_answer_has_its_columns_types_and_rows(home):
    with opened(home) as warehouse:
        answer = warehouse.ask(
            "SELECT month, value FROM marts.kpi_months WHERE segment = $segment ORDER BY month LIMIT 1",
            {"segment": "all"},
        )
        assert answer.columns == {"month": "DATE", "value": "DOUBLE"}
        assert [(str(month), value) for month, value in answer.rows] == [("2025-01-01", 0.04)]
        assert not answer.is_cut
        assert len(warehouse.rows("SHOW TABLES")) > 10


def test_more_rows_than_the_limit_are_cut_and_said_so(home):
    with opened(home, Limits(rows=3)) as warehouse:
        answer = warehouse.ask("FROM range(1000000000000)")
        assert (len(answer.rows), answer.is_cut) == (3, True)
        assert not warehouse.ask("FROM range(3)").is_cut


def test_a_new_publication_is_seen_while_an_old_one_is_being_read(home, tmp_path):
    place = Home(tmp_path)
    publish_for_explorer(place)
    with opened(place) as before:
        following = tmp_path / "next.duckdb"
        shutil.copy(place.current_db, following)
        with duckdb.connect(str(following)) as connection:
            connection.execute("DELETE FROM marts.dim_customers")
        following.replace(place.current_db)
        count = "SELECT count(*) FROM marts.dim_customers"
        with opened(place) as after:
            assert after.ask(count).rows == [(0,)]
        assert before.ask(count).rows == [(40,)]


# --- what is refused ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "sql",
    [
        "",
        "SELECT 1; SELECT 2",
        "DELETE FROM marts.kpi_months",
        "CREATE TABLE memory.main.mine AS SELECT 1",
        "COPY marts.kpi_months TO 'x.csv'",
        "ATTACH 'other.duckdb'",
        "SET lock_configuration = false",
        "LOAD httpfs",
        "CALL pragma_version()",
    ],
)
def test_only_one_looking_statement_is_run(home, sql):
    assert refusal(home, sql).why == "not_one_question"


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM read_csv('{file}')",
        "SELECT * FROM read_text('{file}')",
        "SELECT * FROM read_blob('{file}')",
        "SELECT * FROM sniff_csv('{file}')",
        "SELECT * FROM glob('{folder}/*')",
        "SELECT * FROM '{file}'",
        "SELECT * FROM query('SELECT * FROM read_csv(''{file}'')')",
        "SELECT * FROM duckdb_secrets()",
        "SELECT * FROM read_csv('http://127.0.0.1:9/x.csv')",
    ],
)
def test_no_other_file_can_be_read(home, tmp_path, sql):
    file = tmp_path / "secret.csv"
    file.write_text("word\nhunter2\n", encoding="utf-8")
    refused = refusal(home, sql.format(file=file, folder=tmp_path))
    assert refused.why in ("failed", "no_table")
    assert "hunter2" not in refused.what


def test_a_name_is_never_a_variable_of_the_server(home, monkeypatch):
    # DuckDB looks names up in the frame that calls it.
    monkeypatch.setattr(asking, "secret_frame", pd.DataFrame({"word": ["hunter2"]}), raising=False)
    assert refusal(home, "SELECT * FROM secret_frame").why == "no_table"


def test_what_takes_too_long_or_too_much_is_stopped(home):
    endless = "SELECT sum(a.range * b.range) FROM range(10000000) a, range(1000000) b"
    assert refusal(home, endless, Limits(seconds=0.3)).why == "too_slow"
    assert refusal(home, "SELECT list(range) FROM range(30000000)", Limits(memory="64MB")).why == "too_big"


def test_a_table_that_is_not_there_is_named(home):
    refused = refusal(home, "SELECT * FROM marts.no_such_table")
    assert (refused.why, refused.what) == ("no_table", "no_such_table")


def test_a_mistake_is_told_in_duckdbs_words(home):
    refused = refusal(home, "SELECT nothing FROM marts.kpi_months")
    assert refused.why == "failed"
    assert "nothing" in refused.what


def test_without_a_publication_that_is_said(tmp_path):
    with pytest.raises(Refused) as caught, opened(Home(tmp_path)):
        pass
    assert caught.value.why == "no_publication"


def test_asking_leaves_no_trace_in_the_home(home):
    before = sorted((path, path.stat().st_mtime_ns) for path in home.published_dir.rglob("*"))
    with opened(home) as warehouse:
        warehouse.ask("SELECT count(*) FROM marts.kpi_months")
    assert sorted((path, path.stat().st_mtime_ns) for path in home.published_dir.rglob("*")) == before


# --- the library -------------------------------------------------------------------------------------------


def test_every_query_has_both_languages_and_a_group_that_is_shown():
    for query in saved_queries().values():
        assert query.group in groups()
        assert all(
            text[language] for text in (query.question, *groups().values()) for language in ("en", "zh")
        )
        assert bool(query.note["en"]) == bool(query.note["zh"]), query.name


def test_a_picture_is_of_columns_of_the_answer():
    drawn = [query for query in saved_queries().values() if query.picture]
    assert len(drawn) > 10
    for query in drawn:
        of = {query.picture.x, query.picture.y, query.picture.series} - {None}
        assert of <= set(query.columns), query.name


def test_a_file_without_its_entry_is_refused(tmp_path):
    shutil.copytree(FOLDER, tmp_path / "queries")
    (tmp_path / "queries" / "extra.sql").write_text("-- Question: Why?\n-- Columns: a\nSELECT 1 AS a\n")
    with pytest.raises(BadInput, match="differ in extra"):
        saved_queries(tmp_path / "queries")


def test_a_query_without_its_header_is_refused(tmp_path):
    shutil.copytree(FOLDER, tmp_path / "queries")
    (tmp_path / "queries" / "won_back.sql").write_text("SELECT 1 AS a\n")
    with pytest.raises(BadInput, match=r"won_back\.sql does not begin with"):
        saved_queries(tmp_path / "queries")


def test_a_name_that_nobody_has_is_refused():
    with pytest.raises(BadInput, match="no saved query 'who'"):
        query_named("who")


# --- the command -------------------------------------------------------------------------------------------


def test_list_names_every_query():
    shown = CliRunner().invoke(app, ["list"])
    assert shown.exit_code == 0
    assert [name for name in saved_queries() if name not in shown.output] == []
    assert "客户为何离开" in CliRunner().invoke(app, ["list", "--language", "zh"]).output


def test_run_gives_the_answer_as_a_table_and_as_csv(home):
    arguments = ["run", "open_warnings_by_cause", "--home", str(home.root)]
    table = CliRunner().invoke(app, arguments)
    assert table.exit_code == 0
    assert "price" in table.output
    rows = list(csv.DictReader(io.StringIO(CliRunner().invoke(app, [*arguments, "--csv"]).output)))
    assert [(row["cause"], row["open_warnings"], row["reachable"]) for row in rows] == [
        ("price", "2", "1"),
        ("unknown", "1", "1"),
    ]


def test_run_says_which_table_is_missing(tmp_path):
    place = Home(tmp_path)
    publish_for_explorer(place, has_products=False)
    result = CliRunner().invoke(app, ["run", "open_warnings_by_cause", "--home", str(place.root)])
    assert result.exit_code != 0
    assert isinstance(result.exception, Refused)
    assert "marts.warnings" in str(result.exception)
