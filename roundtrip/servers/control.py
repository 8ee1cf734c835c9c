"""`up`, `down` and `status`: the servers of one home on this machine."""

import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from filelock import FileLock, Timeout
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from roundtrip.errors import Locked, RoundtripError
from roundtrip.home import Home
from roundtrip.servers import health, logins, ports, processes
from roundtrip.servers.commands import SERVICES, Service
from roundtrip.servers.environment import mlflow_auth_db, server_environment
from roundtrip.servers.records import Record, read_records, write_records

#: A first start on a small, busy machine takes two minutes; a healthy one seconds.
PATIENCE_S = 300.0

#: Port group -> what people call it.
TITLES = {"reports": "Reports and start page", "airflow": "Airflow", "mlflow": "MLflow"}


def up(home: Home, console: Console) -> list[dict]:
    """Start the servers that do not run yet, wait until all are healthy, and say where they are.

    Either all run in the end, or what this call started is stopped again.

    Returns:
        `status(home)`.

    Raises:
        Locked: a port is taken, or another `up` or `down` is at work in this home.
        RoundtripError: a server ended or did not become healthy; the message holds its last lines.
    """
    with _only_one(home):
        known = read_records(home)
        records = _living(home, known)
        # Those that run were told the ports of the others, so one that died comes back where it was.
        port_of = _ports(known if records else {})
        missing = [service for service in SERVICES if service.name not in records]
        if not missing:
            console.print("The servers run already.")
            _print_addresses(home, console, port_of)
            return status(home)
        for service in missing:
            if service.port_group:
                ports.require_free(service.port_group, port_of[service.port_group])
        if records:
            console.print(f"Already running: {', '.join(records)}. Starting the rest.")
        align_mlflow_password(home)
        try:
            _start_all(home, console, missing, records, port_of)
        except BaseException:
            for service in reversed(missing):
                if service.name in records:
                    processes.stop(records.pop(service.name))
            write_records(home, records.values())
            raise
        _print_addresses(home, console, port_of)
        return status(home)


def down(home: Home, console: Console) -> list[str]:
    """Stop exactly what `up` started in this home, each with everything it started.

    Returns:
        The names of the servers that were stopped.

    Raises:
        Locked: another `up` or `down` is at work in this home.
    """
    with _only_one(home):
        records = read_records(home)
        stopped = []
        counts = {name: len(processes.members(record)) for name, record in records.items()}
        # All are asked before any is waited for: they end side by side.
        for record in records.values():
            processes.ask_to_end(record)
        for record in reversed(list(records.values())):
            with console.status(f"Stopping {record.name} …"):
                processes.stop(record)
            if count := counts[record.name]:
                stopped.append(record.name)
                console.print(f"Stopped {record.name} ({count} process{'es' if count > 1 else ''}).")
            else:
                console.print(f"{record.name} had ended by itself; its log is {_log(home, record.name)}")
            records.pop(record.name)
            write_records(home, records.values())
        if not stopped:
            console.print("No server of this home was running.")
        return stopped


def status(home: Home) -> list[dict]:
    """One row per server: name, is_running, is_healthy, pid, address (None where it has none), log."""
    records = read_records(home)
    port_of = _ports(records)
    rows = []
    for service in SERVICES:
        record = records.get(service.name)
        is_running = record is not None and processes.leader(record) is not None
        rows.append(
            {
                "name": service.name,
                "is_running": is_running,
                "is_healthy": is_running and health.is_healthy(service, port_of),
                "pid": record.pid if is_running else None,
                "address": record.address if is_running else None,
                "log": str(_log(home, service.name)),
            }
        )
    return rows


def status_table(rows: list[dict]) -> Table:
    """`status(home)` for people."""
    table = Table("Server", "State", "Address", "Process", title="Servers")
    for row in rows:
        state = "works" if row["is_healthy"] else "does not answer" if row["is_running"] else "not running"
        table.add_row(row["name"], state, row["address"] or "", str(row["pid"] or ""))
    return table


def _start_all(
    home: Home, console: Console, missing: list[Service], records: dict[str, Record], port_of: dict[str, int]
) -> None:
    columns = (SpinnerColumn(finished_text="[green]✓"), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        lines = {}
        is_prepared = False
        for service in missing:
            if service.airflow_component and not is_prepared:
                from roundtrip.airflow.environment import prepare

                line = progress.add_task("airflow: database, pool, admin, dbt manifest", total=1)
                prepare(home)
                progress.update(line, completed=1)
                is_prepared = True
            lines[service.name] = progress.add_task(service.name, total=1)
            _start(home, service, records, port_of)
        waiting, deadline = list(missing), time.monotonic() + PATIENCE_S
        while waiting:
            for service in list(waiting):
                if processes.leader(records[service.name]) is None:
                    raise _failed(home, service, "ended while it was starting")
                if health.is_healthy(service, port_of):
                    progress.update(lines[service.name], completed=1)
                    waiting.remove(service)
            if waiting and time.monotonic() > deadline:
                raise _failed(home, waiting[0], f"was not healthy after {PATIENCE_S:.0f} s")
            if waiting:
                time.sleep(0.5)


def _start(home: Home, service: Service, records: dict[str, Record], port_of: dict[str, int]) -> None:
    port = port_of.get(service.port_group) if service.port_group else None
    record = Record(
        name=service.name,
        server_id=secrets.token_hex(16),
        pid=None,
        process_created_at=None,
        port=port,
        address=ports.address(port) if port else None,
        command=list(service.argv),
    )
    # Written before the start too: where `up` is killed in between, `down` finds the server by its id.
    records[service.name] = record
    write_records(home, records.values())
    environment = server_environment(home, service, port_of)
    process = processes.start(service.argv, environment, record.server_id, _log(home, service.name))
    records[service.name] = replace(record, pid=process.pid, process_created_at=process.create_time())
    write_records(home, records.values())


def _living(home: Home, known: dict[str, Record]) -> dict[str, Record]:
    """The records of servers that run; remains of one that died are stopped and forgotten."""
    living = {}
    for name, record in known.items():
        if processes.leader(record) is not None:
            living[name] = record
        else:
            processes.stop(record)
    write_records(home, living.values())
    return living


def _ports(records: dict[str, Record]) -> dict[str, int]:
    """The configured ports, but for a recorded server the one it was given."""
    chosen = ports.configured_ports()
    groups = {service.name: service.port_group for service in SERVICES}
    for record in records.values():
        if record.port is not None and groups.get(record.name):
            chosen[groups[record.name]] = record.port
    return chosen


def align_mlflow_password(home: Home) -> None:
    """Where the kept password was removed, make a new one and tell it to MLflow's database.

    MLflow itself reads the password only when it makes its admin.
    """
    if logins.password_file(home, "mlflow").exists() or not mlflow_auth_db(home).exists():
        return
    from mlflow.server.auth.sqlalchemy_store import SqlAlchemyStore

    store = SqlAlchemyStore()
    store.init_db(f"sqlite:///{mlflow_auth_db(home)}")
    if store.has_user(logins.USER):
        store.update_user(logins.USER, password=logins.password(home, "mlflow"))


def _print_addresses(home: Home, console: Console, port_of: dict[str, int]) -> None:
    table = Table("", "Address", "Login", title="Open in a browser on this machine")
    # A path that is cut off leads nowhere.
    table.add_column("Password is in", overflow="fold")
    kept = {
        "reports": str(logins.password_file(home, "reports")),
        "airflow": f"{home.secrets_dir / 'airflow.json'} (admin_password)",
        "mlflow": str(logins.password_file(home, "mlflow")),
    }
    for group, title in TITLES.items():
        table.add_row(title, ports.address(port_of[group]), logins.USER, kept[group])
    console.print(table)
    console.print("`make down` (or `roundtrip down`) stops them.")


def _failed(home: Home, service: Service, what: str) -> RoundtripError:
    log = _log(home, service.name)
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()[-15:] if log.exists() else []
    tail = "\n".join(f"    {line}" for line in lines) or "    (it wrote nothing)"
    return RoundtripError(f"{service.name} {what}; the end of its log:\n{tail}", f"the whole log is {log}")


def _log(home: Home, name: str) -> Path:
    return home.logs_dir / "servers" / f"{name}.log"


@contextmanager
def _only_one(home: Home) -> Iterator[None]:
    home.root.mkdir(parents=True, exist_ok=True)
    lock = FileLock(home.servers_file.with_suffix(".lock"), timeout=0)
    try:
        with lock:
            yield
    except Timeout as error:
        raise Locked(
            f"another `up` or `down` is at work in {home.root}", "wait until it is done, then try again"
        ) from error
