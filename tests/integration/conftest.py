"""Fixtures of the integration tests."""

from tests.postgres_fixture import crm as crm
from tests.postgres_fixture import postgres as postgres
from tests.refused_fixture import refused as refused
from tests.refused_fixture import refused_once as refused_once
