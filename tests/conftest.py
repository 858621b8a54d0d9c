"""Fixtures every test may ask for."""

import pytest
from broker import broker, own_broker
from kafka_harness import kafka, ledger

__all__ = ["broker", "kafka", "ledger", "own_broker"]


def pytest_configure(config: pytest.Config) -> None:
    """Let pass what kafka-python does when a connection is refused: it leaves the socket to the collector."""
    config.addinivalue_line("filterwarnings", "ignore:unclosed <socket:ResourceWarning")
    config.addinivalue_line(
        "filterwarnings", "ignore:Exception ignored in. <socket:pytest.PytestUnraisableExceptionWarning"
    )
