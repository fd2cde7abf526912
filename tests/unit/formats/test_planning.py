"""Which files make a fileset, which are left out, and why."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import tifffile
from reader_contract import pixels_of

from omero_jlab.errors import Invalid, Unreadable
from omero_jlab.formats import Planned, plan, plan_in_worker, read
from omero_jlab.model import Position


def _tif(path: Path, value: int = 1, shape: tuple[int, ...] = (20, 30), **options: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    tifffile.imwrite(
        path, np.full(shape, value, "uint8"), metadata=None, photometric="minisblack", **options
    )


def test_a_folder_gives_its_images_and_tells_of_the_rest(tmp_path: Path) -> None:
    _tif(tmp_path / "b.tif")
    _tif(tmp_path / "sub" / "a.tif")
    _tif(tmp_path / ".hidden.tif")
    (tmp_path / "notes.csv").write_text("a,b\n1,2\n")
    (tmp_path / "broken.tif").write_bytes(b"II*\x00" + b"\xff" * 40)
    (tmp_path / "slide.czi").write_bytes(b"ZISRAWFILE" + bytes(100))
    planned = plan([tmp_path])
    assert [p.name for p in planned.plans] == ["b.tif", "broken.tif", "a.tif"]
    with pytest.raises(Unreadable, match="broken"):
        read(planned.plans[1])
    ignored = {Path(i.path).name: i.reason for i in planned.ignored}
    assert ignored[".hidden.tif"] == "hidden" and "not an image" in ignored["notes.csv"]
    failed = {Path(f.path).name: f.reason for f in planned.failed}
    assert failed["slide.czi"] == "CZI files are not read yet: export as OME-TIFF."


def test_what_was_named_and_is_no_image_is_a_failure(tmp_path: Path) -> None:
    (tmp_path / "notes.csv").write_text("a,b\n")
    planned = plan([tmp_path / "notes.csv", tmp_path / "nowhere"])
    assert [Path(f.path).name for f in planned.failed] == ["notes.csv", "nowhere"]
    assert "no such file" in planned.failed[1].reason


def test_a_file_named_twice_is_planned_once(tmp_path: Path) -> None:
    _tif(tmp_path / "a.tif")
    assert len(plan([tmp_path / "a.tif", tmp_path]).plans) == 1


def test_links_inside_a_folder_are_not_followed(tmp_path: Path) -> None:
    _tif(tmp_path / "outside" / "a.tif")
    (tmp_path / "given").mkdir()
    (tmp_path / "given" / "link").symlink_to(tmp_path / "outside")
    planned = plan([tmp_path / "given"])
    assert not planned.plans and "link" in planned.ignored[0].reason


def _plate(folder: Path) -> None:
    value = 0
    for well in ("A01", "B12"):
        for site in (1, 2):
            for channel in ("w10", "w2"):
                value += 1
                _tif(folder / f"{well}_s{site}_{channel}.TIFF", value)


def test_files_of_one_channel_are_joined(tmp_path: Path) -> None:
    _plate(tmp_path / "plate-1")
    planned = plan([tmp_path / "plate-1"], "{well}_{field}_{channel}.tif")
    assert not planned.failed
    assert [p.name for p in planned.plans] == ["A01_s1", "A01_s2", "B12_s1", "B12_s2"]
    last = planned.plans[-1]
    assert last.channels == ("w2", "w10")
    assert last.position == Position(plate="plate-1", row=1, column=11, site=2)
    contents = read(last)
    (image,) = contents.images
    assert image.sizes.c == 2 and [c.name for c in image.channels] == ["w2", "w10"]
    assert image.position == last.position and ("well", "B12") in image.metadata
    found = pixels_of(contents.indexes[0], last.root, tmp_path)
    assert [int(found[0, c].max()) for c in range(2)] == [8, 7]


def test_files_stored_in_different_ways_are_joined_all_the_same(tmp_path: Path) -> None:
    _tif(tmp_path / "p" / "A01_a.tif", 5, compression="lzw")
    _tif(tmp_path / "p" / "A01_b.tif", 6, rowsperstrip=3)
    (made,) = plan([tmp_path / "p"], "{well}_{channel}.tif").plans
    assert "not all stored in one way" in read(made).transcode[0]
    contents = read(made, out_folder=tmp_path / "out")
    found = pixels_of(contents.indexes[0], made.root, tmp_path / "out")
    assert [int(found[0, c].min()) for c in range(2)] == [5, 6]


def test_strips_of_different_height_need_no_other_form(tmp_path: Path) -> None:
    _tif(tmp_path / "p" / "A01_a.tif", 5, rowsperstrip=7)
    _tif(tmp_path / "p" / "A01_b.tif", 6, rowsperstrip=3)
    (made,) = plan([tmp_path / "p"], "{well}_{channel}.tif").plans
    contents = read(made)
    found = pixels_of(contents.indexes[0], made.root, tmp_path)
    assert [int(found[0, c].min()) for c in range(2)] == [5, 6]


def test_z_and_t_are_axes_and_folders_may_carry_them(tmp_path: Path) -> None:
    for t in (1, 2, 10):
        for z in (0, 1):
            _tif(tmp_path / "p" / f"TimePoint_{t}" / f"A01_z{z}_w1.tif", t * 10 + z)
    (made,) = plan([tmp_path / "p"], "TimePoint_{t}/{well}_z{z}_{channel}.tif").plans
    contents = read(made)
    assert contents.images[0].sizes.shape == (3, 1, 2, 20, 30)
    found = pixels_of(contents.indexes[0], made.root, tmp_path)
    assert found[:, 0, :, 0, 0].tolist() == [[10, 11], [20, 21], [100, 101]]


def test_a_set_that_is_not_whole_is_named_and_the_others_go_in(tmp_path: Path) -> None:
    _plate(tmp_path / "p")
    (tmp_path / "p" / "A01_s1_w2.TIFF").unlink()
    _tif(tmp_path / "p" / "B12_s1_w2.TIFF", 1, (21, 30))
    _tif(tmp_path / "p" / "B12_s2_w2.TIFF", 1, (3, 20, 30))
    planned = plan([tmp_path / "p"], "{well}_{field}_{channel}.tif")
    assert [p.name for p in planned.plans] == ["A01_s2"]
    reasons = [failure.reason for failure in planned.failed]
    assert "A01_s1 has no file for channel w2" in reasons[0]
    assert "30 × 21" in reasons[1] and "3 planes" in reasons[2]


def test_what_does_not_fit_the_pattern_is_a_failure(tmp_path: Path) -> None:
    _plate(tmp_path / "p")
    _tif(tmp_path / "p" / "overview.tif")
    _tif(tmp_path / "p" / "A01_s1_w2_labels.tif")
    planned = plan([tmp_path / "p"], "{well}_{field}_{channel}.tif")
    assert len(planned.plans) == 4
    assert all("does not fit the pattern" in f.reason for f in planned.failed)
    assert len(planned.failed) == 2


def test_a_pattern_without_channel_places_whole_files(tmp_path: Path) -> None:
    _tif(tmp_path / "p" / "C05_f02.tif", 1, (3, 20, 30))
    (made,) = plan([tmp_path / "p"], "{well}_{field}.tif").plans
    (image,) = read(made).images
    assert image.sizes.t == 3
    assert image.position == Position(plate="p", row=2, column=4, site=2)


def test_a_malformed_pattern_is_refused(tmp_path: Path) -> None:
    for pattern in ("no placeholders.tif", "{well", "{well}_{well}.tif"):
        with pytest.raises(Invalid, match="pattern"):
            plan([tmp_path], pattern)


def test_the_form_for_a_process_of_its_own(tmp_path: Path) -> None:
    _tif(tmp_path / "a.tif")
    told = Planned.model_validate_json(plan_in_worker([str(tmp_path)]))
    assert told == plan([tmp_path])


def test_a_pipe_is_not_opened(tmp_path: Path) -> None:
    # A writer of its own lets the test fail, and not wait, where the pipe is opened after all.
    pipe = tmp_path / "pipe.tif"
    os.mkfifo(pipe)
    writer = os.open(pipe, os.O_RDWR | os.O_NONBLOCK)
    try:
        os.write(writer, b"II*\0" + bytes(5000))
        _tif(tmp_path / "a.tif")
        found = plan([tmp_path])
        named = plan([pipe])
    finally:
        os.close(writer)
    assert [each.name for each in found.plans] == ["a.tif"]
    assert "pipe" in found.ignored[0].reason
    assert "no file but a pipe" in named.failed[0].reason
