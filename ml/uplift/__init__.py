"""What an action changes for a customer: learned from randomised campaigns, shrunk towards nothing."""

from ml.uplift.stage import learn_uplift

__all__ = ["learn_uplift"]
