"""A session's story at the console: paragraphs of sentences with the short ids of their events."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby

import click

from analytics.ladder import Ladder
from analytics.narrative import Sentence, story
from analytics.wording import short_ids
from console.exits import say
from console.output import Output, rows_of
from console.table import terminal_width
from console.terminal import visible

_WIDEST = 100
_CITED = 3
_TIED = "\uffff"
"""Stands for a space at which no line is broken; it is in no text, for `visible` shows it."""


def print_story(ladder: Ladder, output: Output) -> None:
    """Print a story: for a person as text, otherwise one row per sentence with the event ids."""
    say(f"answered from events version {ladder.version}")
    sentences = story(ladder)
    if output.chosen != "table" or output.to is not None:
        rows = [
            {"sentence": n, "part": s.part, "text": s.text, "event_ids": list(s.events)}
            for n, s in enumerate(sentences, 1)
        ]
        output.write(rows_of(rows, ("sentence", "part", "text", "event_ids")))
        return
    for line in story_lines(sentences[: output.limit], terminal_width()):
        click.echo(line)


def story_lines(sentences: Sequence[Sentence], width: int) -> Iterator[str]:
    """Yield the paragraphs of a story, wrapped, each sentence followed by its events."""
    short = short_ids(event for sentence in sentences for event in sentence.events)
    for number, (part, told) in enumerate(groupby(sentences, key=lambda sentence: sentence.part)):
        if number:
            yield ""
        cited = [f"{visible(sentence.text)} {_cited(sentence, short)}" for sentence in told]
        paragraphs = cited if part in ("what", "not known", "found") else [" ".join(cited)]
        for paragraph in paragraphs:
            for line in textwrap.wrap(paragraph, min(width, _WIDEST), break_on_hyphens=False):
                yield line.replace(_TIED, " ")


def _cited(sentence: Sentence, short: Mapping[str, str]) -> str:
    shown = [short[event] for event in sentence.events[:_CITED]]
    if len(sentence.events) > _CITED:
        shown.append(f"+{len(sentence.events) - _CITED:,}")
    return f"[{_TIED.join(shown)}]"
