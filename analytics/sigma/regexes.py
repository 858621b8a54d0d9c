"""Regular expressions of rules, read without RE2's own log: it would write a rule's text to the terminal as it is."""

from __future__ import annotations

import re
from typing import cast

from sigma.policy import SigmaPolicy
from sigma.policy.regex_engine import RE2RegexEngine, RegexPattern

_FLAGS = {re.IGNORECASE: "i", re.MULTILINE: "m", re.DOTALL: "s"}


class _Quiet(RE2RegexEngine):
    def compile(self, pattern: str, flags: int = 0) -> RegexPattern:
        """Return a pattern compiled; RE2's error says what is wrong with it, and nothing else does."""
        options = self._re2.Options()
        options.log_errors = False
        said = "".join(letter for flag, letter in _FLAGS.items() if flags & flag)
        return cast("RegexPattern", self._re2.compile(f"(?{said}){pattern}" if said else pattern, options))


POLICY = SigmaPolicy(regex_engine=_Quiet())
"""How pySigma reads the rules of a folder."""
