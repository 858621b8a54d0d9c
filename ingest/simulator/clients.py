"""The client applications of the fleet: how each introduces itself, its releases and models."""

from __future__ import annotations

from dataclasses import dataclass

from ingest.simulator.slots import PLACE, PROFILE, Values
from ingest.simulator.steps import to_json


@dataclass(frozen=True)
class Release:
    """A version of a client, the MCP revision it speaks and the model it drives."""

    version: str
    protocol: str
    model: str


@dataclass(frozen=True)
class ClientKind:
    """A client application: its self-reported name, attested OAuth client and releases in order."""

    id: str
    name: str
    user_agent: str
    oauth: str
    releases: tuple[Release, Release]


_OLD, _MIDDLE, _NEW = "2025-06-18", "2025-11-25", "2026-07-28"

CLIENT_KINDS = (
    ClientKind("claude-code", "claude-code", "claude-code/<version> (cli)", "https://claude.example/oauth/client.json",
               (Release("2.1.281", _MIDDLE, "claude-sonnet-4-5"), Release("2.2.4", _NEW, "claude-opus-4-8"))),
    ClientKind("cursor", "cursor-vscode", "Cursor/<version>", "dcr-cursor-5f1e",
               (Release("2.4.30", _OLD, "gpt-5-mini"), Release("2.5.2", _MIDDLE, "gpt-5"))),
    ClientKind("chatgpt", "openai-mcp", "openai-mcp/<version> (ChatGPT)", "https://chatgpt.example/oauth/client.json",
               (Release("1.0.0", _NEW, "gpt-5"), Release("1.1.0", _NEW, "gpt-5.2"))),
    ClientKind("vscode", "Visual Studio Code", "node", "vscode-public-client",
               (Release("1.128.0", _MIDDLE, "gpt-5"), Release("1.129.1", _NEW, "claude-sonnet-4-5"))),
    ClientKind("ci-bot", "mcp-python-sdk", "python-httpx/0.28.1", "svc-ci-runner",
               (Release("1.24.0", _OLD, "claude-haiku-4-5"), Release("1.28.0", _NEW, "claude-haiku-4-5"))),
)  # fmt: skip
INTRUDER = ClientKind(
    "intruder", "mcp", "python-requests/2.32.5", "", (Release("0.1.0", _OLD, ""), Release("0.1.0", _OLD, ""))
)
"""The client of whoever holds a stolen key: an SDK's default name, no OAuth client."""

KINDS = (*CLIENT_KINDS, INTRUDER)
KIND_NUMBER = {kind.id: number for number, kind in enumerate(KINDS)}


@dataclass(frozen=True)
class Profile:
    """One release of one client as slot values, with its era: 0 has protocol sessions, 1 has none."""

    kind: ClientKind
    release: Release
    era: int
    values: Values


def profiles() -> list[Profile]:
    """Return two profiles for each kind of client, the older release first."""
    return [_profile(kind, release) for kind in KINDS for release in kind.releases]


def _profile(kind: ClientKind, release: Release) -> Profile:
    era = int(release.protocol == _NEW)
    info = f'{{"name":"{kind.name}","version":"{release.version}"}}'
    meta = (
        f',"_meta":{{"io.modelcontextprotocol/clientInfo":{info},'
        f'"io.modelcontextprotocol/protocolVersion":"{release.protocol}"}}'
    )
    canonical = {
        "client_oauth_id": kind.oauth,
        "client_name": kind.name,
        "client_version": release.version,
        "model_name": release.model,
    }
    texts = {
        "client": kind.name,
        "version": release.version,
        "ua": kind.user_agent.replace("<version>", release.version),
        "model": release.model,
        "meta": meta if era else "",
        "client_info": info,
        "protocol": release.protocol,
        "canonical_client": to_json({name: fact for name, fact in canonical.items() if fact})[1:-1],
    }
    first = PLACE[PROFILE[0]]
    assert [PLACE[name] - first for name in texts] == list(range(len(texts)))
    return Profile(kind, release, era, [text.encode() for text in texts.values()])
