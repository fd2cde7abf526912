"""Every real file: its pixels add up to what other programs measured, or it is refused clearly."""

from __future__ import annotations

import csv
import re
import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import zarr

from omero_jlab.errors import Unreadable
from omero_jlab.formats import Contents, Plan, Planned
from omero_jlab.model import FoundImage
from omero_jlab.model.chunks import ChunkIndex
from omero_jlab.pixels import PixelReader
from omero_jlab.workers import Workers

pytestmark = pytest.mark.real_data


@pytest.fixture(scope="module")
def workers() -> Iterator[Workers]:
    with Workers() as made:
        yield made


@pytest.fixture(scope="module")
def facts(real_data: Path) -> dict[str, str]:
    """What was measured, by path."""
    with (real_data / "MANIFEST.csv").open(newline="", encoding="utf-8") as file:
        return {row["path"]: row["verified facts"] for row in csv.DictReader(file)}


@pytest.fixture(scope="module")
def planned(real_data: Path, workers: Workers) -> Planned:
    """All of the folder, planned at once."""
    return _plan(workers, real_data)


def _plan(workers: Workers, path: Path, channels: str | None = None) -> Planned:
    told = workers.run("omero_jlab.formats:plan_in_worker", [str(path)], channels, folder=path)
    return Planned.model_validate_json(told)


def _read(workers: Workers, plan: Plan, out: Path) -> Contents:
    return Contents.from_bytes(
        workers.run(
            "omero_jlab.formats:transcode_in_worker",
            str(plan.root),
            plan.model_dump_json(),
            str(out),
            folder=plan.root,
            writable=out,
        )
    )


def _array_of(chunk: Path) -> Path:
    """The Zarr array that a chunk file belongs to."""
    return next(p for p in chunk.parents if (p / ".zarray").exists() or (p / "zarr.json").exists())


def _sum(image: FoundImage, index: ChunkIndex | None, roots: dict[str, Path]) -> int:
    assert index is not None
    reader, sizes, total = PixelReader(index, roots), image.sizes, 0
    for t, c, z in np.ndindex(sizes.t, sizes.c, sizes.z):
        plane = reader.region(0, t, c, z, 0, 0, sizes.y, sizes.x)
        total += int(plane.sum(dtype="int64"))
    reader.close()
    return total


def test_every_tiff_adds_up(
    real_data: Path, workers: Workers, planned: Planned, facts: dict[str, str], tmp_path: Path
) -> None:
    measured = 0
    for plan in planned.plans:
        if plan.format not in ("TIFF", "OME-TIFF") or plan.main.endswith(".companion.ome"):
            continue
        path = (plan.root / plan.main).relative_to(real_data).as_posix()
        expected = {
            int(series): int(total)
            for series, total in re.findall(r"\[(\d+)\] shape[^|\[]*?sum=(\d+)", facts[path])
        }
        contents = _read(workers, plan, tmp_path)
        roots = {"fileset": plan.root, "pixels": tmp_path}
        for series, total in expected.items():
            found = _sum(contents.images[series], contents.indexes[series], roots)
            assert found == total, f"{path}, series {series}"
            measured += 1
    assert measured > 150


def test_every_zarr_is_what_zarr_reads(
    real_data: Path, workers: Workers, planned: Planned, tmp_path: Path
) -> None:
    stores = [p for p in planned.plans if p.format == "OME-Zarr" and p.root.parent.name != "v04"]
    assert len(stores) >= 6
    for plan in stores:
        contents = _read(workers, plan, tmp_path)
        for image, index in zip(contents.images, contents.indexes, strict=True):
            assert index is not None
            array = _array_of(plan.root / index.header.files[0].path)
            with warnings.catch_warnings():
                # One store has an empty list of filters, of which zarr-python disapproves.
                warnings.simplefilter("ignore")
                expected = int(np.asarray(zarr.open_array(str(array), mode="r")).sum())
            assert _sum(image, index, {"fileset": plan.root}) == expected, plan.name


def test_a_companion_set_has_all_its_planes(
    real_data: Path, workers: Workers, facts: dict[str, str], tmp_path: Path
) -> None:
    (plan,) = _plan(workers, real_data / "ome-tiff" / "multifile").plans
    contents = _read(workers, plan, tmp_path)
    (image,) = contents.images
    assert image.sizes.shape == (1, 1, 5, 24, 18)
    totals = [int(re.search(r"sum=(\d+)", facts[f"ome-tiff/multifile/{f}"])[1])  # type: ignore[index]
              for f in plan.files if f.endswith(".tiff")]  # fmt: skip
    assert _sum(image, contents.indexes[0], {"fileset": plan.root}) == sum(totals)


def test_what_is_not_read_says_so(planned: Planned) -> None:
    reasons = {Path(f.path).suffix: f.reason for f in planned.failed}
    for suffix, name in {".czi": "CZI", ".lif": "LIF", ".nd2": "ND2", ".dcm": "DICOM"}.items():
        assert reasons[suffix] == f"{name} files are not read yet: export as OME-TIFF."
    assert all("BinData" in r or "metadata only" in r for s, r in reasons.items() if s == ".xml")


def test_a_plate_of_metadata_is_refused(real_data: Path, workers: Workers, tmp_path: Path) -> None:
    (plan,) = _plan(workers, real_data / "ngff-metadata" / "v04" / "hcs_example.ome.zarr").plans
    with pytest.raises(Unreadable, match="metadata only"):
        _read(workers, plan, tmp_path)


def test_flies_are_three_images_of_three_channels(
    real_data: Path, workers: Workers, facts: dict[str, str], tmp_path: Path
) -> None:
    folder = "cellprofiler/ExampleFly/images"
    planned = _plan(workers, real_data / folder, "{plate}_{field}_{channel}.TIF")
    assert not planned.failed
    assert [p.name for p in planned.plans] == ["01_POS002", "01_POS076", "01_POS218"]
    for plan in planned.plans:
        contents = _read(workers, plan, tmp_path)
        (image,) = contents.images
        assert [c.name for c in image.channels] == ["D", "F", "R"]
        totals = [re.search(r"sum=(\d+)", facts[f"{folder}/{file}"]) for file in plan.files]
        expected = sum(int(total[1]) for total in totals if total)
        assert _sum(image, contents.indexes[0], {"fileset": plan.root}) == expected


def test_pixel_sizes_make_sense(
    real_data: Path, workers: Workers, planned: Planned, tmp_path: Path
) -> None:
    found = {}
    for plan in planned.plans:
        if plan.format == "TIFF" and "plates" not in plan.root.parts:
            found[plan.name] = _read(workers, plan, tmp_path).images[0].pixel_size_x_um
    assert found["2d_with_pixel_sizes.tif"] is None
    assert found["01_POS002_D.TIF"] is None
    assert found["CMU-1-Small-Region.svs"] == pytest.approx(0.499)
    assert found["hela-cells.tif"] == pytest.approx(0.0514931, rel=1e-5)
    assert all(size is None or 0.001 < size < 20 for size in found.values())


def test_the_demo_plate(demo_plate: Path, workers: Workers, tmp_path: Path) -> None:
    planned = _plan(workers, demo_plate / "images", "{well}_{field}_{channel}.tif")
    assert not planned.failed
    assert [p.name for p in planned.plans] == ["A01_s1", "A01_s2", "A02_s1", "A02_s2"]
    image = _read(workers, planned.plans[3], tmp_path).images[0]
    assert image.sizes.shape == (1, 2, 1, 512, 672)
    assert image.position is not None
    assert (image.position.row, image.position.column, image.position.site) == (0, 1, 2)
