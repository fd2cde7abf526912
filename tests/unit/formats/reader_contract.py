"""What every reader must do; a new one subclasses `ReaderContract` and says how to write a file."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from omero_jlab.errors import OmeroError
from omero_jlab.formats import Contents, Plan, plan, read
from omero_jlab.model.chunks import ChunkIndex
from omero_jlab.pixels import PixelReader


def only_plan(path: Path) -> Plan:
    """The one plan for `path`; anything else fails the test."""
    planned = plan([path])
    assert not planned.failed, planned.failed
    (made,) = planned.plans
    return made


def contents_of(path: Path, out: Path) -> tuple[Plan, Contents]:
    """The plan for `path` and what is in it, transcoded where needed, through the wire's bytes."""
    made = only_plan(path)
    return made, Contents.from_bytes(read(made, out_folder=out).to_bytes())


def pixels_of(index: ChunkIndex | None, fileset: Path, out: Path, level: int = 0) -> NDArray[Any]:
    """All pixels of a level, shape TCZYX."""
    assert index is not None
    reader = PixelReader(index, {"fileset": fileset, "pixels": out})
    try:
        size_t, size_c, size_z, height, width = reader.sizes(level)
        return np.array(
            [
                [
                    [reader.region(level, t, c, z, 0, 0, height, width) for z in range(size_z)]
                    for c in range(size_c)
                ]
                for t in range(size_t)
            ]
        )
    finally:
        reader.close()


class ReaderContract:
    """Subclass it, give `format` and `suffix`, and write `sample` in `write`."""

    format = ""
    suffix = ""
    shape: tuple[int, int, int, int, int] = (2, 3, 2, 50, 70)
    dtype = "uint16"

    def sample(self) -> NDArray[Any]:
        """The pixels that are written, shape TCZYX."""
        values = np.random.default_rng(1).integers(0, 250, self.shape)
        return values.astype(self.dtype)

    def write(self, path: Path, array: NDArray[Any]) -> None:
        raise NotImplementedError

    @pytest.fixture
    def written(self, tmp_path: Path) -> Path:
        path = tmp_path / "given" / f"sample{self.suffix}"
        path.parent.mkdir()
        self.write(path, self.sample())
        return path

    @pytest.fixture
    def out(self, tmp_path: Path) -> Path:
        folder = tmp_path / "out"
        folder.mkdir()
        return folder

    def test_sizes_and_pixels_are_those_written(self, written: Path, out: Path) -> None:
        made, contents = contents_of(written, out)
        array = self.sample()
        assert made.format == self.format
        (image,) = contents.images
        assert image.sizes.shape == array.shape
        assert image.dtype == array.dtype.name
        assert len(image.channels) == array.shape[1]
        found = pixels_of(contents.indexes[0], made.root, out)
        assert np.array_equal(found, array)

    def test_it_is_known_by_its_content(self, written: Path, out: Path) -> None:
        renamed = written.with_name("renamed.xyz")
        written.rename(renamed)
        assert only_plan(renamed).format == self.format

    def test_it_may_be_read_from_another_folder(self, written: Path, out: Path) -> None:
        made = only_plan(written)
        moved = out / "moved"
        shutil.copytree(made.root, moved)
        contents = read(made, root=moved, out_folder=out)
        assert np.array_equal(pixels_of(contents.indexes[0], moved, out), self.sample())

    def test_a_missing_file_is_named(self, written: Path, out: Path) -> None:
        made = only_plan(written)
        missing = made.files[-1]
        (made.root / missing).unlink()
        with pytest.raises(OmeroError, match="missing"):
            read(made, out_folder=out)

    def test_a_truncated_file_is_refused(self, written: Path, out: Path) -> None:
        if written.is_dir():
            path = max(
                (p for p in written.rglob("*") if p.is_file()), key=lambda p: p.stat().st_size
            )
        else:
            path = written
        path.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3])
        planned = plan([written])
        if planned.failed:
            return
        with pytest.raises(OmeroError):
            made, contents = contents_of(written, out)
            pixels_of(contents.indexes[0], made.root, out)
