"""The seal of a closed campaign, as the lake keeps it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from analytics.review.campaign import Seal


def seal_text(versions: Mapping[str, int], files: Mapping[str, str]) -> str:
    """Return what is kept of a seal: versions, files with their SHA-256, and the digest of both."""
    body = {"versions": dict(sorted(versions.items())), "files": dict(sorted(files.items()))}
    digest = hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()
    return json.dumps({**body, "digest": digest}, sort_keys=True)


def seal_of(campaign: Mapping[str, Any]) -> Seal | None:
    """Return the seal of a campaign, or None while it is open."""
    if campaign["closed_at"] is None or campaign["seal"] is None:
        return None
    told = json.loads(campaign["seal"])
    at: datetime = campaign["closed_at"]
    return Seal(at, campaign["closed_by"], told["versions"], told["files"], told["digest"])
