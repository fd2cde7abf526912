"""Harnesses for any table store, in a folder that OMERO_JLAB_HARNESSES names.

`kill9_tables.py` kills a writer, given as a command, at random moments; `enospc.sh` fills the disk
under it.  Both read with a second command what is left.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from .volumes import why_not

pytestmark = [pytest.mark.long, pytest.mark.timeout(7200)]

VICTIM = shlex.join([sys.executable, str(Path(__file__).with_name("table_victim.py"))])


def harness(name: str) -> str:
    """The path of a harness; skips the test where it is not there."""
    path = Path(os.environ.get("OMERO_JLAB_HARNESSES", ""), name)
    if not path.is_file():
        pytest.skip(f"OMERO_JLAB_HARNESSES names no folder with {name}")
    return str(path)


def test_two_hundred_kills(tmp_path: Path) -> None:
    done = subprocess.run(
        [
            *(sys.executable, harness("kill9_tables.py"), "--trials", "200"),
            *("--dir", str(tmp_path), "--cmd", f"{VICTIM} append {{path}} {{ack}}"),
            *("--check", f"{VICTIM} check {{path}} --append"),
        ],
        capture_output=True,
        text=True,
    )
    told = json.loads(done.stdout.splitlines()[-1])
    assert told["bad_pct"] == 0, told


@pytest.mark.parametrize("file_system", ["ext4", "tmpfs"])
def test_a_disk_that_fills_up(file_system: str) -> None:
    if reason := why_not():
        pytest.skip(reason)
    done = subprocess.run(
        [
            *("bash", harness("enospc.sh"), "--fs", file_system),
            *("--cmd", f"{VICTIM} append {{path}} {{ack}}", "--check", f"{VICTIM} check {{path}}"),
        ],
        capture_output=True,
        text=True,
    )
    acknowledged = re.search(r"acked=(\d+) \[(.*)\]", done.stdout)
    assert acknowledged is not None, done.stdout + done.stderr
    assert "Full" in acknowledged[2], "the writer must say why it ends"
    for state in ("while full ", "space freed"):
        found = re.search(rf"{state}: (.*)", done.stdout)
        assert found is not None, done.stdout
        told = json.loads(found[1])
        assert told["ok"] and told["prefix"], told
        assert told["rows"] >= int(acknowledged[1])
    assert re.search(r"goes on to : \d+", done.stdout), done.stdout
