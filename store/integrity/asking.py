"""One question over HTTP to those who vouch for the log: witnesses, and authorities that stamp the time."""

from __future__ import annotations

import http.client
import urllib.error
import urllib.request

from store.errors import UnreachableError, UsageError

_TIMEOUT = 30.0
_MOST = 1 << 16


def post(url: str, body: bytes, kind: str, whom: str) -> tuple[int, bytes]:
    """Send bytes of a media type; returns the status and the first 64 KiB of the answer.

    `whom` names who is asked, for messages. UsageError for what is no http address, UnreachableError without answer.
    """
    if not url.startswith(("https://", "http://")):
        raise UsageError(f"{url} is no http address")
    request = urllib.request.Request(url, body, {"Content-Type": kind})  # noqa: S310 - http and https only
    try:
        with urllib.request.urlopen(request, timeout=_TIMEOUT) as answer:  # noqa: S310 - http and https only
            return answer.status, answer.read(_MOST)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read(_MOST)
    except (OSError, http.client.HTTPException) as error:
        reason = getattr(error, "reason", error)
        raise UnreachableError(f"{whom} cannot be asked: {reason}", where=url) from error
