"""Sends one finding; returns when the other side has it, as far as that can be known, or raises OSError."""

from __future__ import annotations

import os
import socket
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from console.alerts import bus
from console.alerts.settings import Alert
from console.mail import message
from console.mail import send as send_mail
from console.terminal import visible
from console.webhook import harmless, post
from store.settings import Settings

TIMEOUT = 10.0
_FACILITY_SECURITY = 13
_LEVELS = {"critical": 2, "high": 3, "medium": 4, "low": 5, "info": 6}
_NAMES = (
    "finding_id", "detection", "severity", "user_id", "client", "credential_id", "server_name", "tool_name",
)  # fmt: skip
SD_ID = "tooltrail@32473"
"""Structured data of ours: 32473 is the number RFC 5612 keeps for those that have none."""


@dataclass(frozen=True)
class Sender:
    """Sends a finding where an alert says, with the servers the settings name."""

    settings: Settings

    def __call__(self, alert: Alert, finding: Mapping[str, Any]) -> None:
        """Send one finding; the same finding_id is how a receiver knows a repeat."""
        if alert.kind == "email":
            self._email(alert, finding)
        elif alert.kind == "kafka":
            self._kafka(alert, finding)
        else:
            {"webhook": _webhook, "syslog": _syslog}[alert.kind](alert, finding)

    def _email(self, alert: Alert, finding: Mapping[str, Any]) -> None:
        title = f"[Tooltrail] {finding['severity']}: {finding['title']}"
        told = [f"{name}: {finding[name]}" for name in _NAMES if finding.get(name) is not None]
        text = "\n".join([str(finding["explanation"]), "", *(visible(line) for line in told)])
        mail = self.settings.mail
        send_mail(mail, message(mail, alert.to, title, text, f"finding-{finding['finding_id']}"))

    def _kafka(self, alert: Alert, finding: Mapping[str, Any]) -> None:
        bus.write(self.settings.kafka.bootstrap_servers, alert.topic, finding, self._client())

    def arrived(self, alert: Alert, since: datetime) -> frozenset[str]:
        """Return the ids of findings that the other side says it has of those found since; only Kafka can be asked."""
        if alert.kind != "kafka":
            return frozenset()
        return bus.arrived(self.settings.kafka.bootstrap_servers, alert.topic, since, self._client())

    def _client(self) -> dict[str, Any]:
        from console.sources import kafka_client

        return kafka_client(self.settings)


def _webhook(alert: Alert, finding: Mapping[str, Any]) -> None:
    post(alert.url, harmless(dict(finding)), finding["finding_id"], alert.token(), TIMEOUT)


def _syslog(alert: Alert, finding: Mapping[str, Any]) -> None:
    host, _, port = alert.address.rpartition(":")
    message = rfc5424(finding)
    if alert.transport == "udp":
        with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM) as to:
            to.sendto(message, (host.strip("[]"), int(port)))
        return
    with socket.create_connection((host.strip("[]"), int(port)), TIMEOUT) as plain:
        if alert.transport == "tls":
            context = ssl.create_default_context(cafile=alert.ca_file or None)
            with context.wrap_socket(plain, server_hostname=host.strip("[]")) as safe:
                safe.sendall(b"%d %s" % (len(message), message))
        else:
            plain.sendall(b"%d %s" % (len(message), message))


def rfc5424(finding: Mapping[str, Any]) -> bytes:
    """Return a finding as one RFC 5424 message; what names things is structured data, the explanation the text."""
    priority = _FACILITY_SECURITY * 8 + _LEVELS[finding["severity"]]
    data = "".join(f' {n}="{_quoted(str(finding[n]))}"' for n in _NAMES if finding.get(n) is not None)
    text = visible(f"{finding['title']}: {finding['explanation']}")
    when = finding["event_time"].isoformat().replace("+00:00", "Z")
    head = (
        f"<{priority}>1 {when} {socket.gethostname() or '-'} tooltrail {os.getpid()} finding [{SD_ID}{data}] "
    )
    return head.encode() + b"\xef\xbb\xbf" + text.encode()


def _quoted(text: str) -> str:
    return visible(text).replace("\\", "\\\\").replace('"', '\\"').replace("]", "\\]")
