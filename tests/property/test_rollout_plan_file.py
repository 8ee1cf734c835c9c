"""Whatever stands in a plan, it is read or refused with its line; nothing else happens."""

import copy
import tempfile
from pathlib import Path

import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from roundtrip.errors import BadInput
from roundtrip.rollout.plan import PLAN_FILE, load_plan

PLAN = yaml.safe_load(PLAN_FILE.read_text(encoding="utf-8"))


def places(value, at=()):
    yield at
    parts = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, part in parts:
        yield from places(part, (*at, key))


odd = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-20, 20),
    st.floats(allow_nan=True),
    st.sampled_from(["", " ", "assessment", "2025-01-01", "data_collected"]),
    st.dates(),
    st.lists(st.integers(-1, 13), max_size=3),
    st.dictionaries(st.sampled_from(["en", "id", "zh"]), st.integers(), max_size=2),
)


@settings(max_examples=50, deadline=None)
@given(st.sampled_from([at for at in places(PLAN) if at]), odd)
def test_a_plan_with_any_value_anywhere_is_read_or_refused(at, value):
    plan = copy.deepcopy(PLAN)
    around = plan
    for key in at[:-1]:
        around = around[key]
    around[at[-1]] = value
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "plan.yml"
        file.write_text(yaml.safe_dump(plan, allow_unicode=True, sort_keys=False), encoding="utf-8")
        found, refused = None, None
        try:
            found = load_plan(file)
        except BadInput as error:
            refused = error
    if found:
        assert all(risk.trigger.watch_from <= risk.trigger.triggered_from for risk in found.risks)
        assert all(task.owner.strip() for task in found.tasks)
    else:
        assert refused.message.startswith(f"{file}:")
        assert refused.hint
