"""Drawings of pages as inline SVG, each of what a table beside it says."""

from reports.charts.campaign import decision_times, progress
from reports.charts.debt import burn_down, keys_by_age
from reports.charts.grants import states_by_server, used_matrix
from reports.charts.week import stacked_days

__all__ = [
    "burn_down",
    "decision_times",
    "keys_by_age",
    "progress",
    "stacked_days",
    "states_by_server",
    "used_matrix",
]
