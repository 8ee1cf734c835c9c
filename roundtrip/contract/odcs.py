"""The source contract as a document of the Open Data Contract Standard, and such a document compared with it.

The standard: https://bitol-io.github.io/open-data-contract-standard/v3.1.0/. `source_contract.yml` stays the
one file that the code derives from; this is how data catalogues and contract tools of others read it
(docs/decisions/source-contract-as-data.md).
"""

from pathlib import Path
from typing import Any

import yaml

from roundtrip.contract import Column, Rule, Table, source_contract, version
from roundtrip.errors import BadInput

API_VERSION = "v3.1.0"

#: The contract's types as the standard's logical types.
LOGICAL_TYPES = {
    "VARCHAR": "string",
    "TIMESTAMP": "timestamp",
    "DATE": "date",
    "MONTH": "date",
    "INTEGER": "integer",
    "DECIMAL": "number",
    "DOUBLE": "number",
    "BOOLEAN": "boolean",
}
#: The one type of ours that the standard has no word for.
_OWN_TYPE = "roundtripType"


def document() -> dict[str, Any]:
    """The contract as a document of the standard, in a fixed order."""
    return {
        "apiVersion": API_VERSION,
        "kind": "DataContract",
        "id": "roundtrip-source-contract",
        "name": "Roundtrip source contract",
        "version": f"{version()}.0.0",
        "status": "active",
        "domain": "customer-retention",
        "description": {
            "purpose": "What a travel company hands over for retention analysis: files or database tables, "
            "or a mapping (one SELECT per table) that gives them this shape.",
            "usage": "Only tables with `isRequired` have to be there; everything downstream says what it "
            "leaves out where another table or column is absent. Of the rows with one key the newest wins.",
            "limitations": "Nothing that happened after the date of a run is read. Properties classified "
            "`personal` are kept in an encrypted vault; the warehouse holds keyed pseudonyms.",
        },
        "schema": [_object(table) for table in source_contract().values()],
    }


def as_yaml() -> str:
    return yaml.safe_dump(document(), sort_keys=False, allow_unicode=True, width=110)


def _object(table: Table) -> dict[str, Any]:
    found = {
        "name": table.name,
        "logicalType": "object",
        "physicalType": "table",
        "description": table.about,
        "properties": [_property(table, column) for column in table.columns],
    }
    if table.rules:
        found["quality"] = [
            {
                "type": "sql",
                "name": rule.name,
                "description": rule.reason,
                "dimension": "consistency",
                "severity": "error",
                # A condition that is unknown (NULL) holds, as in the contract.
                "query": f"SELECT count(*) FROM {table.name} WHERE NOT ({rule.holds})",
                "mustBe": 0,
                "customProperties": _custom(column=rule.column, holds=rule.holds),
            }
            for rule in table.rules
        ]
    found["customProperties"] = _custom(isRequired=table.required, occurred=table.occurred)
    return found


def _property(table: Table, column: Column) -> dict[str, Any]:
    found: dict[str, Any] = {
        "name": column.name,
        "logicalType": LOGICAL_TYPES[column.type],
        "physicalType": column.sql_type,
    }
    if column.about:
        found["description"] = column.about
    if column.name in table.key:
        found |= {"primaryKey": True, "primaryKeyPosition": table.key.index(column.name) + 1}
    found["required"] = column.required
    if column.pii:
        found["classification"] = "personal"
    options: dict[str, Any] = {}
    if column.min is not None:
        options["minimum"] = column.min
    if column.max is not None:
        options["maximum"] = column.max
    if column.pattern:
        # The standard's patterns look for a match anywhere, ours are of the whole value.
        options["pattern"] = f"^(?:{column.pattern})$"
    if options:
        found["logicalTypeOptions"] = options
    if column.references:
        key = source_contract()[column.references].key[0]
        found["relationships"] = [{"type": "foreignKey", "to": f"{column.references}.{key}"}]
    if column.values:
        found["quality"] = [
            {
                "type": "library",
                "metric": "invalidValues",
                "arguments": {"validValues": list(column.values)},
                "mustBe": 0,
                "unit": "rows",
                "dimension": "conformity",
                "severity": "error",
            }
        ]
    if column.type == "MONTH":
        found["customProperties"] = _custom(**{_OWN_TYPE: column.type})
    return found


def _custom(**properties: Any) -> list[dict[str, Any]]:
    return [{"property": name, "value": value} for name, value in properties.items()]


def read(file: Path) -> dict[str, Table]:
    """The tables of a document of the standard, as far as the contract has words for them.

    Raises:
        BadInput: the file is no such document.
    """
    try:
        found = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise BadInput(f"{file} cannot be read as YAML: {type(error).__name__}", "mend the file") from error
    if not isinstance(found, dict) or found.get("kind") != "DataContract" or not found.get("schema"):
        raise BadInput(
            f"{file} is no data contract of the Open Data Contract Standard",
            "it needs `kind: DataContract`, an apiVersion of v3, and a schema",
        )
    if not str(found.get("apiVersion", "")).startswith("v3."):
        raise BadInput(f"{file} is of apiVersion {found.get('apiVersion')!r}", "give one of v3")
    try:
        return {spec["name"]: _table(spec) for spec in found["schema"]}
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise BadInput(
            f"{file}: a table or property of the schema is not as the standard has it ({error})",
            "every object has a name and properties, every property a name",
        ) from error


def _table(spec: dict) -> Table:
    custom = _customs(spec)
    columns = tuple(_column(each) for each in spec["properties"])
    keyed = [each for each in spec["properties"] if each.get("primaryKey")]
    return Table(
        name=spec["name"],
        required=bool(custom.get("isRequired", False)),
        key=tuple(each["name"] for each in sorted(keyed, key=lambda each: each.get("primaryKeyPosition", 1))),
        occurred=custom.get("occurred", ""),
        columns=columns,
        rules=tuple(
            Rule(check["name"], _customs(check)["column"], _customs(check)["holds"], check["description"])
            for check in spec.get("quality", ())
            if check.get("type") == "sql" and "holds" in _customs(check)
        ),
        about=spec.get("description", ""),
    )


def _column(spec: dict) -> Column:
    options = spec.get("logicalTypeOptions", {})
    pattern = options.get("pattern")
    if pattern and pattern.startswith("^(?:") and pattern.endswith(")$"):
        pattern = pattern[4:-2]
    to = [
        each["to"] if isinstance(each["to"], str) else each["to"][0]
        for each in spec.get("relationships", ())
        if each.get("type", "foreignKey") == "foreignKey"
    ]
    valid = [
        check["arguments"]["validValues"]
        for check in spec.get("quality", ())
        if check.get("metric") == "invalidValues" and "validValues" in check.get("arguments", {})
    ]
    return Column(
        name=spec["name"],
        type=_customs(spec).get(_OWN_TYPE) or _type(spec),
        required=bool(spec.get("required", False)),
        pii=spec.get("classification") == "personal",
        values=tuple(valid[0]) if valid else (),
        min=options.get("minimum"),
        max=options.get("maximum"),
        pattern=pattern,
        references=to[0].split(".")[0] if to else None,
        about=spec.get("description", ""),
    )


def _type(spec: dict) -> str:
    physical = str(spec.get("physicalType", "")).split("(")[0].upper()
    if physical in LOGICAL_TYPES:
        return physical
    return next((ours for ours, theirs in LOGICAL_TYPES.items() if theirs == spec.get("logicalType")), "")


def _customs(spec: dict) -> dict[str, Any]:
    return {each["property"]: each["value"] for each in spec.get("customProperties", ())}


def differences(theirs: dict[str, Table]) -> list[str]:
    """Where the tables of a document differ from the contract, one sentence each; none where they agree.

    Additional tables and columns are no difference: they are not read.
    """
    found = []
    for table in source_contract().values():
        other = theirs.get(table.name)
        if other is None:
            if table.required:
                found.append(f"{table.name}: the required table is missing")
            continue
        if other.key != table.key:
            found.append(f"{table.name}: its key is {_said(other.key)}, the contract's {_said(table.key)}")
        there = {column.name: column for column in other.columns}
        for column in table.columns:
            found += _column_differences(table.name, column, there.get(column.name))
    return found


def _column_differences(table: str, ours: Column, theirs: Column | None) -> list[str]:
    where = f"{table}.{ours.name}"
    if theirs is None:
        return [f"{where}: the required column is missing"] if ours.required else []
    found = []
    if LOGICAL_TYPES.get(theirs.type) != LOGICAL_TYPES[ours.type]:
        found.append(f"{where}: its type is {theirs.type or 'unknown'}, the contract's {ours.type}")
    if ours.required and not theirs.required:
        found.append(f"{where}: may be empty there, and is required here")
    if ours.values and (more := sorted(set(theirs.values) - set(ours.values))):
        found.append(f"{where}: {', '.join(more)} would be refused")
    if ours.values and not theirs.values:
        found.append(f"{where}: any value may come, and only {', '.join(ours.values)} are taken")
    if ours.pii and not theirs.pii:
        found.append(f"{where}: is personal data here, and not classified as `personal` there")
    return found


def _said(names: tuple[str, ...]) -> str:
    return ", ".join(names) or "none"
