"""What the process that runs one question is handed, and what it says at the end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from store.door.policy import Role
from store.errors import DeniedError, StoppedError, TooltrailError, UnreachableError, UsageError
from store.snapshot import Snapshot


@dataclass(frozen=True)
class Job:
    """One question: everything its process may know. Of the site key it gets two derived ones."""

    statement: str
    role: Role
    snapshots: Mapping[str, Snapshot]
    templates: Mapping[str, str]
    mask_key: bytes
    index_key: bytes
    spill: str
    threads: int


@dataclass(frozen=True)
class Verdict:
    """How a question ended: `kind` is done or the kind of failure, `reason` what may be kept of it.

    `cut` says that rows were left out, `tables` which tables were asked.
    """

    kind: str
    cut: bool = False
    tables: tuple[str, ...] = ()
    message: str = ""
    reason: str = ""
    name: str | None = None
    hint: str | None = None

    @classmethod
    def of(cls, error: TooltrailError) -> Verdict:
        """Return the verdict that carries an error to another process."""
        if isinstance(error, DeniedError):
            return cls("denied", reason=error.reason, name=error.name, hint=error.hint)
        kind = next((name for name, kind in _KINDS.items() if isinstance(error, kind)), "failed")
        reason = error.where or type(error.__cause__ or error).__name__
        return cls(kind, message=error.message[:_LONGEST], reason=reason, hint=error.hint)

    def error(self) -> TooltrailError:
        """Return the error of a verdict that is not done."""
        if self.kind == "denied":
            return DeniedError(self.reason, self.name, hint=self.hint)
        kind = _KINDS.get(self.kind, TooltrailError)
        return kind(self.message, hint=self.hint)


_KINDS: dict[str, type[TooltrailError]] = {
    "stopped": StoppedError,
    "unreachable": UnreachableError,
    "usage": UsageError,
}
_LONGEST = 2000
