"""The few calls of Airflow's REST API (v2) that a run needs."""

import time
from datetime import date, datetime

from roundtrip.airflow.environment import ADMIN, airflow_secrets
from roundtrip.errors import RoundtripError
from roundtrip.home import Home

#: Long, since a small machine may be busy with the work that is asked about.
ANSWER_SECONDS = 120


class AirflowApi:
    """Airflow's API server of one home, as its admin.

    Raises:
        RoundtripError: from every call, when Airflow does not answer or does not accept it.
    """

    def __init__(self, home: Home, address: str):
        import httpx

        self.home = home
        self.address = address
        # trust_env off: no proxy of the host between us and loopback.
        self.client = httpx.Client(base_url=address, timeout=ANSWER_SECONDS, trust_env=False)

    def health(self) -> dict | None:
        """Airflow's own account of its parts, or None while the server does not answer."""
        import httpx

        try:
            answer = self.client.get("/api/v2/monitor/health", timeout=5)
        except httpx.TransportError:
            return None
        return answer.json() if answer.status_code == 200 else None

    def warm_up(self) -> None:
        """Have the server build what tasks will ask for, which takes it seconds the first time."""
        self._request("GET", "/execution/health")

    def log_in(self) -> None:
        """Get a token for the admin; every later call carries it."""
        login = {"username": ADMIN, "password": airflow_secrets(self.home)["admin_password"]}
        answer = self._request("POST", "/auth/token", json=login)
        if answer.status_code != 201:
            raise RoundtripError(
                f"Airflow at {self.address} refused the admin's password ({answer.status_code})",
                f"it must be the one in {self.home.secrets_dir / 'airflow.json'}; "
                f"if it was changed elsewhere, remove {self.home.airflow_dir} and run again",
            )
        self.client.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"

    def call(self, method: str, path: str, **kwargs) -> dict:
        """One call of the REST API; the answer as JSON."""
        answer = self._request(method, f"/api/v2{path}", **kwargs)
        if answer.is_error:
            raise RoundtripError(f"Airflow said {answer.status_code} to {method} {path}: {answer.text[:500]}")
        return answer.json() if answer.content else {}

    def _request(self, method: str, path: str, **kwargs):
        import httpx

        # A question may be asked again: after an error of its own the server closes the connection, and
        # the next question on it is lost.
        chances = 3 if method == "GET" else 1
        while True:
            chances -= 1
            try:
                return self.client.request(method, path, **kwargs)
            except httpx.TransportError as error:
                if chances:
                    time.sleep(0.5)
                    continue
                raise RoundtripError(
                    f"Airflow at {self.address} did not answer {method} {path}: {error}",
                    f"its log is in {self.home.logs_dir / 'airflow'}",
                ) from error

    def dags(self) -> dict[str, dict]:
        return {dag["dag_id"]: dag for dag in self.call("GET", "/dags", params={"limit": 100})["dags"]}

    def import_errors(self) -> list[dict]:
        return self.call("GET", "/importErrors")["import_errors"]

    def pause(self, dag_id: str, is_paused: bool) -> None:
        self.call("PATCH", f"/dags/{dag_id}", json={"is_paused": is_paused})

    def trigger(self, dag_id: str, as_of: date, at: datetime) -> str:
        """Queue a DAG run for a date and return its id."""
        run_id = f"roundtrip__{as_of.isoformat()}__{at:%Y%m%dT%H%M%S.%f}"
        body = {"dag_run_id": run_id, "logical_date": None, "conf": {"as_of": as_of.isoformat()}}
        return self.call("POST", f"/dags/{dag_id}/dagRuns", json=body)["dag_run_id"]

    def has_unfinished_run(self, dag_id: str) -> bool:
        """Whether any run of a DAG is queued or running."""
        params = {"state": ["queued", "running"], "limit": 1}
        return bool(self.call("GET", f"/dags/{dag_id}/dagRuns", params=params)["dag_runs"])

    def run(self, dag_id: str, run_id: str) -> dict:
        return self.call("GET", f"/dags/{dag_id}/dagRuns/{run_id}")

    def tasks(self, dag_id: str, run_id: str) -> list[dict]:
        """All task instances of a DAG run."""
        path, found = f"/dags/{dag_id}/dagRuns/{run_id}/taskInstances", []
        while True:
            page = self.call("GET", path, params={"limit": 100, "offset": len(found)})
            found += page["task_instances"]
            if len(found) >= page["total_entries"] or not page["task_instances"]:
                return found

    def runs_caused_by(self, dag_id: str, run_id: str) -> dict[str, str]:
        """The DAG runs that this run's asset events started: {dag id: run id}."""
        source = {"source_dag_id": dag_id, "source_run_id": run_id}
        answer = self._request("GET", "/api/v2/assets/events", params=source)
        if answer.status_code == 500:
            # Airflow 3.3 cannot describe an event whose DAG run is created but not yet started.
            return {}
        if answer.is_error:
            raise RoundtripError(f"Airflow said {answer.status_code} to asset events: {answer.text[:500]}")
        return {
            caused["dag_id"]: caused["run_id"]
            for event in answer.json()["asset_events"]
            for caused in event["created_dagruns"]
        }

    def log_tail(self, dag_id: str, run_id: str, task_id: str, try_number: int, lines: int = 15) -> list[str]:
        """The last lines of a task's log."""
        path = f"/dags/{dag_id}/dagRuns/{run_id}/taskInstances/{task_id}/logs/{try_number}"
        content = self.call("GET", path, params={"full_content": True})["content"]
        said = [entry["event"] if isinstance(entry, dict) else str(entry) for entry in content]
        return [line for text in said for line in text.splitlines()][-lines:]
