"""Stages run in processes of their own that can be killed at a chosen point, and what they left, as hashes.

A point is an event: a file opened for writing, renamed, linked or removed in the home, a statement given to
DuckDB (before and after it) or to MLflow's database, a model that dbt has built. Events come in the same
order each time, so the same number kills at the same place. `kill_after` kills at any moment instead, in the
middle of a write as well. A killed process takes its children with it, as a power cut or an emptied machine
would.
"""

import hashlib
import json
import multiprocessing
import os
import random
import re
import resource
import shutil
import signal
import sys
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import duckdb

from ml import registry, tracking
from roundtrip.company import Company
from roundtrip.home import Home
from roundtrip.stages import STAGES, run_stage

STAGE_NAMES = tuple(stage.name for stage in STAGES)

# Libraries read these when they are imported, which the server of processes does once for all.
os.environ |= {"GX_ANALYTICS_ENABLED": "false", "MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "true"}
_PROCESSES = multiprocessing.get_context("forkserver")
_PROCESSES.set_forkserver_preload(
    [
        *(stage.function.split(":")[0] for stage in STAGES),
        *("great_expectations", "roundtrip.gates.run", "roundtrip.gates.dialect"),
        *("ml.models", "ml.evaluate", "ml.plots", "mlflow", "mlflow.pyfunc", "pyarrow.parquet"),
    ]
)

_FILE_EVENTS = {"os.rename", "os.link", "os.remove", "os.rmdir", "os.mkdir", "os.chmod", "os.truncate"}
_WRITES = os.O_WRONLY | os.O_RDWR


@dataclass(frozen=True)
class End:
    """How a stage ended: the process's exit code (negative: a signal), its events, its error."""

    exit_code: int
    events: int
    error: str | None

    @property
    def was_killed(self) -> bool:
        return self.exit_code == -signal.SIGKILL


def run(
    home: Home,
    stage: str,
    as_of: date,
    *,
    kill_at: int | None = None,
    kill_after: float | None = None,
    kills_children: bool = True,
    file_size_limit: int | None = None,
) -> End:
    """Run one stage, with the run lock held, in a process of its own, and wait for its end.

    Args:
        kill_at: the number of the event at which it is killed.
        kill_after: seconds after which it is killed.
        kills_children: False leaves the processes that it started (dbt) alive.
        file_size_limit: bytes beyond which no file can be written, as on a full disk.
    """
    mine, theirs = _PROCESSES.Pipe(duplex=False)
    options = (kill_at, kills_children, file_size_limit)
    process = _PROCESSES.Process(target=_run_counted, args=(home.root, stage, as_of, theirs, *options))
    process.start()
    theirs.close()
    if kill_after is not None:
        process.join(kill_after)
        if process.exitcode is None:
            try:
                os.killpg(process.pid, signal.SIGKILL)
            except ProcessLookupError:
                # So young that it leads no group yet, and has started nothing.
                process.kill()
    process.join()
    try:
        events, error = mine.recv()
    except EOFError:
        events, error = 0, None
    return End(process.exitcode, events, error)


def walk(home: Home, as_of: date, after_each: Callable[[str, End], None]) -> None:
    """Run all stages one after the other, each to its end."""
    for stage in STAGE_NAMES:
        end = run(home, stage, as_of)
        assert end.exit_code == 0, f"{stage}: {end.error}"
        after_each(stage, end)


def points(stage: str, events: int, kills: int, seed: int) -> list[int]:
    """So many events out of 1..events, one drawn from each of equal parts, so that early and late come."""
    drawn = random.Random(f"{seed} {stage}")
    kills = min(kills, events)
    return [drawn.randint(i * events // kills + 1, (i + 1) * events // kills) for i in range(kills)]


def new_home(root: Path, landing: Path, like: Home | None = None) -> Home:
    """An empty home for a company; pseudonyms are only the same in homes with the same keys."""
    home = Home(root)
    Company.describe(landing, None).save(home)
    if like and like.secrets_dir.exists():
        shutil.copytree(like.secrets_dir, home.secrets_dir)
    return home


def copy(home: Home, root: Path) -> Home:
    """The same home elsewhere; versions stay hard links of the current publication."""
    shutil.copytree(home.root, root, symlinks=True)
    other = Home(root)
    for version in other.versions_dir.glob("*.duckdb"):
        if (home.versions_dir / version.name).samefile(home.current_db):
            other.current_db.unlink()
            os.link(version, other.current_db)
    return other


def fingerprint(home: Home) -> dict[str, str]:
    """Everything of a home that a kill must not change: name -> hash of its rows or its text.

    Left out is what differs between two undisturbed runs: times, process ids, MLflow's run ids, the layout of
    database files (and with it the work file's fingerprint), logs.
    """
    found = {}
    for file in (home.batch_db, home.raw_db, home.work_db, home.current_db):
        if file.exists():
            found |= _tables(file, home.root)
    folders = (home.quarantine_dir, home.products_dir, home.rounds_dir)
    for file in sorted(file for folder in folders for file in folder.rglob("*.parquet")):
        found[str(file.relative_to(home.root))] = _parquet(file)
    for file in sorted(home.gates_dir.glob("*/*.json")):
        result = json.loads(file.read_text(encoding="utf-8"))
        verdicts = [(r["table"], r["expectation"], r["column"], r["success"]) for r in result["results"]]
        found[str(file.relative_to(home.root))] = _hash([result["success"], result["tables"], verdicts])
    for file in sorted(home.versions_dir.glob("*")):
        found[f"version {file.name}"] = _lineage(file) if file.suffix == ".json" else "there"
    if home.champion_file.exists():
        found["champion"] = _hash(json.loads(home.champion_file.read_text(encoding="utf-8")))
    for file in sorted(home.rounds_dir.glob("*/*")):
        found.setdefault(str(file.relative_to(home.root)), "there")
    for file in sorted(home.reports_dir.glob("*.html")):
        found[f"report {file.name}"] = hashlib.sha256(file.read_bytes()).hexdigest()
    return found


def champion(home: Home) -> dict[str, str]:
    """Of the models what must be the same: the champion's number, data, parameters and measures.

    Ids and times of MLflow's runs are not; nor that there is a run more, marked as killed.
    """
    _, client = tracking.open_mlflow(home)
    found = client.get_model_version_by_alias(registry.MODEL, registry.ALIAS)
    run = client.get_run(found.run_id)
    moves = (home.mlflow_dir / "champions.jsonl").read_text(encoding="utf-8").splitlines()
    return {
        "versions": str([each.version for each in client.search_model_versions(f"name='{registry.MODEL}'")]),
        "champion's version": str(found.version),
        "champion's tags": _hash(found.tags),
        "champion's parameters": _hash(run.data.params),
        "champion's metrics": _hash(run.data.metrics),
        "champion's run": run.info.status,
        "moves": str([json.loads(line)["version"] for line in moves]),
    }


def differences(found: dict[str, str], expected: dict[str, str]) -> list[str]:
    """The names of what is not the same."""
    return sorted(name for name in found.keys() | expected.keys() if found.get(name) != expected.get(name))


def leftovers(home: Home) -> list[str]:
    """Files that only a killed process leaves: half-written ones, and scratch."""
    marks = re.compile(r"\.tmp$|\.new$|\.new\.|\.next-|\.wal$|summaries-")
    return sorted(
        str(file.relative_to(home.root))
        for file in home.root.rglob("*")
        if file.is_file() and marks.search(file.name)
    )


def _tables(database: Path, root: Path) -> dict[str, str]:
    name = database.relative_to(root)
    with duckdb.connect(str(database), read_only=True) as connection:
        tables = connection.execute(
            "SELECT database_name, schema_name, table_name FROM duckdb_tables() WHERE NOT internal "
            "AND (schema_name IN ('raw', 'marts') OR database_name = 'batch') ORDER BY ALL"
        ).fetchall()
        return {
            f"{name} {table}": _rows(f'"{database}"."{schema}"."{table}"', connection)
            for database, schema, table in tables
        }


def _parquet(file: Path) -> str:
    # A connection of its own: homes are compared side by side, and a shared one mixes up their rows.
    with duckdb.connect() as connection:
        return _rows(f"read_parquet('{file}')", connection)


def _rows(relation: str, connection: duckdb.DuckDBPyConnection) -> str:
    """Rows in any order, columns in theirs."""
    return str(
        connection.execute(
            f"SELECT count(*), bit_xor(hash(t)), sum(CAST(hash(t) AS HUGEINT)) FROM {relation} AS t"
        ).fetchone()
    )


def _lineage(file: Path) -> str:
    # The number counts every publication, those that were made twice as well; somebody may commit meanwhile.
    lineage = json.loads(file.read_text(encoding="utf-8"))
    return _hash({key: lineage[key] for key in lineage.keys() - {"number", "work_fingerprint", "git_commit"}})


def _hash(value) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True, default=str).encode()).hexdigest()


class _Counter:
    """Counts events, and dies at the one that it was told."""

    def __init__(self, kill_at: int | None, kills_children: bool):
        self.events, self.kill_at, self.kills_children = 0, kill_at, kills_children

    def tick(self, *_) -> None:
        self.events += 1
        if self.events == self.kill_at:
            (os.killpg if self.kills_children else os.kill)(os.getpid(), signal.SIGKILL)


def _run_counted(root, stage, as_of, pipe, kill_at, kills_children, file_size_limit) -> None:
    """The body of the process: runs the stage and sends (events, error) through the pipe."""
    os.setsid()
    log = os.open(root / "harness.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(log, 1)
    os.dup2(log, 2)
    counter = _Counter(kill_at, kills_children)
    _watch(counter, str(root))
    if file_size_limit is not None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (file_size_limit, file_size_limit))
    error = None
    try:
        from roundtrip.lock import one_run_at_a_time

        with one_run_at_a_time(Home(root)):
            run_stage(stage, Home(root), as_of, on_event=counter.tick)
    except BaseException as raised:
        traceback.print_exc()
        error = f"{type(raised).__name__}: {raised}"
    pipe.send((counter.events, error))
    pipe.close()
    sys.exit(0 if error is None else 1)


def _watch(counter: _Counter, root: str) -> None:
    def audit(event: str, arguments: tuple) -> None:
        if event == "open":
            path, _, flags = arguments
            if flags & _WRITES and str(path).startswith(root):
                counter.tick()
        elif event == "subprocess.Popen" or (event in _FILE_EVENTS and str(arguments[0]).startswith(root)):
            counter.tick()

    def counted(method):
        def call(*arguments, **options):
            counter.tick()
            try:
                return method(*arguments, **options)
            finally:
                counter.tick()

        return call

    sys.addaudithook(audit)
    for name in ("execute", "commit", "close"):
        setattr(duckdb.DuckDBPyConnection, name, counted(getattr(duckdb.DuckDBPyConnection, name)))
    from sqlalchemy import event
    from sqlalchemy.engine import Engine

    for name in ("before_cursor_execute", "commit"):
        event.listen(Engine, name, counter.tick)
