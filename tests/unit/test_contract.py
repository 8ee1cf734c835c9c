"""The source contract as data says what the page that companies read says."""

import json
import re
from datetime import date

import duckdb
import jsonschema
import pytest
import yaml
from typer.testing import CliRunner

from roundtrip.cli import app
from roundtrip.company import Company
from roundtrip.contract import odcs, page, source_contract
from roundtrip.errors import BadInput
from roundtrip.gates.generate import as_text, landing_suite
from roundtrip.gates.suites import SUITES_DIR
from roundtrip.home import PROJECT_ROOT
from roundtrip.ingest import load, read_files


def test_keys_and_clocks_are_columns():
    for table in source_contract().values():
        assert set(table.key) <= set(table.column_names)
        assert table.occurred in table.column_names
        assert all(rule.column in table.column_names for rule in table.rules)


def test_required_tables_are_customers_and_bookings():
    assert [name for name, table in source_contract().items() if table.required] == ["customers", "bookings"]


def test_personal_columns_are_marked():
    marked = {(t.name, c.name) for t in source_contract().values() for c in t.columns if c.pii}
    assert marked == {("customers", "email"), ("customers", "phone"), ("customers", "full_name")}


def test_the_contract_page_and_the_data_agree():
    page = PROJECT_ROOT.parent / "shared" / "source-contract.md"
    if not page.exists():
        pytest.skip("../shared is not beside this checkout")
    rows = re.findall(r"^\| (\w+) \| (.+) \|$", page.read_text(encoding="utf-8"), re.MULTILINE)
    stated = {name: text for name, text in rows if name != "table"}
    assert list(stated) == list(source_contract())
    for name, text in stated.items():
        # What stands in brackets describes a column; the names and their stars stand outside.
        bare = re.sub(r"\{[^}]*\}|\([^)]*\)", "", text)
        columns = [part.strip() for part in bare.split(",")]
        table = source_contract()[name]
        assert [column.rstrip("* ") for column in columns] == list(table.column_names)
        required = [column.rstrip("* ") for column in columns if column.endswith("*")]
        assert required == [column.name for column in table.columns if column.required]
        for column in table.columns:
            if column.values:
                assert "{" + ", ".join(column.values) + "}" in text


# --- what derives from the one file -------------------------------------------------------------------------


def test_the_page_is_what_the_contract_says():
    assert page.PAGE.read_text(encoding="utf-8") == page.text(), "run `python -m roundtrip.contract.page`"
    types = "text|timestamp|date|month|whole|amount|number|true"
    told = re.findall(rf"^\| \*{{0,2}}(\w+)\*{{0,2}}(?: \*)? \| (?:{types})", page.text(), re.MULTILINE)
    assert told == [column for table in source_contract().values() for column in table.column_names]


def test_the_landing_suites_are_what_the_contract_says():
    for table in source_contract().values():
        file = SUITES_DIR / "landing" / f"{table.name}.json"
        assert file.read_text(encoding="utf-8") == as_text(landing_suite(table)), (
            "run `python -m roundtrip.gates.generate`"
        )


def test_raw_tables_are_what_the_contract_says_even_where_nothing_was_delivered(home, tmp_path):
    for table in ("customers", "bookings"):
        (tmp_path / table).mkdir()
    (tmp_path / "customers/c.csv").write_text("customer_id,registered_at\nc1,2024-01-01\n")
    (tmp_path / "bookings/b.csv").write_text("booking_id,customer_id,booked_at,service_line,status\n"
                                             "b1,c1,2024-02-01,hotel,completed\n")  # fmt: skip
    Company.describe(tmp_path, None).save(home)
    batch_id = read_files(home, date(2025, 6, 30))["batch_id"]
    gate = home.gates_dir / "landing" / "2025-06-30.json"
    gate.parent.mkdir(parents=True)
    gate.write_text(json.dumps({"batch_id": batch_id, "success": True, "tables": {}}))
    load(home, date(2025, 6, 30))
    with duckdb.connect(str(home.raw_db), read_only=True) as connection:
        for table in source_contract().values():
            described = connection.execute(f"DESCRIBE raw.raw.{table.name}").fetchall()
            own = [
                (name, kind.replace(",", ", ")) for name, kind, *_ in described if not name.startswith("_")
            ]
            assert own == [(column.name, column.sql_type) for column in table.columns], table.name


# --- as a document of the Open Data Contract Standard -------------------------------------------------------

#: What the standard's own JSON schema (v3.1.0) demands of the parts that are used here, written down anew:
#: the schema is in no package that is installed. Nothing else may stand at these levels.
_TEXT, _FLAG, _NUMBER = {"type": "string", "minLength": 1}, {"type": "boolean"}, {"type": "number"}


def _object_of(required: list[str], /, **properties) -> dict:
    return {"type": "object", "required": required, "properties": properties, "additionalProperties": False}


_CUSTOM = {"type": "array", "items": _object_of(["property", "value"], property=_TEXT, value={})}
_QUALITY = {
    "type": "array",
    "items": {
        "oneOf": [
            _object_of(
                ["type", "query", "mustBe"],
                type={"const": "sql"},
                query=_TEXT,
                mustBe=_NUMBER,
                name=_TEXT,
                description=_TEXT,
                dimension={"enum": ["accuracy", "completeness", "conformity", "consistency", "coverage"]},
                severity={"enum": ["info", "warning", "error"]},
                customProperties=_CUSTOM,
            ),
            _object_of(
                ["type", "metric", "mustBe"],
                type={"const": "library"},
                metric={
                    "enum": ["nullValues", "missingValues", "invalidValues", "duplicateValues", "rowCount"]
                },
                arguments=_object_of(["validValues"], validValues={"type": "array", "minItems": 1}),
                mustBe=_NUMBER,
                unit={"enum": ["rows", "percent"]},
                dimension={"enum": ["accuracy", "completeness", "conformity", "consistency", "coverage"]},
                severity={"enum": ["info", "warning", "error"]},
            ),
        ]
    },
}
_PROPERTY = _object_of(
    ["name", "logicalType"],
    name=_TEXT,
    logicalType={"enum": ["string", "date", "timestamp", "time", "number", "integer", "object", "boolean"]},
    physicalType=_TEXT,
    description=_TEXT,
    primaryKey=_FLAG,
    primaryKeyPosition={"type": "integer", "minimum": 1},
    required=_FLAG,
    classification=_TEXT,
    logicalTypeOptions={"type": "object"},
    relationships={
        "type": "array",
        "items": _object_of(
            ["to"], type={"const": "foreignKey"}, to={"type": "string", "pattern": r"^\w+\.\w+$"}
        ),
    },
    quality=_QUALITY,
    customProperties=_CUSTOM,
)
# Options are the logical type's own.
_PROPERTY["allOf"] = [
    {
        "if": {"properties": {"logicalType": {"enum": kinds}}},
        "then": {"properties": {"logicalTypeOptions": _object_of([], **options)}},
    }
    for kinds, options in (
        (["string"], {"pattern": _TEXT, "format": _TEXT}),
        (["integer", "number"], {"minimum": _NUMBER, "maximum": _NUMBER}),
        (["date", "timestamp", "time", "boolean", "object"], {}),
    )
]
STANDARD = _object_of(
    ["version", "apiVersion", "kind", "id", "status"],
    version=_TEXT,
    apiVersion={"const": "v3.1.0"},
    kind={"const": "DataContract"},
    id=_TEXT,
    name=_TEXT,
    status={"enum": ["proposed", "draft", "active", "deprecated", "retired"]},
    domain=_TEXT,
    description=_object_of([], usage=_TEXT, purpose=_TEXT, limitations=_TEXT),
    schema={
        "type": "array",
        "minItems": 1,
        "items": _object_of(
            ["name", "properties"],
            name=_TEXT,
            logicalType={"const": "object"},
            physicalType=_TEXT,
            description=_TEXT,
            properties={"type": "array", "minItems": 1, "items": _PROPERTY},
            quality=_QUALITY,
            customProperties=_CUSTOM,
        ),
    },
)


def test_the_document_is_as_the_standard_has_it():
    document = yaml.safe_load(odcs.as_yaml())
    jsonschema.Draft202012Validator(STANDARD).validate(document)
    names = {table["name"]: {p["name"] for p in table["properties"]} for table in document["schema"]}
    to = [
        relationship["to"].split(".")
        for table in document["schema"]
        for column in table["properties"]
        for relationship in column.get("relationships", ())
    ]
    assert to
    assert all(column in names[table] for table, column in to)


def test_the_document_says_everything_that_the_contract_says(tmp_path):
    """Read back it is the contract, type for type and rule for rule."""
    (tmp_path / "contract.yaml").write_text(odcs.as_yaml(), encoding="utf-8")
    assert odcs.read(tmp_path / "contract.yaml") == source_contract()
    assert odcs.differences(source_contract()) == []


def test_its_rules_run_as_queries(tmp_path):
    """A row that breaks a rule is counted by the rule's query, one that does not is not; unknown holds."""
    (bookings,) = [table for table in odcs.document()["schema"] if table["name"] == "bookings"]
    queries = {check["name"]: check["query"] for check in bookings["quality"]}
    with duckdb.connect() as connection:
        columns = ", ".join(f"{c.name} {c.sql_type}" for c in source_contract()["bookings"].columns)
        connection.execute(f"CREATE TABLE bookings ({columns})")
        connection.execute(
            "INSERT INTO bookings (booking_id, travel_start, travel_end) VALUES "
            "('good', '2024-01-01', '2024-01-02'), ('bad', '2024-01-02', '2024-01-01'), "
            "('open', NULL, '2024-01-01')"
        )
        assert connection.execute(queries["trip_ends_after_start"]).fetchone() == (1,)
        for query in queries.values():
            connection.execute(query)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda d: d["schema"].pop(0), "customers: the required table is missing"),
        (lambda d: d["schema"].pop(-1), None),
        (lambda d: d["schema"][1]["properties"].pop(2), "bookings.booked_at: the required column is missing"),
        (lambda d: d["schema"][1]["properties"].pop(5), None),
        (lambda d: d["schema"][1]["properties"][0].pop("primaryKey"), "bookings: its key is none"),
        (
            lambda d: d["schema"][1]["properties"][2].update(logicalType="string", physicalType="TEXT"),
            "bookings.booked_at: its type is VARCHAR, the contract's TIMESTAMP",
        ),
        (
            lambda d: d["schema"][1]["properties"][1].update(required=False),
            "bookings.customer_id: may be empty",
        ),
        (
            lambda d: d["schema"][1]["properties"][4]["quality"][0]["arguments"]["validValues"].append(
                "boat"
            ),
            "bookings.service_line: boat would be refused",
        ),
        (
            lambda d: d["schema"][1]["properties"][4].pop("quality"),
            "bookings.service_line: any value may come",
        ),
        (
            lambda d: d["schema"][0]["properties"][10].pop("classification"),
            "customers.email: is personal data",
        ),
    ],
)
def test_another_document_is_compared(tmp_path, change, said):
    document = yaml.safe_load(odcs.as_yaml())
    change(document)
    (tmp_path / "theirs.yaml").write_text(yaml.safe_dump(document), encoding="utf-8")
    found = odcs.differences(odcs.read(tmp_path / "theirs.yaml"))
    assert [line.startswith(said) for line in found] == ([True] if said else [])


@pytest.mark.parametrize(
    "text",
    [
        "kind: Other",
        "[1]",
        "a: [",
        "kind: DataContract\napiVersion: v2.2.0\nschema: [{name: a}]",
        "kind: DataContract\napiVersion: v3.0.2\nschema: [{name: a}]",
    ],
)
def test_what_is_no_such_document_is_told_so(tmp_path, text):
    (tmp_path / "x.yaml").write_text(text)
    with pytest.raises(BadInput, match=r"x\.yaml"):
        odcs.read(tmp_path / "x.yaml")


def test_the_command_writes_it_and_compares_it(tmp_path, capsys):
    file = tmp_path / "contract.yaml"
    runner = CliRunner()
    assert runner.invoke(app, ["contract", "--odcs", str(file), "--compare", str(file)]).exit_code == 0
    assert file.read_text(encoding="utf-8") == odcs.as_yaml()
    file.write_text(
        file.read_text(encoding="utf-8").replace("name: bookings", "name: orders"), encoding="utf-8"
    )
    refused = runner.invoke(app, ["contract", "--compare", str(file)])
    assert isinstance(refused.exception, BadInput)
    assert "bookings: the required table is missing" in refused.exception.message
