"""dbt's documentation with the lineage, as one page beside the reports; no second dbt process.

It is what `dbt docs generate --static` writes (dbt's own index.html with manifest and catalogue in it; see
dbt/task/docs/generate.py), from the manifest kept with the publication and the published columns, in a
second instead of ten, and nothing in it is loaded from or sent to any network.
"""

import gzip
import hashlib
import json
from importlib.metadata import version
from pathlib import Path

from roundtrip.errors import BadInput
from roundtrip.files import write_atomically
from roundtrip.home import Home
from roundtrip.publish import published
from roundtrip.publish.versions import current

_MARK = '<meta name="roundtrip-lineage" content="{fingerprint}">'
_SLOTS = ('"MANIFEST.JSON INLINE DATA"', '"CATALOG.JSON INLINE DATA"')
#: AngularJS then neither probes for eval nor writes a style tag for itself: both are refused by the policy.
_NO_EVAL = '<html ng-csp="no-unsafe-eval" '
#: What a browser would ask for in vain: no such page, and icons asked for before their names are filled in.
_MENDED = {
    '<link rel="canonical" href="/overview/"/>': "",
    '<link rel="shortcut icon" href="${require(\'./assets/favicons/favicon.ico\')}"/>': "",
    'xlink:href="{{ getIcon': 'ng-attr-xlink:href="{{ getIcon',
}


def lineage_page(home: Home) -> Path:
    """Where the page is, once it was written."""
    return home.reports_dir / "dbt_docs" / "index.html"


def write_docs(home: Home) -> dict:
    """Write `reports/dbt_docs/index.html` for the published warehouse, if its models have changed since.

    Returns:
        page: relative to the home; is_new: whether it was made anew; megabytes.

    Raises:
        BadInput: nothing is published, or the publication has no manifest.
    """
    publication = current(home)
    if publication is None:
        raise BadInput(f"{home.current_db} is no publication that is kept", "run the stage publish first")
    models_hash = publication.lineage.get("dbt_models_hash")
    kept = home.manifests_dir / f"{models_hash}.json.gz"
    if not models_hash or not kept.exists():
        raise BadInput(f"{kept} does not exist", "run the stages from build_warehouse to publish again")
    page, packed = lineage_page(home), kept.read_bytes()
    # Of the whole manifest: a better description does not change the hash of the models.
    fingerprint = hashlib.sha256(packed).hexdigest()
    mark = _MARK.format(fingerprint=f"{fingerprint} {version('dbt-core')}")
    is_new = not _is_marked(page, mark)
    if is_new:
        manifest = json.loads(gzip.decompress(packed))
        # dbt's page has a tracker in it; the policy of the report server would stop it as well.
        manifest["metadata"]["send_anonymous_usage_stats"] = False
        write_atomically(page, _filled(manifest, _catalogue(home, manifest), mark))
    megabytes = round(page.stat().st_size / 1e6, 1)
    return {"page": str(page.relative_to(home.root)), "is_new": is_new, "megabytes": megabytes}


def _is_marked(page: Path, mark: str) -> bool:
    if not page.exists():
        return False
    with page.open(encoding="utf-8") as text:
        return mark in text.read(4_000)


def _filled(manifest: dict, catalogue: dict, mark: str) -> str:
    from dbt.task.docs import DOCS_INDEX_FILE_PATH

    text = Path(DOCS_INDEX_FILE_PATH).read_text(encoding="utf-8")
    for broken, mended in _MENDED.items():
        text = text.replace(broken, mended)
    text = text.replace("<html ", _NO_EVAL, 1)
    text = text.replace("<head>", f'<head>{mark}<link rel="icon" href="data:,">', 1)
    for slot, data in zip(_SLOTS, (manifest, catalogue), strict=True):
        # Inside a script element, "</script>" would end it.
        text = text.replace(slot, json.dumps(data, ensure_ascii=False).replace("</", "<\\/"), 1)
    return text


def _catalogue(home: Home, manifest: dict) -> dict:
    """What dbt calls catalog.json, of the published tables: their columns with types and comments."""
    with published(home) as warehouse:
        rows = warehouse.execute(
            "SELECT table_name, column_name, data_type, comment, column_index FROM duckdb_columns() "
            "WHERE schema_name = 'marts' ORDER BY table_name, column_index"
        ).fetchall()
    columns: dict[str, dict] = {}
    for table, name, kind, comment, place in rows:
        columns.setdefault(table, {})[name] = {
            "name": name,
            "type": kind,
            "index": place,
            "comment": comment,
        }
    nodes = {
        key: {
            "unique_id": key,
            "metadata": {"type": "BASE TABLE", "schema": "marts", "name": node["name"], "comment": None},
            "columns": columns[node["name"]],
            "stats": {"has_stats": {"id": "has_stats", "value": False, "include": False}},
        }
        for key, node in manifest["nodes"].items()
        if node.get("schema") == "marts" and node["name"] in columns
    }
    return {"metadata": manifest["metadata"], "nodes": nodes, "sources": {}, "errors": None}
