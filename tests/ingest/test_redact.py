"""Secrets never reach the lake: what the redactor takes out, what it leaves, and its fast path."""

import base64
import hashlib
import json
import re
import uuid
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingest import secrets
from ingest.redact import Redacted, Redactor, reference

REDACTOR = Redactor(b"a site key for tests" * 2)
PASSWORD = "q7Zt2" + "Kp9Xv"
GITHUB = "gh" + "p_" + "q7Zt2Kp9Xv4Lm1Wc8Rb5" * 2
MARKER = re.compile(r"\[REDACTED:([a-z0-9_]+):([0-9a-f]{16})\]")
PATTERNS = [pytest.param(p, id=f"{p.kind}-{i}") for i, p in enumerate(secrets.patterns())]
PEM = "-----BEGIN PRIV" + "ATE KEY-----\n{}\n-----END PRIV" + "ATE KEY-----\n"
BODY = "MIIEvQIBADANBgkqhkiG9w0BAQEFAASC"

thorough = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
plain_texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)


def plain(clean: Redacted) -> bytes:
    """Return what is left of a document as bytes."""
    assert isinstance(clean.text, bytes)
    return clean.text


def markers(text: str | bytes) -> list[tuple[str, str]]:
    """Return kind and digest of each marker."""
    return MARKER.findall(text if isinstance(text, str) else text.decode("utf-8", "replace"))


def json_forms(value: object) -> list[bytes]:
    """Return every way an emitter may write the same JSON value."""
    forms = []
    for ascii_only in (True, False):
        for separators in ((",", ":"), (", ", ": "), (" ,\n", " :\t")):
            text = json.dumps(value, ensure_ascii=ascii_only, separators=separators)
            go = text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
            forms += [text, text.replace("/", "\\/"), go, go.replace("'", "\\u0027")]
    return [form.encode() for form in forms]


def nested(value: object, depth: int) -> object:
    """Put the value as JSON inside a string inside JSON, `depth` times."""
    for level in range(depth):
        value = {"inner": json.dumps(value, ensure_ascii=bool(level % 2))}
    return value


@pytest.mark.parametrize("pattern", PATTERNS)
def test_example_is_redacted(pattern: secrets.Pattern) -> None:
    """Every pattern of the file finds its own example, under its own kind, and leaves the words around it."""
    clean = REDACTOR.text(f"we saw {pattern.example} there")
    assert pattern.kind in {r.kind for r in clean.redactions}
    assert str(clean.text).startswith("we saw ")


@pytest.mark.parametrize("pattern", PATTERNS)
def test_near_miss_is_kept(pattern: secrets.Pattern) -> None:
    """Nothing matches inside a longer word, nor when most of the secret is missing."""
    example = pattern.example
    assert not list(pattern.find("")) + list(pattern.find(example[: len(example) // 5]))
    if pattern.bounded:
        assert not list(pattern.find("x9" + example))


@pytest.mark.parametrize("pattern", PATTERNS)
def test_same_meaning_in_both_engines(pattern: secrets.Pattern) -> None:
    """The regexes are valid for Rust's regex crate and Python's re, and agree on what they match."""
    texts = [p.example for p in secrets.patterns()] + ["", "nothing here", "x" * 100]
    rust = pl.Series(texts).str.contains(pattern.regex).to_list()
    assert [bool(re.search(pattern.regex, text)) for text in texts] == rust


@pytest.mark.parametrize("pattern", PATTERNS)
def test_patterns_use_portable_syntax(pattern: secrets.Pattern) -> None:
    """Classes that mean different characters in the two engines are not used."""
    assert not re.search(r"\\[bBdDwWsSAzZ1-9]|\(\?[=!<]", pattern.regex)


def test_enough_patterns_with_distinct_titles() -> None:
    """At least seventy named kinds of secret are known, and no two share a title."""
    titles = [p.title for p in secrets.patterns()]
    assert len(titles) >= 70
    assert len(set(titles)) == len(titles)


@pytest.mark.slow
@pytest.mark.parametrize("pattern", PATTERNS)
@thorough
@given(data=st.data())
def test_suspects_is_sound_for_patterns(pattern: secrets.Pattern, data: st.DataObject) -> None:
    """Whatever text() redacts makes the record suspect, however the record is escaped and nested."""
    match = data.draw(st.from_regex(re.compile(pattern.regex, re.ASCII), fullmatch=True))
    text = data.draw(plain_texts) + data.draw(st.sampled_from(["", " ", "\n", '"', "é"])) + match
    text += data.draw(st.sampled_from(["", "\n", " ", "'", '"', "/"])) + data.draw(plain_texts)
    if REDACTOR.text(text).redactions:
        records = [f for depth in (0, 2) for f in json_forms(nested({"x": [text]}, depth))]
        assert REDACTOR.suspects(records).all()


key_names = st.builds(
    lambda head, word, sep, tail: head + word.replace("_", sep) + tail,
    st.sampled_from(["", "x-", "db_", "user", "a.", "é", "next"]),
    st.sampled_from(sorted(secrets.key_words())).flatmap(
        lambda w: st.sampled_from([w, w.upper(), w.title(), w.title().replace("_", "")])
    ),
    st.sampled_from(["_", "-", ".", " ", ""]),
    st.sampled_from(["", "2", "_", "'", "é", ":", "!"]),
)
scalars = st.one_of(st.none(), st.booleans(), st.integers(), plain_texts)
documents = st.recursive(
    st.one_of(scalars, st.builds(lambda s: f"x {s}", key_names)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.one_of(key_names, plain_texts), inner, max_size=3),
        st.builds(lambda name, v: {"name": name, "value": v}, key_names, inner),
        st.builds(lambda name, v: [f"--{name}", v], key_names, inner),
        st.builds(lambda name, sign, v: f"{name}{sign}{v}", key_names, st.sampled_from("=:"), scalars),
    ),
    max_leaves=6,
)


@settings(max_examples=400, deadline=None)
@given(documents, st.integers(0, 3))
def test_suspects_is_sound_for_names(document: object, depth: int) -> None:
    """Whatever json() redacts because of a name makes the record suspect in every JSON form of it."""
    value = nested(document, depth)
    if REDACTOR.json(json.dumps(value).encode()).redactions:
        assert REDACTOR.suspects(json_forms(value)).all()


@settings(max_examples=300, deadline=None)
@given(documents)
def test_redaction_is_idempotent_and_keeps_json(document: object) -> None:
    """What was redacted once is still JSON and is not redacted again; what was clean is the same object."""
    source = json.dumps(document).encode()
    once = REDACTOR.json(source)
    json.loads(once.text)
    assert once.redactions or once.text is source
    assert REDACTOR.json(plain(once)).redactions == ()


@settings(max_examples=300, deadline=None)
@given(plain_texts, st.sampled_from([p.example for p in secrets.patterns()]), plain_texts)
def test_text_is_idempotent(before: str, secret: str, after: str) -> None:
    """A marker, with whatever stands next to it, is never redacted again."""
    once = REDACTOR.text(before + secret + " " + secret + after)
    assert REDACTOR.text(str(once.text)).redactions == ()


@settings(max_examples=300, deadline=None)
@given(documents, st.data())
def test_no_planted_secret_survives(document: object, data: st.DataObject) -> None:
    """A secret put at any place of any JSON leaves no trace: value, key, text around it, JSON in a string."""
    secret = data.draw(st.sampled_from([GITHUB, "AK" + "IA" + "Q7ZT2KP5XV4LM3WC"]))
    wrap = data.draw(st.sampled_from(["{}", "see {} now", '{{"a": "{}"}}', "https://u:{}@h/x", "a\n{}\tb"]))
    text = wrap.format(secret)
    tree = data.draw(st.sampled_from([[document, text], {text: document}, {"k": {"d": [text, document]}}]))
    for form in json_forms(nested(tree, data.draw(st.integers(0, 3)))):
        clean = REDACTOR.json(form)
        assert secret.encode() not in plain(clean)
        assert secret not in repr(clean.redactions)
        assert secret.encode() not in plain(REDACTOR.raw(form[:-1]))


def test_same_secret_has_same_marker_everywhere() -> None:
    """A secret can be followed from the arguments to the URI and to the error without being known."""
    seen = {
        *markers(REDACTOR.json(json.dumps({"password": PASSWORD}).encode()).text),
        *markers(REDACTOR.text(f"postgres://ann:{PASSWORD}@db.example/app").text),
        *markers(REDACTOR.text(f"login failed: password={PASSWORD}, try again").text),
        *markers(REDACTOR.raw(b'\xff {"password": "' + PASSWORD.encode()).text),
        *markers(REDACTOR.json(json.dumps({"a": json.dumps({"db_password": PASSWORD})}).encode()).text),
    }
    assert len(seen) == 1
    tokens = {
        *markers(REDACTOR.json(json.dumps({"Authorization": f"Bearer {GITHUB}"}).encode()).text),
        *markers(REDACTOR.text(f"git clone https://x:{GITHUB}@github.com/a/b").text),
        *markers(REDACTOR.text(f"GITHUB_TOKEN={GITHUB}").text),
        *markers(REDACTOR.text(GITHUB).text),
    }
    assert {kind for kind, _ in tokens} == {"github_token"}
    assert len(tokens) == 1


def test_private_key_has_same_marker_however_laid_out() -> None:
    """A key file has one digest with real newlines, with escaped ones and as the value of a key."""
    pem = PEM.format(BODY + "\n" + BODY)
    shown = [
        REDACTOR.text(pem).text,
        REDACTOR.text(pem.replace("\n", "\\n")).text,
        REDACTOR.json(json.dumps({"private_key": pem}).encode()).text,
        REDACTOR.json(json.dumps({"file": pem}).encode()).text,
    ]
    assert len({m for text in shown for m in markers(text)}) == 1
    assert all(BODY not in str(text) for text in shown)


def test_other_site_key_gives_other_digest() -> None:
    """Digests of two sites cannot be compared."""
    other = Redactor(b"another key")
    assert REDACTOR.text(GITHUB).redactions[0].digest != other.text(GITHUB).redactions[0].digest


def test_context_stays() -> None:
    """Scheme, user, host, key and scheme word stay readable; only the secret goes."""
    uri = str(REDACTOR.text(f"redis://bob:{PASSWORD}@cache:6379/0").text)
    assert uri.startswith("redis://bob:[REDACTED:password:")
    assert uri.endswith("]@cache:6379/0")
    assert str(REDACTOR.text(f"Authorization: Bearer {PASSWORD}11").text).startswith(
        "Authorization: Bearer [RED"
    )
    assert str(REDACTOR.text(f"api_key = '{PASSWORD}'").text).startswith("api_key = '[REDACTED:secret:")


def test_paths_are_json_pointers() -> None:
    """A redaction names its place as a JSON pointer, through arrays and opened strings, without secrets."""
    inner = json.dumps({"api_key": "x1"})
    document = {"a": [{"password": "p"}, inner], "b/c": GITHUB, GITHUB: {"pin": 1234}}
    found = REDACTOR.json(json.dumps(document).encode()).redactions
    paths = {r.path for r in found}
    assert {"/a/0/password", "/a/1/api_key", "/b~1c"} <= paths
    assert GITHUB not in repr(found)


def test_values_of_sensitive_keys_go_whole() -> None:
    """Numbers, arrays and objects under a sensitive key go as one; null, true and empty stay."""
    document = {
        "pin": 1234,
        "secret": {"a": [1, "b"]},
        "password": None,
        "token": True,
        "cookies": [],
        "cvv": "",
    }
    clean = json.loads(REDACTOR.json(json.dumps(document).encode()).text)
    assert MARKER.fullmatch(clean.pop("pin"))
    assert MARKER.fullmatch(clean.pop("secret"))
    assert clean == {"password": None, "token": True, "cookies": [], "cvv": ""}


def test_untouched_parts_keep_their_bytes() -> None:
    """Numbers, spaces, order and repeated keys beside a secret stay as they were written."""
    source = '{ "n": 1.50, "big": 123456789012345678901234567890, "password" : "x", "n":1e400 }'
    assert MARKER.sub("x", plain(REDACTOR.json(source.encode())).decode()) == source


def test_named_values_and_options() -> None:
    """Lists of name and value, and command lines, hide secrets behind an ordinary key."""
    document = {
        "env": [{"value": "v1", "x": GITHUB, "name": "API_KEY"}],
        "argv": ["run", "--password", "v2", "v3"],
    }
    clean = plain(REDACTOR.json(json.dumps(document).encode())).decode()
    assert "v1" not in clean
    assert "v2" not in clean
    assert GITHUB not in clean
    assert "v3" in clean


def test_escapes_do_not_hide() -> None:
    r"""Letters written as \u00XX are read as the letters they are, and make a record suspect."""
    hidden = (
        b'{"a": "' + "".join(f"\\u{ord(c):04x}" for c in GITHUB).encode() + b'", "p\\u0061ssword": "zq1"}'
    )
    clean = REDACTOR.json(hidden)
    assert {r.kind for r in clean.redactions} == {"github_token", "password"}
    assert REDACTOR.suspects([hidden]).all()
    assert len(REDACTOR.raw(hidden[:-1]).redactions) == 2


def test_routine_escapes_are_not_suspect() -> None:
    """Go and .NET write < > & ' as escapes all day long: that alone is no reason for the slow path."""
    assert not REDACTOR.suspects([rb'{"a": "x \u003cb\u003e \u0026 \u0027y\u0027"}']).any()


def test_invalid_utf8_is_suspect_and_survives_raw() -> None:
    """Bytes that are not UTF-8 are always looked at, and come back as they were but for the secret."""
    payload = b'\xff\xfe\x80{"password": "zq1", "a": "\xc3"'
    clean = plain(REDACTOR.raw(payload))
    assert REDACTOR.suspects([payload, b"{}"]).tolist() == [True, False]
    assert b"zq1" not in clean
    assert clean.startswith(b"\xff\xfe\x80")
    assert b"\xc3" in clean


@pytest.mark.parametrize(
    "payload",
    [
        b'{"user": "ann", "password": "zq1 zq2',
        b'{"user": "ann", "password": "zq1\\" zq2", "x": ',
        b'{"args": "{\\"password\\": \\"zq1 zq2\\", ',
        b'it"s {"password": "zq1 zq2", "a": 1}',
        b"password='zq1 zq2' and more",
        b'{"session_id": "zq1 zq2", ',
        '{"password": "zq1 zq2"}'.encode("utf-16"),
    ],
)
def test_broken_payloads(payload: bytes) -> None:
    """Dead letters are cut short, mis-quoted or mis-encoded; the secret goes all the same."""
    clean = plain(REDACTOR.raw(payload)).replace(b"\x00", b"")
    assert b"zq1" not in clean
    assert b"zq2" not in clean


def test_card_numbers_need_a_check_digit() -> None:
    """Sixteen digits are a card only when the Luhn sum says so, as text or number; grouping is ignored."""
    number = "4111" + "1111" * 3
    grouped = " ".join(number[i : i + 4] for i in range(0, 16, 4))
    found = [
        *REDACTOR.text(f"card {grouped}.").redactions,
        *REDACTOR.json(f'{{"n": {number}}}'.encode()).redactions,
    ]
    assert [r.kind for r in found] == ["card", "card"]
    assert len({r.digest for r in found}) == 1
    assert not REDACTOR.text(f"order {number[:-1]}2").redactions


BENIGN = [
    {"id": str(uuid.UUID(int=0x1234567890ABCDEF1234567890ABCDEF)), "sha": hashlib.sha256(b"x").hexdigest()},
    {
        "commit": hashlib.sha1(b"x", usedforsecurity=False).hexdigest(),
        "trace_id": "0af7651916cd43dd8448eb211c80319c",
    },
    {"image": base64.b64encode(hashlib.sha512(b"image").digest() * 8).decode()},
    {"to": "ann@example.com", "iban": "DE89 3704 0044 0532 0130 00", "phone": "+49 151 23456789"},
    {"max_tokens": 100, "token_count": 5, "token_type": "bearer-like", "prompt_tokens": 7, "tokens": [1, 2]},
    {
        "next_page_token": "CAUQAA",
        "nextToken": "abc123def",
        "progressToken": 7,
        "public_key": "ssh-ed25519 AAAA",
    },
    {
        "key": "value",
        "secret_santa": "Bob",
        "secretary": "Ann",
        "author": "Eve",
        "pinned": "yes",
        "spin": "left",
    },
    {
        "text": "Basic understanding of the bearer of bad news; a task-list for risk-averse people, http://x:80/"
    },
    {
        "session_id": "s_514bd30193e23b98",
        "url": "https://example.com/a@b?page=2",
        "time": 1700000000000000000,
    },
    {
        "schema": {
            "type": "object",
            "description": "token: string, password: required, api_key=os.environ['K']",
        }
    },
]


@pytest.mark.parametrize("document", BENIGN)
def test_benign_content_is_untouched(document: dict[str, object]) -> None:
    """Identifiers, hashes, images, addresses and counters are evidence: they stay."""
    source = json.dumps(document).encode()
    clean = REDACTOR.json(source)
    assert clean.redactions == ()
    assert clean.text is source


def test_benign_records_are_not_suspect() -> None:
    """The fast path passes ordinary records by."""
    ordinary = [json.dumps(d).encode() for d in BENIGN[:-2]]
    assert not REDACTOR.suspects(ordinary).any()
    assert REDACTOR.suspects([]).shape == (0,)
    assert REDACTOR.suspects(ordinary).dtype == np.bool_


def test_deep_nesting_is_not_fatal() -> None:
    """A document nested beyond any recursion limit is redacted, not refused."""
    document = b"[" * 100_000 + b'{"password": "zq1"}' + b"]" * 100_000
    assert b"zq1" not in plain(REDACTOR.json(document))


def test_reference_is_current() -> None:
    """docs/redaction.md lists every pattern there is: it is generated and MUST equal reference()."""
    page = Path(__file__).parents[2] / "docs" / "redaction.md"
    assert page.read_text(encoding="utf-8") == reference()
