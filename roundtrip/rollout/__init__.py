"""The rollout plan as data: read and checked, and followed by what the warehouse and the home show."""

from roundtrip.rollout.follow import follow, follow_plan
from roundtrip.rollout.plan import plan_of_company

__all__ = ["follow", "follow_plan", "plan_of_company"]
