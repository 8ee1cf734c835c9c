"""`make up` and `make down` for real: every server, its login, its address, and nothing left behind."""

import base64
import io
import json
import urllib.error
import urllib.request
from collections.abc import Iterator

import psutil
import pytest
from rich.console import Console

from roundtrip.airflow.environment import airflow_secrets, free_port
from roundtrip.home import Home
from roundtrip.servers import down, logins, processes, status, up
from roundtrip.servers.commands import SERVICES
from roundtrip.servers.control import align_mlflow_password
from roundtrip.servers.environment import mlflow_auth_db
from roundtrip.servers.ports import PORTS
from roundtrip.servers.records import Record, read_records


class Running:
    """What was started, and what it said."""

    def __init__(self, home: Home, ports: dict[str, int], rows: list[dict], console: Console):
        self.home, self.ports, self.rows, self.console = home, ports, rows, console

    @property
    def records(self) -> dict[str, Record]:
        return read_records(self.home)

    def get(self, group: str, path: str, headers: dict[str, str] | None = None) -> tuple[int, str]:
        return request("GET", f"http://127.0.0.1:{self.ports[group]}{path}", headers or {})


def request(method: str, url: str, headers: dict[str, str], body: bytes | None = None) -> tuple[int, str]:
    asked = urllib.request.Request(url, data=body, headers=headers, method=method)
    try:
        with urllib.request.urlopen(asked, timeout=30) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def basic(user: str, password: str) -> dict[str, str]:
    return {"authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    home = Home(tmp_path_factory.mktemp("servers") / "home")
    console = Console(file=io.StringIO(), width=200)
    ports = {group: free_port() for group in PORTS}
    with pytest.MonkeyPatch.context() as patch:
        for group, (variable, _) in PORTS.items():
            patch.setenv(variable, str(ports[group]))
        try:
            yield Running(home, ports, up(home, console), console)
        finally:
            down(home, Console(file=io.StringIO()))


def test_everything_runs_and_is_healthy(running: Running) -> None:
    assert [row["name"] for row in running.rows] == [service.name for service in SERVICES]
    for row in running.rows:
        assert row["is_running"], row
        assert row["is_healthy"], row


def test_each_listens_on_loopback_only(running: Running) -> None:
    listening: dict[str, set[tuple[str, int]]] = {}
    for name, record in running.records.items():
        for process in processes.members(record):
            for connection in process.net_connections(kind="inet"):
                if connection.status == psutil.CONN_LISTEN:
                    listening.setdefault(name, set()).add((connection.laddr.ip, connection.laddr.port))
    assert listening == {
        "reports": {("127.0.0.1", running.ports["reports"])},
        "mlflow": {("127.0.0.1", running.ports["mlflow"])},
        "airflow-api-server": {("127.0.0.1", running.ports["airflow"])},
    }


@pytest.mark.parametrize(
    ("group", "path"),
    [
        ("reports", "/"),
        ("reports", "/reports/any.html"),
        ("mlflow", "/"),
        ("mlflow", "/api/2.0/mlflow/experiments/search?max_results=1"),
        ("mlflow", "/get-artifact?path=x&run_uuid=y"),
        ("airflow", "/api/v2/dags"),
        ("airflow", "/api/v2/pools"),
    ],
)
def test_nothing_is_shown_without_a_login(running: Running, group: str, path: str) -> None:
    assert running.get(group, path)[0] == 401
    if group != "airflow":
        assert running.get(group, path, basic(logins.USER, "wrong"))[0] == 401


def test_the_start_page_opens_with_its_password(running: Running) -> None:
    login = basic(logins.USER, logins.password(running.home, "reports"))
    code, page = running.get("reports", "/", login)
    assert code == 200
    assert page.count("</span> Works") == 2
    assert f"http://127.0.0.1:{running.ports['airflow']}" in page


def test_mlflow_opens_with_its_password_and_shows_what_a_local_run_logged(running: Running) -> None:
    login = basic(logins.USER, logins.password(running.home, "mlflow"))
    run = log_a_run(running.home)
    code, text = running.get("mlflow", f"/get-artifact?path=note.txt&run_uuid={run}", login)
    assert (code, text) == (200, "kept")
    telemetry = json.loads(running.get("mlflow", "/ajax-api/3.0/mlflow/ui-telemetry", login)[1])
    assert telemetry["disable_ui_telemetry"] is True


def log_a_run(home: Home) -> str:
    """Log to the database and folder directly, as training does."""
    from mlflow import MlflowClient

    client = MlflowClient(tracking_uri=home.mlflow_uri)
    artifacts = (home.mlflow_dir / "artifacts").as_uri()
    run = client.create_run(client.create_experiment("servers", artifact_location=artifacts)).info.run_id
    client.log_text(run, "kept", "note.txt")
    return run


def test_airflow_opens_with_its_password(running: Running) -> None:
    password = airflow_secrets(running.home)["admin_password"]
    address = f"http://127.0.0.1:{running.ports['airflow']}"
    wrong = json.dumps({"username": "admin", "password": "wrong"}).encode()
    right = json.dumps({"username": "admin", "password": password}).encode()
    as_json = {"content-type": "application/json"}
    assert request("POST", f"{address}/auth/token", as_json, wrong)[0] == 401
    code, answer = request("POST", f"{address}/auth/token", as_json, right)
    assert code == 201
    token = {"authorization": f"Bearer {json.loads(answer)['access_token']}"}
    assert running.get("airflow", "/api/v2/dags", token)[0] == 200
    assert running.get("airflow", "/api/v2/pools", token)[0] == 200
    plugins = json.loads(running.get("airflow", "/api/v2/plugins", token)[1])["plugins"]
    views = {view["name"]: view["href"] for plugin in plugins for view in plugin["external_views"]}
    assert views["Roundtrip reports"] == f"http://127.0.0.1:{running.ports['reports']}"
    assert views["MLflow"] == f"http://127.0.0.1:{running.ports['mlflow']}"


def test_no_password_is_in_a_log_or_on_the_screen(running: Running) -> None:
    secrets = [logins.password(running.home, server) for server in ("mlflow", "reports")]
    secrets += airflow_secrets(running.home).values()
    said = running.console.file.getvalue()
    for log in running.home.logs_dir.rglob("*.log"):
        said += log.read_text(encoding="utf-8", errors="replace")
    assert [secret for secret in secrets if secret in said] == []


def test_up_again_says_that_they_run(running: Running) -> None:
    before = running.records
    up(running.home, running.console)
    assert "The servers run already." in running.console.file.getvalue()
    assert running.records == before


def test_down_leaves_nothing(running: Running) -> None:
    """The last test of this module: the servers are stopped here."""
    records = running.records
    alive = {process for record in records.values() for process in processes.members(record)}
    assert len(alive) >= len(SERVICES)
    stopped = down(running.home, running.console)
    assert sorted(stopped) == sorted(service.name for service in SERVICES)
    assert [process for process in alive if processes.is_alive(process)] == []
    assert all(not processes.members(record) for record in records.values())
    listening = {c.laddr.port for c in psutil.net_connections(kind="inet") if c.status == psutil.CONN_LISTEN}
    assert listening & set(running.ports.values()) == set()
    assert not running.home.servers_file.exists()
    assert not any(row["is_running"] for row in status(running.home))


def test_a_removed_mlflow_password_is_replaced_in_its_database_too(home: Home) -> None:
    from mlflow.server.auth.sqlalchemy_store import SqlAlchemyStore

    home.mlflow_dir.mkdir(parents=True)
    store = SqlAlchemyStore()
    store.init_db(f"sqlite:///{mlflow_auth_db(home)}")
    first = logins.password(home, "mlflow")
    store.create_user(logins.USER, first, is_admin=True)
    logins.password_file(home, "mlflow").unlink()

    align_mlflow_password(home)

    second = logins.password(home, "mlflow")
    assert second != first
    assert store.authenticate_user(logins.USER, second)
    assert not store.authenticate_user(logins.USER, first)
