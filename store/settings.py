"""Every setting, stated once: its name, type, default and meaning are the fields of the section classes.

Parsing, the starter tooltrail.toml, `tooltrail config show` and docs/configuration.md all come from these
fields. A value is taken from a flag, else from the environment (TOOLTRAIL_<SECTION>_<KEY>), else from
tooltrail.toml, else it is the default; `Settings.effective` says which it was.
"""

from __future__ import annotations

import dataclasses
import os
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from store import units
from store.errors import UnreachableError, UsageError
from store.units import Kind

FILE_NAME = "tooltrail.toml"
OTHERS = ("alerts", "roles", "people", "schedule")
"""Sections with names of the user's own, which are read where they are used."""
PREFIX = "TOOLTRAIL_"
_PROTOCOLS = ("PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL")
_MECHANISMS = ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512")


def _fact(kind: Kind, default: Any, meaning: str, *, secret: bool = False) -> Any:
    return field(default=default, metadata={"kind": kind, "meaning": meaning, "secret": secret})


@dataclass(frozen=True)
class IngestSettings:
    """How records are read and how often they become durable."""

    format: str | None = _fact(
        units.TEXT, None, "Read every record as this format instead of recognising it."
    )
    adapters: tuple[Path, ...] = _fact(
        units.PATHS, (), "Folders with adapters and mapping files of your own."
    )
    flush_rows: int = _fact(units.COUNT, 120_000, "Make rows durable when this many are buffered.")
    flush_bytes: int = _fact(units.SIZE, 128 << 20, "Make rows durable when this much input is buffered.")
    flush_seconds: float = _fact(units.DURATION, 5.0, "Make rows durable at least this often.")
    max_record_bytes: int = _fact(units.SIZE, 16 << 20, "A longer record becomes a dead letter.")
    dedupe_window: int = _fact(units.COUNT, 500_000, "How many event ids are remembered to drop repeats.")


@dataclass(frozen=True)
class ContentSettings:
    """What is kept of what tools were asked. Results are never kept, and secrets never reach the lake."""

    keep_arguments: bool = _fact(
        units.SWITCH, True, "Keep arguments, redacted; off keeps names and fingerprints."
    )
    max_argument_chars: int = _fact(units.COUNT, 16_384, "Cut kept arguments at this many characters.")


@dataclass(frozen=True)
class KafkaSettings:
    """The source of `tooltrail ingest kafka`."""

    bootstrap_servers: tuple[str, ...] = _fact(units.TEXTS, ("localhost:9092",), "Brokers to ask first.")
    topics: tuple[str, ...] = _fact(units.TEXTS, (), "Topics to read.")
    encoding: str = _fact(
        units.choice("auto", "json", "otlp_json", "otlp_proto"),
        "auto",
        "What messages hold; auto sees it in each, json is any text, the others are the Collector's.",
    )
    group: str = _fact(units.TEXT, "tooltrail", "Consumer group; members share the partitions.")
    client_id: str = _fact(units.TEXT, "tooltrail", "The name brokers log for this client.")
    instance_id: str | None = _fact(
        units.TEXT, None, "A lasting name for this process: a restart in time moves no partition."
    )
    start: str = _fact(
        units.choice("earliest", "latest"), "earliest", "Where to begin a partition never read before."
    )
    session_timeout: float = _fact(
        units.DURATION, 20.0, "A member silent for this long loses its partitions; brokers bound it."
    )
    max_poll_interval: float = _fact(
        units.DURATION, 300.0, "A member that reads nothing for this long loses its partitions."
    )
    security_protocol: str = _fact(units.choice(*_PROTOCOLS), "PLAINTEXT", "How brokers are spoken to.")
    sasl_mechanism: str | None = _fact(units.choice(*_MECHANISMS), None, "How to authenticate.")
    sasl_username: str | None = _fact(units.TEXT, None, "User name for SASL.")
    sasl_password: str | None = _fact(
        units.TEXT, None, "Password for SASL; better in the environment than in the file.", secret=True
    )
    ssl_cafile: Path | None = _fact(units.PATH, None, "Certificates to trust instead of the system's.")  # noqa: RUF009 - a field, not a value
    ssl_certfile: Path | None = _fact(units.PATH, None, "Client certificate.")  # noqa: RUF009 - a field, not a value
    ssl_keyfile: Path | None = _fact(units.PATH, None, "Key of the client certificate.")  # noqa: RUF009 - a field, not a value
    ssl_password: str | None = _fact(units.TEXT, None, "Password of the key file.", secret=True)
    ssl_check_hostname: bool = _fact(units.SWITCH, True, "Refuse a certificate that names another host.")


@dataclass(frozen=True)
class OtlpSettings:
    """The receiver `tooltrail ingest otlp`. docs/otlp.md says how senders are set."""

    listen: str = _fact(units.ADDRESS, "127.0.0.1:4318", "Where to listen for /v1/logs and /v1/traces.")
    listener: str = _fact(
        units.TEXT, "default", "The name this receiver counts under; two on one lake need two."
    )
    token: str | None = _fact(
        units.TEXT,
        None,
        "The bearer token senders need; better in the environment than in the file.",
        secret=True,
    )
    token_file: Path | None = _fact(units.PATH, None, "A file of tokens, one a line; any of them will do.")  # noqa: RUF009 - a field, not a value
    tls_cert: Path | None = _fact(units.PATH, None, "Certificate chain in PEM; with it senders use https.")  # noqa: RUF009 - a field, not a value
    tls_key: Path | None = _fact(units.PATH, None, "Key of the certificate, if it is in a file of its own.")  # noqa: RUF009 - a field, not a value
    client_ca: Path | None = _fact(units.PATH, None, "Senders need a certificate issued by one of these.")  # noqa: RUF009 - a field, not a value
    anonymous: bool = _fact(
        units.SWITCH, False, "Listen beyond this machine without a token or client certificates."
    )
    commit_interval: float = _fact(
        units.DURATION, 0.5, "How far commits are apart at least: requests that come meanwhile share one."
    )
    max_body_bytes: int = _fact(units.SIZE, 20 << 20, "The largest body, as sent and after decompression.")
    max_held_bytes: int = _fact(
        units.SIZE, 256 << 20, "Requests held until they are durable; beyond it senders are told to wait."
    )
    max_connections: int = _fact(units.COUNT, 1024, "Connections at once; further ones are told to wait.")
    body_timeout: float = _fact(units.DURATION, 30.0, "A body must have come within this.")


@dataclass(frozen=True)
class MetricsSettings:
    """Prometheus metrics."""

    listen: str | None = _fact(
        units.ADDRESS, None, "Serve metrics here while ingesting, such as 127.0.0.1:9464."
    )


@dataclass(frozen=True)
class QuerySettings:
    """Bounds on `tooltrail sql` and `tooltrail shell`."""

    threads: int = _fact(units.COUNT_OR_ZERO, 0, "Threads a query may use; 0 is one per core.")
    memory_limit: int | None = _fact(units.SIZE, None, "Memory a query may use before it spills to disk.")
    timeout_seconds: float = _fact(units.DURATION_OR_ZERO, 0.0, "Stop a query after this long; 0 never does.")
    max_rows: int = _fact(units.COUNT_OR_ZERO, 0, "Print at most this many rows; 0 prints all.")


@dataclass(frozen=True)
class DebtSettings:
    """Trust debt: how long a credential made for one use would live. docs/debt.md has the formula."""

    short_life: float = _fact(units.DURATION, 900.0, "What one use covers, a day at most.")
    short_lives: tuple[units.Named, ...] = _fact(
        units.DURATIONS, (), "The same on single servers, where it differs."
    )


@dataclass(frozen=True)
class AccessSettings:
    """The guarded door. [roles.NAME] and [people] say who sees what: docs/access.md."""

    socket: Path | None = _fact(units.PATH, None, "Where the door listens; else door.sock in the lake.")  # noqa: RUF009 - a field, not a value
    group: str | None = _fact(
        units.TEXT, None, "The group that may reach the socket; without it only the lake's owner can."
    )
    require_reason: bool = _fact(units.SWITCH, True, "Refuse a question that names no case or reason.")
    reason_pattern: str | None = _fact(
        units.PATTERN, None, "A regular expression the whole reason must match, such as a case number's."
    )
    max_questions: int = _fact(
        units.COUNT, 4, "How many questions run at once; further ones wait for their turn."
    )


@dataclass(frozen=True)
class MailSettings:
    """The mail server that alerts and scheduled reports are handed to."""

    host: str | None = _fact(units.TEXT, None, "The SMTP server.")
    port: int = _fact(units.COUNT, 587, "Its port.")
    security: str = _fact(
        units.choice("starttls", "tls", "none"), "starttls", "How it is spoken to; none sends in the clear."
    )
    username: str | None = _fact(units.TEXT, None, "User name, where the server asks for one.")
    password: str | None = _fact(
        units.TEXT, None, "Password; better in the environment than in the file.", secret=True
    )
    sender: str = _fact(units.TEXT, "tooltrail@localhost", "The address mail comes from.")
    ca_file: Path | None = _fact(units.PATH, None, "Certificates to trust instead of the system's.")  # noqa: RUF009 - a field, not a value
    timeout: float = _fact(units.DURATION, 20.0, "The server must answer within this.")


@dataclass(frozen=True)
class ReviewSettings:
    """Entitlement reviews. docs/reviews.md says what each number decides."""

    period_days: int = _fact(units.COUNT, 90, "How many days before the newest event a review looks at.")
    least_days: int = _fact(units.COUNT, 30, "A grant is not called unused that was seen for fewer days.")
    window_hours: int = _fact(units.COUNT, 8, "How long just-in-time access would last.")
    most_windows: int = _fact(
        units.COUNT, 12, "Use that fits in this many such windows needs no standing grant."
    )
    due_days: int = _fact(units.COUNT, 14, "Decisions are due this many days after a review began.")
    overdue: str = _fact(
        units.choice("keep", "revoke", "escalate"),
        "escalate",
        "What an item becomes that nobody decided in time; escalate lets no review be closed with one.",
    )
    enforce_within: float = _fact(
        units.DURATION, 86_400.0, "How long after its decision a revocation may wait to be proven."
    )


@dataclass(frozen=True)
class RetentionSettings:
    """How long rows are kept; `tooltrail lake expire` and `lake maintain` remove what is over. docs/keeping.md."""

    events: float = _fact(units.DURATION_OR_ZERO, 0.0, "How long events are kept; 0 for ever.")
    classes: tuple[units.Named, ...] = _fact(
        units.DURATIONS, (), "The same by event class: tool_call, denial, client_event."
    )
    tenants: tuple[units.Named, ...] = _fact(
        units.DURATIONS,
        (),
        'The same by org_id, or by org_id and class as "acme/denial"; it counts before a class.',
    )
    tables: tuple[units.Named, ...] = _fact(
        units.DURATIONS, (), "How long rows of other tables are kept, by name."
    )


@dataclass(frozen=True)
class KeepingSettings:
    """Compaction, vacuum and the ledger of erasures and holds."""

    target_bytes: int = _fact(units.SIZE, 128 << 20, "How large compaction makes files.")
    target_rows: int = _fact(
        units.COUNT, 250_000, "At most so many rows a file: a gigabyte while it is made."
    )
    grace: float = _fact(units.DURATION, 3600.0, "What the longest query takes: replaced files stay so long.")
    orphans_after: float = _fact(units.DURATION, 86_400.0, "Files no commit names are removed when so old.")
    ledger: Path | None = _fact(units.PATH, None, "A second copy of the ledger of erasures and holds.")  # noqa: RUF009 - a field, not a value


@dataclass(frozen=True)
class IntegritySettings:
    """Time stamps over the log by an authority of RFC 3161: docs/integrity.md."""

    tsa: str | None = _fact(units.TEXT, None, "Address of a time stamp authority; without it none is asked.")
    tsa_ca: Path | None = _fact(units.PATH, None, "Certificates in PEM that time stamps must lead to.")  # noqa: RUF009 - a field, not a value
    stamp_every: float = _fact(
        units.DURATION,
        3600.0,
        "How far time stamps are apart at least; none is asked for where nothing came.",
    )


@dataclass(frozen=True)
class Effective:
    """A setting's value and where it came from: default, tooltrail.toml:LINE, a variable's name, or flag."""

    name: str
    value: Any
    origin: str
    secret: bool = False

    @property
    def shown(self) -> str:
        """Return the value as text that is safe to print: a secret is only said to be set."""
        if self.value is None:
            return ""
        return "set" if self.secret else units.show(self.value)


@dataclass(frozen=True)
class Settings:
    """All settings; `origins` maps the names of those that are not defaults to where they came from."""

    ingest: IngestSettings = field(default_factory=IngestSettings)
    content: ContentSettings = field(default_factory=ContentSettings)
    kafka: KafkaSettings = field(default_factory=KafkaSettings)
    otlp: OtlpSettings = field(default_factory=OtlpSettings)
    metrics: MetricsSettings = field(default_factory=MetricsSettings)
    query: QuerySettings = field(default_factory=QuerySettings)
    debt: DebtSettings = field(default_factory=DebtSettings)
    access: AccessSettings = field(default_factory=AccessSettings)
    mail: MailSettings = field(default_factory=MailSettings)
    review: ReviewSettings = field(default_factory=ReviewSettings)
    retention: RetentionSettings = field(default_factory=RetentionSettings)
    keeping: KeepingSettings = field(default_factory=KeepingSettings)
    integrity: IntegritySettings = field(default_factory=IntegritySettings)
    origins: Mapping[str, str] = field(default_factory=dict, compare=False)

    def effective(self) -> Iterator[Effective]:
        """Yield every setting with its value and origin, in the order of the reference."""
        for fact in FACTS:
            value = getattr(getattr(self, fact.section), fact.key)
            yield Effective(fact.name, value, self.origins.get(fact.name, "default"), fact.secret)


@dataclass(frozen=True)
class Fact:
    """One setting as the documents and the parser see it."""

    section: str
    key: str
    kind: Kind
    default: Any
    meaning: str
    secret: bool

    @property
    def name(self) -> str:
        """Return the dotted name: ingest.flush_rows."""
        return f"{self.section}.{self.key}"

    @property
    def variable(self) -> str:
        """Return the environment variable: TOOLTRAIL_INGEST_FLUSH_ROWS."""
        return f"{PREFIX}{self.section}_{self.key}".upper()


SECTIONS: dict[str, type[Any]] = {
    "ingest": IngestSettings, "content": ContentSettings, "kafka": KafkaSettings,
    "otlp": OtlpSettings, "metrics": MetricsSettings, "query": QuerySettings,
    "debt": DebtSettings, "access": AccessSettings, "mail": MailSettings,
    "review": ReviewSettings,
    "retention": RetentionSettings,
    "keeping": KeepingSettings,
    "integrity": IntegritySettings,
}  # fmt: skip
FACTS: tuple[Fact, ...] = tuple(
    Fact(section, f.name, f.metadata["kind"], f.default, f.metadata["meaning"], f.metadata["secret"])
    for section, kind in SECTIONS.items()
    for f in dataclasses.fields(kind)
)
BY_NAME = {fact.name: fact for fact in FACTS}


def find_file(lake: Path, chosen: Path | None = None, environ: Mapping[str, str] = os.environ) -> Path | None:
    """Return the configuration file: the one chosen, else TOOLTRAIL_CONFIG, else the lake's own, if any."""
    named = chosen or (Path(environ["TOOLTRAIL_CONFIG"]) if environ.get("TOOLTRAIL_CONFIG") else None)
    if named is not None:
        return named
    own = lake / FILE_NAME
    return own if own.is_file() else None


def load(
    file: Path | None = None,
    environ: Mapping[str, str] = os.environ,
    flags: Mapping[str, Any] | None = None,
) -> Settings:
    """Put the settings together; `flags` maps dotted names to values, None meaning the flag was not given.

    Raises UsageError naming the line, the wrong value, what was expected, and the nearest known name.
    """
    values: dict[str, Any] = {}
    origins: dict[str, str] = {}
    for source in (_from_file(file) if file else (), _from_environment(environ), _from_flags(flags or {})):
        for name, value, origin in source:
            values[name], origins[name] = value, origin
    built = {
        section: kind(**{f.key: values[f.name] for f in FACTS if f.section == section and f.name in values})
        for section, kind in SECTIONS.items()
    }
    settings = Settings(**built, origins=origins)
    _refuse_strangers(environ)
    return settings


_Found = Iterator[tuple[str, Any, str]]


def _from_file(file: Path) -> _Found:
    try:
        text = file.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise UnreachableError(f"the configuration cannot be read: {reason}", where=str(file)) from error
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise UsageError(units.toml_fault(error), where=units.toml_place(file, error)) from error
    lines = units.key_lines(text)
    for section, table in document.items():
        if section in OTHERS:
            continue
        place = f"{file}:{lines.get((section,), 1)}"
        if section not in SECTIONS:
            raise _unknown(section, list(SECTIONS), "section", place)
        if not isinstance(table, dict):
            raise UsageError(
                f"{section} is a section, not a value",
                where=place,
                hint=f"write [{section}] on a line of its own",
            )
        for key, value in table.items():
            line = lines.get((section, key), lines.get((section,), 1))
            fact = _known(section, key, f"{file}:{line}")
            parsed = _parse(fact, value, f"{file}:{line}")
            yield fact.name, units.beside(parsed, file.parent), f"{file.name}:{line}"


def _from_environment(environ: Mapping[str, str]) -> _Found:
    for fact in FACTS:
        if text := environ.get(fact.variable):
            yield fact.name, _parse(fact, text, fact.variable), fact.variable


def _from_flags(flags: Mapping[str, Any]) -> _Found:
    for name, value in flags.items():
        if value is not None:
            yield name, _parse(BY_NAME[name], value, f"--{BY_NAME[name].key.replace('_', '-')}"), "flag"


def _parse(fact: Fact, value: Any, place: str) -> Any:
    try:
        return fact.kind.parse(value)
    except (ValueError, TypeError) as error:
        got = "the value given" if fact.secret else repr(value)
        raise UsageError(f"{fact.name} must be {fact.kind.expected}, not {got}", where=place) from error


def _known(section: str, key: str, place: str) -> Fact:
    if fact := BY_NAME.get(f"{section}.{key}"):
        return fact
    keys = [f.key for f in FACTS if f.section == section]
    if not get_close_matches(key, keys) and (home := next((f for f in FACTS if f.key == key), None)):
        raise UsageError(
            f"[{section}] has no {key!r}", where=place, hint=f"it belongs under [{home.section}]"
        )
    raise _unknown(key, keys, f"setting in [{section}]", place)


def _unknown(name: str, known: list[str], what: str, place: str) -> UsageError:
    near = get_close_matches(name, known, n=1)
    hint = f"did you mean {near[0]}?" if near else f"known are {', '.join(known)}"
    return UsageError(f"unknown {what}: {name!r}", where=place, hint=hint)


def _refuse_strangers(environ: Mapping[str, str]) -> None:
    """Refuse a misspelt variable: silence would leave the default in force."""
    known = {fact.variable for fact in FACTS}
    for name in environ:
        section = name.removeprefix(PREFIX).split("_", 1)[0].lower() if name.startswith(PREFIX) else ""
        if section in SECTIONS and "_" in name.removeprefix(PREFIX) and name not in known:
            raise _unknown(name, sorted(known), "environment variable", "environment")
