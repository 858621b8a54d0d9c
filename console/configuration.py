"""The settings as documents: the starter tooltrail.toml, the reference page, the rows of `config show`."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from console.alerts import settings as alerts
from console.schedule import settings as schedule
from console.sections import given
from store.settings import FACTS, SECTIONS, Fact, Settings
from store.units import SIZE, show, show_size

EXAMPLES: dict[str, str] = {
    "ingest.format": '"native"', "ingest.adapters": '["adapters"]', "kafka.topics": '["mcp-audit"]',
    "kafka.instance_id": '"ingest-0"',
    "kafka.sasl_mechanism": '"SCRAM-SHA-512"', "kafka.sasl_username": '"tooltrail"',
    "kafka.sasl_password": '"..."', "kafka.ssl_cafile": '"ca.pem"', "kafka.ssl_certfile": '"client.pem"',
    "kafka.ssl_keyfile": '"client.key"', "kafka.ssl_password": '"..."', "otlp.token": '"..."',
    "otlp.token_file": '"otlp.tokens"', "otlp.tls_cert": '"server.pem"', "otlp.tls_key": '"server.key"',
    "otlp.client_ca": '"senders-ca.pem"', "metrics.listen": '"127.0.0.1:9464"',
    "query.memory_limit": '"4GiB"', "access.socket": '"/run/tooltrail/door.sock"', "access.group": '"investigators"',
    "access.reason_pattern": "'CASE-\\d+'", "debt.short_lives": '{ github = "30m" }',
    "mail.host": '"smtp.example.com"', "mail.username": '"tooltrail"', "mail.password": '"..."',
    "mail.ca_file": '"mail-ca.pem"', "retention.classes": '{ client_event = "30d" }',
    "retention.tenants": '{ "acme/denial" = "730d" }', "retention.tables": '{ dead_letters = "90d" }',
    "keeping.ledger": '"/mnt/other/erasures.ndjson"',
}  # fmt: skip


def starter_toml() -> str:
    """Return a tooltrail.toml of comments: every setting at its default, or an example where it has none."""
    parts = [_HEAD]
    for section, kind in SECTIONS.items():
        parts.append(f"\n[{section}]\n# {_first_line(kind.__doc__)}\n")
        parts += [f"\n# {f.meaning}\n# {f.key} = {_toml(f)}\n" for f in FACTS if f.section == section]
    return "".join(parts)


def configuration_page() -> str:
    """Return docs/configuration.md."""
    parts = [_INTRODUCTION]
    for section, kind in SECTIONS.items():
        parts.append(
            f"\n## [{section}]\n\n{kind.__doc__}\n\n| key | type | default | meaning |\n|---|---|---|---|\n"
        )
        parts += [
            f"| `{f.key}` | {f.kind.name} | {_default(f)} | {f.meaning} |\n"
            for f in FACTS
            if f.section == section
        ]
    parts.append(
        f"\n## A file to start from\n\n`tooltrail init` writes this one.\n\n```toml\n{starter_toml()}```\n"
    )
    return "".join(parts)


def setting_rows(settings: Settings) -> list[dict[str, Any]]:
    """Return one row per setting: what is in force, where it came from, and what it means."""
    facts = {fact.name: fact for fact in FACTS}
    return [
        {
            "setting": e.name,
            "value": _shown(facts[e.name], e.shown),
            "origin": e.origin,
            "meaning": facts[e.name].meaning,
        }
        for e in settings.effective()
    ]


def named_rows(file: Path | None) -> list[dict[str, Any]]:
    """Return one row for each key of [alerts.NAME] and [schedule.NAME], having checked them."""
    alerts.read(file)
    schedule.read(file)
    return [
        {"setting": name, "value": show(_safe(name, value)), "origin": origin, "meaning": f"docs/{page}.md"}
        for section, page in (("alerts", "alerts"), ("schedule", "schedule"))
        for name, value, origin in given(file, section)
    ]


def _safe(name: str, value: Any) -> Any:
    """Return a value as it may be printed: the path of an address may be all that keeps strangers from a webhook."""
    if name.endswith((".url", ".webhook")):
        url = urlsplit(value)
        return f"{url.scheme}://{url.netloc}/..." if url.path.strip("/") or url.query else value
    return tuple(value) if isinstance(value, list) else value


_HEAD = """\
# Configuration of this lake. A line without its # takes effect; flags and the environment
# (TOOLTRAIL_SECTION_KEY) come before it. `tooltrail config show` prints what is in force, and from where.
"""

_INTRODUCTION = """# Configuration

A setting is taken from the first of these that has it:

1. the flag of the command, such as `--flush-rows`;
2. the environment: `TOOLTRAIL_<SECTION>_<KEY>`, such as `TOOLTRAIL_INGEST_FLUSH_ROWS`; lists are separated by
   commas, and a variable that is empty counts as not set;
3. `tooltrail.toml` in the lake's folder, or the file named by `--config` or `TOOLTRAIL_CONFIG`; relative
   paths in it start from its folder;
4. the default.

`tooltrail config show` prints what is in force and where each value came from. An unknown name or a wrong
value stops the command with exit code 2 and names the line, the value, what was expected, the nearest name.

Sizes are written `128MiB`, `1GB` or as bytes; durations `5s`, `250ms`, `2h` or as seconds.
"""


def _first_line(text: str | None) -> str:
    return (text or "").split("\n", 1)[0]


def _shown(fact: Fact, shown: str) -> str:
    return show_size(int(shown)) if fact.kind is SIZE and shown else shown


def _default(fact: Fact) -> str:
    if fact.default is None or fact.default == ():
        return "not set"
    return f"`{_plain(fact)}`"


def _plain(fact: Fact) -> str:
    if "duration" in fact.kind.name:
        return f"{fact.default:g}s"
    return _shown(fact, show(fact.default))


def _toml(fact: Fact) -> str:
    if fact.name in EXAMPLES:
        return EXAMPLES[fact.name]
    if isinstance(fact.default, bool | int) and fact.kind is not SIZE:
        return show(fact.default)
    if isinstance(fact.default, tuple):
        return "[" + ", ".join(f'"{item}"' for item in fact.default) + "]"
    return f'"{_plain(fact)}"'
