"""Options that several commands share."""

from pathlib import Path
from typing import Annotated

import typer

HomeOption = Annotated[
    Path | None,
    typer.Option("--home", help="The company's state folder (default $ROUNDTRIP_HOME or ./data)."),
]
