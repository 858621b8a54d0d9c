"""Fingerprints: the same value has the same number wherever it stands, and no number without the key."""

from __future__ import annotations

import hmac
import json
import random
import re
from collections.abc import Iterator, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from hypothesis import given, settings
from hypothesis import strategies as st
from lakes import KEY

from ingest.fingerprint import Fingerprinter, Fingerprints

GOLDEN = Path(__file__).parent.parent / "golden" / "fingerprints.json"


@pytest.fixture(scope="module")
def fingerprinter() -> Fingerprinter:
    """Return a fingerprinter under a fixed key."""
    return Fingerprinter(KEY)


def of(found: Fingerprints, document: int) -> list[int]:
    """Return the values of one document."""
    return [int(v) for v in found.values[found.offsets[document] : found.offsets[document + 1]]]


def addressed(found: Fingerprints, document: int) -> list[int]:
    """Return the values of one document that are addresses."""
    span = slice(found.offsets[document], found.offsets[document + 1])
    return [int(v) for v in found.values[span][found.address[span]]]


def leaves(fingerprinter: Fingerprinter, *documents: object) -> list[set[int]]:
    """Return the leaves of documents, given as JSON bytes or as values."""
    raw = [d if isinstance(d, bytes) else json.dumps(d).encode() for d in documents]
    found, _ = fingerprinter.fingerprint(raw)
    return [set(of(found, i)) for i in range(len(raw))]


def shingles(fingerprinter: Fingerprinter, *texts: str) -> list[set[int]]:
    """Return the shingles of documents that each hold one text."""
    _, found = fingerprinter.fingerprint([json.dumps({"text": t}).encode() for t in texts])
    return [set(of(found, i)) for i in range(len(texts))]


# --- the same, written out in plain Python ----------------------------------------------------------------------


class Reference:
    """What the module promises, one value at a time, with nothing but integers."""

    def __init__(self, site_key: bytes) -> None:
        info = b"tooltrail/leaf-fingerprint"
        first = hmac.digest(site_key, info + b"\x01", sha256)
        second = hmac.digest(site_key, first + info + b"\x02", sha256)
        self._seal = Cipher(algorithms.AES(first), modes.ECB())  # noqa: S305 - the very construction
        self._keys = Cipher(algorithms.AES(second), modes.CTR(bytes(16))).encryptor().update(bytes(16 * 4096))

    def value(self, text: bytes) -> int:
        """Return AES over two NH sums of a text."""
        sums = [len(text), len(text)]
        for place in range(0, len(text), 8):
            word = text[place : place + 8].ljust(8, b"\0")
            low, high = int.from_bytes(word[:4], "little"), int.from_bytes(word[4:], "little")
            for lane in (0, 1):
                at = 2 * place + 8 * lane
                left = (low + int.from_bytes(self._keys[at : at + 4], "little")) % 2**32
                right = (high + int.from_bytes(self._keys[at + 4 : at + 8], "little")) % 2**32
                sums[lane] = (sums[lane] + left * right) % 2**64
        block = b"".join(s.to_bytes(8, "little") for s in sums)
        return int.from_bytes(self._seal.encryptor().update(block)[:8], "little", signed=True)

    def leaves(self, document: bytes) -> set[int]:
        """Return the leaves of a JSON document."""
        return {self.value(text) for text in set(pieces(document, 0))}

    def addresses(self, document: bytes) -> set[int]:
        """Return the leaves of a JSON document that are addresses."""
        return {self.value(text) for text in set(pieces(document, 0)) if is_address(text)}


class Number(str):
    """A number as it is written."""

    __slots__ = ()


def pieces(document: bytes | str, layer: int) -> Iterator[bytes]:
    """Yield the texts that are fingerprinted: scalars, and the identifying words in texts."""
    for scalar in scalars(json.loads(document, parse_int=Number, parse_float=Number)):
        text = scalar.encode(errors="surrogatepass").decode(errors="replace")
        if isinstance(scalar, Number):
            if len(text) >= 8:
                yield text.encode()
        elif len(text) >= 8:
            if layer < 3 and holds_json(text):
                yield from pieces(text, layer + 1)
            else:
                yield text.encode()
                yield from host(text.encode())
                for word in identifiers(text.encode()):
                    yield word
                    yield from host(word)


def scalars(value: Any) -> Iterator[str]:
    """Yield the strings and numbers of a document; keys are none."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        for inner in value:
            yield from scalars(inner)
    elif isinstance(value, str):
        yield value


def holds_json(text: str) -> bool:
    """Say whether a text is a JSON object or array."""
    if (text[0], text[-1]) not in (("{", "}"), ("[", "]")):
        return False
    try:
        json.loads(text, parse_constant=int)
    except ValueError:
        return False
    return True


def identifiers(text: bytes) -> Iterator[bytes]:
    """Yield the words of a text that look like an identifier, when the text has more than one word."""
    cut = text.translate(bytes(32 if b <= 32 or b in b"\"'`,;()<>[]{}|=&?*!\\" else b for b in range(256)))
    for whole in cut.split(b" "):
        word = whole
        for _ in range(2):
            word = word[:-1] if word[-1:] in (b".", b":") else word
        if len(whole) < len(text) and len(word) >= 8 and any(b in b"0123456789@_/." for b in word):
            yield word


def host(text: bytes) -> Iterator[bytes]:
    """Yield the host that a text begins with, after a scheme or before a slash."""
    first = text.find(b"/")
    if first < 0:
        return
    scheme = text[first - 1 : first] == b":" and text[first + 1 : first + 2] == b"/" and len(text) > first + 2
    begin = first + 2 if first > 0 and scheme else 0
    name = text[begin:].split(b"/")[0]
    whole = not re.search(rb"[\x00-\x20\"'`,;()<>\[\]{}|=&?*!\\]", text[: begin + len(name)])
    if whole and b"." in name and len(name) >= 8:
        yield name


def is_address(text: bytes) -> bool:
    """Say whether a text is an e-mail address, a URL, a host that begins with www, or an IBAN."""
    if re.search(rb"[\x00-\x20\"'`,;()<>\[\]{}|=&?*!\\]", text):
        return False
    mail = re.fullmatch(rb"[^@]+@.*[.].+", text, re.DOTALL)
    url = re.fullmatch(rb"[^/]*://.+", text, re.DOTALL)
    return bool(mail or url or text[:4] == b"www." or re.fullmatch(rb"[A-Z]{2}\d\d[A-Z\d]{8,30}", text))


# --- values -----------------------------------------------------------------------------------------------------


def test_values_stay_as_they_are_checked_in(fingerprinter: Fingerprinter) -> None:
    """Another version of this program gives the same numbers, or old and new rows would not match."""
    golden = json.loads(GOLDEN.read_text())
    documents = [d["document"].encode() for d in golden["documents"]]
    found = Fingerprinter(bytes.fromhex(golden["site_key"])).fingerprint(documents)
    got = [
        {"document": d["document"], "leaves": of(found[0], i), "shingles": of(found[1], i)}
        for i, d in enumerate(golden["documents"])
    ]
    assert got == golden["documents"]


TEXTS = st.one_of(
    st.text(max_size=30),
    st.text(st.sampled_from("ab1/.@_: \n\t\"\\'{}[],é😀"), max_size=30),
    st.sampled_from(["ana@example.org wrote it", "see /srv/reports/2026.txt: now", "ticket ACME-12345."]),
    st.lists(
        st.sampled_from(["https", ":", "//", "/", "www.example.org", "a.b", ".", " ", "?", "x"]), max_size=8
    ).map("".join),
)
SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), TEXTS
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.text(max_size=10), inner, max_size=3),
        inner.map(json.dumps),
        inner.map(lambda v: json.dumps(v, ensure_ascii=False, indent=1)),
    ),
    max_leaves=8,
)
WAYS: list[dict[str, Any]] = [
    {},
    {"ensure_ascii": False},
    {"separators": (",", ":")},
    {"indent": 2, "ensure_ascii": False},
]


@settings(max_examples=150, deadline=None)
@given(values=st.lists(st.tuples(VALUES, st.sampled_from(WAYS)), min_size=1, max_size=5))
def test_leaves_are_what_plain_python_makes_of_them(
    fingerprinter: Fingerprinter, values: Sequence[tuple[Any, dict[str, Any]]]
) -> None:
    """However documents are written and batched, their leaves are those of the definition."""
    documents = [json.dumps(value, **way).encode() for value, way in values]
    found, _ = fingerprinter.fingerprint(documents, len(documents))
    reference = Reference(KEY)
    for i, document in enumerate(documents):
        assert of(found, i) == sorted(reference.leaves(document)), document
        assert addressed(found, i) == sorted(reference.addresses(document)), document


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (b'{"a":"caf\\u00e9 noir"}', '{"b":"café noir"}'.encode()),
        (b'["\\ud83d\\ude00 smiling"]', '["😀 smiling"]'.encode()),
        (b'"line one\\nline two"', b'"line one\\u000aline two"'),
        (b'"a\\/b\\/c\\/d\\/e"', b'"a/b/c/d/e"'),
        (b'"say \\"hello\\" now"', b'"say \\u0022hello\\u0022 now"'),
        (b'"back\\\\slash here"', b'"back\\u005cslash here"'),
        (b"12345678", b'"12345678"'),
        (b"[-1234.5678]", b'{"n":"-1234.5678"}'),
        (b'{"a":{"b":["deep value"]}}', b'"deep value"'),
        (b'{ "a" :\n\t"spaced out" }', b'{"a":"spaced out"}'),
        (b'{"text":"{\\"inner\\":\\"in a string\\"}"}', b'{"inner":"in a string"}'),
        (b'"[\\"[\\\\\\"[\\\\\\\\\\\\\\"three deep\\\\\\\\\\\\\\"]\\\\\\"]\\"]"', b'"three deep"'),
        (b'"\\ud800 lone half"', '"\ufffd lone half"'.encode()),
    ],
)  # fmt: skip
def test_one_value_has_one_number(fingerprinter: Fingerprinter, one: bytes, other: bytes) -> None:
    """A value is found again however it is escaped, spaced, nested, quoted or wrapped."""
    first, second = leaves(fingerprinter, one, other)
    assert len(first) >= 1
    assert first == second


@pytest.mark.parametrize(
    ("document", "count"),
    [
        ({"key_of_many_letters": 1}, 0), ("1234567", 0), (1234567, 0), ("ééééééé", 0), ("éééééééé", 1), ("12345678", 1),
        (True, 0), (None, 0), ([], 0), ({}, 0), ("", 0), ([1, 2, 3, 4, 5, 6, 7, 8], 0),
        (["same value", "same value"], 1),
        ("write to ana@example.org.", 2), ("https://pay.example/x/9", 2),
        ("no identifying words here", 1), ("ana@example.org", 1),
        ("id=ACME-0001;id=ACME-0002", 3), ({"a": "{not json at all}"}, 1),
    ],
)  # fmt: skip
def test_what_is_a_leaf(fingerprinter: Fingerprinter, document: object, count: int) -> None:
    """Scalars of eight characters and identifying words of texts are leaves; keys and short values are not."""
    assert [len(found) for found in leaves(fingerprinter, document)] == [count]


def test_identifying_words_are_found_by_themselves(fingerprinter: Fingerprinter) -> None:
    """A record id in a sentence matches the same id as an argument."""
    text = "Please pay invoice INV-2026-0042, to ana@example.org (see https://pay.example/x/9)."
    for word in ("INV-2026-0042", "ana@example.org", "https://pay.example/x/9"):
        sentence, alone = leaves(fingerprinter, {"body": text}, {"id": word})
        assert alone < sentence


@pytest.mark.parametrize(
    "text",
    [
        "https://www.example.org", "https://www.example.org/a/b", "www.example.org/a",
        "see http://www.example.org/a, now",
        "www.example.org/ is where", "mcp+https://www.example.org/a?b=/c",
    ],
)  # fmt: skip
def test_a_host_is_found_in_its_urls(fingerprinter: Fingerprinter, text: str) -> None:
    """A host named in one text and opened as a URL in another is the same host, with or without scheme and path."""
    inside, alone = leaves(fingerprinter, {"url": text}, {"host": "www.example.org"})
    assert alone < inside


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("ana@example.org", 1), ("mail ana@example.org, bo@example.org", 2), ("https://pay.example/x/9", 1),
        ("see www.example.org/a", 2), ("pay to DE89370400440532013000", 1), ("ACME-0001 and /srv/a.b/c", 0),
        ("@example.org", 0), ("12345678", 0),
    ],
)  # fmt: skip
def test_addresses_are_told_from_other_values(fingerprinter: Fingerprinter, text: str, count: int) -> None:
    """E-mail addresses, URLs, www hosts and IBANs are addresses, in arguments only: results are not looked at."""
    document = json.dumps({"text": text}).encode()
    found, shingles_ = fingerprinter.fingerprint([document, document], 1)
    assert len(addressed(found, 0)) == count
    assert addressed(found, 1) == []
    assert not shingles_.address.any()


def test_a_path_has_no_host(fingerprinter: Fingerprinter) -> None:
    """What stands before a slash and has no dot, or stands behind a space, is no host."""
    assert [
        len(found)
        for found in leaves(fingerprinter, "/srv/reports.d/x", "reports2026/x", "go to: a/www.example.org")
    ] == [1, 1, 2]


def test_an_empty_document_gives_nothing(fingerprinter: Fingerprinter) -> None:
    """Absent content has a place among the documents and no fingerprints."""
    found = leaves(fingerprinter, b"", {"a": "some value"}, b"")
    assert [len(f) for f in found] == [0, 1, 0]
    assert leaves(fingerprinter) == []


def test_a_long_text_is_known_by_its_head_and_length(fingerprinter: Fingerprinter) -> None:
    """Of more than a MiB the head and the length count, so that memory for keys is bounded."""
    head = "x" * (1 << 20)
    same, longer, other = leaves(fingerprinter, head + "a", head + "bc", "y" + head)
    assert len(same | longer | other) == 3
    assert leaves(fingerprinter, head + "a") == leaves(fingerprinter, head + "b")


def test_other_sites_share_nothing(fingerprinter: Fingerprinter) -> None:
    """Without the site's key the numbers of a value cannot be computed."""
    document = json.dumps({"a": "ana@example.org", "t": " ".join(f"word{n}" for n in range(40))}).encode()
    other = Fingerprinter(bytes(32))
    for ours, theirs in zip(
        fingerprinter.fingerprint([document]), other.fingerprint([document]), strict=True
    ):
        assert set(of(ours, 0)).isdisjoint(of(theirs, 0))
        assert of(ours, 0)


# --- shingles ---------------------------------------------------------------------------------------------------


def words(count: int, seed: int) -> list[str]:
    """Return words that occur nowhere else."""
    chance = random.Random(seed)  # noqa: S311 - not a secret
    return [f"{chance.choice('bcdfgh')}{seed}x{n}" for n in range(count)]


@settings(max_examples=40, deadline=None)
@given(before=st.integers(0, 30), after=st.integers(0, 30), seed=st.integers(0, 99))
def test_twelve_common_words_are_always_found(
    fingerprinter: Fingerprinter, before: int, after: int, seed: int
) -> None:
    """A passage of twelve words that stands in two texts gives them a shingle in common, wherever it stands."""
    passage = words(12, 1000 + seed)
    first = [*words(before, 2000 + seed), *passage, *words(after, 3000 + seed)]
    second = [*words(after, 4000 + seed), *passage, *words(before, 5000 + seed)]
    one, other = shingles(fingerprinter, " ".join(first), ", ".join(second).upper())
    assert one & other


def test_a_few_common_words_are_not(fingerprinter: Fingerprinter) -> None:
    """Four words in a row are in many texts: no shingle is made of so few."""
    common = words(4, 1)
    one, other = shingles(
        fingerprinter, " ".join([*words(30, 2), *common]), " ".join([*common, *words(30, 3)])
    )
    assert one
    assert other
    assert not one & other


def test_shingles_do_not_depend_on_the_batch(fingerprinter: Fingerprinter) -> None:
    """A passage never reaches over the end of its text, and a text alone gives what it gives among others."""
    texts = [" ".join(words(25, n)) for n in range(6)]
    together = shingles(fingerprinter, *texts)
    assert together == [shingles(fingerprinter, t)[0] for t in texts]
    assert sum(map(len, together)) == len(set().union(*together))


def test_short_texts_have_no_shingles(fingerprinter: Fingerprinter) -> None:
    """Texts of fewer than twelve words are leaves only."""
    assert shingles(fingerprinter, "a few words only", " ".join(words(11, 1))) == [set(), set()]
