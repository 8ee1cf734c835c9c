"""What one DAG announces and the next one waits for. Every event carries `as_of` in its `extra`."""

from airflow.sdk import Asset

BATCH = Asset("roundtrip://batch", extra={"holds": "raw/batch.duckdb: new files, read and typed"})
PUBLISHED = Asset("roundtrip://published", extra={"holds": "published/current.duckdb"})
MODEL = Asset("roundtrip://model", extra={"holds": "the champion in MLflow"})
SCORES = Asset("roundtrip://scores", extra={"holds": "published/current.duckdb with customer_scores"})
ROUND = Asset("roundtrip://round", extra={"holds": "rounds/: a plan that waits for a human"})
ACTIONS = Asset(
    "roundtrip://actions", extra={"holds": "published/current.duckdb with warnings, rounds, effects"}
)
REPORT = Asset("roundtrip://report", extra={"holds": "reports/"})
