"""By which channel a tool hands data to others, told from the words of its name and its server's.

An opinion about names, not a fact about a tool: a name that says nothing is no channel, and who receives is not judged.
Detections and stories mean the same tools: what is a sink to those hands data out here, and an operator's word counts.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any

from analytics.detecting.tool_classes import Overrides, classify

Place = tuple[str | None, str | None]
"""A server and a tool."""

_CAMEL = re.compile(r"([a-z0-9])([A-Z])")
_WORD = re.compile(r"[a-z0-9]+")

_GIVE = frozenset(
    ["send", "reply", "forward", "post", "publish", "share", "broadcast", "notify", "invite", "dm"]
)
_WRITE = frozenset(["create", "add", "update", "edit", "write", "comment", "reply", "submit", "open", "post"])
_MAIL = frozenset(
    ["mail", "mails", "email", "emails", "gmail", "outlook", "smtp", "ses", "sendgrid", "postmark", "mailgun"]
)
_CHAT = frozenset(
    [
        "slack",
        "teams",
        "discord",
        "telegram",
        "chat",
        "sms",
        "whatsapp",
        "mattermost",
        "message",
        "messages",
        "channel",
        "dm",
    ]
)
_TICKET = frozenset(
    [
        "issue",
        "issues",
        "ticket",
        "tickets",
        "comment",
        "comments",
        "pull",
        "merge",
        "pr",
        "discussion",
        "review",
        "jira",
        "linear",
    ]
)
_WEB = frozenset(["fetch", "curl", "http", "https", "webhook", "browse", "navigate", "goto", "visit"])
_BROWSER = frozenset(["fetch", "web", "http", "browser", "webhook", "puppeteer", "playwright", "curl"])
_ASK = frozenset(
    [
        "get",
        "post",
        "put",
        "open",
        "url",
        "page",
        "request",
        "call",
        "fetch",
        "navigate",
        "click",
        "type",
        "submit",
    ]
)
_SHARE = frozenset(["share", "publish", "upload", "gist", "paste", "pastebin"])
_CODE = frozenset(["github", "gitlab", "bitbucket", "git"])


POSTING = "posting"
"""The channel of a sink whose name tells no other."""


def channels(tools: Iterable[Place], told: Overrides) -> dict[Place, str | None]:
    """Return the channel of each server and tool, None for what hands nothing out."""
    classes = classify(((server, tool, None) for server, tool in tools), told).to_pylist()
    return {(row["server_name"], row["tool_name"]): _of(row, told) for row in classes}


def _of(row: Mapping[str, Any], told: Overrides) -> str | None:
    server, tool = row["server_name"], row["tool_name"]
    said = f"{server}.{tool}" in told or f"{server}.*" in told
    if said and not row["sink"]:
        return None
    return channel(server, tool) or (POSTING if row["sink"] else None)


@lru_cache(maxsize=4096)
def channel(server: str | None, tool: str | None) -> str | None:
    """Return mail, chat, ticket, web, share or repository; None for a tool that hands nothing out by its name."""
    if tool is None:
        return None
    words, place = _words(tool), _words(server or "")
    both = words | place
    for name, does in (
        ("mail", words & _GIVE and both & _MAIL),
        ("chat", words & _GIVE and both & _CHAT),
        ("ticket", words & _WRITE and both & _TICKET),
        ("web", words & _WEB or (place & _BROWSER and words & _ASK)),
        ("share", words & _SHARE),
        ("repository", "push" in words or (place & _CODE and words & (_WRITE | {"commit"}))),
    ):
        if does:
            return name
    return None


def _words(name: str) -> frozenset[str]:
    return frozenset(_WORD.findall(_CAMEL.sub(r"\1 \2", name).lower()))
