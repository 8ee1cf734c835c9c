"""Replacing, reading and rolling back the published warehouse."""

from roundtrip.publish.publication import publish, publish_actions, publish_scores
from roundtrip.publish.reader import published
from roundtrip.publish.rollback import Actor, newer_than_current, roll_back
from roundtrip.publish.versions import kept

__all__ = [
    "Actor",
    "kept",
    "newer_than_current",
    "publish",
    "publish_actions",
    "publish_scores",
    "published",
    "roll_back",
]
