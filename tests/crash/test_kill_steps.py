"""SIGKILL before and after each step of what administrators do, and of what files are made for."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from .killed_scenes import SCENES


def kill_and_look(tmp_path: Path, scene: str, count: int) -> None:
    """Kill a scene at `count` steps, or at all of them, and look at what is there afterwards."""
    script = Path(__file__).with_name("killed_steps.py")
    done = subprocess.run(
        [sys.executable, str(script), str(tmp_path), scene, str(count)],
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["steps"] > 3, "nothing of it touched the disk"
    assert len(told["found"]) == min(count or told["steps"], told["steps"])
    wrong = {step: text for step, text in told["found"].items() if text}
    assert wrong == {}, "\n".join(f"step {step}: {text}" for step, text in wrong.items())


def test_a_thumbnail_leaves_nothing_beside_it(tmp_path: Path) -> None:
    kill_and_look(tmp_path, "thumbnail", 2)


@pytest.mark.long
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("scene", sorted(SCENES))
def test_every_end_is_one_or_the_other(tmp_path: Path, scene: str) -> None:
    kill_and_look(tmp_path, scene, 12)


@pytest.mark.long
@pytest.mark.timeout(7200)
@pytest.mark.parametrize("scene", sorted(set(SCENES) - {"pyramid"}))
def test_every_step_may_be_the_last(tmp_path: Path, scene: str) -> None:
    kill_and_look(tmp_path, scene, 0)
