"""Airflow's settings for one home: all of them, in one place, as environment variables."""

import base64
import json
import os
import re
import secrets
import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from roundtrip.errors import RoundtripError
from roundtrip.files import write_atomically
from roundtrip.home import PROJECT_ROOT, Home

#: Everything of ours listens here and nowhere else.
HOST = "127.0.0.1"
DEFAULT_PORT = 8080
#: Where the user meets Airflow; the password is generated and kept beside it in the secrets.
ADMIN = "admin"


def airflow_environment(home: Home, port: int | None = None) -> dict[str, str]:
    """The environment of every Airflow process of this home (the caller's own environment included).

    Args:
        port: of the API server; else $ROUNDTRIP_AIRFLOW_PORT, else 8080.
    """
    port = port or int(os.environ.get("ROUNDTRIP_AIRFLOW_PORT") or DEFAULT_PORT)
    address = f"http://{HOST}:{port}"
    kept = airflow_secrets(home)
    options = {
        "core": {
            "dags_folder": PROJECT_ROOT / "dags",
            "plugins_folder": PROJECT_ROOT / "roundtrip" / "airflow" / "plugins",
            "executor": "LocalExecutor",
            "auth_manager": "airflow.providers.fab.auth_manager.fab_auth_manager.FabAuthManager",
            "execution_api_server_url": f"{address}/execution/",
            "fernet_key": kept["fernet_key"],
            "load_examples": False,
            # The chain is a chain: more slots would only be more idle processes.
            "parallelism": 4,
            # Resolving the host's full name can take seconds where there is no network.
            "hostname_callable": "socket.gethostname",
        },
        "database": {
            # Several processes write one SQLite file: wait for each other instead of failing.
            "sql_alchemy_conn": f"sqlite:///{home.airflow_dir / 'airflow.db'}?timeout=60",
            "check_migrations": False,
        },
        "api": {
            "host": HOST,
            "port": port,
            "base_url": address,
            "workers": 1,
            "secret_key": kept["api_secret_key"],
            "instance_name": "Roundtrip",
        },
        "api_auth": {"jwt_secret": kept["jwt_secret"]},
        "fab": {"update_fab_perms": False},
        "logging": {
            "base_log_folder": home.logs_dir / "airflow" / "tasks",
            "dag_processor_child_process_log_directory": home.logs_dir / "airflow" / "dag_processor",
            "colored_console_log": False,
        },
        "scheduler": {
            "scheduler_idle_sleep_time": 0.5,
            "enable_health_check": False,
            "catchup_by_default": False,
        },
        "dag_processor": {
            # Five files that change with a release: parse them at once, then leave the cores alone.
            "refresh_interval": 60,
            "min_file_process_interval": 300,
            "parsing_processes": 2,
            "print_stats_interval": 0,
        },
        # On a small machine under load an answer may take longer than the five seconds it is given.
        "workers": {"execution_api_timeout": 30},
        "usage_data_collection": {"enabled": False},
        "cosmos": {
            "enable_telemetry": False,
            "enable_cache": False,
            "enable_memory_optimised_imports": True,
        },
    }
    environment = dict(os.environ)
    for section, values in options.items():
        for name, value in values.items():
            environment[f"AIRFLOW__{section}__{name}".upper()] = str(value)
    environment |= {
        "AIRFLOW_HOME": str(home.airflow_dir),
        "ROUNDTRIP_HOME": str(home.root),
        "PYTHONPATH": os.pathsep.join(filter(None, [str(PROJECT_ROOT), os.environ.get("PYTHONPATH")])),
        "PYTHONUNBUFFERED": "1",
        # Airflow makes up for a missed hour at once. On a laptop that would publish yesterday over the date
        # somebody has just asked for, so here the road starts by itself only where that was asked for, too.
        "ROUNDTRIP_SCHEDULE": os.environ.get("ROUNDTRIP_SCHEDULE", ""),
        "SCARF_ANALYTICS": "false",
        "SCARF_NO_ANALYTICS": "1",
        "DO_NOT_TRACK": "1",
        # A proxy of the host must never sit between processes that talk over loopback.
        "NO_PROXY": ",".join(filter(None, [os.environ.get("NO_PROXY"), HOST, "localhost"])),
    }
    return environment


def airflow_secrets(home: Home) -> dict[str, str]:
    """Keys and the admin's password; generated once, readable by the owner only."""
    file = home.secrets_dir / "airflow.json"
    if not file.exists():
        home.secrets_dir.mkdir(parents=True, exist_ok=True)
        home.secrets_dir.chmod(0o700)
        made = {
            "fernet_key": base64.urlsafe_b64encode(secrets.token_bytes(32)).decode(),
            "jwt_secret": secrets.token_urlsafe(48),
            "api_secret_key": secrets.token_urlsafe(48),
            "admin_password": secrets.token_urlsafe(18),
        }
        write_atomically(file, json.dumps(made, indent=2), mode=0o600)
    return json.loads(file.read_text(encoding="utf-8"))


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return probe.getsockname()[1]


def prepare(home: Home) -> None:
    """Make what Airflow needs before it starts: its database, pool and admin, and the dbt manifest.

    Does only what is not yet done or is out of date.

    Raises:
        RoundtripError: Airflow could not set up its database; the message says where its log is.
        BadInput: the dbt project cannot be parsed.
    """
    with ThreadPoolExecutor(max_workers=2) as pool:
        tasks = [pool.submit(_prepare_database, home), pool.submit(prepare_manifest, home)]
        for task in tasks:
            task.result()


def _prepare_database(home: Home) -> None:
    from importlib.metadata import version

    wanted = {name: version(name) for name in ("apache-airflow", "apache-airflow-providers-fab")}
    done = home.airflow_dir / "prepared.json"
    is_there = done.exists() and (home.airflow_dir / "airflow.db").exists()
    if is_there and json.loads(done.read_text(encoding="utf-8")) == wanted:
        return
    home.airflow_dir.mkdir(parents=True, exist_ok=True)
    log = home.logs_dir / "airflow" / "prepare.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("w", encoding="utf-8") as output:
        result = subprocess.run(
            [sys.executable, "-m", "roundtrip.airflow.database"],
            env=airflow_environment(home),
            stdout=output,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
        )
    if result.returncode != 0:
        said = log.read_text(encoding="utf-8", errors="replace").strip().splitlines() or ["it said nothing"]
        why = next((line for line in reversed(said) if re.search(r"[Ee]rror: ", line)), said[-1])
        raise RoundtripError(f"Airflow could not set up its database: {why}", f"see {log}")
    write_atomically(done, json.dumps(wanted))


def prepare_manifest(home: Home) -> None:
    """Have dbt describe its models for Airflow, if it has not since the project changed."""
    from roundtrip.build import parse_project

    manifest = manifest_file(home)
    if manifest.exists():
        made_at = manifest.stat().st_mtime
        sources = (f for f in (PROJECT_ROOT / "dbt_project").rglob("*") if f.is_file())
        if all(file.stat().st_mtime <= made_at for file in sources):
            return
    parse_project(home)
    write_atomically(manifest, (home.logs_dir / "dbt" / "target" / "manifest.json").read_bytes())


def manifest_file(home: Home) -> Path:
    """dbt's account of its models, from which the DAG `build` draws its graph.

    A copy, since dbt writes its own anew in every build, and Airflow reads DAG files just then: a DAG that
    was read beside half a manifest is out of order until it is read again.
    """
    return home.airflow_dir / "dbt_manifest.json"
