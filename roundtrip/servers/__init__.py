"""`make up` and `make down`: Airflow, MLflow and the report server on this machine."""

from roundtrip.servers.control import down, status, status_table, up

__all__ = ["down", "status", "status_table", "up"]
