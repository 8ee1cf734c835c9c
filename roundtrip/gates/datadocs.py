"""The Data Docs: the last run of each gate as pages that need no network."""

import html
import json
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
body { font: 15px/1.5 system-ui, sans-serif; color: #222; }
body { margin: 2rem auto; padding: 0 1rem; max-width: 60rem; }
table { border-collapse: collapse; }
td, th { border-bottom: 1px solid #ddd; padding: .3rem 1.2rem .3rem 0; }
td, th { text-align: left; vertical-align: top; }
td.count, th.count { text-align: right; font-variant-numeric: tabular-nums; }
a { color: #0b5cad; } .bad { color: #b42318; font-weight: 600; } .good { color: #1a7f37; }
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
    suites = {
        suite: {
            "page": str(next((beside / "validations" / suite).rglob("*.html")).relative_to(beside)),
            "checks": checks,
            "failed": bad,
        }
        for suite, (checks, bad) in failed.items()
    }
    (beside / "suites.json").write_text(json.dumps(suites), encoding="utf-8")
    (beside / "index.html").write_text(_page(f"Gate: {gate}", _table(suites, "")), encoding="utf-8")
    target = folder / gate
    shutil.rmtree(target, ignore_errors=True)
    beside.rename(target)
    write_atomically(folder / "index.html", _page("The gates, last run", _both_gates(folder)))


def _both_gates(folder: Path) -> str:
    sections = ""
    for gate, what in GATES.items():
        kept = folder / gate / "suites.json"
        if not kept.exists():
            continue
        suites = json.loads(kept.read_text(encoding="utf-8"))
        checks = sum(suite["checks"] for suite in suites.values())
        bad = sum(suite["failed"] for suite in suites.values())
        verdict = (
            f'<span class="bad">{bad} did not hold</span>' if bad else '<span class="good">all held</span>'
        )
        sections += f"<h2>{html.escape(what.capitalize())}</h2><p>{checks} checks, {verdict}.</p>"
        sections += _table(suites, f"{gate}/")
    return sections + (
        "<p>A check that does not hold either stops the publication or warns, as its author chose; "
        "its reason is on the suite's page.</p>"
    )


def _table(suites: dict[str, dict], prefix: str) -> str:
    rows = "".join(
        f'<tr><td><a href="{prefix}{suite["page"]}">{html.escape(name.replace("__", ": "))}</a></td>'
        f'<td class="count">{suite["checks"]}</td>'
        f'<td class="count{" bad" if suite["failed"] else ""}">{suite["failed"]}</td></tr>'
        for name, suite in suites.items()
    )
    header = '<tr><th>suite</th><th class="count">checks</th><th class="count">did not hold</th></tr>'
    return f"<table>{header}{rows}</table>"


def _page(title: str, body: str) -> str:
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width"><title>{title}</title>{STYLE}'
        f"<body><h1>{title}</h1>{body}</body></html>"
    )
