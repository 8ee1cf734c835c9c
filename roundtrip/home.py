"""Where a company's state lives: every path under ROUNDTRIP_HOME, in one place."""

import os
from dataclasses import dataclass
from pathlib import Path

#: The checkout (or installation) that holds dags/, dbt_project/, expectations/, plan/ and sources/.
PROJECT_ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Home:
    """One company's state folder. Paths are properties, so that no other module spells one."""

    root: Path

    @classmethod
    def from_env(cls, override: str | os.PathLike | None = None) -> "Home":
        """The folder given, else $ROUNDTRIP_HOME, else ./data in the project; always absolute."""
        chosen = override or os.environ.get("ROUNDTRIP_HOME") or PROJECT_ROOT / "data"
        return cls(Path(chosen).expanduser().resolve())

    @property
    def company_file(self) -> Path:
        """What this home was set up for: name, landing, mapping, settings (see company.py)."""
        return self.root / "company.json"

    @property
    def simulated_dir(self) -> Path:
        """The landing folder of the simulated company that `make run` uses."""
        return self.root / "simulated"

    @property
    def batch_db(self) -> Path:
        """The rows of the files not yet loaded; rebuilt by every reading of files."""
        return self.root / "raw" / "batch.duckdb"

    @property
    def batch_vault_db(self) -> Path:
        """Plain values of the batch's personal data, encrypted; `load` moves them into the vault."""
        return self.root / "raw" / "batch.vault.duckdb"

    @property
    def vault_db(self) -> Path:
        """Plain values of the personal data behind raw's pseudonyms, encrypted."""
        return self.root / "vault" / "vault.duckdb"

    @property
    def raw_db(self) -> Path:
        """Every contract table, the newest version of each row, and the account of all rows."""
        return self.root / "raw" / "raw.duckdb"

    @property
    def quarantine_dir(self) -> Path:
        """Refused rows as Parquet: <table>/<batch id>.parquet."""
        return self.root / "quarantine"

    @property
    def requeued_dir(self) -> Path:
        """Mended rows: <delivery>.parquet says which refused rows they stand for; the rows themselves wait
        encrypted in <delivery>.duckdb until they are loaded (see ingest/requeued.py)."""
        return self.root / "requeued"

    @property
    def work_db(self) -> Path:
        """The warehouse being built by dbt; nobody but the build reads it."""
        return self.root / "warehouse" / "work.duckdb"

    @property
    def products_dir(self) -> Path:
        """Tables made after publication (scores …): <table>/<as_of>.parquet."""
        return self.root / "products"

    @property
    def rounds_dir(self) -> Path:
        """Planned rounds: <round id>/plan.parquet, plan.json, and decision.json once somebody has decided."""
        return self.root / "rounds"

    @property
    def outbox_dir(self) -> Path:
        """What leaves the house, with personal data: <round id>/<channel>.csv; and who got what (ledger)."""
        return self.root / "outbox"

    @property
    def published_dir(self) -> Path:
        return self.root / "published"

    @property
    def current_db(self) -> Path:
        """The published warehouse: whole or absent, replaced atomically."""
        return self.published_dir / "current.duckdb"

    @property
    def versions_dir(self) -> Path:
        """The last publications, each with its lineage: <version>.duckdb, <version>.json."""
        return self.published_dir / "versions"

    @property
    def manifests_dir(self) -> Path:
        """dbt's manifests behind the versions kept: <dbt_models_hash>.json.gz."""
        return self.published_dir / "manifests"

    @property
    def rollbacks_file(self) -> Path:
        """Who went back to which version, and when: one JSON object a line."""
        return self.published_dir / "rollbacks.jsonl"

    @property
    def publication_lock_file(self) -> Path:
        """Held by the one process that replaces `current_db`."""
        return self.published_dir / "publication.lock"

    @property
    def gates_dir(self) -> Path:
        """Results of the gates (<gate>/<as_of>.json) and the Data Docs (data_docs/)."""
        return self.root / "gates"

    @property
    def mlflow_dir(self) -> Path:
        return self.root / "mlflow"

    @property
    def champion_file(self) -> Path:
        """The champion in a few numbers, for those who do not open MLflow (see ml/card.py)."""
        return self.mlflow_dir / "champion.json"

    @property
    def champions_file(self) -> Path:
        """What was in production, when and why: one JSON object a line (see ml/history.py)."""
        return self.mlflow_dir / "champions.jsonl"

    @property
    def champions_lock_file(self) -> Path:
        """Held by the one process that moves the alias `champion`."""
        return self.mlflow_dir / "champions.lock"

    @property
    def monitoring_dir(self) -> Path:
        """What was found of the model in use on a date: <as_of>.json (see ml/drift.py)."""
        return self.mlflow_dir / "monitoring"

    @property
    def mlflow_uri(self) -> str:
        """The MLflow backend: a database of this home, or the server that $ROUNDTRIP_MLFLOW_URI names.

        A name of our own, since MLflow itself sets MLFLOW_TRACKING_URI, for every home in the process.
        """
        return os.environ.get("ROUNDTRIP_MLFLOW_URI") or f"sqlite:///{self.mlflow_dir / 'mlflow.db'}"

    @property
    def reports_dir(self) -> Path:
        return self.root / "reports"

    @property
    def runs_dir(self) -> Path:
        """One record per stage and as_of: <as_of>/<stage>.json."""
        return self.root / "runs"

    @property
    def notified_file(self) -> Path:
        """Of which events people were told: hashes of events and addresses."""
        return self.root / "notify" / "told.json"

    @property
    def logs_dir(self) -> Path:
        return self.root / "logs"

    @property
    def airflow_dir(self) -> Path:
        return self.root / "airflow"

    @property
    def secrets_dir(self) -> Path:
        """Generated logins and keys; readable by the owner only."""
        return self.root / "secrets"

    @property
    def servers_file(self) -> Path:
        """What `make up` started: names, process ids, addresses."""
        return self.root / "servers.json"

    @property
    def lock_file(self) -> Path:
        """Held by the one run that may write."""
        return self.root / "run.lock"

    @property
    def tmp_dir(self) -> Path:
        """DuckDB spills here."""
        return self.root / "tmp"
