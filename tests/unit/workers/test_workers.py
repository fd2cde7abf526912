"""Calls into other processes: answers, errors, and every way in which a reader can go wrong."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from omero_jlab.errors import Invalid, NotFound, Unavailable, Unreadable
from omero_jlab.workers import Workers

_HERE = Path(__file__).parent
_MODULE = "functions_for_workers"


@pytest.fixture(scope="module", params=["landlock", "process"])
def workers(request: pytest.FixtureRequest) -> Iterator[Workers]:
    sys.path.insert(0, str(_HERE))
    try:
        made = Workers([_MODULE], confinement=request.param)
    except Unavailable as error:
        pytest.skip(str(error))
    with made:
        assert made.confinement == request.param
        yield made
    sys.path.remove(str(_HERE))


@pytest.fixture
def confined(workers: Workers) -> Workers:
    if workers.confinement != "landlock":
        pytest.skip("fresh processes are not confined")
    return workers


def test_arguments_go_and_bytes_come(workers: Workers, tmp_path: Path) -> None:
    told = workers.run(f"{_MODULE}:echo", 1, "µ", [None, 2.5], folder=tmp_path)
    assert told == repr((1, "µ", [None, 2.5])).encode()


def test_a_long_answer_comes_whole(workers: Workers, tmp_path: Path) -> None:
    assert workers.run(f"{_MODULE}:give", 20_000_000, folder=tmp_path) == bytes(20_000_000)


def test_long_arguments_go_whole(workers: Workers, tmp_path: Path) -> None:
    text = "x" * 3_000_000
    assert len(workers.run(f"{_MODULE}:echo", text, folder=tmp_path)) > len(text)


def test_our_errors_come_back_as_they_are(workers: Workers, tmp_path: Path) -> None:
    with pytest.raises(NotFound, match=r"^no image 7$"):
        workers.run(f"{_MODULE}:fail", "NotFound", folder=tmp_path)


def test_other_errors_are_about_the_file(workers: Workers, tmp_path: Path) -> None:
    with pytest.raises(Unreadable, match="KeyError"):
        workers.run(f"{_MODULE}:fail", "KeyError", folder=tmp_path)


@pytest.mark.parametrize(
    ("function", "told"),
    [("die", "signal SEGV"), ("leave", "status 3"), ("half_an_answer", "signal KILL")],
)
def test_a_dead_reader_is_told_from_its_end(
    workers: Workers, tmp_path: Path, function: str, told: str
) -> None:
    with pytest.raises(Unreadable, match=told):
        workers.run(f"{_MODULE}:{function}", folder=tmp_path)
    assert workers.run(f"{_MODULE}:echo", folder=tmp_path) == b"()"


def test_a_slow_reader_is_stopped(workers: Workers, tmp_path: Path) -> None:
    with pytest.raises(Unreadable, match=r"longer than 0\.5 s"):
        workers.run(f"{_MODULE}:sleep", 60, folder=tmp_path, timeout_s=0.5)


def test_memory_is_limited(workers: Workers, tmp_path: Path) -> None:
    if not sys.platform.startswith("linux"):
        pytest.skip("memory is limited on Linux only")
    with pytest.raises(Unreadable, match="64 MiB of memory"):
        workers.run(f"{_MODULE}:take_memory", 1 << 28, folder=tmp_path, memory_bytes=64 << 20)


def test_an_answer_must_be_bytes(workers: Workers, tmp_path: Path) -> None:
    with pytest.raises(Unreadable, match="str"):
        workers.run(f"{_MODULE}:text", folder=tmp_path)


def test_a_function_must_be_named(workers: Workers, tmp_path: Path) -> None:
    with pytest.raises(Invalid, match="module:function"):
        workers.run("nothing", folder=tmp_path)


def test_calls_leave_nothing_behind(workers: Workers, tmp_path: Path) -> None:
    for value in (1, 2):
        told = workers.run(f"{_MODULE}:remember", value, folder=tmp_path)
        assert told == f"[{value}]".encode()


def test_many_calls_at_once(workers: Workers, tmp_path: Path) -> None:
    count = 40 if workers.confinement == "landlock" else 6
    with ThreadPoolExecutor(8) as pool:
        calls = [
            pool.submit(workers.run, f"{_MODULE}:echo", n, folder=tmp_path) for n in range(count)
        ]
        assert [c.result() for c in calls] == [repr((n,)).encode() for n in range(count)]


def test_only_the_folder_is_seen(confined: Workers, tmp_path: Path) -> None:
    inside, outside = tmp_path / "inside", tmp_path / "outside"
    for folder in (inside, outside):
        folder.mkdir()
        (folder / "a").write_bytes(folder.name.encode())
    (inside / "link").symlink_to(outside / "a")
    read = f"{_MODULE}:read"
    assert confined.run(read, str(inside / "a"), folder=inside) == b"inside"
    both = [inside, outside]
    assert confined.run(read, str(inside / "link"), folder=both) == b"outside"
    for path in (outside / "a", inside / "link", inside / ".." / "outside" / "a", "/etc/passwd"):
        with pytest.raises(Unreadable, match="PermissionError"):
            confined.run(read, str(path), folder=inside)


def test_only_the_writable_folder_is_written(confined: Workers, tmp_path: Path) -> None:
    given, out = tmp_path / "given", tmp_path / "out"
    given.mkdir()
    out.mkdir()
    write = f"{_MODULE}:write"
    assert confined.run(write, str(out / "a"), folder=given, writable=out) == b"done"
    for path, writable in ((given / "a", out), (out / "b", None), (given / "a", None)):
        with pytest.raises(Unreadable):
            confined.run(write, str(path), folder=given, writable=writable)
    assert [p.name for p in tmp_path.rglob("*") if p.is_file()] == ["a"]


def test_no_network(confined: Workers, tmp_path: Path) -> None:
    with pytest.raises(Unreadable, match=r"PermissionError|ConnectionRefusedError"):
        confined.run(f"{_MODULE}:connect", folder=tmp_path)


def test_a_child_has_its_own_descriptors_only(confined: Workers, tmp_path: Path) -> None:
    alone = confined.run(f"{_MODULE}:descriptors", folder=tmp_path)
    with ThreadPoolExecutor(4) as pool:
        slow = [
            pool.submit(confined.run, f"{_MODULE}:sleep", 0.5, folder=tmp_path) for _ in range(1)
        ]
        assert confined.run(f"{_MODULE}:descriptors", folder=tmp_path) == alone
        assert [call.result() for call in slow] == [b"awake"]


def test_the_zygote_has_one_thread(tmp_path: Path) -> None:
    sys.path.insert(0, str(_HERE))
    try:
        with Workers([_MODULE, "omero_jlab.formats"]) as made:
            if made.confinement != "landlock":
                pytest.skip("there is no zygote here")
            parent = Path("/proc")
            told = made.run(f"{_MODULE}:threads_of_parent", folder=parent)
            assert told.split() == [b"Threads:", b"1"]
    finally:
        sys.path.remove(str(_HERE))


def test_a_zygote_that_dies_is_replaced(confined: Workers, tmp_path: Path) -> None:
    assert confined.run(f"{_MODULE}:echo", folder=tmp_path) == b"()"
    assert confined._zygote is not None
    confined._zygote.kill()
    confined._zygote.wait()
    assert confined.run(f"{_MODULE}:echo", folder=tmp_path) == b"()"


def test_closed_workers_say_so_and_leave_no_process(tmp_path: Path) -> None:
    made = Workers(["json"])
    with pytest.raises(Unreadable):
        made.run("json:dumps", 1, folder=tmp_path)
    zygote = made._zygote
    made.close()
    with pytest.raises(Unavailable, match="closed"):
        made.run("json:dumps", 1, folder=tmp_path)
    if zygote is not None:
        assert zygote.poll() is not None


def test_a_crowd_waits_for_its_turn(tmp_path: Path) -> None:
    sys.path.insert(0, str(_HERE))
    try:
        with Workers([_MODULE], most=2) as made:
            running = threading.active_count()
            with ThreadPoolExecutor(6) as pool:
                calls = [
                    pool.submit(made.run, f"{_MODULE}:sleep", 0.05, folder=tmp_path)
                    for _ in range(6)
                ]
                assert {call.result() for call in calls} == {b"awake"}
            assert threading.active_count() <= running + 1
    finally:
        sys.path.remove(str(_HERE))


def test_a_file_in_the_current_folder_is_not_imported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "tifffile.py").write_text("raise SystemExit(9)\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", ["", *sys.path])
    with Workers(["omero_jlab.formats"]) as made:
        told = made.run("omero_jlab.formats:plan_in_worker", [os.fspath(tmp_path)], folder=tmp_path)
    assert b"not an image" in told
