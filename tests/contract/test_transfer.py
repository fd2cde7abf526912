"""How files come: copied, linked, moved; checked against what the client computed."""

from __future__ import annotations

import hashlib
import os
import stat
import zlib
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

from omero_jlab.database import FileRow, FilesetRow, ImageRow
from omero_jlab.errors import Denied, Invalid, OmeroError, Unreadable
from omero_jlab.model import GroupType, ImportReport, ImportRequest
from omero_jlab.objects import Repository
from omero_jlab.objects.progress import wait
from omero_jlab.repository import Store
from omero_jlab.repository.config import CONFIG, read_config
from omero_jlab.repository.imports import fileset_import

from .conftest import World

PIXELS = np.arange(600, dtype=np.uint16).reshape(20, 30)
numbers = count(1)


def bring(session: Any, *paths: Path, **options: Any) -> ImportReport:
    """What an import reports."""
    request = ImportRequest(paths=tuple(map(str, paths)), **options)
    report = wait(session, session.ingest.start(request), "import", quiet=True)
    assert isinstance(report, ImportReport)
    return report


def why_not(session: Any, path: Path, **options: Any) -> str:
    """Why one file is not imported."""
    report = bring(session, path, **options)
    assert report.image_ids == ()
    (failure,) = report.failed
    return failure.reason


def row(world: World, image_id: int) -> tuple[FilesetRow, FileRow, Path]:
    """The fileset of an image, its only file, and where that lies."""
    with world.store.session("admin").reading() as (db, _):
        fileset = db.get_one(FilesetRow, db.get_one(ImageRow, image_id).fileset_id)
        (file,) = db.query(FileRow).filter_by(fileset_id=fileset.id)
        return fileset, file, world.store.layout.root / file.path


@pytest.fixture
def here(world: World) -> Any:
    """The owner, whose programs see the repository's disk."""
    return world.here("owner", GroupType.READ_WRITE)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "camera"
    folder.mkdir()
    path = folder / "cells.tif"
    # Other bytes for each test, since all of them share a repository.
    tifffile.imwrite(path, PIXELS, description=f"recording {next(numbers):05d}")
    os.utime(path, ns=(1_600_000_000_123_456_789,) * 2)
    return path


def pixels(session: Any, image_id: int) -> np.ndarray:
    return np.asarray(Repository(session).image(image_id).plane())


@pytest.mark.parametrize("mode", ["copy", "hardlink", "symlink", "move"])
def test_each_mode_brings_the_same_image(world: World, here: Any, source: Path, mode: str) -> None:
    content, before = source.read_bytes(), source.stat()
    (image_id,) = bring(here, source, transfer=mode).image_ids
    session = world.session("owner", GroupType.READ_WRITE)
    assert np.array_equal(pixels(session, image_id), PIXELS)
    (record,) = session.images.files(image_id)
    assert b"".join(session.file(record.id)[1]) == content
    assert record.sha256 == hashlib.sha256(content).hexdigest()
    fileset, file, place = row(world, image_id)
    assert fileset.transfer == mode
    assert file.client_path == str(source)
    assert place.stat().st_mtime_ns == before.st_mtime_ns
    if mode == "copy":
        assert source.stat().st_ino == before.st_ino != place.stat().st_ino
    elif mode == "hardlink":
        assert place.stat().st_ino == before.st_ino
        assert stat.S_IMODE(source.stat().st_mode) == 0o444
    elif mode == "symlink":
        assert place.readlink() == source
        assert source.stat().st_mode == before.st_mode
    else:
        assert not source.exists()
        assert source.parent.is_dir()
        assert not place.is_symlink()
    assert world.root.admin is not None
    report = wait(world.root, world.root.admin.check(verify=True), "check", quiet=True)
    assert report is not None and report.problems == ()  # type: ignore[union-attr]


def test_a_linked_file_that_changes_says_so(here: Any, source: Path) -> None:
    (image_id,) = bring(here, source, transfer="symlink").image_ids
    tifffile.imwrite(source, PIXELS + 1)
    with pytest.raises(OmeroError, match="changed"):
        pixels(here, image_id)
    source.unlink()
    with pytest.raises(OmeroError, match="in place"):
        pixels(here, image_id)


def test_a_link_is_not_followed_over_another(here: Any, source: Path, tmp_path: Path) -> None:
    (image_id,) = bring(here, source, transfer="symlink").image_ids
    (record,) = here.images.files(image_id)
    secret = tmp_path / "secret"
    source.parent.rename(secret)
    source.parent.symlink_to(secret)
    assert source.read_bytes()
    with pytest.raises(OmeroError, match="in place"):
        b"".join(here.file(record.id)[1])


def test_deleting_a_linked_image_leaves_its_source(world: World, here: Any, source: Path) -> None:
    content = source.read_bytes()
    (image_id,) = bring(here, source, transfer="symlink").image_ids
    place = row(world, image_id)[2]
    here.graph.delete("image", image_id)
    wait(world.root, world.root.admin.purge(), "purge", quiet=True)
    assert not place.is_symlink()
    assert source.read_bytes() == content


@pytest.mark.parametrize("mode", ["hardlink", "symlink", "move"])
def test_what_is_a_link_or_a_repositorys_stays(
    world: World, here: Any, source: Path, tmp_path: Path, mode: str
) -> None:
    link = tmp_path / "link.tif"
    link.symlink_to(source)
    assert "symbolic link" in why_not(here, link, transfer=mode)
    theirs = tmp_path / "OMERO" / "ManagedRepository"
    theirs.mkdir(parents=True)
    tifffile.imwrite(theirs / "theirs.tif", PIXELS)
    assert "lies in a repository" in why_not(here, theirs / "theirs.tif", transfer=mode)
    other = tmp_path / "other"
    Store.open(other, create=True).close()
    tifffile.imwrite(other / "Files" / "own.tif", PIXELS)
    assert "lies in a repository" in why_not(here, other / "Files" / "own.tif", transfer=mode)
    assert link.is_symlink() and (theirs / "theirs.tif").is_file()


def test_a_file_that_is_being_written_gets_no_hard_link(here: Any, source: Path) -> None:
    before = source.stat()
    with source.open("r+b"):
        assert "open for writing" in why_not(here, source, transfer="hardlink")
    assert (source.stat().st_mode, source.stat().st_nlink) == (before.st_mode, 1)


def test_a_hard_link_cannot_leave_the_file_system(here: Any, tmp_path: Path) -> None:
    elsewhere = Path("/dev/shm") / f"omero-jlab-{os.getpid()}.tif"
    if not elsewhere.parent.is_dir() or elsewhere.parent.stat().st_dev == tmp_path.stat().st_dev:
        pytest.skip("there is no second file system to write to")
    tifffile.imwrite(elsewhere, PIXELS)
    try:
        reason = why_not(here, elsewhere, transfer="hardlink")
        assert "another file system" in reason and '"symlink"' in reason
        assert len(bring(here, elsewhere, transfer="move").image_ids) == 1
        assert not elsewhere.exists()
    finally:
        elsewhere.unlink(missing_ok=True)


@pytest.mark.parametrize("mode", ["hardlink", "move"])
def test_a_failed_import_leaves_the_source_as_it_was(
    here: Any, source: Path, monkeypatch: pytest.MonkeyPatch, mode: str
) -> None:
    content, before = source.read_bytes(), source.stat()

    def breaking(*_: object) -> None:
        raise Unreadable("the images cannot be described")

    monkeypatch.setattr(fileset_import, "annotate_images", breaking)
    assert "described" in why_not(here, source, transfer=mode)
    after = source.stat()
    assert (after.st_mode, after.st_nlink, after.st_ino) == (before.st_mode, 1, before.st_ino)
    assert source.read_bytes() == content


def test_a_moved_source_that_was_replaced_stays(
    here: Any, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    finish = fileset_import.Transfer.finish

    def late(transfer: Any) -> None:
        source.unlink()
        source.write_bytes(b"the next recording")
        finish(transfer)

    monkeypatch.setattr(fileset_import.Transfer, "finish", late)
    assert bring(here, source, transfer="move").image_ids
    assert source.read_bytes() == b"the next recording"


def test_a_moved_folder_store_goes_whole(here: Any, tmp_path: Path) -> None:
    import zarr

    store = tmp_path / "cells.ome.zarr"
    group = zarr.open_group(store, mode="w", zarr_format=2)
    group.create_array("0", data=PIXELS[None, None, None], chunks=(1, 1, 1, 20, 30))
    axes = [{"name": n} for n in "tczyx"]
    scale = [{"type": "scale", "scale": [1, 1, 1, 1, 1]}]
    datasets = [{"path": "0", "coordinateTransformations": scale}]
    group.attrs["multiscales"] = [{"version": "0.4", "axes": axes, "datasets": datasets}]
    report = bring(here, store, transfer="move")
    assert report.failed == () and len(report.image_ids) == 1
    assert not store.exists() and tmp_path.is_dir()
    assert np.array_equal(pixels(here, report.image_ids[0]), PIXELS)


def test_checksums_of_the_client_are_held_against_what_arrives(
    world: World, here: Any, source: Path
) -> None:
    content = source.read_bytes()
    good = f"CRC-32:{zlib.crc32(content):08X}"
    report = bring(here, source, checksum="SHA1-160", checksums={str(source): good})
    assert report.failed == ()
    file = row(world, report.image_ids[0])[1]
    assert (file.hasher, file.hash) == ("SHA1-160", hashlib.sha1(content).hexdigest())
    bad = "MD5-128:" + "0" * 32
    assert "is not what was sent" in why_not(here, source, checksums={str(source): bad})
    assert "is no checksum" in why_not(here, source, checksums={str(source): "SHA-3:00"})


def test_what_is_here_is_not_imported_again(
    world: World, here: Any, source: Path, tmp_path: Path
) -> None:
    (image_id,) = bring(here, source).image_ids
    other = source.with_name("renamed.tif")
    other.write_bytes(source.read_bytes())
    tifffile.imwrite(source.with_name("new.tif"), PIXELS + 1)
    report = bring(here, source.parent, skip_existing=True)
    assert len(report.image_ids) == 1
    assert [(Path(s.path).name, s.image_ids) for s in report.skipped] == [
        ("cells.tif", (image_id,)),
        ("renamed.tif", (image_id,)),
    ]
    plan = here.ingest.plan(ImportRequest(paths=(str(source),), skip_existing=True))
    assert [f.existing for f in plan.filesets] == [(image_id,)]
    assert plan.bytes_to_copy == 0
    # What is hidden, or deleted, is not here.
    outsider = world.here("outsider", "elsewhere")
    assert len(bring(outsider, source, skip_existing=True).image_ids) == 1
    here.graph.delete("image", image_id)
    assert len(bring(here, source, skip_existing=True).image_ids) == 1


def test_in_place_for_a_team_is_below_the_roots_that_are_allowed(
    world: World, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not world.over_http:
        pytest.skip("in the process a user's programs see the disk")
    secret = tmp_path / "secret.tif"
    tifffile.imwrite(secret, PIXELS)
    config = world.store.layout.root / CONFIG
    config.write_text(
        f'[imports]\nin_place_roots = ["{source.parent}"]\nin_place_users = ["owner"]\n'
    )
    monkeypatch.setattr(world.store, "config", read_config(world.store.layout.root))
    config.unlink()
    (source.parent / "out.tif").symlink_to(secret)
    owner = world.session("owner", GroupType.READ_WRITE)
    (image_id,) = bring(owner, source, transfer="symlink").image_ids
    assert np.array_equal(pixels(owner, image_id), PIXELS)
    assert len(bring(owner, source).image_ids) == 1
    for path in (secret, source.parent / "out.tif", source.parent / ".." / "secret.tif"):
        with pytest.raises(Denied):
            bring(owner, path, transfer="symlink")
    for mode in ("hardlink", "move"):
        with pytest.raises(Denied):
            bring(owner, source, transfer=mode)
    member = world.session("member", GroupType.READ_WRITE)
    with pytest.raises(Denied, match="uploaded"):
        bring(member, source, transfer="symlink")


def test_only_own_files_come_in_place(
    here: Any, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: source.stat().st_uid + 1)
    assert "files of the account" in why_not(here, source, transfer="symlink")
    assert "another account" in why_not(here, source, transfer="hardlink")


@pytest.mark.parametrize("root", ["images", "/", "../up"])
def test_a_root_that_is_no_whole_path_is_named(tmp_path: Path, root: str) -> None:
    (tmp_path / CONFIG).write_text(f'[imports]\nin_place_roots = ["{root}"]\n')
    with pytest.raises(Invalid, match="no whole path"):
        read_config(tmp_path)


def test_names_tags_and_key_values_of_rows(here: Any, source: Path) -> None:
    two = source.with_name("two.tif")
    tifffile.imwrite(two, np.stack([PIXELS, PIXELS]), metadata={"axes": "CYX"})
    request = ImportRequest.model_validate(
        {
            "paths": [str(source)],
            "tags": ["of all"],
            "dataset": "one",
            "rows": [
                {
                    "path": str(two),
                    "name": "treated",
                    "dataset": "two",
                    "tags": ["control", "batch 3"],
                    "key_values": [["dose", "3 nM"], ["dose", "4 nM"]],
                    "channel_names": ["DNA", "ER"],
                }
            ],
        }
    )
    plan = here.ingest.plan(request, images=True)
    assert [(f.target, [i.name for i in f.images]) for f in plan.filesets] == [
        ("dataset one", ["cells.tif"]),
        ("dataset two", ["treated"]),
    ]
    assert plan.filesets[1].images[0].sizes == "T 1, C 2, Z 1, Y 20, X 30"
    report = wait(here, here.ingest.start(request), "import", quiet=True)
    assert isinstance(report, ImportReport) and report.failed == ()
    first, second = (Repository(here).image(i) for i in report.image_ids)
    assert (first.name, first.tags) == ("cells.tif", ["of all"])
    assert (second.name, sorted(second.tags)) == ("treated", ["batch 3", "control"])
    assert second.key_values == {"dose": ["3 nM", "4 nM"]}
    assert [channel.name for channel in second.channels] == ["DNA", "ER"]
    assert [i.name for i in Repository(here).datasets.find("two").images] == ["treated"]
