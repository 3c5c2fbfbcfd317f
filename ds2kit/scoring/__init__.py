"""Scoring: alignment, error rates, their intervals, and the report."""
