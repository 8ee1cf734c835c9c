"""The source contract as data says what the page that companies read says."""

import re

import pytest

from roundtrip.contract import source_contract
from roundtrip.home import PROJECT_ROOT


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
