"""The saved queries: questions with their SQL, and asking them of a published warehouse within bounds."""

from roundtrip.queries.saved import Query, query_named, saved_queries
from roundtrip.queries.warehouse import Answer, Limits, Refused, Warehouse, opened

__all__ = ["Answer", "Limits", "Query", "Refused", "Warehouse", "opened", "query_named", "saved_queries"]
