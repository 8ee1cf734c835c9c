"""A full disk and damaged files: the message says what to do, and what was published stays as it is.

The disk is full for one process: no file may become longer than a few bytes (RLIMIT_FSIZE), which the
operating system refuses like a full disk. `test_killed_runs.py` does it to every stage of a whole run.
"""

import os
import resource
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from roundtrip.company import Company
from roundtrip.disk import explained
from roundtrip.errors import BadInput, CheckBroken, DamagedFile, DiskFull, GateFailed
from roundtrip.home import Home
from roundtrip.publish import Actor, publish, published, roll_back
from roundtrip.stages import records, run_stage
from tests.handmade import AS_OF, pass_gate, write_scores, write_work


def checked_publish(home: Home, customers: int) -> str:
    write_work(home, customers=customers)
    pass_gate(home)
    return publish(home, AS_OF)["version"]


def command(home: Home, *arguments: str, file_size_limit: int | None = None) -> subprocess.CompletedProcess:
    def limit() -> None:
        if file_size_limit is not None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (file_size_limit, file_size_limit))

    return subprocess.run(
        [sys.executable, "-m", "roundtrip.cli", *arguments, "--home", str(home.root)],
        capture_output=True,
        text=True,
        env={**os.environ, "COLUMNS": "160", "NO_COLOR": "1", "PYTHONDONTWRITEBYTECODE": "1"},
        preexec_fn=limit,
        timeout=120,
        check=False,
    )


@pytest.fixture
def company(home: Home, tmp_path: Path) -> Home:
    landing = tmp_path / "landing"
    for table in ("customers", "bookings"):
        (landing / table).mkdir(parents=True)
    (landing / "customers/c.csv").write_text("customer_id,registered_at\nc1,2024-01-01\n")
    (landing / "bookings/b.csv").write_text(
        "booking_id,customer_id,booked_at,service_line,status\n"
        + "".join(f"b{number},c1,2024-02-01,hotel,confirmed\n" for number in range(20_000))
    )
    (landing / "company.yml").write_text(f"as_of: {AS_OF}\n")
    Company.describe(landing, None).save(home)
    return home


# Not even a record; a record, but no database; a database, but not all of it.
@pytest.mark.parametrize("file_size_limit", [0, 10_000, 500_000])
@pytest.mark.parametrize("stage", ["read_files", "publish", "publish_scores"])
def test_a_full_disk_is_said_plainly_and_nothing_is_lost(company: Home, stage: str, file_size_limit: int):
    checked_publish(company, customers=5)
    write_work(company, customers=6)
    pass_gate(company)
    write_scores(company, customers=5)
    before = company.current_db.read_bytes()

    said = command(company, "stage", stage, file_size_limit=file_size_limit)

    assert said.returncode == DiskFull.exit_code, said.stdout + said.stderr
    assert "the disk is full" in said.stderr
    assert "make room" in said.stderr
    assert "Traceback" not in said.stderr
    assert company.current_db.read_bytes() == before
    if file_size_limit:
        [record] = [each for each in records(company, AS_OF) if each["stage"] == stage]
        assert (record["status"], record["kind"]) == ("failed", "DiskFull")
    again = command(company, "stage", stage)
    assert again.returncode == 0, again.stderr
    assert list(company.published_dir.glob(".*")) == []


def raised(error: Exception, cause: Exception | None = None) -> Exception:
    try:
        raise error from cause
    except Exception as caught:
        return caught


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (raised(OSError(28, "No space left on device")), DiskFull),
        (
            raised(BadInput("b.csv cannot be read"), duckdb.IOException("x: No space left on device")),
            DiskFull,
        ),
        (raised(CheckBroken("could not run"), OSError(122, "Disk quota exceeded")), DiskFull),
        (raised(GateFailed("not fit", "dbt says\n  IO Error: x: No space left on device")), DiskFull),
        (raised(BadInput("b.csv cannot be read", "the quote is never closed")), None),
        (raised(duckdb.IOException("Could not set lock on file")), None),
        (raised(ValueError("space")), None),
    ],
)
def test_what_is_behind_an_error(home: Home, error: Exception, kind: type | None):
    told = explained(error, home)
    assert type(told) is (kind or type(None))


@pytest.mark.parametrize(
    ("stage", "file", "remedy"),
    [
        ("read_files", "raw_db", "backup"),
        ("load", "batch_db", "read_files"),
        ("publish_scores", "current_db", "roundtrip rollback"),
    ],
)
@pytest.mark.parametrize("share", [0, 0.01])
def test_a_damaged_database_is_named_with_a_remedy(
    company: Home, stage: str, file: str, remedy: str, share: float
):
    run_stage("read_files", company, AS_OF)
    write_scores(company)
    for path in (company.raw_db, company.current_db):
        write_work(company)
        path.parent.mkdir(exist_ok=True)
        company.work_db.rename(path)
    path = getattr(company, file)
    os.truncate(path, int(path.stat().st_size * share))

    with pytest.raises(DamagedFile, match=f"{path.name} is damaged") as damaged:
        run_stage(stage, company, AS_OF)
    assert remedy in damaged.value.hint


def test_a_damaged_publication_is_replaced_by_an_earlier_one(home: Home):
    first, _ = checked_publish(home, 5), checked_publish(home, 6)
    home.current_db.chmod(0o644)
    os.truncate(home.current_db, 5000)
    roll_back(home, first, Actor("anna", "2025-07-02T08:00:00+00:00"))
    with published(home) as warehouse:
        assert warehouse.execute("SELECT count(*) FROM marts.dim_customers").fetchone() == (5,)
    checked_publish(home, 7)
    with published(home) as warehouse:
        assert warehouse.execute("SELECT count(*) FROM marts.dim_customers").fetchone() == (7,)
