"""docker-compose.yml is valid, keeps no secret, opens nothing to the network, runs what `make up` runs."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import jsonschema
import pytest
import yaml

from roundtrip.home import PROJECT_ROOT, Home
from roundtrip.servers.commands import AIRFLOW_INIT_ARGV, SERVICES

COMPOSE_FILE = PROJECT_ROOT / "docker-compose.yml"
ENV_EXAMPLE = PROJECT_ROOT / ".env.example"
SCHEMA = PROJECT_ROOT / "tests" / "fixtures" / "compose-spec.json"

VARIABLE = re.compile(r"\$\{(?P<name>[A-Z_][A-Z0-9_]*)(?:(?P<operator>:[-?])(?P<rest>[^}]*))?\}")
SECRET_NAME = re.compile(r"PASSWORD|SECRET|KEY$|TOKEN")


@pytest.fixture(scope="module")
def compose() -> dict:
    # safe_load applies YAML's merge keys, as Compose does.
    return yaml.safe_load(COMPOSE_FILE.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def services(compose: dict) -> dict[str, dict]:
    return compose["services"]


def env_example() -> dict[str, str]:
    lines = ENV_EXAMPLE.read_text(encoding="utf-8").splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


def used_variables() -> list[re.Match]:
    return list(VARIABLE.finditer(COMPOSE_FILE.read_text(encoding="utf-8")))


def test_it_follows_the_compose_schema(compose: dict) -> None:
    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    found = sorted(jsonschema.Draft7Validator(schema).iter_errors(compose), key=lambda error: error.json_path)
    assert [f"{error.json_path}: {error.message[:200]}" for error in found] == []


def test_the_schema_refuses_what_is_no_compose_file(compose: dict) -> None:
    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    broken = {**compose, "services": {"postgres": {**compose["services"]["postgres"], "restrat": "always"}}}
    with pytest.raises(jsonschema.ValidationError, match="restrat"):
        jsonschema.Draft7Validator(schema).validate(broken)


def test_compose_itself_accepts_it(tmp_path: Path) -> None:
    command = compose_command()
    filled = {name: value or "a-value-of-24-characters" for name, value in env_example().items()}
    env_file = tmp_path / "env"
    env_file.write_text(
        "".join(f"{name}={value}\n" for name, value in filled.items() if name != "ROUNDTRIP_LANDING")
        + f"ROUNDTRIP_LANDING={tmp_path}\n",
        encoding="utf-8",
    )
    result = subprocess.run(
        [*command, "--file", str(COMPOSE_FILE), "--env-file", str(env_file), "config", "--quiet"],
        capture_output=True,
        text=True,
        env={"PATH": "/usr/bin:/bin", "HOME": str(tmp_path)},
    )
    assert result.returncode == 0, result.stderr
    assert result.stderr == ""


def compose_command() -> list[str]:
    for command in (["docker", "compose"], ["docker-compose"]):
        program = shutil.which(command[0])
        if program is None:
            continue
        version = subprocess.run(
            [program, *command[1:], "version", "--short"], capture_output=True, text=True
        )
        if version.returncode == 0 and version.stdout.strip().lstrip("v").startswith(("2.", "3.", "5.")):
            return [program, *command[1:]]
    pytest.skip("Docker Compose 2 or newer is not on this machine; the schema test above still ran")


def test_every_server_runs_the_same_command_as_make_up(services: dict[str, dict]) -> None:
    in_compose = {
        name: tuple(service["command"])
        for name, service in services.items()
        if name not in ("postgres", "airflow-init")
    }
    assert in_compose == {service.name: service.argv for service in SERVICES}
    assert tuple(services["airflow-init"]["command"]) == AIRFLOW_INIT_ARGV


def test_every_server_gets_the_variables_it_needs(services: dict[str, dict]) -> None:
    for service in SERVICES:
        missing = set(service.environment) - set(services[service.name]["environment"])
        assert not missing, f"{service.name} lacks {sorted(missing)}"


def test_airflow_is_set_up_as_on_one_machine(services: dict[str, dict], home: Home) -> None:
    """Every Airflow setting of `make up` is in the file too, with the same value unless it must differ."""
    from roundtrip.airflow.environment import airflow_environment

    must_differ = {
        "AIRFLOW__CORE__DAGS_FOLDER",
        "AIRFLOW__CORE__PLUGINS_FOLDER",
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL",
        "AIRFLOW__CORE__FERNET_KEY",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN",
        "AIRFLOW__API__HOST",
        "AIRFLOW__API__PORT",
        "AIRFLOW__API__BASE_URL",
        "AIRFLOW__API__SECRET_KEY",
        "AIRFLOW__API_AUTH__JWT_SECRET",
        "AIRFLOW__LOGGING__BASE_LOG_FOLDER",
        "AIRFLOW__LOGGING__DAG_PROCESSOR_CHILD_PROCESS_LOG_DIRECTORY",
    }
    local = {name: value for name, value in airflow_environment(home).items() if name.startswith("AIRFLOW__")}
    in_compose = services["airflow-scheduler"]["environment"]
    assert sorted(set(local) - set(in_compose)) == []
    for name in sorted(set(local) - must_differ):
        assert in_compose[name] == local[name], name


def test_env_example_names_exactly_the_variables_used() -> None:
    assert {match["name"] for match in used_variables()} == set(env_example())


def test_no_secret_is_committed_and_none_has_a_default(services: dict[str, dict]) -> None:
    for match in used_variables():
        if SECRET_NAME.search(match["name"]):
            assert match["operator"] == ":?", f"{match['name']} must be required"
            assert match["name"] in match["rest"], f"{match['name']}: the message must name it"
    for name, value in env_example().items():
        if SECRET_NAME.search(name):
            assert value == "", f"{name} has a value in .env.example"
    for service_name, service in services.items():
        for name, value in service["environment"].items():
            if SECRET_NAME.search(name):
                assert VARIABLE.fullmatch(value), f"{service_name}: {name} is written out"
            assert not re.search(r"://[^/\s]*:[^/@\s]*@", str(value)), f"{service_name}: {name} holds a login"


def test_ports_are_published_on_loopback_only(services: dict[str, dict]) -> None:
    published = {name: service["ports"] for name, service in services.items() if "ports" in service}
    assert set(published) == {"airflow-api-server", "mlflow", "reports"}
    for name, ports in published.items():
        for port in ports:
            assert isinstance(port, str), name
            assert port.startswith("127.0.0.1:"), f"{name} publishes {port} to the network"
    assert all("network_mode" not in service for service in services.values())


def test_only_what_is_published_can_reach_out(compose: dict, services: dict[str, dict]) -> None:
    assert compose["networks"]["inside"]["internal"] is True
    for name, service in services.items():
        assert ("outside" in service["networks"]) == ("ports" in service), name


def test_every_service_has_a_health_check_or_ends(services: dict[str, dict]) -> None:
    for name, service in services.items():
        if service["restart"] == "no":
            waits = [other for other in services.values() if name in other.get("depends_on", {})]
            assert waits, f"nothing waits for {name}"
            assert all(
                other["depends_on"][name]["condition"] == "service_completed_successfully" for other in waits
            )
        else:
            assert service["restart"] == "unless-stopped", name
            assert service["healthcheck"]["test"][0] == "CMD", name


def test_what_is_waited_for_can_become_healthy(services: dict[str, dict]) -> None:
    for name, service in services.items():
        for other, how in service.get("depends_on", {}).items():
            assert other in services, f"{name} waits for {other}, which is not there"
            if how["condition"] == "service_healthy":
                assert "healthcheck" in services[other]


def test_images_are_pinned(services: dict[str, dict]) -> None:
    dockerfile = (PROJECT_ROOT / "docker" / "Dockerfile").read_text(encoding="utf-8")
    images = [service["image"] for service in services.values()]
    images += re.findall(r"^FROM (\S+)", dockerfile, re.MULTILINE)
    for image in images:
        assert re.search(r":\d+\.\d+", image), f"{image} is not pinned to a version"


def test_the_image_is_installed_as_make_setup_installs() -> None:
    dockerfile = (PROJECT_ROOT / "docker" / "Dockerfile").read_text(encoding="utf-8")
    (version,) = re.findall(r"^UV_VERSION := (\S+)", (PROJECT_ROOT / "Makefile").read_text(), re.MULTILINE)
    assert f"ARG UV_VERSION={version}\n" in dockerfile


def test_every_service_is_confined(services: dict[str, dict]) -> None:
    for name, service in services.items():
        assert service["read_only"] is True, name
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        limits = service["deploy"]["resources"]["limits"]
        assert set(limits) == {"cpus", "memory"}, name
    dockerfile = (PROJECT_ROOT / "docker" / "Dockerfile").read_text(encoding="utf-8")
    assert re.findall(r"^USER (\S+)", dockerfile, re.MULTILINE) == ["roundtrip"]


def test_the_image_holds_what_the_commands_need() -> None:
    """Each room that the code looks up under PROJECT_ROOT is copied, and the builder may see it."""
    dockerfile = (PROJECT_ROOT / "docker" / "Dockerfile").read_text(encoding="utf-8")
    ignored = (PROJECT_ROOT / "docker" / "Dockerfile.dockerignore").read_text(encoding="utf-8").splitlines()
    copied = re.findall(r"^COPY (?!--from)(.+) \S+$", dockerfile, re.MULTILINE)
    for path in " ".join(copied).split():
        assert f"!{path}" in ignored, f"{path} is copied but ignored"
    for room in ("roundtrip", "ml", "dags", "dbt_project", "expectations", "plan", "sources", "docs/queries"):
        assert room in copied, f"{room}/ is not in the image"
    assert "--require-hashes" in dockerfile
