"""What a terminal would obey is shown instead."""

import json
import re
import sys
import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from console.terminal import visible, visible_json

ANYTHING = st.text(st.characters(codec=None), max_size=60)
OBEYED = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\U000e0000-\U000e007f]"
)


@given(ANYTHING)
def test_no_control_character_ever_comes_out(text: str) -> None:
    """Logs are hostile: nothing a terminal obeys, and nothing invisible, passes."""
    out = visible(text)
    assert OBEYED.search(out) is None
    assert not {c for c in out if unicodedata.category(c) in {"Cc", "Cf", "Zl", "Zp", "Cs"}}


def test_every_control_and_format_character_is_covered() -> None:
    """The list of ranges covers Unicode's own categories, whatever version Python carries."""
    every = (chr(code) for code in range(sys.maxunicode + 1))
    assert [
        c for c in every if unicodedata.category(c) in {"Cc", "Cf", "Zl", "Zp", "Cs"} and visible(c) == c
    ] == []


def test_hostile_text_reads_as_what_it_is() -> None:
    """An escape sequence is shown so that a reader sees the attempt."""
    assert visible("a\x1b]8;;http://x\x07b\r\n\u202e\x9b") == "a␛]8;;http://x␇b␍␊\\u{202e}\\u{9b}"
    assert visible("naïve 日本語 →") == "naïve 日本語 →"
    assert visible("a\nb", keep="\n") == "a\nb"


@given(st.text(max_size=60))
def test_json_stays_the_same_document(text: str) -> None:
    """Escaping changes bytes, never the document, and leaves nothing a terminal obeys."""
    safe = visible_json(json.dumps(text, ensure_ascii=False).encode())
    assert json.loads(safe) == text
    assert OBEYED.search(safe.decode()) is None
