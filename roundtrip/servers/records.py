"""servers.json: what `make up` started, so that `make down` stops exactly that."""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass

from roundtrip.errors import BadInput
from roundtrip.files import write_atomically
from roundtrip.home import Home


@dataclass(frozen=True)
class Record:
    """One started server.

    Attributes:
        name: the service's name (commands.SERVICES).
        server_id: random; also in the environment of the process and of all its children.
        pid: process id, or None where `up` was killed before it knew.
        process_created_at: seconds since the epoch, from the operating system; a process with the
            same pid and another creation time is somebody else's.
        port: the port it listens on, if it does.
        address: where people find it, if they do.
        command: the argv that was started.
    """

    name: str
    server_id: str
    pid: int | None
    process_created_at: float | None
    port: int | None
    address: str | None
    command: list[str]


def read_records(home: Home) -> dict[str, Record]:
    """Name -> record; empty where nothing was started.

    Raises:
        BadInput: the file is not what `write_records` wrote.
    """
    try:
        rows = json.loads(home.servers_file.read_text(encoding="utf-8"))["servers"]
        return {row["name"]: Record(**row) for row in rows}
    except FileNotFoundError:
        return {}
    except (ValueError, KeyError, TypeError) as error:
        raise BadInput(
            f"{home.servers_file} cannot be read: {error}",
            "stop the servers by hand (their logs are in logs/servers/), then remove the file",
        ) from error


def write_records(home: Home, records: Iterable[Record]) -> None:
    """Replace the file as a whole; no records, no file."""
    rows = [asdict(record) for record in records]
    if rows:
        write_atomically(home.servers_file, json.dumps({"servers": rows}, indent=2), mode=0o600)
    else:
        home.servers_file.unlink(missing_ok=True)
