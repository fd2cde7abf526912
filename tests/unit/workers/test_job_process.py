"""Processes that do the heavy work of jobs."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from omero_jlab.errors import Conflict, OmeroError, Unavailable
from omero_jlab.workers import JobProcess, JobProcessEnded, JobProcesses, job_process

FOLDER = Path(__file__).parent
HERE = "functions_for_jobs"


@pytest.fixture
def process(monkeypatch: pytest.MonkeyPatch) -> Iterator[JobProcess]:
    monkeypatch.syspath_prepend(str(FOLDER))
    with JobProcesses(1).one(lambda: None) as one:
        yield one


def run(process: JobProcess, name: str, *args: object) -> bytes:
    return process.run(f"{HERE}:{name}", *args, tell=lambda *_: None, check=lambda: None)


def stopping_after(count: int) -> Callable[..., None]:
    calls = iter(range(count))

    def check(*_: object) -> None:
        if next(calls, None) is None:
            raise Conflict("stop")

    return check


def is_alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"


def until(what: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not what():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_it_gives_way_to_everything_else(process: JobProcess) -> None:
    assert run(process, "niceness") == b"10"
    told = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
    assert told[16] == "10"


def test_it_answers_one_call_after_the_other(process: JobProcess) -> None:
    assert run(process, "echo", "ä", 3) == "äää".encode()
    assert len(run(process, "echo", "x" * 1000, 3000)) == 3_000_000


def test_it_tells_how_far_it_is(process: JobProcess) -> None:
    told: list[tuple[int, int]] = []
    answer = process.run(
        f"{HERE}:echo", "x", 1, tell=lambda *at: told.append(at), check=lambda: None
    )
    assert answer == b"x"
    assert told == [(1, 1)]


@pytest.mark.parametrize("through", ["check", "tell"])
def test_it_stops_when_it_is_asked_to_and_cleans_up(
    process: JobProcess, tmp_path: Path, through: str
) -> None:
    calls = {"tell": lambda *_: None, "check": lambda: None} | {through: stopping_after(2)}
    with pytest.raises(Conflict, match="stop"):
        process.run(f"{HERE}:for_ever", str(tmp_path / "mark"), **calls)
    assert (tmp_path / "mark").read_text() == "cleaned up"
    assert run(process, "echo", "y", 1) == b"y"


def test_one_that_does_not_listen_is_ended(
    process: JobProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(job_process, "_GRACE_S", 0.3)
    with pytest.raises(Conflict):
        process.run(f"{HERE}:deaf", tell=stopping_after(0), check=lambda: None)
    assert not is_alive(process.pid)


def test_its_death_is_told_with_its_last_words(process: JobProcess) -> None:
    with pytest.raises(JobProcessEnded, match=r"signal ABRT: .*last words"):
        run(process, "die")


def test_errors_arrive_as_they_are(process: JobProcess) -> None:
    with pytest.raises(Unavailable, match="The disk failed") as caught:
        run(process, "broken_disk")
    assert caught.value.errno == errno.EIO
    with pytest.raises(JobProcessEnded, match="ZeroDivisionError: as nobody expected"):
        run(process, "mistake")


def test_there_are_only_so_many() -> None:
    processes = JobProcesses(1)
    with processes.one(lambda: None), pytest.raises(Conflict), processes.one(stopping_after(0)):
        pass
    assert processes.pids() == ()
    processes.close()
    with pytest.raises(OmeroError, match="closed"), processes.one(lambda: None):
        pass


def test_none_outlives_the_program_that_started_it(tmp_path: Path) -> None:
    # A script without a guard for its main module, as users write them.
    script = tmp_path / "script.py"
    script.write_text(
        f"""
from omero_jlab.workers import JobProcesses
processes = JobProcesses(1)
with processes.one(lambda: None) as process:
    tell = lambda *_: print(process.pid, flush=True)
    process.run("{HERE}:deaf", tell=tell, check=lambda: None)
"""
    )
    with subprocess.Popen(
        [sys.executable, str(script)],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(FOLDER)},
        cwd=FOLDER.parents[2],
    ) as program:
        assert program.stdout is not None
        pid = int(program.stdout.readline())
        assert is_alive(pid)
        program.send_signal(signal.SIGKILL)
        program.wait()
    until(lambda: not is_alive(pid))
