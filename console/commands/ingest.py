"""Take gateway logs into the lake."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from console.options import lake_option


def _common(function: Callable[..., Any]) -> Callable[..., Any]:
    for option in (
        click.option("--format", "format_id", metavar="ID", help="Read every record as this format."),
        click.option(
            "--adapters",
            multiple=True,
            type=click.Path(path_type=Path),
            help="A folder of adapters and mapping files.",
        ),
        click.option("--flush-rows", type=int, help="Make rows durable when this many are buffered."),
        click.option("--metrics-listen", metavar="HOST:PORT", help="Serve Prometheus metrics here."),
        click.option("--json-logs", is_flag=True, help="Progress as JSON lines on stderr."),
        click.option(
            "--output", type=click.Choice(("table", "json")), help="json: the summary as JSON on stdout."
        ),
        lake_option,
    ):
        function = option(function)
    return function


_flush_seconds = click.option("--flush-seconds", help="Make rows durable at least this often.")


@click.group()
def command() -> None:
    r"""Take gateway logs into the lake: files, standard input, Kafka, or OTLP.

    What was taken in before is known and not taken in again.

    \b
    Example:
      tooltrail ingest file sample_data/toolhive
    """


@command.command("file")
@click.argument("paths", nargs=-1, required=True)
@click.option("--follow", is_flag=True, help="Go on as the files are written, through rotation.")
@_flush_seconds
@_common
def file_(paths: tuple[str, ...], follow: bool, **options: Any) -> None:
    r"""Take in files, folders or globs: plain, gzip or zstd, each record in whatever format it is.

    \b
    Example:
      tooltrail ingest file /var/log/gateway/*.log.gz
      tooltrail ingest file /var/log/gateway/audit.log --follow
    """
    from console.sources import run_files

    run_files(paths, follow, options)


@command.command()
@_flush_seconds
@_common
def stdin(**options: Any) -> None:
    r"""Take in lines from standard input.

    \b
    Example:
      kubectl logs -f deploy/gateway | tooltrail ingest stdin
    """
    from console.sources import run_stdin

    run_stdin(options)


@command.command()
@click.option("--bootstrap-servers", metavar="HOST:PORT,...", help="Brokers to ask first.")
@click.option("--topic", "topics", multiple=True, help="A topic to read; may be given more than once.")
@click.option(
    "--encoding", metavar="NAME", help="auto, json, or as the Collector writes: otlp_json, otlp_proto."
)
@click.option("--group", help="Consumer group; members share the partitions.")
@click.option("--instance-id", help="A lasting name for this process: a restart in time moves no partition.")
@click.option("--session-timeout", help="A member silent for this long loses its partitions.")
@click.option(
    "--start", type=click.Choice(("earliest", "latest")), help="Where a partition begins that is new."
)
@click.option("--exit-at-end", is_flag=True, help="Stop when all that was there at the start is durable.")
@_flush_seconds
@_common
def kafka(exit_at_end: bool, **options: Any) -> None:
    r"""Take in Kafka topics, each message exactly once; TLS and SASL are set in tooltrail.toml.

    The lake's table says where each partition goes on; group offsets are written only as a hint for lag tools.

    \b
    Example:
      tooltrail ingest kafka --bootstrap-servers broker:9092 --topic mcp-audit
    """
    from console.sources import run_kafka

    run_kafka(exit_at_end, options)


@command.command()
@click.option("--listen", metavar="HOST:PORT", help="Where to listen; 127.0.0.1:4318 if not set.")
@click.option("--listener", metavar="NAME", help="The name it counts under; two on one lake need two.")
@click.option("--token-file", metavar="FILE", help="Bearer tokens senders need, one a line.")
@click.option("--tls-cert", metavar="FILE", help="Certificate chain in PEM: senders use https.")
@click.option("--tls-key", metavar="FILE", help="Key of the certificate.")
@click.option("--client-ca", metavar="FILE", help="Senders need a certificate issued by one of these.")
@click.option(
    "--commit-interval", help="How far commits are apart at least; what comes meanwhile shares one."
)
@_common
def otlp(**options: Any) -> None:
    r"""Receive OTLP over HTTP: logs and spans, each answered when it is durable.

    Senders are agents, gateways, an OpenTelemetry Collector or an SDK. Ctrl-C lets them finish.

    \b
    Example:
      tooltrail ingest otlp
      TOOLTRAIL_OTLP_TOKEN=... tooltrail ingest otlp --listen 0.0.0.0:4318 --tls-cert server.pem --tls-key server.key
    """
    from console.sources import run_otlp

    run_otlp(options)
