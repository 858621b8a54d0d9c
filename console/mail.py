"""E-mail by the server of [mail]: TLS unless it is said otherwise, a name and password never in the clear."""

from __future__ import annotations

import smtplib
import ssl
from collections.abc import Sequence
from datetime import UTC, datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime

from console.terminal import visible
from store.errors import UsageError
from store.settings import MailSettings


def message(mail: MailSettings, to: Sequence[str], subject: str, text: str, key: str) -> EmailMessage:
    """Return a message without attachments; `key` makes its Message-ID, so that a repeat is known as one."""
    made = EmailMessage()
    made["From"] = _address(mail.sender, "mail.sender")
    made["To"] = [_address(one, "to") for one in to]
    made["Subject"] = visible(subject)[:200]
    made["Date"] = format_datetime(datetime.now(UTC))
    made["Message-ID"] = f"<{key}@tooltrail>"
    made["Auto-Submitted"] = "auto-generated"
    made.set_content(visible(text, keep="\n"))
    return made


def send(mail: MailSettings, made: EmailMessage) -> None:
    """Hand a message to the server; returns when it took it for all recipients, else OSError."""
    if not mail.host:
        raise UsageError("no mail server is named", where="[mail] host")
    context = ssl.create_default_context(cafile=str(mail.ca_file) if mail.ca_file else None)
    if mail.security == "tls":
        server: smtplib.SMTP = smtplib.SMTP_SSL(mail.host, mail.port, timeout=mail.timeout, context=context)
    else:
        server = smtplib.SMTP(mail.host, mail.port, timeout=mail.timeout)
    with server:
        if mail.security == "starttls":
            server.starttls(context=context)
        if mail.username:
            if mail.security == "none":
                raise UsageError(
                    "a password is not sent in the clear", where="[mail] security", hint="use starttls or tls"
                )
            server.login(mail.username, mail.password or "")
        refused = server.send_message(made)
    if refused:
        raise OSError(f"the server refused {len(refused)} of {len(made['To'].addresses)} recipients")


def _address(text: str | None, where: str) -> Address:
    try:
        return Address(addr_spec=text or "")
    except (ValueError, IndexError) as error:
        raise UsageError(f"{text!r} is no e-mail address", where=where) from error
