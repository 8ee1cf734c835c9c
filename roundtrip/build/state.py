"""What the last complete build saw: whether the next one may make anew only what has changed since.

`warehouse/work.duckdb` keeps it in its schema `build`, so that it can never be newer or older than the tables
it speaks of: `last_build` (one row), `fingerprints` and `source_starts` (what these models held).
dbt drops `last_build` before it touches anything (macros/increments.sql); it is written again when all has
passed: a build that was killed, or carried out by hand, leaves none, and the next one makes everything anew.
"""

import hashlib
import importlib.metadata
import json
from dataclasses import dataclass
from datetime import date

import duckdb

from roundtrip.build.settings import PROJECT_DIR
from roundtrip.duck import connect
from roundtrip.home import PROJECT_ROOT, Home
from roundtrip.told import Told

#: Increments leave holes in the tables' files; a full build closes them. As often as a month is enough: a day
#: replaces a few rows in a hundred.
FULL_BUILD_EVERY_DAYS = 31
#: What else than dbt_project/ decides what a table holds.
_CODE = ("alive.py",)
_PACKAGES = ("dbt-core", "dbt-duckdb", "duckdb")
_KEPT_MODELS = {"fingerprints": "int_fingerprints", "source_starts": "int_source_starts"}


@dataclass(frozen=True)
class Extent:
    """How much a build makes anew.

    Attributes:
        full_build_on: the date of the full build that its rows go back to; its own, where it is one itself.
        previous_as_of: the date of the last complete build, whose unchanged rows stay; None: none do.
        reason: why everything is; None on an increment.
    """

    full_build_on: date
    previous_as_of: date | None = None
    reason: Told | None = None


def extent(home: Home, as_of: date, variables: dict) -> Extent:
    """Whether what is in work.duckdb can be carried on to `as_of`, and if not, why not."""
    last = _last_build(home)
    if last is None:
        return Extent(
            as_of, reason=Told("there is no complete build to go on from", "没有可以接续的完整构建")
        )
    built_for, made_by, full_build_on = last
    if as_of < built_for:
        later = Told(f"the last build is of a later date, {built_for}", f"上次构建的日期更晚：{built_for}")
        return Extent(as_of, reason=later)
    if made_by != recipe(variables):
        return Extent(as_of, reason=Told("models or settings have changed", "模型或设置有变化"))
    if (as_of - full_build_on).days >= FULL_BUILD_EVERY_DAYS:
        long_ago = Told(f"the last full build is of {full_build_on}", f"上次全部重建是在 {full_build_on}")
        return Extent(as_of, reason=long_ago)
    return Extent(full_build_on, previous_as_of=built_for)


def keep(home: Home, as_of: date, variables: dict, built: Extent) -> None:
    """Write down that a build is complete, and what it saw."""
    with connect(home.work_db, home.tmp_dir) as work:
        work.execute("BEGIN")
        work.execute("CREATE SCHEMA IF NOT EXISTS build")
        for name, model in _KEPT_MODELS.items():
            work.execute(f"CREATE OR REPLACE TABLE build.{name} AS FROM intermediate.{model}")
        work.execute(
            "CREATE OR REPLACE TABLE build.last_build AS "
            "SELECT ?::DATE AS built_for, ? AS recipe, ?::DATE AS full_build_on",
            [as_of, recipe(variables), built.full_build_on],
        )
        work.execute("COMMIT")


def recipe(variables: dict) -> str:
    """A hash of everything but the rows and the date that decides what the tables hold."""
    state = hashlib.sha256()
    files = [file for file in PROJECT_DIR.rglob("*") if file.suffix in (".sql", ".py", ".yml", ".csv", ".md")]
    for file in sorted([*files, *(PROJECT_ROOT / "roundtrip" / name for name in _CODE)]):
        state.update(str(file.relative_to(PROJECT_ROOT)).encode() + b"\0" + file.read_bytes())
    versions = {name: importlib.metadata.version(name) for name in _PACKAGES}
    state.update(json.dumps([versions, variables], sort_keys=True, default=str).encode())
    return state.hexdigest()


def _last_build(home: Home) -> tuple[date, str, date] | None:
    try:
        with connect(home.work_db, home.tmp_dir, read_only=True) as work:
            return work.execute("SELECT built_for, recipe, full_build_on FROM build.last_build").fetchone()
    except duckdb.Error:
        # Not there, or cut off: either way nothing to go on from.
        return None
