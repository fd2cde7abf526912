"""The power fails while rows and images are written, and a writer without our care is damaged."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from .volumes import IN_NAMESPACE, volumes_folder, why_not

SCRIPT = Path(__file__).with_name("power_cuts.py")


def after_cuts(what: str, cuts: int, seed: int) -> list[dict[str, object]]:
    """What was found after each of so many cuts."""
    with volumes_folder() as folder:
        arguments = (sys.executable, str(SCRIPT), str(folder), what, str(cuts), str(seed))
        done = subprocess.run(
            [*IN_NAMESPACE, *arguments], check=False, capture_output=True, text=True
        )
    assert done.returncode == 0, done.stderr
    found: list[dict[str, object]] = json.loads(done.stdout.splitlines()[-1])
    return found


@pytest.fixture(scope="module", autouse=True)
def mounting() -> None:
    reason = why_not()
    if reason:
        pytest.skip(f"no file systems can be mounted here: {reason}")


def survives(what: str, cuts: int, seed: int) -> None:
    found = after_cuts(what, cuts, seed)
    assert [each["wrong"] for each in found] == [""] * cuts
    counts = [each["found"] for each in found]
    assert counts == sorted(counts) and counts[0], "what was there once stays"


def is_damaged(cuts: int, seed: int) -> None:
    """Where the naive writer comes through, the cuts are none."""
    assert any(each["wrong"] for each in after_cuts("naive", cuts, seed))


@pytest.mark.parametrize("what", ["rows", "imports"])
def test_what_was_acknowledged_outlives_a_power_cut(what: str) -> None:
    survives(what, 2 if what == "rows" else 1, seed=1)


def test_a_file_that_is_appended_to_in_place_does_not() -> None:
    is_damaged(1, seed=1)


@pytest.mark.long
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("what", ["rows", "imports"])
def test_what_was_acknowledged_outlives_fifty_power_cuts(what: str) -> None:
    for part in range(5):
        survives(what, 5, seed=part)


@pytest.mark.long
@pytest.mark.timeout(3600)
def test_a_file_that_is_appended_to_in_place_survives_few_of_ten() -> None:
    found = after_cuts("naive", 10, seed=1)
    assert sum(bool(each["wrong"]) for each in found) >= 5
