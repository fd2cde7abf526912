"""What becomes of writes, of reads and of the mount point when the disk goes, and comes back."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

from .volumes import IN_NAMESPACE, volumes_folder, why_not

SCRIPT = Path(__file__).with_name("mount_events.py")
# The names, without the imports of the script.
EVENTS = [
    each.name
    for each in ast.parse(SCRIPT.read_text()).body
    if isinstance(each, ast.FunctionDef)
    and any(isinstance(name, ast.Name) and name.id == "event" for name in each.decorator_list)
]


@pytest.fixture(scope="module")
def outcomes() -> dict[str, str]:
    """All events, one after the other, in one process: for each "" or what was wrong."""
    reason = why_not()
    if reason:
        pytest.skip(f"no file systems can be mounted here: {reason}")
    with volumes_folder() as folder:
        folder.chmod(0o755)
        done = subprocess.run(
            [*IN_NAMESPACE, sys.executable, str(SCRIPT), str(folder)],
            check=False,
            capture_output=True,
            text=True,
            timeout=300,
        )
    assert done.returncode == 0, done.stderr
    found: dict[str, str] = json.loads(done.stdout.splitlines()[-1])
    return found


@pytest.mark.parametrize("event", EVENTS)
def test_no_write_is_lost_or_misplaced(outcomes: dict[str, str], event: str) -> None:
    assert outcomes[event] == "", outcomes[event]
