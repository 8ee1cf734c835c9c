"""Churn models: frame, split, fit, evaluate, register, score. Read README.md for the road."""
