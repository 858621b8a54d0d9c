"""JSON to a webhook, with a bearer token kept outside the configuration; a redirect is a failure."""

from __future__ import annotations

import json
import os
import urllib.request
from abc import abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from console.sinks import open_without_redirect
from console.terminal import visible
from store.errors import UsageError


class Token:
    """What names the place of a token: `token_env`, a variable, or `token_file`."""

    token_env: str
    token_file: str

    @property
    @abstractmethod
    def label(self) -> str:
        """How messages name it."""

    def token(self, environ: Mapping[str, str] = os.environ) -> str | None:
        """Return the bearer token, or None; UsageError when the place it should be in has none."""
        if self.token_env:
            found = environ.get(self.token_env, "")
        elif self.token_file:
            found = Path(self.token_file).read_text("utf-8") if Path(self.token_file).is_file() else ""
        else:
            return None
        if not found.strip():
            raise UsageError(f"{self.label}: there is no token in {self.token_env or self.token_file}")
        return found.strip()


def post(url: str, body: Any, key: str, token: str | None, timeout: float) -> None:
    """Send a body as JSON; returns when it was answered with 2xx, else OSError. `key` tells a repeat."""
    headers = {"Content-Type": "application/json", "Idempotency-Key": key}
    if token is not None:
        headers["Authorization"] = f"Bearer {token}"
    asked = urllib.request.Request(url, json.dumps(body).encode(), headers, method="POST")  # noqa: S310 - http or https
    with open_without_redirect(asked, timeout) as answer:
        answer.read()


def wrong_url(text: str) -> str | None:
    """Return what is wrong with the url of a webhook."""
    url = urlsplit(text)
    fine = url.scheme in ("http", "https") and url.netloc and "@" not in url.netloc
    return None if fine else "url is http or https, without a password"


def harmless(value: Any) -> Any:
    """Return JSON values in which no text can move, hide or reorder what a person reads."""
    if isinstance(value, str):
        return visible(value)
    if isinstance(value, list):
        return [harmless(one) for one in value]
    if isinstance(value, dict):
        return {key: harmless(one) for key, one in value.items()}
    return value if value is None or isinstance(value, (bool, int, float)) else str(value)
