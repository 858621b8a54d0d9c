"""What credential a session shows, in the words of each format that names one."""

from __future__ import annotations

import numpy as np

from ingest.simulator.fleet import BOTS_ZONE, Fleet
from ingest.simulator.slots import PLACE, ROW, USER
from ingest.simulator.stamps import SECOND, Ints, Words, hex16, iso_times

_OBOT_USER = PLACE["obot_user"] - len(ROW)
assert USER[_OBOT_USER] == "obot_user"


def obot_name(key: str, obot_user: str) -> str:
    """Return how Obot names a key: its label and its masked identifier."""
    return f"key {key[4:10]} (ok1-{obot_user}-{int(key[-3:], 16)})"


def session_credentials(
    fleet: Fleet, user: Ints, start: Ints, tokens: Words, keys: dict[int, str]
) -> list[tuple[bytes, bytes, bytes]]:
    """Return each session's credential: its id, its canonical columns and Obot's actor members.

    Static keys were issued long ago and never expire; tokens live for an hour. `keys` replaces a session's
    own credential by a static key.
    """
    _, issued = iso_times(start - 90 * SECOND)
    _, expires = iso_times(start + 3510 * SECOND)
    static = fleet.static_key[user].tolist()
    found: list[tuple[bytes, bytes, bytes]] = []
    for number, (person, token) in enumerate(zip(user.tolist(), hex16(tokens), strict=True)):
        if number in keys or static[number]:
            key = keys.get(number) or fleet.keys[person].decode()
            found.append(_static(fleet, person, key))
            continue
        canonical = (
            b'"auth_method":"oauth_jwt","credential_id":"jti_%s","credential_kind":"oauth_access_token",'
            b'"issued_at":"%s","expires_at":"%s"' % (token, issued[number], expires[number])
        )
        actor = b'"actorType":"user","id":"%s"' % fleet.values[person][_OBOT_USER]
        found.append((b"jti_" + token, canonical, actor))
    return found


def _static(fleet: Fleet, person: int, key: str) -> tuple[bytes, bytes, bytes]:
    canonical = (
        f'"auth_method":"api_key","credential_id":"{key}","credential_kind":"static_key",'
        f'"issued_at":"2025-{int(key[-1], 16) % 9 + 1:02d}-{int(key[-2:], 16) % 27 + 1:02d}T08:30:00Z"'
    )
    obot_user = fleet.values[person][_OBOT_USER].decode()
    name = obot_name(key, obot_user)
    actor = f'"actorType":"user","id":"{obot_user}","credentialID":"{name}"'
    if fleet.zone[person] == BOTS_ZONE:
        actor = f'"actorType":"credential","credentialID":"{name}"'
    return key.encode(), canonical.encode(), actor.encode()


def addresses(fleet: Fleet, user: Ints, rng: np.random.Generator, replaced: dict[int, str]) -> list[bytes]:
    """Return each session's client address: mostly the desk, one time in eight the same person's home."""
    home = (rng.random(len(user)) < 0.12).tolist()
    found = []
    for number, person in enumerate(user.tolist()):
        address = fleet.addresses[person]
        if home[number] and fleet.zone[person] != BOTS_ZONE:
            address = b"100.64" + address[2 : address.rindex(b".")]
        found.append(replaced[number].encode() if number in replaced else address)
    return found
