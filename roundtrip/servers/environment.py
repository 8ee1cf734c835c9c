"""The environment variables of each server on one machine (docker-compose.yml sets the same names)."""

import os
from pathlib import Path

from roundtrip.files import write_atomically
from roundtrip.home import PROJECT_ROOT, Home
from roundtrip.servers import logins, ports
from roundtrip.servers.commands import AIRFLOW_HEALTH_PATH, Service

MLFLOW_AUTH_CONFIG = """\
[mlflow]
default_permission = READ
database_uri = sqlite:///{database}
authorization_function = mlflow.server.auth:authenticate_request_basic_auth
"""


def server_environment(home: Home, service: Service, port_of: dict[str, int]) -> dict[str, str]:
    """All variables of one server, the caller's own included.

    Args:
        port_of: port group -> port.
    """
    if service.name == "mlflow":
        ours = _mlflow(home, port_of)
    elif service.name == "reports":
        ours = _reports(home, port_of)
    else:
        from roundtrip.airflow.environment import airflow_environment

        pages = {
            "ROUNDTRIP_REPORTS_URL": ports.address(port_of["reports"]),
            "ROUNDTRIP_MLFLOW_URL": ports.address(port_of["mlflow"]),
        }
        return airflow_environment(home, port=port_of["airflow"]) | pages
    python_path = os.pathsep.join(filter(None, [str(PROJECT_ROOT), os.environ.get("PYTHONPATH")]))
    return {**os.environ, "ROUNDTRIP_HOME": str(home.root), "PYTHONPATH": python_path, **ours}


def _mlflow(home: Home, port_of: dict[str, int]) -> dict[str, str]:
    config = home.mlflow_dir / "basic_auth.ini"
    write_atomically(config, MLFLOW_AUTH_CONFIG.format(database=mlflow_auth_db(home)))
    port = port_of["mlflow"]
    return {
        "MLFLOW_HOST": ports.LOOPBACK,
        "MLFLOW_PORT": str(port),
        "MLFLOW_WORKERS": "1",
        "MLFLOW_BACKEND_STORE_URI": home.mlflow_uri,
        "MLFLOW_ARTIFACTS_DESTINATION": str(home.mlflow_dir / "artifacts"),
        "MLFLOW_AUTH_CONFIG_PATH": str(config),
        "MLFLOW_AUTH_ADMIN_USERNAME": logins.USER,
        "MLFLOW_AUTH_ADMIN_PASSWORD": logins.password(home, "mlflow"),
        "MLFLOW_FLASK_SERVER_SECRET_KEY": logins.mlflow_secret_key(home),
        # Another name for this address in a Host header is a DNS rebinding attack.
        "MLFLOW_SERVER_ALLOWED_HOSTS": f"{ports.LOOPBACK}:{port},localhost:{port}",
        # Evaluation jobs of language models: not used here, and four more processes.
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "DO_NOT_TRACK": "true",
    }


def _reports(home: Home, port_of: dict[str, int]) -> dict[str, str]:
    airflow, mlflow = ports.address(port_of["airflow"]), ports.address(port_of["mlflow"])
    return {
        "ROUNDTRIP_REPORTS_HOST": ports.LOOPBACK,
        "ROUNDTRIP_REPORTS_PORT": str(port_of["reports"]),
        "ROUNDTRIP_REPORTS_PASSWORD": logins.password(home, "reports"),
        "ROUNDTRIP_AIRFLOW_URL": airflow,
        "ROUNDTRIP_AIRFLOW_HEALTH_URL": airflow + AIRFLOW_HEALTH_PATH,
        "ROUNDTRIP_MLFLOW_URL": mlflow,
        "ROUNDTRIP_MLFLOW_HEALTH_URL": f"{mlflow}/health",
    }


def mlflow_auth_db(home: Home) -> Path:
    """MLflow's users and permissions."""
    return home.mlflow_dir / "auth.db"
