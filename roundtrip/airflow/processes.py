"""Airflow's processes for one run: started, watched, and stopped again, exactly those."""

import json
import secrets
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import asdict

from roundtrip.errors import RoundtripError
from roundtrip.files import write_atomically
from roundtrip.home import Home
from roundtrip.servers import processes
from roundtrip.servers.commands import SERVICES
from roundtrip.servers.records import Record


class AirflowProcesses(AbstractContextManager):
    """A context in which Airflow's processes of a home run, each in a session and with a log of its own.

    Raises:
        RoundtripError: on entering, one could not be started; what had been started is stopped.
    """

    def __init__(self, home: Home, environment: dict[str, str]):
        self.home = home
        self.environment = environment
        self.records: list[Record] = []

    def __enter__(self) -> "AirflowProcesses":
        try:
            for service in SERVICES:
                if service.airflow_component:
                    self._start(service.name, service.argv)
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_) -> None:
        self.stop()

    def _start(self, name: str, argv: tuple[str, ...]) -> None:
        server_id = secrets.token_hex(16)
        # Kept before the start: a run killed in between leaves nothing that the next one cannot find.
        record = Record(name, server_id, None, None, None, None, list(argv))
        self.records.append(record)
        _keep(self.home, self.records)
        process = processes.start(argv, self.environment, server_id, self._log(name))
        self.records[-1] = Record(name, server_id, process.pid, process.create_time(), None, None, list(argv))
        _keep(self.home, self.records)

    def check(self) -> None:
        """Look whether all of them run.

        Raises:
            RoundtripError: one has ended; names it and shows its log's last lines.
        """
        for record in self.records:
            if processes.leader(record) is None:
                log = self._log(record.name)
                last = log.read_text(encoding="utf-8", errors="replace").splitlines()[-15:]
                raise RoundtripError(
                    "\n    ".join([f"{record.name} ended by itself; the end of its log:", *last]),
                    f"the whole log is {log}",
                )

    def stop(self) -> None:
        """End all of them and whatever they started."""
        _stop(self.records)
        self.records.clear()
        _keep(self.home, [])

    def _log(self, name: str):
        return self.home.logs_dir / "airflow" / f"{name}.log"


def wait_until(check: Callable, what: str, seconds: float, processes: AirflowProcesses | None = None):
    """Call `check` until it returns something true, and return that.

    Raises:
        RoundtripError: it did not within `seconds`, or one of the processes ended meanwhile.
    """
    deadline = time.monotonic() + seconds
    while not (found := check()):
        if processes is not None:
            processes.check()
        if time.monotonic() > deadline:
            raise RoundtripError(
                f"waited {seconds:.0f} s for {what}",
                "Airflow's logs are in logs/airflow/ of the home, or logs/servers/ under `make up`",
            )
        time.sleep(0.3)
    return found


def end_leftovers(home: Home) -> None:
    """End what an earlier run of this home started and, being killed, could not stop itself."""
    file = _records_file(home)
    if file.exists():
        _stop([Record(**row) for row in json.loads(file.read_text(encoding="utf-8"))])
        file.unlink()


def _stop(records: list[Record]) -> None:
    # All are asked before any is waited for: they end side by side.
    for record in records:
        if (leader := processes.leader(record)) is not None:
            leader.terminate()
    for record in records:
        processes.stop(record, patience_s=10)


def _records_file(home: Home):
    return home.airflow_dir / "processes.json"


def _keep(home: Home, records: list[Record]) -> None:
    if records:
        rows = json.dumps([asdict(record) for record in records], indent=2)
        write_atomically(_records_file(home), rows, mode=0o600)
    else:
        _records_file(home).unlink(missing_ok=True)
