"""The explorer: the published warehouse as pages for analysts, part of the report server."""

from roundtrip.explorer.site import routes

__all__ = ["routes"]
