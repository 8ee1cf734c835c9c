"""What each server runs: the one place that `make up`, docker-compose.yml and its test read.

An argv is the same on a laptop and in a container, because everything that differs between the two
(interface, port, database, secrets) reaches a server through the environment variables named here.
"""

from dataclasses import dataclass

#: Every Airflow process needs these; the rest of Airflow's settings is roundtrip.airflow.environment's.
AIRFLOW_ENVIRONMENT = (
    "ROUNDTRIP_HOME",
    "AIRFLOW_HOME",
    "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN",
    "AIRFLOW__CORE__EXECUTION_API_SERVER_URL",
    "AIRFLOW__CORE__FERNET_KEY",
    "AIRFLOW__API__SECRET_KEY",
    "AIRFLOW__API_AUTH__JWT_SECRET",
)


@dataclass(frozen=True)
class Service:
    """One server process.

    Attributes:
        name: the Compose service's name, and the key in servers.json.
        argv: the command; its first word is a program of the Python environment.
        environment: names of the variables that must be set when it starts.
        port_group: which port it listens on ("airflow", "mlflow", "reports"), or None.
        health_path: answers 200 without a login once the server works; None for a process that
            only Airflow's own health page reports on, under `airflow_component`.
    """

    name: str
    argv: tuple[str, ...]
    environment: tuple[str, ...]
    port_group: str | None = None
    health_path: str | None = None
    airflow_component: str | None = None


#: In the order in which they are started.
SERVICES = (
    Service(
        "reports",
        ("python", "-m", "roundtrip.servers.reports"),
        (
            "ROUNDTRIP_HOME",
            "ROUNDTRIP_REPORTS_HOST",
            "ROUNDTRIP_REPORTS_PORT",
            "ROUNDTRIP_REPORTS_PASSWORD",
            "ROUNDTRIP_AIRFLOW_URL",
            "ROUNDTRIP_AIRFLOW_HEALTH_URL",
            "ROUNDTRIP_MLFLOW_URL",
            "ROUNDTRIP_MLFLOW_HEALTH_URL",
        ),
        port_group="reports",
        health_path="/health",
    ),
    Service(
        "mlflow",
        ("mlflow", "server", "--app-name", "basic-auth"),
        (
            "MLFLOW_HOST",
            "MLFLOW_PORT",
            "MLFLOW_WORKERS",
            "MLFLOW_BACKEND_STORE_URI",
            "MLFLOW_ARTIFACTS_DESTINATION",
            "MLFLOW_AUTH_CONFIG_PATH",
            "MLFLOW_AUTH_ADMIN_USERNAME",
            "MLFLOW_AUTH_ADMIN_PASSWORD",
            "MLFLOW_FLASK_SERVER_SECRET_KEY",
            "MLFLOW_SERVER_ALLOWED_HOSTS",
            "MLFLOW_SERVER_ENABLE_JOB_EXECUTION",
            "MLFLOW_DISABLE_TELEMETRY",
            "DO_NOT_TRACK",
        ),
        port_group="mlflow",
        health_path="/health",
    ),
    Service(
        "airflow-api-server",
        ("airflow", "api-server"),
        (*AIRFLOW_ENVIRONMENT, "AIRFLOW__API__HOST", "AIRFLOW__API__PORT", "AIRFLOW__API__BASE_URL"),
        port_group="airflow",
        health_path="/api/v2/monitor/health",
        airflow_component="metadatabase",
    ),
    # The two log servers would listen on every interface; all processes share one log folder instead.
    Service(
        "airflow-scheduler",
        ("airflow", "scheduler", "--skip-serve-logs"),
        AIRFLOW_ENVIRONMENT,
        airflow_component="scheduler",
    ),
    Service(
        "airflow-dag-processor",
        ("airflow", "dag-processor"),
        AIRFLOW_ENVIRONMENT,
        airflow_component="dag_processor",
    ),
    Service(
        "airflow-triggerer",
        ("airflow", "triggerer", "--skip-serve-logs"),
        AIRFLOW_ENVIRONMENT,
        airflow_component="triggerer",
    ),
)

#: What a fresh installation runs once, before Airflow's servers start (compose's `airflow-init`).
AIRFLOW_INIT_ARGV = ("python", "-m", "roundtrip.servers.airflow_init")

AIRFLOW_HEALTH_PATH = "/api/v2/monitor/health"


def service(name: str) -> Service:
    """The service of that name."""
    return next(known for known in SERVICES if known.name == name)
