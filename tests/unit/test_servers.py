"""Starting and stopping servers: only ours, only on loopback, never somebody else's process."""

import base64
import io
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
import yaml
from filelock import FileLock
from rich.console import Console
from starlette.testclient import TestClient

from roundtrip.errors import BadInput, Locked, RoundtripError
from roundtrip.home import Home
from roundtrip.servers import control, health, logins, ports, processes, start_page
from roundtrip.servers.commands import SERVICES, Service, service
from roundtrip.servers.environment import server_environment
from roundtrip.servers.records import Record, read_records, write_records
from roundtrip.servers.reports import create_app

SLEEPER = ("python", "-c", "import time; time.sleep(60)")
#: A parent that ends on TERM, with a child that does not.
STUBBORN = (
    "python",
    "-c",
    "import subprocess, sys, time\n"
    "code = 'import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(60)'\n"
    "subprocess.Popen([sys.executable, '-c', code], start_new_session=True)\n"
    "time.sleep(60)",
)


@pytest.fixture
def console() -> Console:
    return Console(file=io.StringIO(), width=200)


@pytest.fixture
def started(tmp_path: Path) -> Iterator[list[Record]]:
    """Records of processes to be killed after the test, whatever it did."""
    records: list[Record] = []
    yield records
    for record in records:
        for process in processes.members(record):
            process.kill()


def start(argv: tuple[str, ...], server_id: str, tmp_path: Path, started: list[Record]) -> Record:
    process = processes.start(argv, os.environ, server_id, tmp_path / "log" / f"{server_id}.log")
    record = Record("mlflow", server_id, process.pid, process.create_time(), None, None, list(argv))
    started.append(record)
    return record


def port_listener() -> socket.socket:
    listener = socket.socket()
    listener.bind((ports.LOOPBACK, 0))
    listener.listen()
    return listener


# --- processes ---------------------------------------------------------------------------------------------


def test_a_started_process_has_a_session_of_its_own_and_is_stopped(tmp_path, started) -> None:
    record = start(SLEEPER, "one", tmp_path, started)
    assert os.getsid(record.pid) == record.pid
    assert processes.stop(record, patience_s=5) == 1
    assert processes.leader(record) is None


def test_a_reused_pid_is_neither_recognised_nor_killed(tmp_path, started) -> None:
    stranger = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    try:
        created_at = psutil.Process(stranger.pid).create_time()
        record = Record("mlflow", "gone", stranger.pid, created_at - 3600, None, None, [])
        assert processes.leader(record) is None
        assert processes.stop(record, patience_s=1) == 0
        assert stranger.poll() is None
        assert processes.leader(replace(record, process_created_at=created_at)) is not None
    finally:
        stranger.kill()
        stranger.wait()


def test_stop_kills_children_that_ignore_it_even_in_another_session(tmp_path, started) -> None:
    record = start(STUBBORN, "two", tmp_path, started)
    child = wait_for_child(record)
    time.sleep(0.5)
    assert processes.stop(record, patience_s=2) == 2
    assert not processes.is_alive(child)


def test_orphans_of_a_dead_server_are_found_by_their_marker(tmp_path, started) -> None:
    record = start(STUBBORN, "three", tmp_path, started)
    child = wait_for_child(record)
    os.kill(record.pid, signal.SIGKILL)
    psutil.wait_procs([psutil.Process(record.pid)], timeout=5)
    assert processes.members(record) == {child}
    processes.stop(record, patience_s=1)
    assert not processes.is_alive(child)


def wait_for_child(record: Record) -> psutil.Process:
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        if children := psutil.Process(record.pid).children():
            return children[0]
        time.sleep(0.05)
    raise AssertionError("the child never started")


def test_the_log_before_is_kept(tmp_path, started) -> None:
    for word in ("first", "second"):
        record = start(("python", "-c", f"print('{word}')"), "log", tmp_path, started)
        psutil.wait_procs([psutil.Process(record.pid)], timeout=10)
    assert (tmp_path / "log" / "log.log").read_text() == "second\n"
    assert (tmp_path / "log" / "log.previous.log").read_text() == "first\n"
    assert (tmp_path / "log" / "log.log").stat().st_mode & 0o077 == 0


# --- servers.json ------------------------------------------------------------------------------------------


def test_records_come_back_and_no_records_is_no_file(home: Home) -> None:
    record = Record("mlflow", "id", 1, 2.5, 5000, "http://127.0.0.1:5000", ["mlflow", "server"])
    write_records(home, [record])
    assert read_records(home) == {"mlflow": record}
    assert home.servers_file.stat().st_mode & 0o077 == 0
    write_records(home, [])
    assert not home.servers_file.exists()
    assert read_records(home) == {}


def test_a_write_that_fails_leaves_the_old_file(home: Home, monkeypatch) -> None:
    record = Record("mlflow", "id", 1, 2.5, None, None, [])
    write_records(home, [record])

    def fail(*_):
        raise OSError("no space left")

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(OSError, match="no space left"):
        write_records(home, [record, replace(record, name="reports")])
    monkeypatch.undo()
    assert read_records(home) == {"mlflow": record}
    assert [path.name for path in home.root.iterdir()] == ["servers.json"]


def test_a_file_that_is_not_ours_is_named(home: Home) -> None:
    home.root.mkdir()
    home.servers_file.write_text("{", encoding="utf-8")
    with pytest.raises(BadInput, match=r"servers\.json cannot be read"):
        read_records(home)


# --- ports -------------------------------------------------------------------------------------------------


def test_a_taken_port_is_refused_with_who_holds_it_and_which_variable_to_set() -> None:
    with port_listener() as listener:
        port = listener.getsockname()[1]
        with pytest.raises(Locked) as caught:
            ports.require_free("mlflow", port)
    assert f"process {os.getpid()} (" in str(caught.value)
    assert "ROUNDTRIP_MLFLOW_PORT" in str(caught.value)
    ports.require_free("mlflow", port)


@pytest.mark.parametrize("value", ["abc", "0", "65536", "-1"])
def test_a_port_that_is_none_is_refused(value: str, monkeypatch) -> None:
    monkeypatch.setenv("ROUNDTRIP_MLFLOW_PORT", value)
    with pytest.raises(BadInput, match="ROUNDTRIP_MLFLOW_PORT"):
        ports.configured_ports()


def test_two_servers_cannot_share_a_port(monkeypatch) -> None:
    monkeypatch.setenv("ROUNDTRIP_MLFLOW_PORT", "8080")
    monkeypatch.delenv("ROUNDTRIP_AIRFLOW_PORT", raising=False)
    with pytest.raises(BadInput, match="ROUNDTRIP_MLFLOW_PORT and ROUNDTRIP_AIRFLOW_PORT are both 8080"):
        ports.configured_ports()


# --- up and down, with small programs in place of the servers ----------------------------------------------


@pytest.fixture
def small_servers(monkeypatch) -> list[Service]:
    """Two services without ports that are healthy once they run."""
    small = [Service("reports", SLEEPER, ()), Service("mlflow", SLEEPER, ())]
    monkeypatch.setattr(control, "SERVICES", tuple(small))
    monkeypatch.setattr(control, "server_environment", lambda *_: dict(os.environ))
    monkeypatch.setattr(health, "is_healthy", lambda *_: True)
    return small


def is_pid_alive(pid: int) -> bool:
    try:
        return processes.is_alive(psutil.Process(pid))
    except psutil.NoSuchProcess:
        return False


def text_of(console: Console) -> str:
    return console.file.getvalue()


def test_up_twice_then_one_dies_then_down_twice(home: Home, console: Console, small_servers) -> None:
    try:
        first = control.up(home, console)
        assert all(row["is_running"] and row["is_healthy"] for row in first)
        assert control.up(home, console) == first
        assert "run already" in text_of(console)

        psutil.Process(first[1]["pid"]).kill()
        psutil.wait_procs([psutil.Process(first[1]["pid"])], timeout=5)
        assert [row["is_running"] for row in control.status(home)] == [True, False]
        console.print(control.status_table(control.status(home)))
        assert "not running" in text_of(console)
        again = control.up(home, console)
        assert again[0]["pid"] == first[0]["pid"]
        assert again[1]["pid"] not in (None, first[1]["pid"])
        assert "Already running: reports" in text_of(console)
    finally:
        stopped = control.down(home, console)
    assert stopped == ["mlflow", "reports"]
    assert not home.servers_file.exists()
    assert not any(is_pid_alive(row["pid"]) for row in again)
    assert control.down(home, console) == []
    assert "No server of this home was running." in text_of(console)


def test_the_printed_table_holds_the_file_of_a_password_and_not_the_password(
    home: Home, console: Console, small_servers
) -> None:
    secrets = [logins.password(home, server) for server in ("mlflow", "reports")]
    try:
        control.up(home, console)
    finally:
        control.down(home, console)
    assert str(logins.password_file(home, "mlflow")) in text_of(console)
    assert not any(secret in text_of(console) for secret in secrets)


def test_a_server_that_ends_is_reported_with_its_last_lines_and_nothing_stays(
    home: Home, console: Console, small_servers, monkeypatch
) -> None:
    broken = Service("mlflow", ("python", "-c", "raise SystemExit('no such database')"), ())
    monkeypatch.setattr(control, "SERVICES", (small_servers[0], broken))
    monkeypatch.setattr(health, "is_healthy", lambda service, _: service.name == "reports")
    with pytest.raises(RoundtripError, match="mlflow ended while it was starting") as caught:
        control.up(home, console)
    assert "no such database" in str(caught.value)
    assert not home.servers_file.exists()
    assert not any(row["is_running"] for row in control.status(home))


def test_a_server_that_never_answers_is_stopped(
    home: Home, console: Console, small_servers, monkeypatch
) -> None:
    monkeypatch.setattr(health, "is_healthy", lambda *_: False)
    monkeypatch.setattr(control, "PATIENCE_S", 0.1)
    with pytest.raises(RoundtripError, match="reports was not healthy after"):
        control.up(home, console)
    assert not home.servers_file.exists()


def test_up_starts_nothing_where_one_port_is_taken(home: Home, console: Console, monkeypatch) -> None:
    with port_listener() as listener:
        monkeypatch.setenv("ROUNDTRIP_MLFLOW_PORT", str(listener.getsockname()[1]))
        monkeypatch.setattr(control, "SERVICES", (service("mlflow"),))
        with pytest.raises(Locked):
            control.up(home, console)
    assert not home.servers_file.exists()


def test_two_ups_at_once_are_refused(home: Home, console: Console) -> None:
    home.root.mkdir()
    with FileLock(home.servers_file.with_suffix(".lock")), pytest.raises(Locked, match="at work"):
        control.up(home, console)


# --- settings of the servers -------------------------------------------------------------------------------


def test_each_server_gets_the_variables_that_its_command_names(home: Home) -> None:
    chosen = {"airflow": 18080, "mlflow": 15000, "reports": 18090}
    for known in SERVICES:
        environment = server_environment(home, known, chosen)
        assert sorted(set(known.environment) - set(environment)) == [], known.name
    for name in ("MLFLOW_HOST", "ROUNDTRIP_REPORTS_HOST", "AIRFLOW__API__HOST"):
        values = [server_environment(home, known, chosen).get(name) for known in SERVICES]
        assert set(values) - {None} == {"127.0.0.1"}, name


def test_passwords_are_generated_once_and_readable_by_the_owner_only(home: Home) -> None:
    first = logins.password(home, "mlflow")
    assert len(first) >= 24
    assert logins.password(home, "mlflow") == first
    assert logins.password(home, "reports") != first
    assert home.secrets_dir.stat().st_mode & 0o077 == 0
    assert logins.password_file(home, "mlflow").stat().st_mode & 0o077 == 0


def test_airflow_is_healthy_only_where_every_part_says_so(monkeypatch) -> None:
    parts = {"metadatabase": {"status": "healthy"}, "scheduler": {"status": "unhealthy"}}
    answer = json.dumps({**parts, "triggerer": {"status": None}}).encode()
    monkeypatch.setattr(health, "_get", lambda *_: answer)
    expected = {"metadatabase": True, "scheduler": False, "triggerer": False}
    assert health.airflow_health("http://127.0.0.1") == expected
    monkeypatch.setattr(health, "_get", lambda *_: None)
    assert health.airflow_health("http://127.0.0.1") == {}


# --- the report server -------------------------------------------------------------------------------------


@pytest.fixture
def site(home: Home, monkeypatch) -> TestClient:
    monkeypatch.setattr("roundtrip.servers.reports.WRONG_PASSWORD_DELAY_S", 0)
    for path, text in {
        home.reports_dir / "2025-12-31.en.html": "<p>December</p>",
        home.reports_dir / "2025-12-31.zh.html": "<p>十二月</p>",
        home.reports_dir / "2025-11-30.en.html": "<p>November</p>",
        home.reports_dir / ".2026-01-31.en.html.7.tmp": "half written",
        home.gates_dir / "data_docs" / "index.html": "<p>docs</p>",
        home.secrets_dir / "reports-password": "secret",
    }.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    (home.reports_dir / "link.html").symlink_to(home.secrets_dir / "reports-password")
    environment = {
        "ROUNDTRIP_REPORTS_PASSWORD": "correct horse",
        "ROUNDTRIP_AIRFLOW_URL": "http://127.0.0.1:8080",
        "ROUNDTRIP_MLFLOW_URL": "http://127.0.0.1:5000",
    }
    client = TestClient(create_app(home, environment), base_url="http://127.0.0.1:8090")
    client.auth = ("admin", "correct horse")
    return client


def basic(text: str) -> dict[str, str]:
    return {"authorization": "Basic " + base64.b64encode(text.encode()).decode()}


@pytest.mark.parametrize(
    "path", ["/", "/reports/2025-12-31.en.html", "/gates/data_docs/", "/style.css", "/nothing"]
)
@pytest.mark.parametrize(
    "headers",
    [
        {},
        basic("admin:wrong"),
        basic("admin:"),
        basic("root:correct horse"),
        {"authorization": "Basic %%%"},
        {"authorization": "Bearer correct horse"},
    ],
)
def test_nothing_is_shown_without_the_right_login(site: TestClient, path: str, headers: dict) -> None:
    site.auth = None
    answer = site.get(path, headers=headers)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Basic")
    assert answer.text == "Login required"


def test_health_needs_no_login_and_tells_nothing(site: TestClient) -> None:
    site.auth = None
    assert site.get("/health").text == "ok"


def test_there_is_no_report_server_without_a_password(home: Home) -> None:
    with pytest.raises(BadInput, match="ROUNDTRIP_REPORTS_PASSWORD"):
        create_app(home, {})


def test_files_are_served(site: TestClient) -> None:
    assert site.get("/reports/2025-12-31.en.html").text == "<p>December</p>"
    assert site.get("/gates/data_docs/").text == "<p>docs</p>"


@pytest.mark.parametrize(
    "path",
    [
        "/reports/../secrets/reports-password",
        "/reports/%2e%2e/secrets/reports-password",
        "/reports/..%2fsecrets%2freports-password",
        "/reports//etc/passwd",
        "/reports/link.html",
        "/reports/.2026-01-31.en.html.7.tmp",
        "/reports/",
        "/gates/data_docs/../landing",
    ],
)
def test_nothing_outside_the_two_folders_is_served(site: TestClient, path: str) -> None:
    answer = site.get(path)
    assert answer.status_code == 404
    assert "secret" not in answer.text


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
def test_it_is_read_only(site: TestClient, method: str) -> None:
    for path in ("/", "/reports/2025-12-31.en.html", "/gates/data_docs/index.html"):
        assert site.request(method, path).status_code == 405


def test_another_host_name_is_refused(site: TestClient) -> None:
    assert site.get("/", headers={"host": "rebound.example"}).status_code == 400


@pytest.mark.parametrize("path", ["/", "/reports/2025-12-31.en.html", "/nothing"])
def test_every_answer_has_the_security_headers(site: TestClient, path: str) -> None:
    for auth in (("admin", "correct horse"), None):
        site.auth = auth
        headers = site.get(path).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["cache-control"] == "no-store"
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "connect-src" not in policy
        assert ("script-src 'unsafe-inline'" in policy) == path.startswith("/reports/")
        assert "http" not in policy
        assert "server" not in headers


def test_a_home_in_which_nothing_ran_has_a_start_page(home: Home) -> None:
    client = TestClient(
        create_app(home, {"ROUNDTRIP_REPORTS_PASSWORD": "x"}), base_url="http://localhost:8090"
    )
    client.auth = ("admin", "x")
    assert "Nothing has been run yet" in client.get("/").text
    assert client.get("/reports/2025-12-31.en.html").status_code == 404


def test_the_start_page_lists_reports_newest_first_and_says_what_is_silent(site: TestClient) -> None:
    page = site.get("/", headers={"accept-language": "en"}).text
    assert 0 < page.index("2025-12-31.en.html") < page.index("2025-11-30.en.html")
    assert page.count("Does not answer") == 2
    assert "http://127.0.0.1:8080" in page
    assert ".tmp" not in page


@pytest.mark.parametrize(
    ("query", "header", "expected"),
    [
        (None, "", "en"),
        ("zh", "en", "zh"),
        (None, "zh-CN,zh;q=0.9,en;q=0.8", "zh"),
        (None, "de-DE,de;q=0.9", "en"),
        ("<script>", "fr", "en"),
    ],
)
def test_the_language_asked_for_wins(query: str | None, header: str, expected: str) -> None:
    assert start_page.language_of(query, header) == expected


def test_both_languages_say_the_same_things(site: TestClient) -> None:
    def keys(texts: dict, prefix: str = "") -> set[str]:
        return {
            inner
            for key, value in texts.items()
            for inner in (keys(value, f"{prefix}{key}.") if isinstance(value, dict) else {f"{prefix}{key}"})
        }

    texts = yaml.safe_load((start_page.PAGES / "start.yml").read_text(encoding="utf-8"))
    assert set(texts) == set(start_page.LANGUAGES)
    assert keys(texts["en"]) == keys(texts["zh"])
    assert "没有报告" not in site.get("/?lang=zh").text
    assert "截至" in site.get("/?lang=zh").text


def test_a_company_name_cannot_bring_markup(home: Home, site: TestClient) -> None:
    home.company_file.write_text(json.dumps({"name": "<script>alert(1)</script>"}), encoding="utf-8")
    page = site.get("/").text
    assert "<script>" not in page
    assert "&lt;script&gt;" in page
