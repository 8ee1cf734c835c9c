"""What follows a stage, well or badly ended, on every road: the run's page, and whoever is to be told."""

from datetime import date

from roundtrip.home import Home


def follow_up(home: Home, as_of: date, stage: str, was_killed: bool = False) -> None:
    """Write the run's page anew and notify. Never raises: what a stage did is not undone by a page or a mail.

    Args:
        was_killed: the stage ended without writing a record.
    """
    # Neither is needed by a command that runs no stage.
    from roundtrip.notify.tell import tell
    from roundtrip.runs import write_run_page

    write_run_page(home, as_of)
    tell(home, as_of, stage, was_killed)
