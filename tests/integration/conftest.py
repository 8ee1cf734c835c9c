"""Fixtures of the integration tests."""

from tests.postgres_fixture import crm as crm
from tests.postgres_fixture import postgres as postgres
