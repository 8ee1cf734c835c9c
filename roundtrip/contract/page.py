"""Writes docs/source-contract.md from the source contract: `python -m roundtrip.contract.page`."""

from roundtrip.contract import Column, Table, source_contract
from roundtrip.files import write_atomically
from roundtrip.home import PROJECT_ROOT

PAGE = PROJECT_ROOT / "docs" / "source-contract.md"

_HEAD = """# The source contract

<!-- Written by `python -m roundtrip.contract.page` from source_contract.yml. Do not edit. -->

What a travel company hands over, by table. How files, tables and mappings get in: [sources.md](sources.md).
For data catalogues, as a document of the Open Data Contract Standard: `roundtrip contract --odcs FILE`.
Whether such a document of yours agrees: `roundtrip contract --compare FILE`.

A `*` is required: a row without it is refused, and a delivery without the column. **Bold** is the key: of its
rows the newest wins. A row counts from its *clock* on; what lies after the date of a run is not read.
Personal data is kept in the vault, and the warehouse holds pseudonyms.

| table | required | clock | what it is |
| --- | --- | --- | --- |
"""

_TYPES = {
    "VARCHAR": "text",
    "TIMESTAMP": "timestamp (ISO 8601, UTC)",
    "DATE": "date (ISO 8601)",
    "MONTH": "month (2024-05)",
    "INTEGER": "whole number",
    "DECIMAL": "amount",
    "DOUBLE": "number",
    "BOOLEAN": "true or false",
}


def text() -> str:
    """The page as Markdown."""
    contract = source_contract().values()
    rows = "".join(
        f"| [{table.name}](#{table.name}) | {'yes' if table.required else ''} | {table.occurred} "
        f"| {table.about} |\n"
        for table in contract
    )
    return _HEAD + rows + "".join(_section(table) for table in contract)


def _section(table: Table) -> str:
    rows = "".join(
        f"| {_name(table, column)} | {_TYPES[column.type]} | {_limits(column)} | {column.about} |\n"
        for column in table.columns
    )
    rules = "".join(f"- `{rule.name}`: {rule.reason}.\n" for rule in table.rules)
    return (
        f"\n## {table.name}\n\n{table.about}\n\n"
        "| column | type | values | meaning |\n| --- | --- | --- | --- |\n"
        + rows
        + (f"\nRows that break one of these are refused as well:\n\n{rules}" if rules else "")
    )


def _name(table: Table, column: Column) -> str:
    star = " *" if column.required else ""
    return (f"**{column.name}**" if column.name in table.key else column.name) + star


def _limits(column: Column) -> str:
    found = []
    if column.values:
        found.append(", ".join(column.values))
    if column.min is not None or column.max is not None:
        low, high = column.min, column.max
        found.append(
            f"{low} to {high}" if None not in (low, high) else f"≥ {low}" if high is None else f"≤ {high}"
        )
    if column.pattern:
        found.append("`" + column.pattern.replace("|", "\\|") + "`")
    if column.references:
        found.append(f"→ {column.references}")
    if column.pii:
        found.append("personal")
    return "; ".join(found)


def main() -> None:
    write_atomically(PAGE, text())


if __name__ == "__main__":
    main()
