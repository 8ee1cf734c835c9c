"""Which port each server listens on, and who holds a port that is taken."""

import os
import socket

import psutil

from roundtrip.errors import BadInput, Locked

#: Nothing listens anywhere else: a company's customers are behind these servers.
LOOPBACK = "127.0.0.1"

#: port group -> (environment variable, port where it is not set)
PORTS = {
    "airflow": ("ROUNDTRIP_AIRFLOW_PORT", 8080),
    "mlflow": ("ROUNDTRIP_MLFLOW_PORT", 5000),
    "reports": ("ROUNDTRIP_REPORTS_PORT", 8090),
}


def configured_ports() -> dict[str, int]:
    """Port group -> port, from the environment.

    Raises:
        BadInput: a port is no number from 1 to 65535, or two servers share one.
    """
    ports = {}
    for group, (variable, default) in PORTS.items():
        text = os.environ.get(variable, "").strip() or str(default)
        if not text.isdecimal() or not 1 <= int(text) <= 65535:
            raise BadInput(f"{variable} is {text!r}, not a port", "set it to a number from 1 to 65535")
        if int(text) in ports.values():
            other = next(PORTS[group][0] for group, port in ports.items() if port == int(text))
            raise BadInput(f"{variable} and {other} are both {text}", "give each server a port of its own")
        ports[group] = int(text)
    return ports


def address(port: int) -> str:
    return f"http://{LOOPBACK}:{port}"


def require_free(group: str, port: int) -> None:
    """Check that a server can listen on the port.

    Raises:
        Locked: another process listens there; the message says which, as far as it can be seen.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # As the servers do themselves: a connection of a server stopped a minute ago is no hindrance.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except PermissionError as error:
            raise BadInput(
                f"port {port} may not be opened by this user", f"set {PORTS[group][0]} to one above 1023"
            ) from error
        except OSError as error:
            raise Locked(
                f"port {port}, which {group} needs, is taken by {holder_of(port)}",
                f"stop that process, or choose another port: {PORTS[group][0]}=NUMBER",
            ) from error


def holder_of(port: int) -> str:
    """Who listens on a port, in words."""
    try:
        listening = [
            connection.pid
            for connection in psutil.net_connections(kind="tcp")
            if connection.status == psutil.CONN_LISTEN and connection.laddr.port == port
        ]
        process = psutil.Process(next(pid for pid in listening if pid is not None))
        command = " ".join(process.cmdline())[:100] or process.name()
        return f"process {process.pid} ({command})"
    except (StopIteration, psutil.Error):
        return "a process that this user may not see"
