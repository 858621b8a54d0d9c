"""Sends one finding; returns when the other side has it, as far as that can be known, or raises OSError."""

from __future__ import annotations

import json
import os
import socket
import ssl
import urllib.request
from collections.abc import Mapping
from typing import Any

from console.alerts.settings import Alert
from console.sinks import open_without_redirect
from console.terminal import visible

TIMEOUT = 10.0
_FACILITY_SECURITY = 13
_LEVELS = {"critical": 2, "high": 3, "medium": 4, "low": 5, "info": 6}
SD_ID = "tooltrail@32473"
"""Structured data of ours: 32473 is the number RFC 5612 keeps for those that have none."""


def send(alert: Alert, finding: Mapping[str, Any]) -> None:
    """Send one finding; the same finding_id is how a receiver knows a repeat."""
    {"webhook": _webhook, "syslog": _syslog}[alert.kind](alert, finding)


def _webhook(alert: Alert, finding: Mapping[str, Any]) -> None:
    headers = {"Content-Type": "application/json", "Idempotency-Key": finding["finding_id"]}
    if (token := alert.token()) is not None:
        headers["Authorization"] = f"Bearer {token}"
    body = json.dumps(_harmless(finding)).encode()
    asked = urllib.request.Request(alert.url, body, headers, method="POST")  # noqa: S310 - checked when it was read
    with open_without_redirect(asked, TIMEOUT) as answer:
        answer.read()


def _harmless(value: Any) -> Any:
    """Return JSON values in which no text can move, hide or reorder what a person reads."""
    if isinstance(value, str):
        return visible(value)
    if isinstance(value, list):
        return [_harmless(one) for one in value]
    if isinstance(value, dict):
        return {key: _harmless(one) for key, one in value.items()}
    return value if value is None or isinstance(value, (bool, int, float)) else str(value)


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
    names = (
        "finding_id",
        "detection",
        "severity",
        "user_id",
        "client",
        "credential_id",
        "server_name",
        "tool_name",
    )
    data = "".join(f' {n}="{_quoted(str(finding[n]))}"' for n in names if finding.get(n) is not None)
    text = visible(f"{finding['title']}: {finding['explanation']}")
    when = finding["event_time"].isoformat().replace("+00:00", "Z")
    head = (
        f"<{priority}>1 {when} {socket.gethostname() or '-'} tooltrail {os.getpid()} finding [{SD_ID}{data}] "
    )
    return head.encode() + b"\xef\xbb\xbf" + text.encode()


def _quoted(text: str) -> str:
    return visible(text).replace("\\", "\\\\").replace('"', '\\"').replace("]", "\\]")
