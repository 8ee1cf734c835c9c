"""Clusters beside the rules of need segments, migrations, preferences, lines that go together."""

from ml.segments.stage import find_segments

__all__ = ["find_segments"]
