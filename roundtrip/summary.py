"""What a run left behind, as short tables: headline numbers, rows, stages, and where to look."""

import json
from datetime import date

import duckdb
from rich.console import Console
from rich.table import Table

from roundtrip.company import Company
from roundtrip.home import Home
from roundtrip.publish import kept, newer_than_current, published
from roundtrip.runs.page import run_file
from roundtrip.stages import STAGES, records

NOT_AVAILABLE = "not available"


def headline(home: Home) -> dict[str, str]:
    """The numbers that are looked at first, as text, from the published warehouse."""
    with published(home) as warehouse:
        customers = warehouse.execute("SELECT count(*) FROM marts.dim_customers").fetchone()[0]
        churn = warehouse.execute(
            """
            SELECT month, numerator, denominator, value FROM marts.kpi_months
            WHERE segment_kind = 'all' AND indicator = 'churn_rate' ORDER BY month DESC LIMIT 1
            """
        ).fetchone()
        at_risk = _at_risk(warehouse)
    return {
        "customers": f"{customers:,}",
        "monthly churn rate": (
            f"{churn[3]:.2%} ({churn[1]:,.0f} of {churn[2]:,.0f} in {churn[0]:%Y-%m})"
            if churn and churn[3] is not None
            else NOT_AVAILABLE
        ),
        "customers at high risk": at_risk,
        "model quality": _model_quality(home),
    }


def _at_risk(warehouse: duckdb.DuckDBPyConnection) -> str:
    exists = warehouse.execute(
        "SELECT count(*) FROM duckdb_tables() WHERE schema_name = 'marts' AND table_name = 'customer_scores'"
    ).fetchone()[0]
    if not exists:
        return NOT_AVAILABLE
    high, scored = warehouse.execute(
        """
        SELECT count(*) FILTER (risk_band = 'high'), count(churn_probability) FROM marts.customer_scores
        WHERE as_of_date = (SELECT max(as_of_date) FROM marts.customer_scores)
        """
    ).fetchone()
    return f"{high:,} of {scored:,} scored"


def _model_quality(home: Home) -> str:
    file = home.champion_file
    if not file.exists():
        return "no champion: the inactivity rule scores"
    card = json.loads(file.read_text(encoding="utf-8"))
    if card.get("test_auc") is None:
        return card.get("note") or NOT_AVAILABLE
    low, high = card["test_auc_ci"]
    return (
        f"AUC {card['test_auc']:.3f} ({low:.3f} to {high:.3f}) on later months; "
        f"inactivity rule {card['baseline_auc']:.3f}"
    )


def print_summary(home: Home, as_of: date, console: Console) -> None:
    """The table that ends a run."""
    table = Table(title=f"{Company.load(home).name} as of {as_of}", show_header=False, title_justify="left")
    for name, value in headline(home).items():
        table.add_row(name, value)
    for name, value in _row_account(home).items():
        table.add_row(name, value)
    table.add_section()
    table.add_row("warehouse", str(home.current_db))
    table.add_row("report", str(home.reports_dir / f"{as_of}.en.html"))
    table.add_row("报告", str(home.reports_dir / f"{as_of}.zh.html"))
    table.add_row("run", str(run_file(home, as_of, "en")))
    table.add_row("checks", str(home.gates_dir / "data_docs" / "index.html"))
    table.add_row("experiments", "`make up`, then MLflow")
    console.print(table)


def _row_account(home: Home) -> dict[str, str]:
    with published(home) as warehouse:
        rows = warehouse.execute(
            """
            SELECT sum(rows_in), sum(rows_loaded), sum(rows_quarantined), sum(rows_superseded)
            FROM marts.quality_runs
            """
        ).fetchone()
    if rows[0] is None:
        return {}
    rows_in, loaded, quarantined, superseded = (int(count) for count in rows)
    return {
        "rows delivered": f"{rows_in:,} = {loaded:,} loaded + {quarantined:,} quarantined "
        f"+ {superseded:,} superseded"
    }


def print_versions(home: Home, console: Console) -> None:
    """The publications that one can go back to, newest first."""
    there = kept(home)
    if not there:
        console.print("nothing is published yet")
        return
    table = Table("version", "as of", "published by", "customers", "tables", "", title_justify="left")
    for version in there:
        lineage = version.lineage
        table.add_row(
            version.name,
            lineage["as_of"],
            lineage["stage"],
            f"{lineage['rows'].get('dim_customers', 0):,}",
            str(len(lineage["rows"])),
            "[green]current[/]" if version.is_current else "",
        )
    console.print(table)
    console.print("go back to one of them: `roundtrip rollback --to VERSION`")


def print_status(home: Home, console: Console) -> None:
    """What is there, how fresh it is, and what failed."""
    company = Company.load(home)
    console.print(f"[bold]{company.name}[/]  home {home.root}")
    if home.current_db.exists():
        with published(home) as warehouse:
            as_of = warehouse.execute("SELECT as_of_date FROM marts.warehouse_info").fetchone()[0]
        console.print(f"published as of {as_of}: {home.current_db}")
        if newer := newer_than_current(home):
            console.print(f"[yellow]rolled back[/] from {newer[0].name}; `roundtrip rollback` lists versions")
        for name, value in headline(home).items():
            console.print(f"  {name}: {value}")
    else:
        console.print("nothing is published yet")
    dates = sorted(p.name for p in home.runs_dir.iterdir() if p.is_dir()) if home.runs_dir.exists() else []
    if not dates:
        console.print("no run yet")
        return
    latest = max(dates, key=lambda day: max(f.stat().st_mtime for f in (home.runs_dir / day).iterdir()))
    table = Table("stage", "state", "seconds", "started (UTC)", title=f"last run, as of {latest}")
    known = {record["stage"]: record for record in records(home, date.fromisoformat(latest))}
    colours = {"done": "green", "failed": "red", "running": "yellow"}
    for stage in STAGES:
        record = known.get(stage.name)
        if record is None:
            table.add_row(stage.name, "[dim]not run[/]", "", "")
            continue
        colour = colours[record["status"]]
        table.add_row(
            stage.name,
            f"[{colour}]{record['status']}[/]",
            f"{record.get('seconds', 0):.1f}",
            record["started_at"][:19],
        )
    console.print(table)
    for record in known.values():
        if record["status"] == "failed":
            console.print(f"[red]{record['stage']} failed ({record['kind']})[/]: {record['error']}")
            if record.get("hint"):
                console.print(f"  → {record['hint']}")
