"""Turn a report's context into one HTML file that fetches nothing and runs nothing.

Logs hold text that attackers chose: everything is escaped and has its control characters written out, an undefined name
is an error, and the page's own policy forbids scripts, the network, and any style but the one it names by its hash.
"""

from __future__ import annotations

import dataclasses
from base64 import b64encode
from collections.abc import Iterable
from datetime import date, datetime
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jinja2
from markupsafe import Markup, escape

from reports.wording import count, cut, day, excerpt, share, shown, some, stamp, verbatim

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

TEMPLATES = Path(__file__).parent
LISTED = 5
"""How many names of a list in a cell are shown; how many more there are is said."""
_KINDS = {
    **{name: name for name in ("critical", "high", "medium", "low", "info", "used", "unused", "revoke", "narrow")},
    "denied only": "denied", "used, not granted": "drift", "too new": "new", "keep": "keep_it", "make jit": "narrow",
    "modify": "narrow", "grant or deny": "drift", "confirm denied": "revoke", "defer": "warned", "enforced": "good",
    "still reachable": "bad", "overdue": "bad", "true": "denied", "open": "warned", "deny": "denied", "allow": "used",
}  # fmt: skip


def render(template: str, context: DataclassInstance) -> str:
    """Return the page. `template` is a path below reports/; the context's fields are the only names it knows."""
    fields = {f.name: getattr(context, f.name) for f in dataclasses.fields(context)}
    return _environment().get_template(template).render(fields)


@cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        finalize=_harmless,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        {
            "shown": shown,
            "number": count,
            "plain": plain,
            "listed": listed,
            "kind": kind,
            "stamp": stamp,
            "ids": ids,
            "some": some,
            "ticked": ticked,
            "excerpt": excerpt,
            "share": share,
            "verbatim": verbatim,
        }
    )
    style = (TEMPLATES / "base" / "style.css").read_text("utf-8")
    environment.globals["style"] = Markup(style)  # noqa: S704 - our own file, and it has no </style> in it
    environment.globals["style_hash"] = b64encode(sha256(style.encode()).digest()).decode()
    return environment


def _harmless(value: Any) -> Any:
    """Return what an expression of a template gives, made harmless: no template can forget to."""
    return verbatim(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def plain(value: Any, of_kind: str) -> str:
    """Return a value of a table as text: counts with separators, times in UTC, shares in percent."""
    if value is None:
        return "–"
    if of_kind == "percent":
        return share(value)
    if of_kind == "day":
        return day(value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float):
        return count(value)
    if isinstance(value, datetime):
        return stamp(value)
    if isinstance(value, date):
        return day(value)
    return cut(shown(value))


def listed(values: Iterable[Any] | None) -> str:
    """Return the first names of a list, and how many more there are."""
    names = [cut(shown(value)) for value in values or ()]
    more = len(names) - LISTED
    return (",\n".join(names[:LISTED]) or "–") + (f" and {more:,} more" if more > 0 else "")


def ticked(text: str) -> Markup:
    """Return a sentence in which what stands between backticks is code."""
    parts = [escape(shown(part)) for part in text.split("`")]
    whole = len(parts) - 1 + len(parts) % 2  # a backtick without its other stays one
    told = [Markup("<code>{}</code>").format(p) if n % 2 and n < whole else p for n, p in enumerate(parts)]
    return Markup("").join(told)


def ids(values: Iterable[str]) -> str:
    """Return the beginnings of the first ids, and how many more there are; the files beside the page have them."""
    told = [shown(value)[:12] for value in values]
    return " ".join(told[:2]) + (f" +{len(told) - 2:,}" if len(told) > 2 else "")


def kind(word: Any) -> str:
    """Return the class of a tag: a colour that goes with the word, never instead of it."""
    return _KINDS.get(str(word), "plain")
