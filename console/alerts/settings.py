"""[alerts.NAME] of tooltrail.toml: where findings are sent. Secrets come from the environment or a file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from analytics.detecting.catalog import SEVERITIES
from console import sections
from console.webhook import Token, wrong_url

KINDS = ("webhook", "syslog", "email", "kafka")
TRANSPORTS = ("udp", "tcp", "tls")


@dataclass(frozen=True)
class Alert(Token):
    """One place findings are sent to: those of `severity` or graver, at most `budget` a day (0: all).

    E-mail goes by the server of [mail], Kafka to the brokers of [kafka].
    """

    name: str
    kind: str = ""
    url: str = ""
    token_env: str = ""
    token_file: str = ""
    address: str = ""
    transport: str = "udp"
    ca_file: str = ""
    to: tuple[str, ...] = ()
    topic: str = ""
    severity: str = "medium"
    budget: int = 50

    @property
    def label(self) -> str:
        """How messages name it."""
        return f"alerts.{self.name}"


def parsed(table: Mapping[str, Any], where: str) -> list[Alert]:
    """Return the alerts of a parsed [alerts]; UsageError names the wrong key."""
    return list(
        sections.parsed(table, "alerts", Alert, wrong, lambda *path: f"{where}: [{'.'.join(path[:2])}]")
    )


def read(file: Path | None) -> list[Alert]:
    """Return the alerts of a configuration file; it was read once before, so that it is TOML."""
    return sections.read(file, "alerts", Alert, wrong)


def wrong(alert: Alert) -> str | None:
    """Return what is wrong with an alert, the key first."""
    if alert.kind not in KINDS:
        return f"kind is one of {', '.join(KINDS)}"
    if alert.severity not in SEVERITIES:
        return f"severity is one of {', '.join(SEVERITIES)}"
    if alert.transport not in TRANSPORTS:
        return f"transport is one of {', '.join(TRANSPORTS)}"
    if alert.budget < 0:
        return "budget is 0 or more"
    return _wanting(alert)


def _wanting(alert: Alert) -> str | None:
    """Return what an alert of its kind lacks, the key first."""
    if alert.kind == "webhook":
        return wrong_url(alert.url)
    if alert.kind == "syslog":
        return None if alert.address.rpartition(":")[2].isdecimal() else "address is HOST:PORT"
    if alert.kind == "email":
        return None if alert.to else "to is a list of addresses"
    return None if alert.topic else "topic is the topic to write to"
