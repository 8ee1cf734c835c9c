"""Lists of words in the macros are those of the source contract: one they lacked would be lost silently."""

import ast
import re

import pytest

from roundtrip.build.settings import PROJECT_DIR
from roundtrip.contract import source_contract


@pytest.mark.parametrize(
    ("macro", "table", "column"),
    [("service_lines", "bookings", "service_line"), ("consent_purposes", "consents", "purpose")],
)
def test_a_list_has_the_words_of_the_contract_in_the_order_of_the_alphabet(macro, table, column):
    text = (PROJECT_DIR / "macros" / "aggregates.sql").read_text(encoding="utf-8")
    found = re.search(rf"macro {macro}\(\) -%}}\s*{{{{ return\((\[.*?\])\) }}}}", text)
    (told,) = [each for each in source_contract()[table].columns if each.name == column]
    assert ast.literal_eval(found[1]) == sorted(told.values)
