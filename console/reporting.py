"""Reports at the console: a page with CSV and JSON beside it, whole or not there, and what was written."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from hashlib import sha256
from pathlib import Path

from console import csvtext
from console.cells import ENCODER, json_rows
from console.exits import say
from console.exporting import moment
from console.options import Place, duckdb_settings
from console.output import Output, rows_of
from reports.catalog import Means, Request, load
from reports.page import Page
from store.errors import UsageError
from store.settings import Settings


@dataclass(frozen=True)
class Written:
    """One file of a report."""

    file: Path
    bytes: int
    sha256: str


def request(
    place: Place,
    subject: str | None,
    since: str | None,
    until: str | None,
    as_of: str | None,
    servers: tuple[str, ...] = (),
    principals: tuple[str, ...] = (),
) -> Request:
    """Return what is asked of a report, with what the settings say."""
    asked = Request(subject, moment(since, "--since"), moment(until, "--until"), as_of, servers, principals)
    return replace(asked, means=means(place.settings()))


def means(told: Settings) -> Means:
    """Return what of the settings reports go by."""
    own = tuple((life.name, timedelta(seconds=life.seconds)) for life in told.debt.short_lives)
    review = told.review
    return Means(
        timedelta(seconds=told.debt.short_life), own, review.period_days, review.least_days, review.window_hours,
        review.most_windows, review.enforce_within / 3600, duckdb_settings(told.query),
    )  # fmt: skip


def report(place: Place, name: str, asked: Request, folder: Path, output: Output, *, pdf: bool) -> None:
    """Write a report into a folder, and print its files."""
    page = load(name).build(place.open_to_ask(), asked)
    files = write(page, folder, pdf=pdf)
    rows = [{"file": str(w.file), "bytes": w.bytes, "sha256": w.sha256} for w in files]
    for line in page.summary:
        say(line)
    output.write(rows_of(rows, ["file", "bytes", "sha256"]))


def write(page: Page, folder: Path, *, pdf: bool = False) -> list[Written]:
    """Write a page and what lies beside it; a file of that name is replaced, whole or not at all."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except FileExistsError as error:
        raise UsageError("there is a file where the folder should be", where=str(folder)) from error
    return [_put(folder / name, content) for name, content in contents(page, pdf=pdf)]


def contents(page: Page, *, pdf: bool = False) -> Iterator[tuple[str, bytes]]:
    """Yield name and content of each file: the page, its tables as CSV, all of it as JSON, the PDF if asked for."""
    html = page.html()
    yield f"{page.stem}.html", html.encode()
    if pdf:
        yield f"{page.stem}.pdf", as_pdf(html)
    for name, table in page.tables.items():
        yield (
            f"{page.stem}.{name}.csv",
            b"".join([csvtext.header(table.schema), *map(csvtext.lines, table.to_batches())]),
        )
    rows = {
        name: [row for batch in table.to_batches() for row in json_rows(batch)]
        for name, table in page.tables.items()
    }
    about = page.about
    head = {"report": about.kind, "title": about.title, "events_version": about.version, "builder": about.builder,
            "command": about.command, "summary": list(page.summary)}  # fmt: skip
    yield f"{page.stem}.json", ENCODER.encode({**head, "tables": rows}) + b"\n"


def as_pdf(html: str) -> bytes:
    """Return a page as PDF; nothing is fetched for it. UsageError where WeasyPrint is not installed."""
    try:
        from weasyprint import HTML, URLFetcher
    except (ImportError, OSError) as error:
        raise UsageError("a PDF needs WeasyPrint", hint="pip install 'tooltrail[pdf]'") from error
    made: bytes = HTML(string=html, url_fetcher=URLFetcher(allowed_protocols=())).write_pdf()
    return made


def _put(file: Path, content: bytes) -> Written:
    draft = file.with_name(f".{file.name}.{secrets.token_hex(4)}")
    try:
        draft.write_bytes(content)
        os.replace(draft, file)  # noqa: PTH105 - atomic on every platform
    finally:
        draft.unlink(missing_ok=True)
    return Written(file, len(content), sha256(content).hexdigest())
