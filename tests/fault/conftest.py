"""Fixtures of the fault tests."""

from tests.postgres_fixture import crm as crm
from tests.postgres_fixture import postgres as postgres
