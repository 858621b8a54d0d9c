"""[alerts.NAME] of tooltrail.toml: where findings are sent. Secrets come from the environment or a file."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from analytics.detecting.catalog import SEVERITIES
from store.errors import UsageError

KINDS = ("webhook", "syslog")
TRANSPORTS = ("udp", "tcp", "tls")
_TYPES = {
    "kind": str, "url": str, "token_env": str, "token_file": str, "address": str, "transport": str, "ca_file": str,
    "severity": str, "budget": int,
}  # fmt: skip


@dataclass(frozen=True)
class Alert:
    """One place findings are sent to: those of `severity` or graver, at most `budget` a day (0: all)."""

    name: str
    kind: str
    url: str = ""
    token_env: str = ""
    token_file: str = ""
    address: str = ""
    transport: str = "udp"
    ca_file: str = ""
    severity: str = "medium"
    budget: int = 50

    def token(self, environ: Mapping[str, str] = os.environ) -> str | None:
        """Return the bearer token, or None; UsageError when the place it should be in has none."""
        if self.token_env:
            found = environ.get(self.token_env, "")
        elif self.token_file:
            found = Path(self.token_file).read_text("utf-8") if Path(self.token_file).is_file() else ""
        else:
            return None
        if not found.strip():
            raise UsageError(f"alerts.{self.name}: there is no token in {self.token_env or self.token_file}")
        return found.strip()


def parsed(table: Mapping[str, Any], where: str) -> list[Alert]:
    """Return the alerts of a parsed [alerts]; UsageError names the wrong key."""
    return [_alert(name, given, f"{where}: [alerts.{name}]") for name, given in table.items()]


def read(file: Path | None) -> list[Alert]:
    """Return the alerts of a configuration file; it was read once before, so that it is TOML."""
    if file is None:
        return []
    return parsed(tomllib.loads(file.read_text("utf-8")).get("alerts", {}), str(file))


def _alert(name: str, given: Any, where: str) -> Alert:
    if not isinstance(given, dict):
        raise UsageError("an alert is a section", where=where, hint=f"write [alerts.{name}]")
    for key, value in given.items():
        if key not in _TYPES:
            hint = "token_env or token_file say where it is" if "token" in key or "password" in key else None
            raise UsageError(
                f"unknown key {key!r}", where=where, hint=hint or f"known are {', '.join(_TYPES)}"
            )
        if not isinstance(value, _TYPES[key]) or isinstance(value, bool):
            raise UsageError(f"{key} is of the wrong type", where=where)
    if given.get("kind") not in KINDS:
        raise UsageError(f"kind is one of {', '.join(KINDS)}", where=where)
    alert = Alert(name, **given)
    if alert.severity not in SEVERITIES or alert.transport not in TRANSPORTS or alert.budget < 0:
        raise UsageError("severity, transport or budget is not one of what there is", where=where)
    url = urlsplit(alert.url)
    if alert.kind == "webhook" and (url.scheme not in ("http", "https") or "@" in url.netloc):
        raise UsageError("url is http or https, without a password", where=where)
    if alert.kind == "syslog" and not alert.address.rpartition(":")[2].isdecimal():
        raise UsageError("address is HOST:PORT", where=where)
    return alert
