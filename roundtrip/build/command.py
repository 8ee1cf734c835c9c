"""`roundtrip docs`: dbt's documentation with the lineage; everything slow is imported inside."""

from rich.console import Console

from roundtrip.home import Home
from roundtrip.options import HomeOption


def docs(home: HomeOption = None) -> None:
    """Write dbt's documentation of the published warehouse, with its lineage, as one page."""
    from roundtrip.build.lineage_page import write_docs

    of_home = Home.from_env(home)
    told = write_docs(of_home)
    words = "written" if told["is_new"] else "unchanged"
    Console().print(f"{of_home.root / told['page']} ({told['megabytes']} MB, {words})", highlight=False)
