"""What a client is called without what changes from call to call: versions, comments and ids made up for the occasion.

Where a gateway knows a client by its User-Agent, one tool may call itself by a hundred names in an hour. The first
product of a User-Agent is the most significant one (RFC 9110, section 10.1.5).
"""

from __future__ import annotations

import polars as pl

_PRODUCT = r"^([^\s/()\[\]]+)/v?\d"
_MADE_UP = r"(?i)[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f-]{22,}|\b[0-9a-f]{16,}\b"


def product(name: str) -> pl.Expr:
    """Return a client's name, the column `name`, as its product alone; the name itself where that would leave none."""
    plain = pl.col(name).str.strip_chars("[] ")
    lasting = plain.str.replace_all(_MADE_UP, "").str.strip_chars("_- ")
    return pl.coalesce(plain.str.extract(_PRODUCT, 1), pl.when(lasting != "").then(lasting), pl.col(name))
