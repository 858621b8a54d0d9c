"""Take secrets out of texts, JSON documents and unreadable payloads before anything is stored.

Each secret becomes `[REDACTED:<kind>:<digest>]`. The digest is keyed by the site and depends on the secret
alone, so a secret can be followed through arguments, URIs and errors without being known. Nothing here
logs or raises what it redacts.
"""

from __future__ import annotations

import hashlib
import hmac
import html
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import polars as pl

from ingest import secrets

MAX_OPENED = 3
"""How deep JSON inside JSON strings is opened; deeper text is still searched, as text."""

_LONGEST_PATH = 1024
"""Beyond this a pointer is not made more exact: the pointers of a few kilobytes of brackets would take gigabytes."""
_LABEL = b"tooltrail redaction digest v1"
_MARKER = re.compile(r"\[REDACTED:[a-z0-9_]+:[0-9a-f]{16}\]")
_TOKEN = re.compile(
    r'"[^"\\]*(?:\\.[^"\\]*)*(?:"|\\?\Z)|[{}\[\],:]|[^\s{}\[\],:"]+',
    re.DOTALL,
)
_PAIR = re.compile(
    r"(?P<quote>\\*[\"'])(?P<name>[^\"'\\\r\n]{1,128})(?P=quote)\s*:\s*"
    r"(?:(?P=quote)(?P<value>.*?)(?=(?<!\\)(?P=quote)|\Z)|(?P<number>-?[0-9][0-9.eE+-]*))",
    re.DOTALL,
)
_SCHEME = re.compile(
    r"(?:Bearer|Basic|Token|Digest|Negotiate|ApiKey|Api-Key|SSWS|Bot|DPoP|OAuth|AWS4-HMAC-SHA256) +",
    re.IGNORECASE,
)
_SURROGATE = re.compile(r"[\ud800-\udfff]")
_INTRODUCTION = """# Redaction

Generated from `ingest/secret_patterns.toml`; do not edit.

Secrets never reach the lake. Before anything is written, dead letters included, each becomes
`[REDACTED:<kind>:<digest>]`. The digest is the first 16 hex digits of an HMAC-SHA256 keyed by the site, over
the secret alone: the same secret has the same marker everywhere, and another site's says nothing about it.

## Patterns
"""
_NAMES = """The value of a JSON key, header, variable or option with one of these names is taken out whole.
A name counts when its last words are one of these, however spelt: `DB_PASSWORD`, `userPassword` and
`x-api-key` all do."""
_LENIENT = json.JSONDecoder(strict=False)
_CONSTANTS = frozenset({"true", "false", "null"})


@dataclass(frozen=True)
class Redaction:
    """One secret taken out: `path` is a JSON pointer, "" for plain text; the digest is keyed."""

    path: str
    kind: str
    digest: str


@dataclass(frozen=True)
class Redacted:
    """What is left. `text` is the very object that was given when there was nothing to take out."""

    text: str | bytes
    redactions: tuple[Redaction, ...]


@dataclass
class _Edit:
    """A JSON token, or a run of them, and what replaces it."""

    start: int
    end: int
    text: str
    redactions: list[Redaction]


@dataclass
class _Frame:
    """An open object or array while a document is walked."""

    path: str
    array: bool
    key: str = ""
    expects_key: bool = True
    index: int = 0
    kind: str | None = None
    option: str | None = None
    named: str | None = None
    held: list[tuple[int, int]] = field(default_factory=list)

    def child(self) -> str:
        """Return the JSON pointer of the value being read."""
        step = str(self.index) if self.array else self.key.replace("~", "~0").replace("/", "~1")
        return f"{self.path}/{step}"

    def value_kind(self) -> str | None:
        """Return the kind the next value is because of its key, or of the option before it."""
        return self.option if self.array else self.kind


class Redactor:
    """Finds and replaces secrets; one per site, because digests are keyed by the site's key."""

    def __init__(self, site_key: bytes) -> None:
        self._key = hmac.digest(site_key, _LABEL, hashlib.sha256)

    def suspects(self, records: Sequence[bytes]) -> np.ndarray:
        """Say for each raw record whether it could hold a secret; False is certain, True is not."""
        texts, certain = _decoded(records)
        flags = _suspects(pl.Series(texts, dtype=pl.String))
        flags[certain] = True
        return flags

    def suspects_in(self, column: pl.Series) -> np.ndarray:
        """Say the same for each text of a column; a long column costs much less per text than a short one."""
        return _suspects(column)

    def text(self, text: str, path: str = "") -> Redacted:
        """Redact one decoded string, which may itself hold JSON."""
        found: list[Redaction] = []
        clean = self.string(text, path, found, 0)
        return Redacted(clean if found else text, tuple(found))

    def json(self, document: bytes) -> Redacted:
        """Redact a JSON document: values of sensitive keys whole, other strings where a pattern matches."""
        try:
            text = document.decode()
            json.loads(text)
        except (ValueError, RecursionError):
            return self.raw(document)
        found: list[Redaction] = []
        clean = _Walk(self, text, "", 0, found).run()
        return Redacted(clean.encode() if found else document, tuple(found))

    def raw(self, payload: bytes) -> Redacted:
        """Redact bytes that no parser could read; what is not UTF-8 stays as it was."""
        if b"\x00" in payload:
            return self._wide(payload)
        text = payload.decode("utf-8", "surrogateescape")
        found: list[Redaction] = []
        clean = self._unparsed(text, found)
        return Redacted(clean.encode("utf-8", "surrogateescape") if found else payload, tuple(found))

    def _wide(self, payload: bytes) -> Redacted:
        """Read both halves of what may be UTF-16 when a NUL byte says that it is not plain text."""
        order = "utf-16-be" if payload[:1] == b"\x00" or payload[:2] == b"\xfe\xff" else "utf-16-le"
        found: list[Redaction] = []
        narrow = self._unparsed(payload.decode("utf-8", "surrogateescape"), found)
        if found:
            payload = narrow.encode("utf-8", "surrogateescape")
        wide: list[Redaction] = []
        text = self._unparsed(payload[: len(payload) & ~1].decode(order, "replace"), wide)
        return Redacted(text.encode(order, "surrogatepass") if wide else payload, (*found, *wide))

    def _unparsed(self, text: str, found: list[Redaction]) -> str:
        """Redact a whole document if it is one, else JSON strings, quoted pairs and then the text as such."""
        if not _SURROGATE.search(text) and _is_json(text):
            return _Walk(self, text, "", 0, found, dead_letter=True).run()
        text = _Walk(self, text, "", 0, found, dead_letter=True).run()
        text = _PAIR.sub(lambda match: self._pair(match, found), text)
        return self.plain(text, "", found)

    def _pair(self, match: re.Match[str], found: list[Redaction]) -> str:
        group = "number" if match["value"] is None else "value"
        kind = secrets.key_kind(match["name"], dead_letter=True)
        if not kind or not match[group] or _MARKER.search(match[group]):
            return match[0]
        quote = "" if group == "value" else match["quote"]
        marker = self.replace(_unquoted(f'"{match[group]}"'), kind, "", found)
        return f"{match[0][: match.start(group) - match.start()]}{quote}{marker}{quote}"

    def replace(self, secret: str, kind: str, path: str, found: list[Redaction]) -> str:
        """Return the marker of a secret and note it; a shape of its own decides the kind."""
        kind = secrets.shape_of(secret) or kind
        plain = secrets.canonical(secret, kind).encode("utf-8", "surrogatepass")
        redaction = Redaction(path, kind, hmac.digest(self._key, plain, hashlib.sha256).hex()[:16])
        found.append(redaction)
        return f"[REDACTED:{kind}:{redaction.digest}]"

    def string(
        self,
        text: str,
        path: str,
        found: list[Redaction],
        depth: int,
        among: Sequence[secrets.Pattern] | None = None,
    ) -> str:
        """Redact a decoded string: as JSON when it is that, else as text."""
        if depth < MAX_OPENED and text.lstrip()[:1] in ("{", "[", '"') and _is_json(text):
            return _Walk(self, text, path, depth + 1, found, among=among).run()
        return self.plain(text, path, found, among)

    def plain(
        self, text: str, path: str, found: list[Redaction], among: Sequence[secrets.Pattern] | None = None
    ) -> str:
        """Replace until nothing is found, so that redacting the outcome again changes nothing."""
        if among is not None and not among and "=" not in text and ":" not in text:
            return text
        while True:
            before = len(found)
            pieces, at = [], 0
            for marker in _MARKER.finditer(text):
                pieces += [self._piece(text[at : marker.start()], path, found, among), marker[0]]
                at = marker.end()
            pieces.append(self._piece(text[at:], path, found, among))
            if len(found) == before:
                return text
            text = "".join(pieces)

    def _piece(
        self, text: str, path: str, found: list[Redaction], among: Sequence[secrets.Pattern] | None
    ) -> str:
        out, at = [], 0
        for start, end, kind in secrets.find(text, among):
            out += [text[at:start], self.replace(text[start:end], kind, path, found)]
            at = end
        return "".join([*out, text[at:]]) if at else text

    def whole(self, text: str, kind: str, path: str, found: list[Redaction]) -> str:
        """Replace a sensitive value whole; the scheme word of an Authorization value stays."""
        scheme = _SCHEME.match(text)
        head = scheme[0] if scheme else ""
        secret = text[len(head) :]
        if not secret or _MARKER.fullmatch(secret) or not secret.strip("*"):
            return text
        return head + self.replace(secret, kind, path, found)


class _Walk:
    """One pass over the tokens of a JSON text, replacing tokens in place: all other bytes stay as they are.

    The text need not be whole or correct: what the tokens make plain is used, the rest is skipped.
    """

    def __init__(
        self,
        redactor: Redactor,
        text: str,
        path: str,
        depth: int,
        found: list[Redaction],
        *,
        dead_letter: bool = False,
        among: Sequence[secrets.Pattern] | None = None,
    ) -> None:
        if among is None and "\\u" not in text:
            among = secrets.candidates(text.replace("\\/", "/"))
        self._among = among
        self._redactor = redactor
        self._text = text
        self._depth = depth
        self._found = found
        self._dead_letter = dead_letter
        self._edits: list[_Edit] = []
        self._frames = [_Frame(path, array=True)]
        self._root = path
        self._swallow: tuple[int, int, str, str] | None = None

    def run(self) -> str:
        """Walk, and return the text with every edit made."""
        for token in _TOKEN.finditer(self._text):
            first = token[0][0]
            if self._swallow:
                self._swallowed(first, token.end())
            elif first in "{[":
                self._open(first, token.start())
            elif first in "}]":
                self._close(token.end())
            elif first == ",":
                self._next()
            elif first == ":":
                self._frames[-1].expects_key = False
            else:
                self._scalar(token[0], token.start(), token.end())
        if self._swallow:
            self._finish_swallow(len(self._text))
        return self._applied()

    def _path(self) -> str:
        frame = self._frames[-1]
        if len(frame.path) > _LONGEST_PATH:
            return frame.path
        return self._root if len(self._frames) == 1 else frame.child()

    def _open(self, bracket: str, start: int) -> None:
        frame = self._frames[-1]
        kind = frame.value_kind()
        if kind:
            self._swallow = (start, 1, kind, self._path())
            return
        if not frame.array and frame.key.lower() in secrets.rules()["values"]:
            frame.held.append((start, -1))
        self._frames.append(_Frame(self._path(), array=bracket == "["))

    def _swallowed(self, first: str, end: int) -> None:
        assert self._swallow
        start, depth, kind, path = self._swallow
        depth += (first in "{[") - (first in "}]")
        self._swallow = (start, depth, kind, path)
        if depth == 0:
            self._finish_swallow(end)

    def _finish_swallow(self, end: int) -> None:
        assert self._swallow
        start, _, kind, path = self._swallow
        self._swallow = None
        self._cover(start, end, kind, path)

    def _cover(self, start: int, end: int, kind: str, path: str) -> None:
        """Replace a whole value, in place of whatever was replaced inside it."""
        source = self._text[start:end]
        if not source.strip("{}[] \t\r\n"):
            return
        self._edits = [edit for edit in self._edits if not start <= edit.start < end]
        found: list[Redaction] = []
        if source[0] == '"':
            clean = self._redactor.whole(_unquoted(source), kind, path, found)
        else:
            clean = self._redactor.replace(source, kind, path, found)
        if found:
            self._edits.append(_Edit(start, end, _quoted(clean), found))

    def _close(self, end: int) -> None:
        if len(self._frames) == 1:
            return
        frame = self._frames.pop()
        for start, stop in frame.held if frame.named else ():
            assert frame.named
            self._cover(start, end if stop < 0 else stop, frame.named, f"{frame.path}/value")
        parent = self._frames[-1]
        parent.option = None
        if parent.held and parent.held[-1][1] < 0:
            parent.held[-1] = (parent.held[-1][0], end)

    def _next(self) -> None:
        frame = self._frames[-1]
        frame.index += 1
        frame.expects_key = True
        frame.kind = None

    def _scalar(self, token: str, start: int, end: int) -> None:
        frame = self._frames[-1]
        if token[0] == '"' and not frame.array and frame.expects_key:
            self._key(token, start, end)
            return
        path, kind = self._path(), frame.value_kind()
        frame.option = None
        if kind:
            if token not in _CONSTANTS:
                self._cover(start, end, kind, path)
            return
        found: list[Redaction] = []
        if token[0] == '"':
            text = _unquoted(token)
            self._remember(frame, text, start, end)
            clean = self._redactor.string(text, path, found, self._depth, self._among)
        else:
            self._hold(frame, start, end)
            clean = (
                self._redactor.plain(token, path, found, self._among) if token[0] in "-0123456789" else token
            )
        if found:
            self._edits.append(_Edit(start, end, _quoted(clean), found))

    def _key(self, token: str, start: int, end: int) -> None:
        frame = self._frames[-1]
        name = _unquoted(token)
        found: list[Redaction] = []
        frame.key = self._redactor.plain(name, frame.path, found, self._among)
        if found:
            self._edits.append(_Edit(start, end, _quoted(frame.key), found))
        frame.kind = secrets.key_kind(name, dead_letter=self._dead_letter)

    def _remember(self, frame: _Frame, text: str, start: int, end: int) -> None:
        """Note what a later value may depend on: `{"name": "API_KEY", ...}`, `["--password", ...]`."""
        if frame.array:
            frame.option = secrets.key_kind(text) if text.startswith("-") else None
        elif frame.key.lower() in secrets.rules()["names"]:
            frame.named = secrets.key_kind(text) or frame.named
        self._hold(frame, start, end)

    def _hold(self, frame: _Frame, start: int, end: int) -> None:
        if not frame.array and frame.key.lower() in secrets.rules()["values"]:
            frame.held.append((start, end))

    def _applied(self) -> str:
        if not self._edits:
            return self._text
        out, at = [], 0
        for edit in sorted(self._edits, key=lambda e: e.start):
            out += [self._text[at : edit.start], edit.text]
            at = edit.end
            self._found += edit.redactions
        return "".join([*out, self._text[at:]])


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def _unquoted(token: str) -> str:
    """Decode a JSON string token; one cut short or badly escaped is read as far as it goes."""
    body = token[1:-1] if token[-1:] == '"' and len(token) > 1 else token[1:]
    if "\\" not in body:
        return body
    try:
        return str(_LENIENT.decode(token))
    except ValueError:
        return body


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=bool(_SURROGATE.search(text)))


def _suspects(column: pl.Series) -> np.ndarray:
    """Filter coarsely with cheap expressions, then look closely at what is left; null is no suspect."""
    coarse = column.str.contains(secrets.coarse_expression())
    hits = np.flatnonzero(coarse.fill_null(value=False).to_numpy())
    flags = np.zeros(len(column), dtype=np.bool_)
    if len(hits):
        close = column.gather(hits).str.replace_all(secrets.ordinary_names(), '"')
        flags[hits] = close.str.contains(secrets.scan_expression()).to_numpy()
    return flags


def _decoded(records: Sequence[bytes]) -> tuple[list[str], list[int]]:
    """Decode the records; name those that are not UTF-8, which are suspect whatever they hold."""
    texts, odd = [], []
    for index, record in enumerate(records):
        try:
            texts.append(record.decode())
        except UnicodeDecodeError:
            texts.append("")
            odd.append(index)
    return texts, odd


def reference() -> str:
    """Return docs/redaction.md: every pattern and every sensitive name."""
    lines = [_INTRODUCTION, "| Kind | What | Looks like |", "|---|---|---|"]
    for pattern in secrets.patterns():
        regex = pattern.regex.replace("|", "\\|").replace("\t", "\\t")
        lines.append(f"| `{pattern.kind}` | {pattern.title} | <code>{html.escape(regex)}</code> |")
    lines += ["", "## Names", "", _NAMES, ""]
    kinds: dict[str, list[str]] = {}
    for word, kind in secrets.key_words().items():
        kinds.setdefault(kind, []).append(f"`{word}`")
    lines += [f"- `{kind}`: {', '.join(sorted(words))}" for kind, words in kinds.items()]
    ordinary = ", ".join(f"`{word}`" for word in sorted(secrets.rules()["ordinary"]))
    lines += ["", f"Ordinary in spite of their last word: {ordinary}.", ""]
    return "\n".join(lines)
