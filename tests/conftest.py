"""Fixtures every test may ask for."""

import warnings

import pytest
from authorities import authorities, authority
from broker import broker, own_broker
from kafka_harness import kafka, ledger
from lakes import empty_lake, lake
from mail_harness import mails

__all__ = [
    "authorities",
    "authority",
    "broker",
    "empty_lake",
    "kafka",
    "lake",
    "ledger",
    "mails",
    "own_broker",
]


def pytest_configure(config: pytest.Config) -> None:
    """Let pass what kafka-python does when a connection is refused: it leaves the socket to the collector."""
    config.addinivalue_line("filterwarnings", "ignore:unclosed <(socket|ssl):ResourceWarning")
    warnings.filterwarnings(
        "ignore", r"unclosed <(socket|ssl)", ResourceWarning
    )  # for the collection at the very end


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep tests that need a broker on one worker: a broker is a gigabyte, and they stop and start it."""
    for item in items:
        if item.get_closest_marker("broker"):
            item.add_marker(pytest.mark.xdist_group("broker"))
