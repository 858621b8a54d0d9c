"""Hand events on to other tools."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from console.options import Place, as_of_option, lake_option


def _chosen(function: Callable[..., Any]) -> Callable[..., Any]:
    for option in (
        click.option("--where", metavar="SQL", help="A condition on the columns of `events`."),
        click.option("--query", metavar="SELECT", help="A SELECT that gives the event_id of each event."),
        click.option("--from", "since", metavar="TIME", help="Only events from this time on (UTC)."),
        click.option("--to", "until", metavar="TIME", help="Only events before this time (UTC)."),
        as_of_option,
        click.option("-o", "target", metavar="FILE", default="-", help="Where to write; - is stdout."),
        click.option("--force", is_flag=True, help="Replace the file."),
        lake_option,
    ):
        function = option(function)
    return function


def _run(format_id: str, place: Place, options: dict[str, Any]) -> None:
    from console.exporting import asked, run

    run(place, asked(**options), format_id)


@click.group()
def command() -> None:
    r"""Hand events on: to a SIEM, a forensic timeline, a spreadsheet, a data frame.

    Files are whole or not there. Events are in the order of their time, all from one version, said on stderr.

    \b
    Example:
      tooltrail export ocsf --where "decision = 'deny'" -o denials.ndjson
    """


@command.command()
@_chosen
def ocsf(place: Place, **options: Any) -> None:
    r"""Write OCSF API Activity (class 6003), one JSON object a line.

    \b
    Example:
      tooltrail export ocsf --from 2026-10-01 --to 2026-10-02 -o day.ndjson
    """
    _run("ocsf", place, options)


@command.command()
@_chosen
def timesketch(place: Place, **options: Any) -> None:
    r"""Write Timesketch JSONL: a row for each time a record has.

    \b
    Example:
      tooltrail export timesketch --query "SELECT event_id FROM timeline('3f08c2')" -o session.jsonl
    """
    _run("timesketch", place, options)


@command.command()
@_chosen
def csv(place: Place, **options: Any) -> None:
    r"""Write CSV that a spreadsheet does not run as formulas.

    \b
    Example:
      tooltrail export csv --where "user_email = 'ana@acme.example'" -o ana.csv
    """
    _run("csv", place, options)


@command.command()
@_chosen
def parquet(place: Place, **options: Any) -> None:
    r"""Write Parquet; its metadata names the version.

    \b
    Example:
      tooltrail export parquet --as-of 12 -o events.parquet
    """
    _run("parquet", place, options)


def _streamed(function: Callable[..., Any]) -> Callable[..., Any]:
    for option in (
        click.option("--follow", is_flag=True, help="Stay, and hand on what is being taken in."),
        click.option("--start", type=click.Choice(("earliest", "latest")), default="earliest", show_default=True,
                     help="Where to begin without a cursor."),
        click.option("--cursor", metavar="NAME|FILE", help="Where the place is kept; a name is in the lake's folder."),
        click.option("--payload", type=click.Choice(("ocsf", "native")), default="ocsf", show_default=True,
                     help="What an event becomes."),
        lake_option,
    ):  # fmt: skip
        function = option(function)
    return function


@command.group()
def stream() -> None:
    r"""Hand events on as they are committed, each at least once; a restart goes on where the last run was.

    An event that comes twice after a crash has the same event_id: Kafka's message key, OTLP's log.record.uid.

    \b
    Example:
      tooltrail export stream kafka --topic siem-mcp --follow
    """


@stream.command()
@click.option("--topic", required=True, help="The topic, which must be there.")
@click.option(
    "--bootstrap-servers", "servers", metavar="HOST:PORT,...", help="Brokers; else kafka.bootstrap_servers."
)
@_streamed
def kafka(place: Place, topic: str, servers: str | None, **options: Any) -> None:
    r"""Send to a Kafka topic, acknowledged by all replicas; TLS and SASL are set in tooltrail.toml.

    \b
    Example:
      tooltrail export stream kafka --topic siem-mcp --follow
    """
    from console.streaming import options_of, to_kafka

    to_kafka(place, options_of(options), topic, servers)


@stream.command()
@click.option(
    "--endpoint",
    default="http://localhost:4318/v1/logs",
    show_default=True,
    metavar="URL",
    envvar="OTEL_EXPORTER_OTLP_LOGS_ENDPOINT",
    help="The receiver: else OTEL_EXPORTER_OTLP_LOGS_ENDPOINT.",
)
@click.option("--header", "headers", multiple=True, metavar="NAME=VALUE",
              help="Sent with each request: else OTEL_EXPORTER_OTLP_HEADERS, the safer place for a token.")  # fmt: skip
@_streamed
def otlp(place: Place, endpoint: str, headers: tuple[str, ...], **options: Any) -> None:
    r"""Send to an OpenTelemetry receiver as OTLP/HTTP logs, in its own pace: Retry-After is honoured.

    \b
    Example:
      tooltrail export stream otlp --endpoint https://otel.example:4318/v1/logs --payload native
    """
    from console.streaming import options_of, to_otlp

    to_otlp(place, options_of(options), endpoint, headers)
