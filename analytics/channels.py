"""By which channel a tool hands data to others, told from the words of its name and its server's.

An opinion about names, not a fact about a tool: a name that says nothing is no channel, and who receives is not judged.
"""

from __future__ import annotations

import re
from functools import lru_cache

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
