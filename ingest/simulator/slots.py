"""The slots a record is filled from, and the compiler that turns `<slot>` texts into fast byte templates.

Every value a record can vary by has one place in one flat list of bytes. A template is a `%s` text and an
itemgetter over that list, so that filling it costs two calls in C. Values never hold quotes, backslashes or
control characters, so a template that was escaped once needs no escaping when it is filled.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from operator import itemgetter
from typing import Any, NamedTuple

ROW = ("t", "ts", "uuid", "seq", "dur", "rpc", "span", "trace")
USER = (
    "user", "email", "sub", "team", "groups", "obot_user", "os_user", "install", "account", "terminal",
    "timezone",
)  # fmt: skip
PROFILE = (
    "client", "version", "ua", "model", "meta", "client_info", "protocol", "canonical_client",
)  # fmt: skip
SESSION = (
    "addr", "port", "key", "canonical_key", "obot_actor", "sid1", "sid2", "sid3", "conv", "secret_key",
    "secret",
)  # fmt: skip
CLIENT = ("at", "nano", "sequence", "prompt")
HEADS = tuple(f"head{i}" for i in range(8))
RECORD = (
    "cus", "first", "last", "first_lower", "last_lower", "company", "domain", "phone", "iban", "ticket",
    "invoice", "amount", "day", "file", "issue", "sha", "note", "remark", "city", "topic", "thread",
)  # fmt: skip
NEIGHBOUR = tuple(f"n_{name}" for name in RECORD)

NAMES = (*ROW, *USER, *PROFILE, *SESSION, *CLIENT, *HEADS, *RECORD, *NEIGHBOUR)
PLACE = {name: place for place, name in enumerate(NAMES)}
ROW_END = len(ROW)
RECORD_START = PLACE[RECORD[0]]
CLIENT_START = PLACE[CLIENT[0]]
HEAD_START = PLACE[HEADS[0]]

Values = list[bytes]

_SLOT = re.compile(r"<([a-z][a-z_0-9]*)>")


class Template(NamedTuple):
    """A byte text with `%s` for each slot, and what picks the slots' values in order."""

    text: bytes
    pick: Callable[[Values], Any]

    def fill(self, values: Values) -> bytes:
        """Return the text with its slots filled."""
        filled: bytes = self.text % self.pick(values)
        return filled


def compile_template(text: str, head: int = 0) -> Template:
    """Compile a text with `<slot>` marks; `<head>` means the session part of renderer number `head`."""
    pieces = _SLOT.split(text.replace("%", "%%"))
    names = [f"head{head}" if name == "head" else name for name in pieces[1::2]]
    literal = "%s".join(pieces[0::2]).encode()
    if len(names) == 1:
        place = PLACE[names[0]]
        return Template(literal, lambda values: (values[place],))
    if not names:
        return Template(literal, lambda _: ())
    return Template(literal, itemgetter(*(PLACE[name] for name in names)))


def fill(text: str, values: Values) -> str:
    """Fill a text once, for the places where speed does not matter."""
    return compile_template(text).fill(values).decode()
