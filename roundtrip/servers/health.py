"""Is a server working? Asked over HTTP, without a login; never raises."""

import json
import urllib.request

from roundtrip.servers.commands import AIRFLOW_HEALTH_PATH, Service
from roundtrip.servers.ports import address

#: No proxy of the host may sit between us and loopback.
_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def is_healthy(service: Service, port_of: dict[str, int]) -> bool:
    """Whether the service answers on its own port; an Airflow process without one: what Airflow says."""
    if service.airflow_component is not None:
        return airflow_health(address(port_of["airflow"]) + AIRFLOW_HEALTH_PATH).get(
            service.airflow_component, False
        )
    return answers(address(port_of[service.port_group]) + service.health_path)


def answers(url: str, timeout_s: float = 3.0) -> bool:
    """Whether a GET of the address gives 200."""
    return _get(url, timeout_s) is not None


def airflow_health(url: str, timeout_s: float = 3.0) -> dict[str, bool]:
    """Airflow's component -> whether it is healthy; empty where its API server does not answer."""
    body = _get(url, timeout_s)
    try:
        components = json.loads(body or b"{}")
    except ValueError:
        return {}
    return {
        # null: this part never ran, which in our shape is a fault like any other.
        name: state.get("status") == "healthy"
        for name, state in components.items()
        if isinstance(state, dict)
    }


def _get(url: str, timeout_s: float) -> bytes | None:
    try:
        with _OPENER.open(url, timeout=timeout_s) as response:
            return response.read() if response.status == 200 else None
    except (OSError, ValueError):
        return None
