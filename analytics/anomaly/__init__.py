"""Anomaly of sessions: train on history, score sessions, and say which call surprised and why. See docs/anomaly.md."""

from analytics.anomaly.calls import COLUMNS
from analytics.anomaly.judged import WEIGHTS, Weights
from analytics.anomaly.model import Model, train
from analytics.anomaly.scoring import Scored, review, score
from analytics.anomaly.storage import from_arrow, to_arrow

__all__ = [
    "COLUMNS", "WEIGHTS", "Model", "Scored", "Weights", "from_arrow", "review", "score", "to_arrow", "train",
]  # fmt: skip
