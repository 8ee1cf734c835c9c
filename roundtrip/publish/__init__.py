"""Replacing and reading the published warehouse."""

from roundtrip.publish.publication import publish, publish_scores
from roundtrip.publish.reader import published

__all__ = ["publish", "publish_scores", "published"]
