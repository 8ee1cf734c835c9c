"""Where a training's card says it comes from: company, data, code, settings."""

from ml.frame import Frame, open_published, table_columns
from roundtrip.company import Company
from roundtrip.home import Home

#: Of definitions.md, for warehouses that do not say theirs.
_HORIZON_DAYS = [180, 365]


def about(home: Home, frame: Frame, parameters: dict, identity: dict, code_version: str) -> dict:
    """What the card and a reader of summary.json need to know of a run beside its results.

    Returns:
        company, label, horizon_days (least and most), labelled_rows, features (how many), seed,
        code_version, data_hash, parameters_hash, source_hash.
    """
    company = Company.load(home).name if home.company_file.exists() else home.root.name
    with open_published(home) as connection:
        names = ("label_horizon_min_days", "label_horizon_max_days")
        horizon = _HORIZON_DAYS
        if set(names) <= set(table_columns(connection, "warehouse_info")):
            horizon = list(
                connection.execute(f"SELECT {', '.join(names)} FROM marts.warehouse_info").fetchone()
            )
    return {
        "company": company,
        "label": parameters["label"],
        "horizon_days": horizon,
        "labelled_rows": len(frame.rows),
        "features": len(frame.features),
        "seed": parameters["seed"],
        "code_version": code_version,
        **{name: identity[name] for name in ("data_hash", "parameters_hash", "source_hash")},
    }
