"""Files that come piece by piece: out of order, again, broken off, after a restart."""

from __future__ import annotations

import hashlib
import json
import os
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
import xxhash

from omero_jlab.errors import Conflict, Full, Invalid, NotFound, TooLarge, Unreadable
from omero_jlab.model import FileToUpload, ImportRequest
from omero_jlab.objects import Repository as Notebook
from omero_jlab.remote import RemoteSession, uploading
from omero_jlab.remote.wire import Batch, framed
from omero_jlab.repository import Store
from omero_jlab.repository.imports import transfer
from omero_jlab.server import Holder, Listener
from omero_jlab.server.holder import Upstream
from omero_jlab.storage import incoming, upload_folder, uploads_folder

KB = 1 << 10
BODY = bytes(range(256)) * (10 * KB // 256) + b"end"
"""A file of ten pieces and a bit."""


class Server:
    """A team's repository behind a listener that can be started again."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.tokens: dict[str, str] = {}
        self.sessions: list[RemoteSession] = []
        self.start()

    def start(self) -> None:
        self.store = Store.open(self.root, create=True, tier="team")
        self.listener = Listener(Holder.of(self.store))
        self.url = self.listener.start().url

    def stop(self) -> None:
        for session in self.sessions:
            session.close()
        self.listener.stop()
        self.listener.holder.close()
        self.store.close()

    def restart(self) -> None:
        self.stop()
        self.start()

    def session(self, user: str = "") -> RemoteSession:
        here = self.store.session()
        user = user or self.store.local_user
        if user not in self.tokens:
            found = {each.name: each.id for each in here.accounts.users()}
            number = found.get(user) or here.accounts.add_user(user).id
            if user not in found:
                here.accounts.put_member(here.server.status().group.id, number)
            self.tokens[user] = here.accounts.add_token(number).secret
        session = RemoteSession(self.url, self.tokens[user])
        self.sessions.append(session)
        return session

    @property
    def waiting(self) -> list[Path]:
        """The files that lie in the folder of uploads."""
        return [p for p in uploads_folder(self.store.layout).rglob("*") if p.is_file()]


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path_factory.mktemp("runtime")))
        made = Server(tmp_path_factory.mktemp("uploads") / "team")
        yield made
        made.stop()


@pytest.fixture
def server(shared: Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """A server without uploads; the client's pieces are small."""
    monkeypatch.setattr(uploading, "CHUNK", 64 * KB)
    monkeypatch.setattr(uploading, "SMALL", 32 * KB)
    yield shared
    for user in tuple(shared.tokens):
        session = shared.session(user)
        for upload in session.uploads.list():
            session.uploads.abort(upload.id)


def begun(session: RemoteSession, body: bytes = BODY, path: str = "a.bin") -> tuple[str, int]:
    """A new upload with one file."""
    upload = session.uploads.begin().id
    (file,) = session.uploads.declare(upload, (FileToUpload(path=path, size=len(body)),))
    return upload, file.number


def put(
    session: RemoteSession,
    at: tuple[str, int],
    start: int,
    data: bytes,
    checksum: str | None = None,
    **query: Any,
) -> dict[str, Any]:
    """Send a piece."""
    told = checksum or f"XXH3-128:{xxhash.xxh3_128(data).hexdigest()}"
    asked = {"offset": start, "length": len(data), "checksum": told} | query
    _, answer = session.transport.fetch(
        "PUT",
        f"uploads/{at[0]}/files/{at[1]}/content",
        {name: str(value) for name, value in asked.items()},
        lambda: (data,),
    )
    found: dict[str, Any] = json.loads(answer)
    return found


def sha256(data: bytes) -> str:
    return f"SHA-256:{hashlib.sha256(data).hexdigest()}"


def test_pieces_come_in_any_order_and_again(server: Server) -> None:
    session = server.session()
    at = begun(session)
    spans = [(start, min(start + KB, len(BODY))) for start in range(0, len(BODY), KB)]
    order = spans[::2][::-1] + spans[1::2]
    for start, end in order[:4]:
        put(session, at, start, BODY[start:end])
    file = session.uploads.file(*at)
    assert file.received == tuple(sorted(order[:4]))
    with pytest.raises(Conflict, match="bytes are missing"):
        session.uploads.complete(*at)
    put(session, at, *(order[0][0], b"x" * (order[0][1] - order[0][0])))
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda s: put(session, at, s[0], BODY[s[0] : s[1]]), order))
    assert session.uploads.file(*at).received == ((0, len(BODY)),)
    with ThreadPoolExecutor(4) as pool:
        done = list(pool.map(lambda _: session.uploads.complete(*at, sha256(BODY)), range(4)))
    assert {file.state for file in done} == {"complete"}
    assert done[0].checksum == sha256(BODY)
    folder = Path(session.uploads.get(at[0]).folder)
    assert (folder / "a.bin").read_bytes() == BODY
    with pytest.raises(Conflict, match="complete"):
        put(session, at, 0, BODY[:KB])
    with pytest.raises(Unreadable, match="complete"):
        session.uploads.complete(*at, sha256(b"other"))


def test_overlapping_pieces(server: Server) -> None:
    session = server.session()
    at = begun(session)
    put(session, at, 0, BODY[: 6 * KB])
    put(session, at, 4 * KB, BODY[4 * KB :])
    put(session, at, KB, BODY[KB : 5 * KB])
    assert session.uploads.complete(*at, sha256(BODY)).state == "complete"


def test_a_damaged_piece_is_not_there(server: Server) -> None:
    session = server.session()
    at = begun(session)
    put(session, at, 0, BODY[: 4 * KB])
    with pytest.raises(Unreadable, match="Send it again"):
        put(session, at, KB, BODY[KB : 2 * KB], checksum="SHA-256:" + "0" * 64)
    assert session.uploads.file(*at).received == ((0, KB), (2 * KB, 4 * KB))
    put(session, at, KB, BODY[KB : 2 * KB], checksum=sha256(BODY[KB : 2 * KB]))
    assert session.uploads.file(*at).received == ((0, 4 * KB),)


def test_a_wrong_file_is_refused_and_can_be_mended(server: Server) -> None:
    session = server.session()
    at = begun(session)
    put(session, at, 0, b"?" + BODY[1:])
    with pytest.raises(Unreadable, match="send again what is wrong"):
        session.uploads.complete(*at, sha256(BODY))
    assert session.uploads.file(*at).state == "receiving"
    put(session, at, 0, BODY[:KB])
    assert session.uploads.complete(*at, sha256(BODY)).state == "complete"


def test_what_was_declared_is_verified(server: Server) -> None:
    session = server.session()
    upload = session.uploads.begin().id
    told = FileToUpload(
        path="a", size=len(BODY), checksum=f"SHA1-160:{hashlib.sha1(BODY).hexdigest()}"
    )
    (file,) = session.uploads.declare(upload, (told,))
    put(session, (upload, file.number), 0, BODY[::-1])
    with pytest.raises(Unreadable, match="SHA1-160"):
        session.uploads.complete(upload, file.number)
    put(session, (upload, file.number), 0, BODY)
    assert session.uploads.complete(upload, file.number).state == "complete"


@pytest.mark.parametrize(
    ("start", "size", "query", "kind"),
    [
        (len(BODY) - 5, 10, {}, Invalid),
        (2**60, 10, {}, Invalid),
        (-1, 10, {}, Invalid),
        (0, 10, {"offset": "x"}, Invalid),
        (0, 10, {"length": 0}, Invalid),
        (0, 10, {"length": 5}, Invalid),
        (0, 10, {"length": 20}, Invalid),
        (0, 10, {"checksum": "MD4:00"}, Invalid),
        (0, 10, {"more": 1}, Invalid),
    ],
)
def test_pieces_that_are_none(
    server: Server, start: int, size: int, query: dict[str, Any], kind: type[Exception]
) -> None:
    session = server.session()
    at = begun(session)
    with pytest.raises(kind):
        put(session, at, start, b"x" * size, **query)
    assert session.uploads.file(*at).received == ()


def test_a_piece_is_no_file(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(incoming, "CHUNK_LIMIT", 4 * KB)
    session = server.session()
    at = begun(session)
    with pytest.raises(TooLarge, match="send at most 4,096"):
        put(session, at, 0, BODY)
    monkeypatch.setattr(incoming, "_RANGES_LIMIT", 3)
    for start in range(0, 6, 2):
        put(session, at, start, b"x")
    with pytest.raises(TooLarge, match="pieces"):
        put(session, at, 8, b"x")


def test_more_or_less_than_was_announced(server: Server) -> None:
    session = server.session()
    at = begun(session)
    for size in (5, 20):
        with pytest.raises(Invalid):
            session.transport.fetch(
                "PUT",
                f"uploads/{at[0]}/files/{at[1]}/content",
                {"offset": "0", "length": "10"},
                lambda size=size: (b"x", b"x" * (size - 1)),
            )
    assert session.uploads.file(*at).received == ()


def test_the_newest_of_two_senders_wins(server: Server) -> None:
    session = server.session()
    at = begun(session)
    (file,) = [file for each in server.store.uploads._open.values() for file in each._files]
    second_is_done = threading.Event()

    def slow() -> Iterator[bytes]:
        yield b"?" * 512
        second_is_done.wait(20)
        yield b"?" * 512

    query = {"offset": "0", "length": str(KB)}
    where = f"uploads/{at[0]}/files/{at[1]}/content"
    with ThreadPoolExecutor(1) as pool:
        late = pool.submit(session.transport.fetch, "PUT", where, query, slow)
        while not file._pieces:
            time.sleep(0.01)
        put(session, at, 0, BODY[:KB])
        second_is_done.set()
        with pytest.raises(Conflict, match="anew"):
            late.result()
    put(session, at, KB, BODY[KB:])
    assert session.uploads.complete(*at, sha256(BODY)).state == "complete"


def test_it_goes_on_after_a_restart(server: Server) -> None:
    session = server.session()
    at = begun(session)
    put(session, at, KB, BODY[KB : 3 * KB])
    whole = begun(session, b"whole", "folder/whole.bin")
    put(session, whole, 0, b"whole")
    session.uploads.complete(*whole, sha256(b"whole"))
    server.restart()
    session = server.session()
    there = session.uploads.file(*at)
    assert set(there.received) <= {(KB, 3 * KB)}
    put(session, at, 0, BODY[: 2 * KB])
    put(session, at, 2 * KB, BODY[2 * KB :])
    assert session.uploads.complete(*at, sha256(BODY)).state == "complete"
    again = session.uploads.file(*whole)
    assert again.state == "complete" and again.checksum == sha256(b"whole")
    assert (Path(session.uploads.get(whole[0]).folder) / again.path).read_bytes() == b"whole"
    server.restart()
    assert server.session().uploads.file(*at).state == "complete"


def test_what_was_recorded_is_there_after_a_restart(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(incoming, "_SYNC_AFTER", 2 * KB)
    session = server.session()
    at = begun(session)
    for start in range(0, 5 * KB, KB):
        put(session, at, start, BODY[start : start + KB])
    with pytest.raises(Unreadable):
        put(session, at, KB, b"x" * KB, checksum=sha256(b""))
    server.restart()
    session = server.session()
    # What was overwritten in part is not claimed; what was not forced to the disk neither.
    assert session.uploads.file(*at).received == ((0, KB), (2 * KB, 4 * KB))


def test_a_file_that_the_disk_lost_begins_anew(server: Server) -> None:
    session = server.session()
    at = begun(session)
    put(session, at, 0, BODY)
    (part,) = uploads_folder(server.store.layout).glob(f"{at[0]}-*/parts/{at[1]}")
    server.stop()
    part.unlink()
    with (part.parent.parent / "journal").open("ab") as journal:
        journal.write(b'{"got": [1, [[0, 5')
    server.start()
    session = server.session()
    assert session.uploads.file(*at).received == ()
    put(session, at, 0, BODY)
    assert session.uploads.complete(*at, sha256(BODY)).state == "complete"


def test_aborting_frees_the_room(server: Server) -> None:
    session = server.session()
    at = begun(session)
    put(session, at, 0, BODY)
    assert [upload.id for upload in session.uploads.list()] == [at[0]]
    session.uploads.abort(at[0])
    assert server.waiting == []
    assert session.uploads.list() == ()
    for call in (
        lambda: session.uploads.get(at[0]),
        lambda: session.uploads.abort(at[0]),
        lambda: put(session, at, 0, BODY),
    ):
        with pytest.raises(NotFound):
            call()


def test_dropping_one_file(server: Server) -> None:
    session = server.session()
    at = begun(session)
    put(session, at, 0, BODY)
    session.uploads.complete(*at)
    session.uploads.drop(*at)
    assert [path.name for path in server.waiting] == ["journal"]
    (file,) = session.uploads.declare(at[0], (FileToUpload(path="a.bin", size=3),))
    assert file.number != at[1] and file.received == ()
    server.restart()
    assert [f.number for f in server.session().uploads.files(at[0])] == [file.number]


def test_what_nobody_goes_on_with_is_forgotten(server: Server) -> None:
    session = server.session()
    old, _ = begun(session)
    new, _ = begun(session)
    (journal,) = uploads_folder(server.store.layout).glob(f"{old}-*/journal")
    server.stop()
    os.utime(journal, (1e9, 1e9))
    server.start()
    assert [upload.id for upload in server.session().uploads.list()] == [new]
    assert not journal.parent.exists()


def test_what_is_declared_is_kept_free(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    session = server.session()
    free = [10_000_000]
    monkeypatch.setattr(server.store.uploads, "_room", lambda: free[0])
    with pytest.raises(Full, match=r"2,000,000,000 bytes, and 10,000,000 are free"):
        session.uploads.begin("", 2_000_000_000)
    assert session.uploads.list() == ()
    upload = session.uploads.begin("", 4_000_000).id
    with pytest.raises(Full, match=r"4,000,000 are kept"):
        session.uploads.begin("", 7_000_000)
    with pytest.raises(Full):
        session.uploads.declare(upload, (FileToUpload(path="large", size=2**60),))
    # What is declared counts once, and what has its blocks takes them from what is free.
    session.uploads.declare(upload, (FileToUpload(path="a", size=3_000_000),))
    part = next(p for p in server.waiting if p.name == "1")
    assert part.stat().st_blocks * 512 >= 3_000_000
    free[0] = 7_000_000
    with pytest.raises(Full, match=r"1,000,000 are kept"):
        session.uploads.begin("", 6_500_000)
    with server.store.uploads.keeping(lambda: 5_000_000), pytest.raises(Full, match="6,000,000"):
        session.uploads.begin("", 1_500_000)
    body = framed(
        Batch(files=(FileToUpload(path="b", size=7_000_000),)), iter([bytes(1000)] * 7000)
    )
    with pytest.raises(Full):
        session.transport.fetch("POST", f"uploads/{upload}/batch", body=lambda: body)
    assert session.uploads.get(upload).files == 1


def test_no_room_is_kept_where_blocks_cannot_be(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upload_folder, "reserve_blocks", lambda *_: False)
    monkeypatch.setattr(server.store.uploads, "_room", lambda: 20 * KB)
    session = server.session()
    at = begun(session)
    with pytest.raises(Full):
        begun(session)
    # What has arrived is on the disk and owed no more.
    put(session, at, 0, BODY)
    begun(session, BODY[:KB])


def test_one_user_cannot_take_the_disk(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    ada, bob = server.session("ada"), server.session("bob")
    limits = server.store.config.uploads
    few = limits.model_copy(update={"uploads": 2, "files": 3, "part": 0.5, "bytes": 10**9})
    monkeypatch.setattr(server.store.uploads, "_limits", few)
    monkeypatch.setattr(server.store.uploads, "_room", lambda: 10_000_000)
    with pytest.raises(Full, match="one user may have 5,000,000"):
        ada.uploads.begin("", 6_000_000)
    first = ada.uploads.begin().id
    ada.uploads.begin()
    with pytest.raises(TooLarge, match="2 uploads"):
        ada.uploads.begin()
    ada.uploads.declare(first, tuple(FileToUpload(path=f"{n}", size=0) for n in range(3)))
    with pytest.raises(TooLarge, match="files"):
        ada.uploads.declare(first, (FileToUpload(path="4", size=0),))
    bob.uploads.begin("", 4_000_000)


def test_uploads_of_others_are_missing(server: Server) -> None:
    ada, bob = server.session("ada"), server.session("bob")
    at = begun(ada)
    put(ada, at, 0, BODY)
    missing = ("0" * 32, 1)
    batch = Batch(files=(FileToUpload(path="x", size=0),))

    def add(upload: str) -> Any:
        return bob.transport.fetch(
            "POST", f"uploads/{upload}/batch", body=lambda: framed(batch, ())
        )

    calls: list[Callable[[tuple[str, int]], Any]] = [
        lambda at: bob.uploads.get(at[0]),
        lambda at: bob.uploads.abort(at[0]),
        lambda at: bob.uploads.declare(at[0], (FileToUpload(path="x", size=1),)),
        lambda at: bob.uploads.files(at[0]),
        lambda at: bob.uploads.file(*at),
        lambda at: bob.uploads.complete(*at),
        lambda at: bob.uploads.drop(*at),
        lambda at: put(bob, at, 0, b"x"),
        lambda at: add(at[0]),
    ]
    for call in calls:
        with pytest.raises(NotFound) as theirs:
            call(at)
        with pytest.raises(NotFound) as nobodys:
            call(missing)
        assert str(theirs.value).replace(at[0], "#") == str(nobodys.value).replace(missing[0], "#")
    assert bob.uploads.list() == ()
    ada.uploads.complete(*at, sha256(BODY))
    with pytest.raises(PermissionError):
        bob.ingest.start(ImportRequest(paths=(f"{ada.uploads.get(at[0]).folder}/a.bin",)))


def test_only_complete_files_can_be_imported(server: Server) -> None:
    session = server.session()
    at = begun(session)
    place = Path(session.uploads.get(at[0]).folder).parent
    for inside in (place, place / "parts" / "1", place / "journal"):
        with pytest.raises(PermissionError):
            session.ingest.start(ImportRequest(paths=(str(inside),)))


# -- the client


@pytest.fixture
def plate(tmp_path: Path) -> Path:
    folder = tmp_path / "plate"
    (folder / "deep").mkdir(parents=True)
    for number in range(20):
        (folder / "deep" / f"{number}.bin").write_bytes(bytes([number]) * 5000)
    for number in range(3):
        (folder / f"large{number}.bin").write_bytes(bytes([number, 7]) * (200 * KB))
    (folder / "empty").touch()
    return folder


def same(folder: Path, there: str) -> None:
    ours = {p.relative_to(folder): p.read_bytes() for p in folder.rglob("*") if p.is_file()}
    theirs = {p.relative_to(there): p.read_bytes() for p in Path(there).rglob("*") if p.is_file()}
    assert ours == theirs


def test_a_folder_arrives_and_is_not_sent_twice(
    server: Server, plate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = server.session()
    seen: list[tuple[int, int]] = []
    there = session.upload(plate, lambda done, total: seen.append((done, total)))
    same(plate, there)
    size = sum(p.stat().st_size for p in plate.rglob("*") if p.is_file())
    assert seen[-1] == (size, size) and seen == sorted(seen)
    assert Path(there, "large0.bin").stat().st_mtime_ns == (plate / "large0.bin").stat().st_mtime_ns
    monkeypatch.setattr(uploading.Uploading, "_put", lambda *_: pytest.fail("it is there"))
    assert server.session().upload(plate) == there


def test_what_changed_is_sent_again(server: Server, plate: Path) -> None:
    session = server.session()
    session.upload(plate)
    (plate / "large1.bin").write_bytes(b"new" * 50_000)
    (plate / "deep" / "3.bin").write_bytes(b"new")
    (plate / "deep" / "4.bin").unlink()
    same(plate, session.upload(plate))


@pytest.mark.parametrize("restart", [False, True])
def test_an_interrupted_upload_goes_on(
    server: Server, plate: Path, monkeypatch: pytest.MonkeyPatch, restart: bool
) -> None:
    sent = []
    put_one = uploading.Uploading._put

    def interrupted(self: Any, verb: str, *args: Any) -> None:
        if len(sent) == 9:
            raise KeyboardInterrupt
        sent.append(args)
        put_one(self, verb, *args)

    monkeypatch.setattr(uploading.Uploading, "_put", interrupted)
    with pytest.raises(KeyboardInterrupt):
        server.session().upload(plate)
    monkeypatch.setattr(uploading.Uploading, "_put", put_one)
    if restart:
        server.restart()
    there = server.session().upload(plate)
    same(plate, there)
    assert len(server.session().uploads.list()) == 1


def test_a_server_that_comes_back_is_waited_for(
    server: Server, plate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server restarts while a client is in the middle of a file, and forgets some of it."""
    put_one = uploading.Uploading._put
    session = server.session()
    transport = session.transport
    sent: list[Any] = []
    guard = threading.Lock()

    def broken(self: Any, verb: str, *args: Any) -> None:
        with guard:
            sent.append(args)
            if len(sent) == 8:
                server.restart()
                transport.url = server.url
                transport.close()
        put_one(self, verb, *args)

    close = RemoteSession.close
    monkeypatch.setattr(RemoteSession, "close", lambda self: self.transport.close())
    monkeypatch.setattr(uploading.Uploading, "_put", broken)
    same(plate, session.upload(plate))
    close(session)


def test_what_is_not_what_it_was_is_sent_afresh(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Same size, same time, other bytes: only the whole checksum tells."""
    path = tmp_path / "a.bin"
    path.write_bytes(b"a" * 300 * KB)
    put_one, sent = uploading.Uploading._put, []

    def interrupted(self: Any, verb: str, *args: Any) -> None:
        sent.append(args)
        if len(sent) > 2:
            raise KeyboardInterrupt
        put_one(self, verb, *args)

    monkeypatch.setattr(uploading.Uploading, "_put", interrupted)
    with pytest.raises(KeyboardInterrupt):
        server.session().upload(path)
    monkeypatch.setattr(uploading.Uploading, "_put", put_one)
    found = path.stat()
    path.write_bytes(b"b" * 300 * KB)
    os.utime(path, ns=(found.st_mtime_ns, found.st_mtime_ns))
    there = server.session().upload(path)
    assert Path(there).read_bytes() == path.read_bytes()


def test_a_file_that_changes_meanwhile_is_refused(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "growing.bin"
    path.write_bytes(b"a" * 300 * KB)
    put_one = uploading.Uploading._put

    def grow(self: Any, verb: str, *args: Any) -> None:
        with path.open("ab") as file:
            file.write(b"more")
        put_one(self, verb, *args)

    monkeypatch.setattr(uploading.Uploading, "_put", grow)
    with pytest.raises(Unreadable, match="changed while it was sent"):
        server.session().upload(path)


def test_no_room_is_told_before_anything_is_sent(
    server: Server, plate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server.store.uploads, "_room", lambda: 100 * KB)
    monkeypatch.setattr(uploading.Uploading, "_put", lambda *_: pytest.fail("nothing is sent"))
    with pytest.raises(Full, match="bytes"):
        server.session().upload(plate)
    assert server.waiting == []


def test_from_a_folder_to_images(server: Server, tmp_path: Path) -> None:
    folder = tmp_path / "camera"
    folder.mkdir()
    pixels = {f"{n}.tif": np.full((300, 400), n, np.uint16) for n in range(3)}
    for name, array in pixels.items():
        tifffile.imwrite(folder / name, array)
    session = server.session("ada")
    images = Notebook(session).import_files(folder, quiet=True)
    assert images.failed == ()
    found = {image.name: image.dask().compute() for image in images}
    assert {name: array.max() for name, array in found.items()} == {
        "0.tif": 0,
        "1.tif": 1,
        "2.tif": 2,
    }
    (original,) = session.images.files(images[0].id)
    assert original.sha256 == hashlib.sha256((folder / images[0].name).read_bytes()).hexdigest()
    managed = server.store.layout.root / original.path
    assert managed.stat().st_nlink == 1
    assert server.waiting == [] and session.uploads.list() == ()
    server.restart()
    assert len(list(Notebook(server.session("ada")).images)) == 3


def test_an_import_reads_no_byte_of_an_upload_again(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, np.zeros((64, 64), np.uint8))
    session = server.session()
    for name in ("copy_hashed", "hard_link"):
        monkeypatch.setattr(transfer, name, lambda *_: pytest.fail("it is read again"))
    images = Notebook(session).import_files(path, quiet=True)
    assert images.failed == () and len(images) == 1


def test_through_a_relay(server: Server, plate: Path, tmp_path: Path) -> None:
    token = tmp_path / "token"
    server.session("ada")
    token.write_text(server.tokens["ada"])
    holder = Holder(tmp_path / "none", create=False, elsewhere=Upstream(server.url, token))
    listener = Listener(holder)
    url = listener.start().url
    session = RemoteSession(url, server.tokens["ada"])
    try:
        there = session.upload(plate)
        same(plate, there)
        at = begun(session)
        with pytest.raises(Unreadable):
            put(session, at, 0, BODY, checksum=sha256(b""))
        put(session, at, 0, BODY)
        assert session.uploads.complete(*at, sha256(BODY)).state == "complete"
        assert len(server.session("ada").uploads.list()) == 2
    finally:
        session.close()
        listener.stop()
        holder.close()
