"""What counts as a secret: the patterns and key names of secret_patterns.toml, compiled for two engines.

Python's `re` looks at decoded texts. Rust's regex (through polars) looks at whole raw records, where the same
text is JSON-escaped once or several times; `scan_expression` MUST match all that Python redacts.
"""

from __future__ import annotations

import base64
import binascii
import re
import tomllib
import urllib.parse
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

SOURCE = Path(__file__).with_name("secret_patterns.toml")

_ESCAPE = r"\\[bfnrt]|\\u[0-9a-fA-F]{4}"
_ESCAPED_BEFORE = re.compile(rf"(?:{_ESCAPE})\Z")
_TAIL = r"(?![A-Za-z0-9])"
_SCAN_LEAD = rf"(?:^|[^A-Za-z0-9]|{_ESCAPE})"
# A letter, digit or sign of a secret written as \u00XX. Go and .NET write < > & ' so without any intent.
_NOT_WORD = rf"(?:[^A-Za-z0-9]|{_ESCAPE})"
_EVASION = r"\\u00(?:2[0-589a-fA-F]|3[0-9abdfABDF]|[4-7][0-9a-fA-F])"
_TRUNCATABLE = re.compile(r"(\[(?:\\.|[^\]\\])*\])\{([0-9]+)(?:,[0-9]*)?\}\Z")
_PIECE = re.compile(r"(\[(?:\\.|[^\]\\])*\])(\{[0-9]+(?:,[0-9]*)?\})?|\\.|.", re.DOTALL)
_SEPARATOR = r"[_\-. ]?"
_FILLERS = {
    "hex": "3f9a0c7be15d2846",
    "alnum": "q7Zt2Kp9Xv4Lm1Wc8Rb5",
    "upper": "Q7ZT2KP5XV4LM3WC",
    "digit": "7305918264",
}
_NAME_CHARACTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.- "
_SIGN = re.compile("=>|:=|=|:")
_VALUE = re.compile(
    r"[ \t]*(?:(?:\\{0,7}[\"'])?(?i:bearer|basic|token|digest|apikey|ssws|bot|dpop) +)?"
    r"(?:\\{0,7}\"(?P<double>[^\"\r\n]{1,4096}?)\\{0,7}\"|\\{0,7}'(?P<single>[^'\r\n]{1,4096}?)\\{0,7}'"
    r"|\\{0,7}[\"']?(?P<bare>(?:[^ \t\r\n\"'&,;<>\\]|\\[^nrt\"'\\]){6,4096}))",
)
_NOT_LETTERS = "".join(c for c in map(chr, range(128)) if not c.isalpha())
_LETTERS_END = re.compile(r"[^A-Za-z]+\Z")
_LONGEST_NAME = 80
_PLACEHOLDER = re.compile(
    r"(?i:string|str|text|number|integer|boolean|required|optional|none|null|undefined|false|true|any)"
    r"[)\]}.]*\Z"
    r"|[*•x.…]+\Z|<|\$\{|\$\(|\{\{|%[sr(]|os\.environ|process\.env|os\.getenv|getenv|Optional\[",
)
_NAME_END = r"[0-9]*[^A-Za-z0-9]*\Z"
_SHORT_NAME = 3
_SHORTEST = 8
_LONG_TOKEN = 20
_CACHED_NAME = 64


@dataclass(frozen=True)
class Pattern:
    """One entry of the file.

    `compiled` finds it in decoded text, `scan` in escaped text, where a `bounded` one starts a word.
    """

    kind: str
    title: str
    regex: str
    keywords: tuple[str, ...]
    scan: str
    bounded: bool
    example: str
    accepts: Callable[[re.Match[str]], bool]
    compiled: re.Pattern[str]
    folded: bool
    leads: bool
    quick: re.Pattern[str] | None

    @property
    def shaped(self) -> bool:
        """Whether the secret is recognised by its own shape, with nothing around it."""
        return not self.compiled.groups

    def find(self, text: str) -> Iterator[tuple[int, int]]:
        """Yield where secrets of this pattern stand in `text`."""
        group, at = self.compiled.groups, 0
        while match := self.compiled.search(text, at):
            if (self.leads or _at_word_start(text, match.start())) and self.accepts(match):
                yield match.span(group)
                at = match.end()
            else:
                at = match.start() + 1


def _at_word_start(text: str, start: int) -> bool:
    before = text[max(start - 6, 0) : start]
    return not (before[-1:].isascii() and before[-1:].isalnum()) or bool(_ESCAPED_BEFORE.search(before))


def _has_token_shape(match: re.Match[str]) -> bool:
    """Prose follows `Bearer` too: a token has a digit, or is long and one word."""
    value = match[match.re.groups]
    return any(c.isdigit() for c in value) or (len(value) >= _LONG_TOKEN and " " not in value)


def _decodes_to_pair(match: re.Match[str]) -> bool:
    """Tell the base64 of `user:password` from words that follow `Basic`."""
    token = match[match.re.groups].rstrip("=").translate(str.maketrans("-_", "+/"))
    try:
        return b":" in base64.b64decode(token + "=" * (-len(token) % 4))
    except binascii.Error:
        return False


def _passes_luhn(match: re.Match[str]) -> bool:
    """Card numbers carry a check digit."""
    digits = [int(c) for c in match[1] if c in "0123456789"]
    doubled = (sum(divmod(2 * d, 10)) for d in digits[-2::-2])
    return (sum(digits[::-2]) + sum(doubled)) % 10 == 0


_CHECKS: Mapping[str, Callable[[re.Match[str]], bool]] = {
    "token_like": _has_token_shape,
    "basic_credentials": _decodes_to_pair,
    "luhn": _passes_luhn,
}


def _accept(_match: re.Match[str]) -> bool:
    return True


def filled(parts: Iterable[str]) -> str:
    """Join the parts of an example; `<hex 32>` stands for 32 characters of filler."""

    def fill(match: re.Match[str]) -> str:
        filler, length = _FILLERS[match[1]], int(match[2])
        return (filler * (length // len(filler) + 1))[:length]

    return "".join(re.sub(r"<([a-z]+) ([0-9]+)>", fill, part) for part in parts)


def _escaped_form(regex: str) -> str:
    r"""Loosen a regex so that it also matches JSON-escaped text: `\/` for `/`, a long tail cut short."""
    regex = regex.replace("(?i:", "(?i-u:")
    tail = _TRUNCATABLE.search(regex)
    if tail:
        regex = f"{regex[: tail.start()]}{tail[1]}{{{min(int(tail[2]), 10)}}}"
    pieces = []
    for piece in _PIECE.finditer(regex):
        text = piece[0]
        if piece[1] and "/" in piece[1]:
            count = f"{{{piece[2].strip('{}').split(',')[0]},}}" if piece[2] else ""
            text = piece[1][:-1].replace("/", r"/\\") + "]" + count
            text = text.replace("-]", r"\-]")
        elif text == "/":
            text = r"\\*/"
        pieces.append(text)
    return "".join(pieces)


def _pattern(entry: Mapping[str, Any]) -> Pattern:
    regex = entry["regex"]
    compiled = re.compile(regex)
    tail = _TAIL if not compiled.groups or regex.endswith(")") else ""
    return Pattern(
        kind=entry["kind"],
        title=entry["title"],
        regex=regex,
        keywords=tuple(entry["keywords"]),
        scan=entry.get("scan") or _escaped_form(regex),
        bounded="scan" not in entry and not compiled.groups,
        example=filled(entry["example"]),
        accepts=_CHECKS[entry["check"]] if "check" in entry else _accept,
        compiled=re.compile(f"(?:{regex}){tail}", re.ASCII),
        folded="(?i:" in regex,
        leads=regex.startswith("(?:^|"),
        quick=re.compile(entry["quick"]) if "quick" in entry else None,
    )


@cache
def _file() -> dict[str, Any]:
    return tomllib.loads(SOURCE.read_text(encoding="utf-8"))


@cache
def patterns() -> tuple[Pattern, ...]:
    """Return every pattern, in the order of the file."""
    return tuple(_pattern(entry) for entry in _file()["pattern"])


def _word(entry: str) -> str:
    return entry.replace("_", _SEPARATOR)


@cache
def key_words() -> dict[str, str]:
    """Return the sensitive names and the kind of each, longest name first."""
    pairs = ((word, kind) for kind, words in _file()["keys"].items() for word in words)
    return dict(sorted(pairs, key=lambda pair: -len(pair[0])))


@cache
def rules() -> dict[str, list[str]]:
    """Return the table `key_rules` of the file."""
    table: dict[str, list[str]] = _file()["key_rules"]
    return table


def _any_of(words: Iterable[str]) -> str:
    return "|".join(sorted(map(_word, words), key=lambda word: -len(word)))


def _scan_names() -> str:
    """Return a Rust regex of sensitive names. Short ones are part of too many words: they start a word."""
    names = [*key_words(), *rules()["headers"]]
    short = [name for name in names if len(name) <= _SHORT_NAME]
    humps = "|".join(f"{name[0].upper()}(?i-u:{name[1:]})" for name in short)
    rest = _any_of(name for name in names if len(name) > _SHORT_NAME)
    return rf"(?:(?i-u:{rest})|{_SCAN_LEAD}(?i-u:{_any_of(short)})|{humps})"


@cache
def _name_ends(dead_letter: bool) -> tuple[tuple[re.Pattern[str], str], ...]:
    """Return a regex of the end of each sensitive name, longest name first, and its kind."""
    words = dict(key_words())
    if dead_letter:
        words |= dict.fromkeys(rules()["dead_letter"], "session")
    ends = [(_word(word), kind) for word, kind in words.items()]
    ends += [(re.escape(header), "session") for header in rules()["headers"]]
    return tuple((re.compile(end + _NAME_END, re.ASCII | re.IGNORECASE), kind) for end, kind in ends)


@cache
def _ordinary() -> re.Pattern[str]:
    return re.compile(f"(?:{_any_of(rules()['ordinary'])}){_NAME_END}", re.ASCII | re.IGNORECASE)


def _starts_word(name: str, start: int) -> bool:
    """Say whether a word starts here: after a separator or as a hump of camelCase."""
    before, first, second = name[max(start - 1, 0) : start], name[start], name[start + 1 : start + 2]
    if not (before.isascii() and before.isalnum()):
        return True
    return first.isupper() and (not before.isupper() or second.islower())


@cache
def _last_parts(dead_letter: bool) -> tuple[str, ...]:
    table = rules()
    words = [*key_words(), *table["headers"], *(table["dead_letter"] if dead_letter else ())]
    return tuple({re.split("[_-]", word)[-1].rstrip("0123456789") for word in words})


def _key_kind(name: str, dead_letter: bool) -> str | None:
    if _ordinary().search(name):
        return None
    endings = tuple(rules()["endings"])
    for pattern, kind in _name_ends(dead_letter):
        for match in pattern.finditer(name):
            if _starts_word(name, match.start()) or match[0].lower().startswith(endings):
                return kind
    return None


_cached_key_kind = lru_cache(maxsize=8192)(_key_kind)


def key_kind(name: str, *, dead_letter: bool = False) -> str | None:
    """Return the kind of secret a value of this name is, None when the name is ordinary."""
    if not name.lower().rstrip(_NOT_LETTERS).endswith(_last_parts(dead_letter)):
        core = _LETTERS_END.sub("", name).lower() if name and not name[-1].isascii() else ""
        if not core.endswith(_last_parts(dead_letter)):
            return None
    return (_cached_key_kind if len(name) <= _CACHED_NAME else _key_kind)(name, dead_letter)


def _assignments(text: str) -> Iterator[tuple[int, int, str]]:
    """Yield the values given to sensitive names: `password = x`, `"api_key": "x"`, `?access_token=x`."""
    at = 0
    while sign := _SIGN.search(text, at):
        at = sign.end()
        head = text[max(sign.start() - _LONGEST_NAME, 0) : sign.start()].rstrip(" \t").rstrip("\\\"'])")
        stem = head.rstrip(_NAME_CHARACTERS)
        if (
            sign[0] == ":" and stem[-1:] == ":"
        ):  # a part of a longer name: arn:aws:secretsmanager:...:secret:x
            continue
        kind = key_kind(head[len(stem) :])
        value = _VALUE.match(text, sign.end()) if kind else None
        if not kind or not value:
            continue
        group = next(g for g in ("double", "single", "bare") if value[g] is not None)
        if _is_value(value[group], kind, bare=group == "bare", sign=sign[0]):
            yield (*_trimmed(value, group), kind)
            at = value.end()


def _is_value(value: str, kind: str, *, bare: bool, sign: str) -> bool:
    """Leave out what documents and code put there: `token: string`, `api_key = os.environ[...]`."""
    if _PLACEHOLDER.match(value):
        return False
    return not (bare and sign == ":" and kind != "password") or any(c.isdigit() for c in value)


def _trimmed(match: re.Match[str], group: str) -> tuple[int, int]:
    """Leave the full stop and the brackets of the sentence around a bare value."""
    start, end = match.span(group)
    if group == "bare":
        while end > start + 1 and (match.string[end - 1] in ".)]}"):
            end -= 1
    return start, end


@cache
def _keywords() -> tuple[tuple[tuple[str, Pattern], ...], tuple[tuple[str, Pattern], ...]]:
    pairs = [(word, p) for p in patterns() for word in p.keywords]
    return tuple(x for x in pairs if not x[1].folded), tuple(x for x in pairs if x[1].folded)


def candidates(text: str) -> list[Pattern]:
    """Return the patterns whose keyword is in the text: almost always none or one."""
    exact, folded = _keywords()
    lower = text.lower()
    found = [p for word, p in exact if word in text] + [p for word, p in folded if word in lower]
    return [p for p in dict.fromkeys(found) if p.quick is None or p.quick.search(text)]


def find(text: str, among: Sequence[Pattern] | None = None) -> list[tuple[int, int, str]]:
    """Return where secrets stand in a text, in order and without overlap; overlapping finds become one.

    `among` MUST hold every pattern that could match; without it all are tried.
    """
    if len(text) < _SHORTEST:
        return []
    likely = candidates(text) if among is None else among
    spans = [(*span, p.kind) for p in likely for span in p.find(text)]
    spans += _assignments(text)
    if not spans:
        return []
    merged: list[tuple[int, int, str]] = []
    for start, end, kind in sorted(spans, key=lambda span: (span[0], -span[1])):
        if merged and start < merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]), merged[-1][2])
        else:
            merged.append((start, end, kind))
    return merged


def shape_of(secret: str) -> str | None:
    """Return the kind of a secret that has a shape of its own, however it was found."""
    for pattern in candidates(secret):
        if pattern.shaped and pattern.compiled.fullmatch(secret):
            return pattern.kind
        if pattern.kind == "private_key" and pattern.compiled.search(secret):
            return pattern.kind
    return None


def canonical(secret: str, kind: str) -> str:
    """Return the form of a secret its digest is taken of: the same however the secret was laid out."""
    if kind == "card":
        return re.sub("[^0-9]", "", secret)
    if kind == "private_key":
        body = re.sub(r"\s*-----[A-Z0-9 ]*-----\s*", "", secret)
        return re.sub(r"\\+[nrt]|\s|\\+|-+\Z", "", body)
    return urllib.parse.unquote(secret) if kind == "password" else secret


@cache
def coarse_expression() -> str:
    """Return a cheap Rust regex: a record without it holds no secret."""
    shapes = "|".join(_coarse(p.scan) for p in patterns() if p.bounded)
    contexts = [p.scan for p in patterns() if not p.bounded and not p.folded]
    stemless = [w for w in key_words() if not any(stem in w for stem in rules()["stems"])]
    names = f"(?i-u:{_any_of([*stemless, *rules()['headers']])})[0-9]*{_NOT_WORD}"
    folded = (p for p in patterns() if p.folded and p.scan != "@key")
    words = sorted({*rules()["stems"], *(word.strip() for p in folded for word in p.keywords)})
    anywhere = f"(?i-u:{'|'.join(map(re.escape, words))})"
    return "|".join([anywhere, _EVASION, r"\x00", rf"{_SCAN_LEAD}(?:{shapes})", *contexts, names])


def _coarse(scan: str) -> str:
    scan = re.sub(r"(\[(?:\\.|[^\]\\])*\])\{[0-9]+(?:,[0-9]*)?\}\Z", r"\1", scan)
    return re.sub(r"(?<=\])\{([0-9]+)(?:,[0-9]*)?\}", lambda m: "+" if int(m[1]) else "*", scan)


@cache
def scan_expression() -> str:
    """Return one Rust regex that matches every raw JSON record in which anything would be redacted."""
    shapes = [p.scan for p in patterns() if p.bounded]
    contexts = {p.scan for p in patterns() if not p.bounded} - {"@key"}
    key = rf'{_scan_names()}[0-9]*(?:[^A-Za-z0-9:="]|{_ESCAPE})*[:="]'
    return "|".join([_EVASION, key, *sorted(contexts), rf"{_SCAN_LEAD}(?:{'|'.join(shapes)})", r"\x00"])


@cache
def ordinary_names() -> str:
    """Return a Rust regex of quoted ordinary names that `scan_expression` would take for sensitive ones."""
    return rf'(?i-u:{_any_of(rules()["ordinary"])})[0-9]*\\*"'
