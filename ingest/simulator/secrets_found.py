"""Secrets as people paste them into tool arguments: the right shapes, none of them real."""

from __future__ import annotations

import base64
from collections.abc import Callable
from functools import partial

import numpy as np

_UPPER = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
_MIXED = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
POOL = 512


def fake_secrets(rng: np.random.Generator) -> list[tuple[bytes, bytes]]:
    """Return pairs of an argument's name and a made-up secret that says FAKE or EXAMPLE somewhere."""
    makers: tuple[tuple[str, Callable[[], str]], ...] = (
        ("aws_access_key_id", lambda: f"AKIA{_letters(rng, _UPPER, 9)}EXAMPLE"),
        ("token", lambda: f"ghp_FAKE{_letters(rng, _MIXED, 32)}"),
        ("api_key", lambda: f"sk-ant-api03-FAKE{_letters(rng, _MIXED, 40)}"),
        ("authorization", partial(_jwt, rng)),
        ("password", lambda: f"FAKE-{_letters(rng, _MIXED, 12)}"),
    )
    pairs = [(name, make()) for _ in range(POOL // len(makers) + 1) for name, make in makers]
    return [(name.encode(), secret.encode()) for name, secret in pairs[:POOL]]


def _letters(rng: np.random.Generator, alphabet: str, count: int) -> str:
    return "".join(alphabet[i] for i in rng.integers(0, len(alphabet), count))


def _jwt(rng: np.random.Generator) -> str:
    claims = f'{{"sub":"FAKE-{_letters(rng, _UPPER, 10)}","iss":"https://idp.acme.example"}}'
    parts = ('{"alg":"HS256","typ":"JWT"}', claims)
    body = ".".join(base64.urlsafe_b64encode(part.encode()).rstrip(b"=").decode() for part in parts)
    return f"{body}.FAKE{_letters(rng, _MIXED, 39)}"
