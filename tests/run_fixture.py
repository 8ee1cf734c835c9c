"""What runs leave behind, made by hand: records, results of gates, refused rows, a publication."""

import json
from datetime import UTC, date, datetime, timedelta

import duckdb

from roundtrip import duck
from roundtrip.company import Company
from roundtrip.files import write_atomically
from roundtrip.home import Home
from roundtrip.publish import versions
from roundtrip.stages import STAGES

AS_OF = date(2025, 11, 30)
STARTED_AT = datetime(2026, 3, 2, 4, 0, tzinfo=UTC)
BATCH = "20251130-5f90e128"
VERSION = "2025-11-30-"
#: Texts of roundtrip/runs/texts that the status page says, and the page of a run does not.
STATUS_TEXTS = (
    *("status.", "light.", "sign.", "runbooks.", "part.", "times.", "pictures.", "runs.", "ended."),
    *("rounds.", "round_state.", "disk."),
)
#: rows in, loaded, quarantined, superseded
ROWS = {
    "customers": (20_412, 20_138, 41, 233),
    "bookings": (61_305, 60_877, 396, 32),
    "web_events": (1_204_518, 1_204_518, 0, 0),
    "market": (0, 0, 0, 0),
}
SECONDS = (
    *(8.31, 21.9, 4.02, 0.44, 6.1, 74.6, 18.2, 3.3, 4.4, 92.8, 5.9, 2.1),
    *(22.5, 17.3, 11.2, 35.1, 2.7, 1.7, 0.8, 2.2, 3.3, 3.4),
)
#: column, rule, rows
REFUSED = {
    "customers": [("registered_at", "type", 26), ("country", "pattern", 13), (None, "columns", 2)],
    "bookings": [("service_line", "values", 240), ("travel_end", "trip_ends_after_start", 156)],
}


def a_run(
    home: Home,
    stops_at: str | None = None,
    status: str = "failed",
    error: tuple[str, str, str | None] = ("BadInput", "bookings/b.csv line 7: lost", "mend it"),
    delivered: bool = True,
    warns: bool = True,
    started_at: datetime = STARTED_AT,
    refused: dict | None = None,
) -> None:
    """The records of a run for AS_OF, up to the stage that did not end well.

    Args:
        error: kind, message and hint of the stage that failed.
        delivered: whether there were new files.
        warns: whether a check of each gate warns.
    """
    Company("Meridian Travel & Tours", landing=".").save(home)
    clock = started_at
    for stage, seconds in zip(STAGES, SECONDS, strict=True):
        record = {
            "stage": stage.name,
            "as_of": AS_OF.isoformat(),
            "status": "done",
            "started_at": clock.isoformat(timespec="seconds"),
            "seconds": seconds,
            "summary": _summary(stage.name, delivered, warns),
        }
        if stage.name == stops_at:
            del record["summary"]
            record["status"] = status
            if status == "running":
                del record["seconds"]
            else:
                record |= dict(zip(("kind", "error", "hint"), error, strict=True))
        write_atomically(home.runs_dir / AS_OF.isoformat() / f"{stage.name}.json", json.dumps(record))
        if stage.name == "read_files" and delivered:
            a_batch(home, refused or REFUSED)
        if stage.name == "load" and delivered and stops_at != "load":
            a_quarantine(home, refused or REFUSED)
        if stage.name in ("landing_gate", "marts_gate"):
            kind = error[0] if stage.name == stops_at else None
            if status != "running" or stage.name != stops_at:
                gate = "landing" if stage.name == "landing_gate" else "published"
                a_gate(home, gate, kind, warns, has_checks=delivered or gate == "published")
        if stage.name == stops_at:
            return
        if stage.name == "publish":
            a_publication(home)
        clock += timedelta(seconds=seconds + 1)
    write_atomically(home.reports_dir / f"{AS_OF}.en.html", "<title>report</title>")
    write_atomically(home.reports_dir / f"{AS_OF}.zh.html", "<title>report</title>")


def _summary(stage: str, delivered: bool, warns: bool) -> dict:
    tables = ROWS if delivered else {}
    if stage == "read_files":
        counts = {
            name: {"files": 1, "rows_in": n[0], "accepted": n[0] - n[2], "quarantined": n[2]}
            for name, n in tables.items()
        }
        return {"batch_id": BATCH, "tables": counts, "warnings": []}
    if stage == "load":
        names = ("rows_in", "loaded", "quarantined", "superseded")
        return {
            "batch_id": BATCH,
            "tables": {table: dict(zip(names, counts, strict=True)) for table, counts in tables.items()},
            "warnings": [],
        }
    if stage == "build_warehouse":
        why = {"why_full": "models or settings have changed", "why_full_zh": "模型或设置有变化"}
        return {"extent": "full"} | why
    if stage == "monitor":
        told = {"warnings": ["the scores have shifted"], "warnings_zh": ["评分分布已偏移"]}
        return told if warns else {"warnings": []}
    if stage == "train":
        because = {"trigger": "drift", "reason": "the scores have shifted", "reason_zh": "评分分布已偏移"}
        return {"trained_because": because}
    return {}


def an_earlier_run(
    home: Home, days: int, stops_at: str | None = None, status: str = "failed", rows_in: int | None = None
) -> date:
    """The run of AS_OF once more, for a date so many days before it, begun so many days earlier.

    Args:
        stops_at, status: the stage that did not end well, and how; none of the stages after it is there.
        rows_in: rows of bookings that came in, all of them loaded; None: as in AS_OF's run.
    """
    as_of = AS_OF - timedelta(days=days)
    for stage in STAGES:
        file = home.runs_dir / AS_OF.isoformat() / f"{stage.name}.json"
        record = json.loads(file.read_text(encoding="utf-8"))
        started_at = datetime.fromisoformat(record["started_at"]) - timedelta(days=days)
        record |= {"as_of": as_of.isoformat(), "started_at": started_at.isoformat(timespec="seconds")}
        if rows_in is not None and stage.name == "load":
            counts = {"rows_in": rows_in, "loaded": rows_in, "quarantined": 0, "superseded": 0}
            record["summary"]["tables"] = {"bookings": counts} if rows_in else {}
        if stage.name == stops_at:
            record["status"] = status
            if status == "failed":
                record |= {"kind": "GateFailed", "error": "refused", "hint": "mend it"}
            else:
                del record["seconds"]
        write_atomically(home.runs_dir / as_of.isoformat() / file.name, json.dumps(record))
        if stage.name == stops_at:
            break
    for gate in ("landing", "published"):
        result = home.gates_dir / gate / f"{AS_OF}.json"
        write_atomically(home.gates_dir / gate / f"{as_of}.json", result.read_bytes())
    return as_of


_REASONS = 'reasons STRUCT("column" VARCHAR, "rule" VARCHAR, reason VARCHAR)[]'


def _insert(connection, table: str, refused: list) -> None:
    for column, rule, rows in refused:
        connection.execute(
            f"INSERT INTO {table} SELECT '{table}.csv', i, '{{}}', "
            "[{'column': $column, 'rule': $rule, 'reason': 'said so'}] FROM range($rows) AS r(i)",
            {"column": column, "rule": rule, "rows": rows},
        )


def a_batch(home: Home, refused: dict) -> None:
    home.batch_db.unlink(missing_ok=True)
    with duck.connect(home.batch_db, home.tmp_dir) as connection:
        for table, reasons in refused.items():
            name = f"{table}__quarantine"
            connection.execute(
                f"CREATE TABLE {name} (_file VARCHAR, _line BIGINT, row_json VARCHAR, {_REASONS})"
            )
            _insert(connection, name, reasons)


def a_quarantine(home: Home, refused: dict) -> None:
    for table in refused:
        file = home.quarantine_dir / table / f"{BATCH}.parquet"
        file.parent.mkdir(parents=True, exist_ok=True)
        with duck.connect(home.batch_db, home.tmp_dir, read_only=True) as connection:
            connection.execute(
                f"COPY (SELECT '{BATCH}' AS run_id, '{table}' AS table_name, * FROM {table}__quarantine) "
                f"TO '{file}' (FORMAT parquet)"
            )


def a_gate(home: Home, gate: str, kind: str | None, warns: bool, has_checks: bool = True) -> None:
    """A result with a failed check (GateFailed), a broken one (CheckBroken), or none of them (None)."""
    held = {
        "table": "bookings",
        "expectation": "expect_column_values_to_not_be_null",
        "column": "booking_id",
        "severity": "fail",
        "reason": "the contract requires it",
        "success": True,
        "observed": None,
        "unexpected_count": 0,
        "broken": None,
    }
    results = [held] * 40 if has_checks else []
    if warns:
        results.append(
            held
            | {
                "expectation": "expect_column_values_to_be_between",
                "column": "quarantined_share",
                "severity": "warn",
                "reason": "more than one row in twenty refused: tell whoever delivers the file",
                "success": False,
                "observed": 0.0646,
                "unexpected_count": None,
            }
        )
    if kind == "GateFailed":
        results.append(
            held
            | {
                "column": "customer_id",
                "success": False,
                "observed": ["cust-secret-1", "cust-secret-2"],
                "unexpected_count": 1204,
                "reason": "a booking of nobody cannot be followed",
            }
        )
    if kind == "CheckBroken":
        results.append(held | {"success": False, "broken": "Binder Error: cust-secret-3"})
    result = {
        "gate": gate,
        "as_of": AS_OF.isoformat(),
        "batch_id": BATCH,
        "success": kind is None,
        "tables": {},
        "results": results,
    }
    write_atomically(home.gates_dir / gate / f"{AS_OF}.json", json.dumps(result))
    write_atomically(home.gates_dir / "data_docs" / "index.html", "<title>docs</title>")


def a_publication(home: Home, as_of: date = AS_OF) -> None:
    upcoming = home.published_dir / ".next-1.duckdb"
    upcoming.parent.mkdir(parents=True, exist_ok=True)
    with duckdb.connect(str(upcoming)) as connection:
        connection.execute("CREATE SCHEMA marts")
    lineage = {
        "as_of": as_of.isoformat(),
        "content_hash": "9d2c7a51" * 8,
        "rows": {"dim_customers": 20_138, "fct_bookings": 60_877},
        "stage": "publish",
        "inputs": [{"table": "bookings", "file": "b.csv", "content_hash": "c0ffee", "rows_in": 61_305}],
        "roundtrip_version": "0.9.0",
        "duckdb_version": "1.5.5",
        "git_commit": "0123456789abcdef0123",
        "dbt_models_hash": None,
        "products_left_out": {"customer_scores/x.parquet": "its name is no date"},
    }
    versions.put_in_place(home, upcoming, as_of, lineage, manifest=None, keep=3)
