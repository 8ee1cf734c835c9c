"""Metrics of the semantic layer (dbt_project/models/semantic), asked of the published warehouse."""

from roundtrip.metrics.engine import Answer, Question, SemanticLayer

__all__ = ["Answer", "Question", "SemanticLayer"]
