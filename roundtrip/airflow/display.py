"""Showing a run: a live table on a terminal, plain lines as things change elsewhere."""

from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from roundtrip.airflow.follow import DAG_ORDER, RoadState, TaskState
from roundtrip.stages import STAGES

_STAGES = {stage.name: stage for stage in STAGES}
_MARKS = {
    "success": ("✓", "green"),
    "failed": ("✗", "red"),
    "upstream_failed": ("·", "red"),
    "skipped": ("–", "magenta"),
    "running": ("▶", "cyan"),
    "up_for_retry": ("↻", "yellow"),
    "deferred": ("…", "dim"),
}


_ENDED = ("success", "failed")
_QUIET = (None, "scheduled", "queued")


class Display:
    """Use as a context manager; `show` it each new state."""

    def __init__(self, console: Console):
        self.console = console
        self.is_live = console.is_terminal
        self.live = Live(console=console, refresh_per_second=4, transient=False)
        self.said: dict[tuple[str, str], str | None] = {}

    def __enter__(self) -> "Display":
        if self.is_live:
            self.live.start()
        return self

    def __exit__(self, *_) -> None:
        if self.is_live:
            self.live.stop()

    def show(self, road: RoadState) -> None:
        if self.is_live:
            self.live.update(_table(road))
        else:
            self._say_changes(road)

    def _say_changes(self, road: RoadState) -> None:
        for dag_id in DAG_ORDER:
            for task in road.tasks.get(dag_id, []):
                key = (dag_id, task.task_id)
                # A model's light is a line only when it is no success: twenty-five greens tell nothing.
                is_news = task.task_id in _STAGES or task.state == "failed"
                if (
                    not is_news
                    or task.state in (None, "scheduled", "queued")
                    or self.said.get(key) == task.state
                ):
                    continue
                self.said[key] = task.state
                took = f"{task.seconds:6.1f} s" if task.seconds and task.state in _ENDED else ""
                self.console.print(
                    f"{road.seconds:6.1f} s  {dag_id + '.' + task.task_id:<28}{task.state:<16}{took}",
                    highlight=False,
                )


def _table(road: RoadState) -> Group:
    lines = []
    for dag_id in DAG_ORDER:
        state = road.states.get(dag_id, "waiting")
        lines.append(Text.assemble((dag_id, "bold"), f"  {state}"))
        tasks = {task.task_id: task for task in road.tasks.get(dag_id, [])}
        for name, stage in _STAGES.items():
            if stage.dag != dag_id:
                continue
            line = _line(tasks.get(name), name, stage.does)
            if name == "build_warehouse" and (
                models := [t for t in tasks.values() if t.task_id not in _STAGES]
            ):
                done = sum(task.state in ("success", "failed", "skipped") for task in models)
                line.append(f"  {done}/{len(models)} models", "dim")
            lines.append(line)
        lines += [
            _line(task, task.task_id.split(".")[-1], "dbt model")
            for task in tasks.values()
            if task.task_id not in _STAGES and task.state == "failed"
        ]
    lines.append(Text(f"{road.seconds:.0f} s", "dim"))
    return Group(*lines)


def _line(task: TaskState | None, name: str, does: str) -> Text:
    mark, style = _MARKS.get(task.state if task else None, (" ", "dim"))
    took = f"{task.seconds:6.1f} s" if task and task.seconds else ""
    return Text.assemble("  ", (mark, style), f" {name:<16} ", (f"{does:<42}", "dim"), took)
