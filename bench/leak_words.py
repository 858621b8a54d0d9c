"""Words, names and cities for made-up records, and how servers write a record as text."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any


def _split(text: str) -> tuple[str, ...]:
    return tuple(text.split())


WORDS = _split("""
account address agreed again annual answer approved archive asked autumn balance because before billing board branch
budget called cancel carrier change charge clause closed colleague complaint confirm contact contract copy corner cost
credit customer deadline december decided delay deliver deposit detail discount dispatch doubt draft early eastern edge
engineer escalate estimate evening extra factory failed family fee field final follow forecast freight friday further
garage given goods grant guarantee hardly heavy hold hospital import insist install invoice january journey keys kitchen
label late lawyer lease ledger letter limit loading local manager march margin meeting member missing monday monthly
motor needs neighbour network northern notice number offer office often open option order outside owner package paint
parcel partner parts payment penalty pending phone pickup plan pledge port prefer price print problem project promised
quarter quick quote rather receive reduce refund refused region release remind renewal repair replace report request
return review room route sample saturday schedule school season seller senior settle shift shipment shortage signed
site small southern spare spring staff stock storage store strict summer supply surplus survey system taken target tax
terms theatre third thursday ticket timber total transfer travel truck tuesday unpaid until update upset urgent usual
vendor version visit volume wait wall warehouse warned warranty weekend western window winter without workshop yearly
""")
FIRST = _split("""
Ana Bo Cleo Dan Eve Finn Gus Hal Ida Jon Kim Lea Max Nia Ole Pia Quin Rob Sue Tom Uma Vic Wim Xia Yan Zoe
""")
LAST = _split("""
Abel Berg Costa Diaz Ekman Falk Gruber Hahn Ito Jensen Kohl Lind Moser Novak Olsen Pohl Quist Rossi Sato Thorn
""")
CITIES = _split("""
Augsburg Barcelona Copenhagen Dresden Edinburgh Florence Gothenburg Helsinki Innsbruck Karlsruhe
""")


def as_lines(value: Any, depth: int = 0) -> Iterator[str]:
    """Yield a value as the indented lines that many servers answer with."""
    if isinstance(value, dict):
        for key, inner in value.items():
            if isinstance(inner, dict | list):
                yield f"{'  ' * depth}{key}:"
                yield from as_lines(inner, depth + 1)
            else:
                yield f"{'  ' * depth}{key}: {inner}"
    else:
        for inner in value:
            yield f"{'  ' * depth}-"
            yield from (
                as_lines(inner, depth + 1) if isinstance(inner, dict | list) else [f"{'  ' * depth}  {inner}"]
            )
