"""The whole road in this process, without Airflow: the same stages in the same order."""

import time
from datetime import date

from rich.console import Console
from rich.live import Live
from rich.spinner import Spinner
from rich.text import Text

from roundtrip.follow_up import follow_up
from roundtrip.home import Home
from roundtrip.runs.page import run_file
from roundtrip.stages import STAGES, run_stage


def run_locally(home: Home, as_of: date, console: Console) -> None:
    """Run every stage for a date, showing each as it goes.

    Raises:
        RoundtripError: the first stage that fails; nothing after it runs.
    """
    for number, stage in enumerate(STAGES, start=1):
        label = f"[{number:>2}/{len(STAGES)}] {stage.name:<16} {stage.does}"
        started = time.monotonic()
        spinner = Spinner("dots", text=Text(label))

        def show(what: str, state: str, seconds: float, label=label, spinner=spinner) -> None:
            spinner.update(text=Text.assemble(label, ("  " + what + " " + state, "dim")))

        try:
            with Live(spinner, console=console, transient=True, refresh_per_second=8):
                run_stage(stage.name, home, as_of, on_event=show)
        except BaseException:
            console.print(f"[red]✗[/] {label}  {time.monotonic() - started:5.1f} s")
            follow_up(home, as_of, stage.name)
            console.print(f"  what happened: {run_file(home, as_of, 'en')}", highlight=False, soft_wrap=True)
            raise
        follow_up(home, as_of, stage.name)
        console.print(f"[green]✓[/] {label}  [dim]{time.monotonic() - started:5.1f} s[/]")
