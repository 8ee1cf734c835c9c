"""The Data Docs: the last run of each gate as pages that need no network."""

import re
import shutil
from pathlib import Path
from typing import Any

from roundtrip.files import write_atomically

#: Great Expectations' pages ask several public servers for styles and scripts; whoever opens a page would
#: tell them so. These tags are taken out and `STYLE` stands in.
REMOTE_TAGS = re.compile(
    r"<script[^>]*\bsrc=[\"']?https?:[^>]*>\s*</script>"
    r"|<link[^>]*\bhref=[\"']?https?:[^>]*>"
    r"|<img[^>]*\bsrc=[\"']?https?:[^>]*>"
    r"|url\([\"']?https?:[^)]*\)",
    re.IGNORECASE,
)

STYLE = """<style>
body { font: 15px/1.5 system-ui, sans-serif; margin: 1rem 2rem; color: #222; }
table { border-collapse: collapse; }
td, th { border: 1px solid #ccc; padding: .3rem .6rem; text-align: left; }
pre { white-space: pre-wrap; } .fas.fa-check-circle::before { content: "✓"; color: #1a7f37; }
.fas.fa-times::before, .fas.fa-exclamation-triangle::before { content: "✗"; color: #b42318; }
footer, #ge-cta-footer, .navigation-sidebar, [id$="validation-filter"] { display: none; }
</style></head>"""

GATES = {"landing": "what came in", "published": "what would go out"}


def build_data_docs(context: Any, folder: Path, gate: str, failed: dict[str, tuple[int, int]]) -> None:
    """Write the gate's pages to `<folder>/<gate>/` and an index of both gates to `<folder>/index.html`.

    Only the last run's pages are kept: the results of all runs are the JSON files beside. Pages are built
    aside and moved into place, so that a page is never half written. The indexes are ours: Great
    Expectations' own is drawn by a remote script.

    Args:
        failed: per suite the number of its checks and of those that failed.
    """
    beside = folder / f".{gate}"
    shutil.rmtree(beside, ignore_errors=True)
    context.add_data_docs_site(
        gate,
        {
            "class_name": "SiteBuilder",
            "show_how_to_buttons": False,
            "store_backend": {"class_name": "TupleFilesystemStoreBackend", "base_directory": str(beside)},
            "site_index_builder": {"class_name": "DefaultSiteIndexBuilder"},
        },
    )
    context.build_data_docs(site_names=[gate])
    for page in beside.rglob("*.html"):
        local = REMOTE_TAGS.sub("", page.read_text(encoding="utf-8"))
        page.write_text(local.replace("</head>", STYLE, 1), encoding="utf-8")
    rows = ""
    for suite, (checks, bad) in failed.items():
        page = next((beside / "validations" / suite).rglob("*.html")).relative_to(beside)
        rows += f'<tr><td><a href="{page}">{suite}</a></td><td>{checks}</td><td>{bad}</td></tr>'
    header = "<tr><th>suite</th><th>checks</th><th>failed</th></tr>"
    (beside / "index.html").write_text(_page(f"Gate: {gate}", f"<table>{header}{rows}</table>"), "utf-8")
    target = folder / gate
    shutil.rmtree(target, ignore_errors=True)
    beside.rename(target)
    links = "".join(
        f'<li><a href="{name}/index.html">{name}</a>: {what}</li>'
        for name, what in GATES.items()
        if (folder / name).exists()
    )
    write_atomically(folder / "index.html", _page("The gates, last run", f"<ul>{links}</ul>"))


def _page(title: str, body: str) -> str:
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title>{STYLE}'
        f"<body><h1>{title}</h1>{body}</body></html>"
    )
