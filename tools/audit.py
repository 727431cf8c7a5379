"""Known vulnerabilities of the locked packages by pip-audit, and whether it could look at all.

pip-audit ends with 0 where its database is not reachable: packages that it could not look up count
as passed. Here they count as not checked. Run by `make audit`:
python tools/audit.py PIP_AUDIT requirements.lock audit/vulnerabilities.json
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any


def main(command: str, lock: str, target: str) -> int:
    """Write what was found to `target`, say it in words; 0 only where all was checked and clean."""
    Path(target).unlink(missing_ok=True)
    done = subprocess.run(
        [command, "--requirement", lock, "--disable-pip", "--format=json", "--output", target],
        capture_output=True,
        text=True,
        check=False,
    )
    try:
        found = json.loads(Path(target).read_text("utf-8"))["dependencies"]
    except (OSError, ValueError, KeyError):
        last = done.stderr.strip().rpartition("\n")[2][:200]
        return said(f"No package was checked: pip-audit ended without a result ({last}).", 1)
    return judge(found)


def judge(found: list[dict[str, Any]]) -> int:
    """Say how many packages were checked, and which are vulnerable."""
    skipped = [one for one in found if "skip_reason" in one]
    bad = [one for one in found if one.get("vulns")]
    for one in bad:
        names = ", ".join(fault["id"] for fault in one["vulns"])
        said(f"{one['name']} {one['version']}: {names}", 1)
    checked = len(found) - len(skipped)
    words = (
        f"Of {len(found)} packages {checked} were checked, {len(bad)} have known vulnerabilities."
    )
    if skipped:
        words += (
            f" {len(skipped)} could not be checked: the database (PyPI) does not answer from here, "
            "or does not know them. Run make audit where it does."
        )
    return said(words, int(bool(skipped or bad)))


def said(words: str, code: int) -> int:
    """Print the words; the code."""
    print(words, file=sys.stderr if code else sys.stdout)
    return code


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:4]))
