"""A real mail server for tests, that wants TLS and a password."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult
from certificates import make_certificates

from store.settings import MailSettings, Settings


@pytest.fixture
def mails(tmp_path: Path) -> Iterator[SimpleNamespace]:
    """Return a real mail server that wants TLS and a password, and what it took; `settings` speak to it."""
    made = make_certificates(tmp_path / "certificates")
    took: list[EmailMessage] = []

    class Handler:
        async def handle_DATA(self, _server: object, _session: object, envelope: Any) -> str:  # noqa: N802 - aiosmtpd's name
            took.append(message_from_bytes(envelope.content, policy=default))
            return "250 taken"

    def login(_server: object, _session: object, _envelope: object, _mechanism: str, data: Any) -> AuthResult:
        return AuthResult(success=(data.login, data.password) == (b"tooltrail", b"right"), handled=False)

    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(made.folder / "broker.pem")
    server = Controller(Handler(), hostname="127.0.0.1", port=port, tls_context=context, require_starttls=True,
                        authenticator=login, auth_required=True)  # fmt: skip
    server.start()
    mail = MailSettings(
        "127.0.0.1", port, "starttls", "tooltrail", "right", "soc@acme.example", made.authority, 20.0
    )
    yield SimpleNamespace(settings=Settings(mail=mail), took=took, folder=made)
    server.stop()
