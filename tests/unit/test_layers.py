"""The layers as a lint: who may read whom, what every model must have; nobody reads the simulated truth."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from roundtrip.home import PROJECT_ROOT

PROJECT = PROJECT_ROOT / "dbt_project"
MODELS = sorted((PROJECT / "models").rglob("*.sql"))
IDS = [file.stem for file in MODELS]
#: Models that only pass rows on, so that there is no logic to tell a story of.
PASS_THROUGH = {
    "stg_customer_identities",
    "stg_web_events",
    "stg_surveys",
    "stg_quality_runs",
    "int_customers",
    "quality_runs",
}
#: A mart may read staging only where there is nothing to compute in between.
MARTS_ON_STAGING = {
    "quality_runs": {"stg_quality_runs"},
    "customer_identities": {"stg_customer_identities"},
}
#: Staging names every row by the person's first account; bookings of nobody known are left out.
STAGING_ON_STAGING = {"stg_bookings": {"stg_customers"}}
NAMES_PEOPLE = {"stg_customer_identities"}
#: Names that differ between engines: only macros may use them, behind adapter.dispatch.
ENGINE_SPECIFIC = re.compile(
    r"\b(date_diff|datediff|arg_max|max_by|string_agg|listagg|median|generate_series|unnest|strftime|epoch|"
    r"list_\w+|asof|qualify|interval|to_months|::)\b",
    re.IGNORECASE,
)
CLOCK = re.compile(r"\b(current_date|current_timestamp|now|today|getdate|localtimestamp)\b", re.IGNORECASE)

#: What the published contract promises, at least.
PROMISED = {
    "dim_customers": "registered_at, country, acquisition_channel, first_booking_at, last_booking_at, "
    "bookings, lifetime_value, lifecycle_stage, value_tier, need_segment",
    "fct_bookings": "customer_id, booked_at, service_line, destination, channel, net_amount, margin_amount, "
    "currency, status, lead_days, is_repeat",
    "fct_customer_months": "lifecycle_stage, activity_status, journey_stage, typical_gap_days, "
    "overdue_ratio, days_since_last_booking, bookings_12m, value_12m, service_lines_12m, value_tier, "
    "need_segment, churn_severity, churn_initiative, churn_cause, is_reactivated, probability_alive",
    "fct_lifecycle_changes": "customer_id, changed_on, from_stage, to_stage",
    "fct_churn": "customer_id, churned_on, severity, initiative, value_tier, cause, cause_confidence, "
    "evidence, value_lost",
    "kpi_months": "month, segment_kind, segment, indicator, numerator, denominator, value, sample_size",
    "quality_runs": "run_id, table_name, rows_in, rows_loaded, rows_quarantined, rows_superseded, checks, "
    "failed_checks",
}


def sql_of(file: Path) -> str:
    """The SQL without its comments, which may well speak of clocks."""
    text = re.sub(r"\{#.*?#\}", "", file.read_text(encoding="utf-8"), flags=re.DOTALL)
    return re.sub(r"--.*", "", text)


def description_of(file: Path) -> dict:
    return yaml.safe_load(file.with_suffix(".yml").read_text(encoding="utf-8"))


def refs(file: Path) -> set[str]:
    return set(re.findall(r'ref\("(\w+)"\)', sql_of(file)))


@pytest.mark.parametrize("file", MODELS, ids=IDS)
def test_every_model_has_its_description(file):
    (model,) = description_of(file)["models"]
    assert model["name"] == file.stem
    assert model["description"]
    assert all(column["description"] for column in model["columns"])
    assert any("unique" in column.get("data_tests", []) for column in model["columns"]) or re.search(
        "key_is_unique|has_one_row", str(model.get("data_tests"))
    ), "the grain is not tested"


def test_every_description_has_its_model():
    orphans = [
        file.name
        for file in (PROJECT / "models").rglob("*.yml")
        if file.name != "sources.yml"
        and file.parent.name != "semantic"
        and not (file.with_suffix(".sql").exists() or file.with_suffix(".py").exists())
    ]
    assert orphans == []


@pytest.mark.parametrize("file", [f for f in MODELS if f.stem not in PASS_THROUGH], ids=lambda f: f.stem)
def test_every_model_with_logic_has_a_story(file):
    assert description_of(file).get("unit_tests"), f"{file.stem}.yml has no unit_tests"


@pytest.mark.parametrize("file", MODELS, ids=IDS)
def test_no_layer_is_skipped(file):
    layer = file.parent.name
    read_staging = {name for name in refs(file) if name.startswith("stg_")}
    if layer != "staging":
        assert not re.search(r"source\(\s*.raw", sql_of(file)), f"{file.stem} reads raw past staging"
    if layer == "staging":
        assert refs(file) <= STAGING_ON_STAGING.get(file.stem, set()) | NAMES_PEOPLE
    if layer == "marts":
        assert read_staging <= MARTS_ON_STAGING.get(file.stem, set())


@pytest.mark.parametrize("file", MODELS, ids=IDS)
def test_no_model_reads_the_clock_or_speaks_one_engine(file):
    sql = sql_of(file)
    # Macro calls may carry the names of dispatched functions.
    outside_macros = re.sub(r"\{\{.*?\}\}", "", sql, flags=re.DOTALL)
    assert not CLOCK.search(sql)
    assert "::" not in outside_macros
    assert not ENGINE_SPECIFIC.search(outside_macros)


def test_no_macro_or_test_reads_the_clock():
    files = [*(PROJECT / "macros").rglob("*.sql"), *(PROJECT / "tests").rglob("*.sql")]
    assert [file.name for file in files if CLOCK.search(sql_of(file))] == []


def test_every_threshold_is_used_and_every_used_one_has_its_place():
    defined = set(yaml.safe_load((PROJECT / "dbt_project.yml").read_text(encoding="utf-8"))["vars"])
    files = [*PROJECT.rglob("*.sql"), *PROJECT.rglob("*.yml")]
    used = {
        name
        for file in files
        for name in re.findall(r"\b(?:var|date_of_build)\(['\"](\w+)['\"]", file.read_text(encoding="utf-8"))
    }
    assert used == defined


@pytest.mark.parametrize("mart", PROMISED)
def test_the_published_contract_is_kept(mart):
    (model,) = description_of(PROJECT / "models" / "marts" / f"{mart}.sql")["models"]
    columns = {column["name"] for column in model["columns"]}
    assert set(PROMISED[mart].split(", ")) <= columns
    assert all(column.get("data_type") for column in model["columns"])


def test_the_warehouse_page_names_every_mart():
    page = (PROJECT_ROOT / "docs" / "warehouse.md").read_text(encoding="utf-8")
    marts = [file.stem for file in MODELS if file.parent.name == "marts"]
    assert [mart for mart in marts if f"`{mart}`" not in page] == []


def test_the_warehouse_page_names_only_stories_that_are_told():
    page = (PROJECT_ROOT / "docs" / "warehouse.md").read_text(encoding="utf-8")
    told = {story["name"] for file in MODELS for story in description_of(file).get("unit_tests", [])}
    stories = (PROJECT_ROOT / "tests" / "integration" / "test_dbt_stories.py").read_text(encoding="utf-8")
    told |= set(re.findall(r"^def (test_\w+)", stories, re.MULTILINE))
    odd_and_stories = page[page.index("## Odd customers") : page.index("## Tests")]
    rows = [line.split(" | ")[-1] for line in odd_and_stories.splitlines() if line.startswith("| ")]
    named = {name for row in rows for name in re.findall(r"`(\w+)`", row)}
    assert len(named) > 20
    assert named - told == set()


def test_the_warehouse_page_explains_every_indicator():
    macro = (PROJECT / "macros" / "indicators.sql").read_text(encoding="utf-8")
    page = (PROJECT_ROOT / "docs" / "warehouse.md").read_text(encoding="utf-8")
    names = re.findall(r'^\s+\("(\w+)", ', macro, re.MULTILINE)
    assert len(names) > 20
    explained = set(re.findall(r"`(\w+)`", page[page.index("## Indicators") : page.index("## Odd")]))
    shortened = {f"churn_rate_severity{name}" for name in explained if name.startswith("_")}
    assert set(names) - explained - shortened == set()


# --- the simulated company's truth is for judging, never for the pipeline ----------------------------------
# tests/e2e/test_local_road.py walks the whole road without it, and with it, to the same publication.

#: Everything that works for a company; the simulation itself is left out.
PIPELINE = ("roundtrip", "ml", "dags", "dbt_project", "expectations", "sources", "plan", "docker")
MAY_SIMULATE = PROJECT_ROOT / "roundtrip" / "cli.py"
_BUILT = {"__pycache__", "target", "logs", "dbt_packages"}


def pipeline_files() -> list[Path]:
    """All text files of the pipeline, whatever they are for."""
    found = []
    for room in PIPELINE:
        for file in sorted((PROJECT_ROOT / room).rglob("*")):
            parts = file.relative_to(PROJECT_ROOT).parts
            if file.is_file() and not _BUILT & set(parts) and parts[:2] != ("roundtrip", "simulate"):
                found.append(file)
    return found


def imported(file: Path) -> Iterator[str]:
    """Full names of all that a Python file imports, at its top or anywhere in it."""
    package = file.relative_to(PROJECT_ROOT).with_suffix("").parts[:-1]
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            origin = ".".join([*base, *([node.module] if node.module else [])])
            yield from (f"{origin}.{name.name}" for name in node.names)


def test_nothing_in_the_pipeline_speaks_of_the_truth():
    files = pipeline_files()
    assert len(files) > 200
    found = []
    for file in files:
        text = file.read_bytes().decode("utf-8", errors="ignore")
        # The command's help may say that there is one; no path may lead there.
        word = r"truth[/\"'\\]|[/\"']truth" if file == MAY_SIMULATE else r"truth(?!ful|y)"
        found += [f"{file.relative_to(PROJECT_ROOT)}: {line}" for line in text.split("\n")
                  if re.search(word, line, re.IGNORECASE)]  # fmt: skip
    assert found == []


def test_nothing_in_the_pipeline_knows_the_simulation():
    files = [file for file in pipeline_files() if file.suffix == ".py"]
    for file in files:
        names = {f"{name}." for name in imported(file)}
        knows = any(name.startswith("roundtrip.simulate.") for name in names)
        # By its name as a text, for importlib; and the folder where `demo` puts the company.
        text = file.read_text(encoding="utf-8")
        knows = knows or "roundtrip.simulate" in text or ".simulated_dir" in text
        assert knows == (file == MAY_SIMULATE), file
