"""The configuration a door goes by: read again when the file changes, so that a grant taken away is gone at once."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from store import settings
from store.door import policy
from store.door.policy import Policy
from store.door.restricted import check_role
from store.errors import TooltrailError
from store.settings import AccessSettings, Settings


@dataclass(frozen=True)
class Rules:
    """Who may ask what, and what a reason must be."""

    policy: Policy
    access: AccessSettings


class Following:
    """The rules of a lake's configuration as it is now. Safe to share between threads.

    A file that cannot be read, or is wrong, lets nobody in until it is mended: the rules before may be what it was to
    take away. `say` is told of each change.
    """

    def __init__(self, lake: Path, config: Path | None, say: Callable[[str], None]) -> None:
        """Read the configuration; UsageError names the line that is wrong."""
        self._lake, self._config, self._say = lake, config, say
        self._lock = threading.Lock()
        self._seen = self._mark()
        self.settings: Settings = settings.load(self._file())
        self._rules = Rules(policy.read(self._file()), self.settings.access)

    def now(self) -> Rules:
        """Return the rules, read again if the file is another than it was."""
        with self._lock:
            mark = self._mark()
            if mark != self._seen:
                self._seen, self._rules = mark, self._read()
            return self._rules

    def _read(self) -> Rules:
        file = self._file()
        try:
            rules = Rules(policy.read(file), settings.load(file).access)
            for role in rules.policy.roles.values():
                check_role(role)
        except TooltrailError as error:
            self._say(f"nobody is let in until the configuration is mended: {error}")
            return Rules(Policy(broken=True), AccessSettings())
        self._say(
            f"the configuration was read again: {len(rules.policy.roles)} roles, {len(rules.policy.people)} people"
        )
        return rules

    def _file(self) -> Path | None:
        return settings.find_file(self._lake, self._config)

    def _mark(self) -> tuple[str, int, int, int] | None:
        """Return what tells one state of the file from another, None when it is not there."""
        file = self._file()
        try:
            known = file.stat() if file is not None else None
        except OSError:
            return None
        return None if known is None else (str(file), known.st_mtime_ns, known.st_size, known.st_ino)
