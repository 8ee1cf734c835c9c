"""Following a run from event to event, against an API that plays back a script."""

from itertools import pairwise

import pytest

from roundtrip.airflow import follow as module
from roundtrip.airflow.follow import DAG_ORDER, follow
from roundtrip.errors import RoundtripError


class ScriptedApi:
    """Each DAG run needs two looks; then it ends as `ends` says and, on success, starts the next DAG."""

    def __init__(self, ends: dict[str, str], strangers: bool = False):
        self.ends = ends
        self.strangers = strangers
        self.looks: dict[tuple[str, str], int] = {}
        self.busy = 0

    def run(self, dag_id, run_id):
        looks = self.looks[dag_id, run_id] = self.looks.get((dag_id, run_id), 0) + 1
        return {"state": "running" if looks < 2 else self.ends.get(dag_id, "success")}

    def tasks(self, dag_id, run_id):
        return [{"task_id": f"{dag_id}-task", "state": "running", "duration": None, "try_number": 1}]

    def runs_caused_by(self, dag_id, run_id):
        after = dict(pairwise(DAG_ORDER)).get(dag_id)
        is_done = self.looks.get((dag_id, run_id), 0) >= 2
        caused = {after: f"{after}-ours"} if after and is_done else {}
        return caused | ({"somebody_elses": "x"} if self.strangers else {})

    def has_unfinished_run(self, dag_id):
        self.busy -= 1
        return self.busy >= 0


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(module.time, "sleep", lambda _: None)


def test_it_goes_from_dag_to_dag_along_the_events_and_ends_with_the_last():
    *_, last = follow(ScriptedApi({}, strangers=True), "ours")
    assert last.is_done
    assert last.run_ids == {"ingest": "ours", **{dag: f"{dag}-ours" for dag in DAG_ORDER[1:]}}
    assert set(last.states.values()) == {"success"}


def test_it_ends_where_a_dag_fails():
    *_, last = follow(ScriptedApi({"train": "failed"}), "ours")
    assert (last.failed_dag, last.is_done) == ("train", False)
    assert "score" not in last.run_ids


def test_it_says_which_dag_did_not_start(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(module, "PATIENCE_SECONDS", 0)

    class Silent(ScriptedApi):
        def runs_caused_by(self, dag_id, run_id):
            return {} if dag_id == "build" else super().runs_caused_by(dag_id, run_id)

    with pytest.raises(RoundtripError, match="train did not start"):
        list(follow(Silent({}), "ours"))


def test_it_waits_while_another_run_of_the_dag_goes_on(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(module, "PATIENCE_SECONDS", 0)
    clock = iter(range(10_000))
    monkeypatch.setattr(module.time, "monotonic", lambda: next(clock))

    class Late(ScriptedApi):
        asked = 0

        def runs_caused_by(self, dag_id, run_id):
            if dag_id == "ingest":
                self.asked += 1
                if self.asked < 20:
                    return {}
            return super().runs_caused_by(dag_id, run_id)

    api = Late({})
    api.busy = 30
    *_, last = follow(api, "ours")
    assert last.is_done
