"""Known flaws of what a lock file names, by pip-audit: python .ci/audit.py PIP-AUDIT LOCK.

Fails for a flaw, for a package that could not be asked about while others could, and for whatever else goes wrong. Only
when the advisory service cannot be reached at all is that said, and no failure: nothing was audited then. pip-audit
itself calls it clean when an index knows no advisories.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys

_OUT_OF_REACH = re.compile(
    r"^(?:requests|urllib3)\.exceptions\.\w*(?:Connection|Proxy|Timeout|SSL|NewConnection)\w*Error|^requests\.exceptions"
    r"\.\w*Timeout|Could not connect to|is not redirecting properly",
    re.MULTILINE,
)


def main(program: str, lock: str) -> int:
    """Ask, print what came of it, and return the exit code."""
    command = [
        program,
        "--require-hashes",
        "--disable-pip",
        "--progress-spinner",
        "off",
        "-f",
        "json",
        "-r",
        lock,
    ]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    try:
        packages = json.loads(done.stdout)["dependencies"]
    except (ValueError, KeyError, TypeError):
        if _OUT_OF_REACH.search(done.stderr):
            return _unasked(done.stderr.strip().splitlines()[-1])
        print(f"audit: pip-audit failed ({done.returncode}):\n{done.stderr}")
        return 1
    skipped = {package["name"]: package["skip_reason"] for package in packages if "skip_reason" in package}
    if packages and len(skipped) == len(packages):
        return _unasked(f"not one of {len(packages)} packages is known to it")
    flaws = [(package, flaw) for package in packages for flaw in package.get("vulns", ())]
    for package, flaw in flaws:
        fixed = ", ".join(flaw["fix_versions"]) or "no version yet"
        print(f"audit: {package['name']} {package['version']}: {flaw['id']}, fixed in {fixed}")
    for name, reason in skipped.items():
        print(f"audit: {name}: {reason}")
    print(f"audit: {len(packages) - len(skipped)} packages asked about, {len(flaws)} flaws known")
    return 1 if flaws or skipped or done.returncode else 0


def _unasked(why: str) -> int:
    print(f"audit: NOTHING WAS AUDITED, the advisory service is out of reach: {why}")
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
