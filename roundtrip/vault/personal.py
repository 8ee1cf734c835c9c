"""Which columns are personal data for a company: the contract's, and those it marks itself."""

from dataclasses import replace

from roundtrip.contract import Column, Table, source_contract
from roundtrip.errors import BadInput

SETTING = "personal_columns"


def personal_contract(settings: dict) -> dict[str, Table]:
    """The source contract, with `pii` set for the columns that company.yml marks in `personal_columns`.

    A mark on `customers.customer_id` counts for every column that refers to it.

    Raises:
        BadInput: the setting names an unknown table or column, or one that cannot hold a pseudonym.
    """
    marks = settings.get(SETTING) or {}
    contract = source_contract()
    if not isinstance(marks, dict) or not all(isinstance(columns, list) for columns in marks.values()):
        raise BadInput(
            f"company.yml: {SETTING} is {marks!r}",
            "give a list of columns per contract table, such as {customers: [city]}",
        )
    marked = {(table, column) for table, columns in marks.items() for column in columns}
    for table, column in sorted(marked):
        _require_markable(contract, table, column)
    ids_are_marked = ("customers", "customer_id") in marked
    return {
        name: replace(
            table,
            columns=tuple(
                replace(column, pii=True)
                if (name, column.name) in marked or (ids_are_marked and is_customer_id(table, column))
                else column
                for column in table.columns
            ),
        )
        for name, table in contract.items()
    }


def vaulted(table: Table) -> list[str]:
    """Personal columns whose values the vault keeps: a marked customer_id once, with its master row."""
    return [column.name for column in table.columns if column.pii and not column.references]


def is_customer_id(table: Table, column: Column) -> bool:
    """Whether a column names a customer: the key of customers, or a reference to it."""
    return column.references == "customers" or (table.name, column.name) == ("customers", "customer_id")


def _require_markable(contract: dict[str, Table], table: str, column: str) -> None:
    if table not in contract or column not in contract[table].column_names:
        raise BadInput(
            f"company.yml: {SETTING} marks {table}.{column}, which the contract does not have",
            "name a table and a column of the source contract",
        )
    found = contract[table].column(column)
    is_the_id = (table, column) == ("customers", "customer_id")
    is_key = column in contract[table].key or found.references
    if found.type != "VARCHAR" or found.values or found.pattern or (is_key and not is_the_id):
        raise BadInput(
            f"company.yml: {SETTING} marks {table}.{column}, which cannot hold a pseudonym",
            "mark columns of free text, or customers.customer_id; leave others out in the mapping's SELECT",
        )
