"""The errors a person can act on: what went wrong, where, and what to do next."""

from __future__ import annotations


class TooltrailError(Exception):
    """A failure with a place and a remedy; children exist only where a caller acts differently.

    `where` reads `file:line`, `topic[partition]@offset` or a path; `hint` is the next step for the reader.
    """

    def __init__(self, message: str, *, where: str | None = None, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.where = where
        self.hint = hint

    def __str__(self) -> str:
        place = f"{self.where}: " if self.where else ""
        remedy = f" ({self.hint})" if self.hint else ""
        return f"{place}{self.message}{remedy}"


class UsageError(TooltrailError):
    """The command, an option, or the configuration is wrong: nothing was done."""


class DeniedError(UsageError):
    """The guarded door refuses: by who asks, in which role, why, or what. Nothing was answered.

    `reason` is fixed text that may be kept; `name` is what it was about, as the asker wrote it.
    """

    def __init__(self, reason: str, name: str | None = None, *, hint: str | None = None) -> None:
        super().__init__(reason if name is None else f"{reason}: {name}", hint=hint)
        self.reason = reason
        self.name = name


class StoppedError(TooltrailError):
    """A question was stopped at a limit of its role: time, memory, or size of the answer."""


class UnreachableError(TooltrailError):
    """The lake or a source could not be opened, read, or written."""


class BusyError(TooltrailError):
    """Another process is at the same work; it may be left to it."""


class FencedError(TooltrailError):
    """Another writer has taken over this stream: everything buffered from it must be dropped and re-read."""


class DurabilityError(TooltrailError):
    """An fsync failed, so the kernel may have dropped our pages: the process must stop and not retry."""


class IntegrityError(TooltrailError):
    """Stored bytes do not match what was recorded about them."""
