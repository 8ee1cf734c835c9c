"""What is built upon the marts is told in the lineage, whole: a change of a table names whom it reaches."""

import re

import pytest
import yaml

from roundtrip.home import PROJECT_ROOT

DBT = PROJECT_ROOT / "dbt_project"
#: Exposure → the rooms that read for it.
ROOMS = {
    "report": ["roundtrip/report"],
    "example_queries": ["docs/queries"],
    "explorer": ["roundtrip/explorer"],
    "warnings": ["roundtrip/warn"],
    "rounds": ["roundtrip/rounds", "roundtrip/strategies"],
    "measurement": ["roundtrip/measure", "ml/uplift"],
    "segments_and_voices": ["ml/segments", "ml/texts"],
    "rollout": ["roundtrip/rollout"],
}
READ = re.compile(r"\bmarts\.([a-z_0-9]+)")


@pytest.fixture(scope="module")
def exposed() -> dict[str, set[str]]:
    told = yaml.safe_load((DBT / "models/semantic/exposures.yml").read_text(encoding="utf-8"))["exposures"]
    return {each["name"]: {ref.split("'")[1] for ref in each["depends_on"]} for each in told}


@pytest.fixture(scope="module")
def built() -> set[str]:
    """Marts and the seeds among them; other tables of the schema are written after dbt."""
    models = {file.stem for file in (DBT / "models/marts").rglob("*.sql")}
    return models | {file.stem for file in (DBT / "seeds").rglob("*.csv")}


@pytest.mark.parametrize("exposure", ROOMS)
def test_an_exposure_names_what_its_room_reads(exposure, exposed, built):
    files = [file for room in ROOMS[exposure] for file in (PROJECT_ROOT / room).rglob("*.*")]
    texts = [file.read_text(encoding="utf-8") for file in files if file.suffix in (".py", ".sql", ".yml")]
    read = {table for text in texts for table in READ.findall(text)} & built
    assert exposed[exposure] == read


def test_every_exposure_has_its_room(exposed):
    assert set(exposed) == {*ROOMS, "churn_model", "customer_scores"}
