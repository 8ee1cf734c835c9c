"""Reading dbt's log (one JSON object per line) as the results of nodes and the words of errors."""

import json
import re
from dataclasses import dataclass

#: dbt's events that say how a node ended.
_RESULT_EVENTS = {
    "LogModelResult",
    "LogSeedResult",
    "LogTestResult",
    "LogSnapshotResult",
    "LogNodeNoOpResult",
}
_SKIP_EVENTS = {"SkippingDetails", "LogSkipBecauseError"}
#: dbt colours some words even in its JSON.
_COLOURS = re.compile(r"\x1b\[[0-9;]*m")


@dataclass(frozen=True)
class NodeResult:
    """How one model, seed or test ended.

    Attributes:
        kind: model, seed or test.
        status: success, pass, warn, fail, error or skipped.
        seconds: run time.
        failures: for a test, the number of rows that fail it.
    """

    name: str
    kind: str
    status: str
    seconds: float
    failures: int = 0


@dataclass(frozen=True)
class ErrorText:
    """A text that dbt logged as an error."""

    text: str


def read_event(line: str) -> NodeResult | ErrorText | None:
    """What a log line says, or None when it says nothing of a result or an error."""
    try:
        event = json.loads(line)
        info, data = event["info"], event["data"]
    except (ValueError, KeyError, TypeError):
        # Python warnings and tracebacks come unstructured; they matter only when dbt breaks.
        return ErrorText(line.strip()) if line.strip() else None
    node = data.get("node_info") or {}
    if info["name"] in _RESULT_EVENTS and node:
        return NodeResult(
            name=node["node_name"],
            kind=node["resource_type"],
            status=str(node["node_status"]).lower(),
            seconds=float(data.get("execution_time") or 0),
            failures=int(data.get("num_failures") or 0),
        )
    if info["name"] in _SKIP_EVENTS and node:
        return NodeResult(node["node_name"], node["resource_type"], "skipped", 0.0)
    if info["level"] == "error" and info["msg"].strip():
        return ErrorText(_COLOURS.sub("", info["msg"]).strip())
    return None
