"""What follows a stage, well or badly ended, on every road: the run's page, dbt's documentation, and whoever
is to be told."""

import logging
from datetime import date

from roundtrip.errors import RoundtripError
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
    if stage == "publish":
        _write_docs(home)
    tell(home, as_of, stage, was_killed)


def _write_docs(home: Home) -> None:
    from roundtrip.build.lineage_page import write_docs

    try:
        write_docs(home)
    # A stage that failed has published nothing new, or nothing at all.
    except (RoundtripError, OSError) as error:
        logging.getLogger(__name__).warning("dbt's documentation was not written: %s", error)
