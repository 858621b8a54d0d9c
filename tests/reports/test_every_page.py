"""Every page: what logs hold stays text, nothing is fetched, and the bytes follow from the lake alone."""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import re
import shutil
import xml.etree.ElementTree as ET
from itertools import pairwise
from pathlib import Path

import html5lib
import pytest
from pages import HOSTILE, empty_pages, every_page, hostile_lake

from reports.render import TEMPLATES
from store.lake import Lake

NAMES = ("session", "incident", "weekly", "clients", "campaign", "draft", "folder")
_TAGS = frozenset({
    "html", "head", "meta", "title", "style", "body", "a", "header", "div", "p", "svg", "path", "circle",
    "b", "span", "h1", "h2", "h3", "dl", "dt", "dd", "nav", "ol", "ul", "li", "main", "section", "table",
    "caption", "thead", "tbody", "tr", "th", "td", "code", "br", "details", "summary", "figure",
    "figcaption", "desc", "g", "rect", "line", "text", "i", "pre", "footer",
})  # fmt: skip
_HTML = "{http://www.w3.org/1999/xhtml}"


@pytest.fixture(scope="module")
def texts(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Return every page of a hostile lake."""
    lake = Lake.create(tmp_path_factory.mktemp("hostile") / "lake", bytes(range(32)))
    return {name: page.html() for name, page in every_page(hostile_lake(lake)).items()}


def elements(text: str) -> list[ET.Element]:
    """Return every element of a page as a browser would build them."""
    parser = html5lib.HTMLParser(strict=False)
    tree = parser.parse(text)
    return [element for element in tree.iter() if isinstance(element.tag, str)]


@pytest.mark.parametrize("name", NAMES)
def test_hostile_text_makes_no_element_and_no_attribute(texts: dict[str, str], name: str) -> None:
    """As parsed there are only the elements of our templates, and no handler, style or address is on any of them."""
    for element in elements(texts[name]):
        tag = re.sub(r"^\{.*\}", "", element.tag)
        assert tag in _TAGS | ({"title"} if tag == "title" else set())
        names = {str(attribute).lower() for attribute in element.attrib}
        assert not {
            n for n in names if n.startswith("on") or n in ("style", "src", "srcdoc", "action", "background")
        }
        href = element.attrib.get("href")
        if href is not None and name != "folder":
            assert href.startswith("#")
        if href is not None:
            assert not re.match(r"\s*[a-z]+:", href, re.IGNORECASE)


@pytest.mark.parametrize("name", NAMES)
def test_hostile_text_is_shown_and_cannot_move(texts: dict[str, str], name: str) -> None:
    """What the log says can be read on the page; control and direction characters are written out."""
    assert not set("\x1b\u202e\u2066\x00\x85\ufeff") & set(texts[name])
    assert "&lt;script&gt;alert(1)" in texts[name]
    assert "{{7*7}}" in texts[name]
    assert "\\x202e" in texts[name]


@pytest.mark.parametrize("name", NAMES)
def test_the_policy_allows_the_one_style_and_nothing_else(texts: dict[str, str], name: str) -> None:
    """The policy names the hash of the style that is there, and there is nothing to fetch."""
    text = texts[name]
    style = text.split("<style>", 1)[1].split("</style>", 1)[0]
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    assert f'<meta http-equiv="Content-Security-Policy" content="{policy}">' in text
    assert text.count("<style") == 1
    assert not re.search(r"@import|url\(", style)
    assert text.index("Content-Security-Policy") < text.index("<title")


@pytest.mark.parametrize("name", NAMES)
def test_headings_are_in_order_and_tables_have_captions(texts: dict[str, str], name: str) -> None:
    """One first heading, none skipped; heads have a scope; each id is there once; links lead somewhere."""
    found = elements(texts[name])
    levels = [int(e.tag[-1]) for e in found if re.fullmatch(r".*\}h[1-6]", e.tag)]
    assert levels.count(1) == 1
    assert all(later - earlier <= 1 for earlier, later in pairwise(levels))
    assert [e for e in found if e.tag == f"{_HTML}th" and e.get("scope") not in ("col", "row")] == []
    ids = [e.get("id") for e in found if e.get("id")]
    assert len(ids) == len(set(ids))
    targets = {e.get("href", "") for e in found if e.get("href", "").startswith("#")}
    assert targets <= {f"#{id_}" for id_ in ids}


@pytest.mark.slow
def test_equal_lakes_give_equal_bytes(tmp_path: Path) -> None:
    """A copy of a lake gives the same pages, and so does asking twice."""
    lake = hostile_lake(Lake.create(tmp_path / "one", bytes(range(32))))
    copy = Lake.open(shutil.copytree(tmp_path / "one", tmp_path / "two"))
    first = {name: page.html() for name, page in every_page(lake).items()}
    assert {name: page.html() for name, page in every_page(lake).items()} == first
    assert {name: page.html() for name, page in every_page(copy).items()} == first


def test_an_empty_lake_has_pages_that_say_so(lake: Lake) -> None:
    """Nothing is there, which is said; nothing fails."""
    pages = {name: page.html() for name, page in empty_pages(lake).items()}
    assert "No event of this week is in the lake." in pages["weekly"]
    assert "no event names a client." in pages["clients"]


def test_what_a_context_promises_is_what_the_page_shows(lake: Lake) -> None:
    """Each field of a context has its help, and its template uses it."""
    for page in every_page(hostile_lake(lake)).values():
        source = (TEMPLATES / page.template).read_text("utf-8")
        fields = dataclasses.fields(page.context)
        assert [f.name for f in fields if f.name not in source] == []
        assert all(f.metadata["help"] for f in fields)


def test_a_long_text_is_shown_in_part_with_its_length() -> None:
    """A table is not blown up by one value."""
    from reports.render import plain

    assert plain("x" * 100_000, "text").endswith("… (100,000 characters)")
    assert len(plain(HOSTILE * 1000, "text")) < 2000
