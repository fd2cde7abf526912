"""OME-TIFF: planes where the XML puts them, in one file or many, and never outside."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray
from reader_contract import ReaderContract, contents_of, pixels_of

from omero_jlab.errors import Unreadable
from omero_jlab.formats import plan
from omero_jlab.model import Position

_HEAD = '<?xml version="1.0"?><OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06"'


class TestOmeTiff(ReaderContract):
    format, suffix = "OME-TIFF", ".ome.tif"

    def write(self, path: Path, array: NDArray[Any]) -> None:
        tifffile.imwrite(path, array, ome=True, metadata={"axes": "TCZYX"}, compression="lzw")


class TestOmeTiffWithoutTheSuffix(TestOmeTiff):
    suffix = ".dat"


def _image(data: str, more: str = "", **sizes: int) -> str:
    size = {"T": 1, "C": 1, "Z": 1, "Y": 10, "X": 12} | sizes
    attributes = " ".join(f'Size{axis}="{n}"' for axis, n in size.items())
    return (
        f'<Image ID="Image:0" Name="cells"><AcquisitionDate>2020-05-06T07:08:09</AcquisitionDate>'
        f'<Pixels ID="P" DimensionOrder="XYZCT" Type="uint8" {attributes} {more}>{data}</Pixels>'
        f"</Image>"
    )


def _write(path: Path, array: NDArray[Any], xml: str) -> None:
    # Written as ASCII here so that the XML is taken as it is.
    tifffile.imwrite(path, array, description=xml.encode(), metadata=None, photometric="minisblack")


def _planes(count: int) -> NDArray[Any]:
    return np.random.default_rng(4).integers(0, 255, (count, 10, 12)).astype("uint8")


def test_names_colours_sizes_and_places_come_from_the_xml(tmp_path: Path) -> None:
    channels = (
        '<Channel ID="C:0" Name="DAPI" Color="65535" EmissionWavelength="461"/>'
        '<Channel ID="C:1" Name="GFP" Color="-16776961" ExcitationWavelength="0.488" '
        'ExcitationWavelengthUnit="µm"/><TiffData/>'
    )
    image = _image(
        channels,
        'PhysicalSizeX="65" PhysicalSizeXUnit="nm" PhysicalSizeY="0.065" PhysicalSizeZ="1" '
        'TimeIncrement="500" TimeIncrementUnit="ms"',
        C=2,
    )
    plate = (
        '<Plate ID="Plate:0" Name="P1"><Well ID="W" Row="1" Column="2">'
        '<WellSample ID="S0" Index="0"/><WellSample ID="S1" Index="1"><ImageRef ID="Image:0"/>'
        "</WellSample></Well></Plate>"
    )
    path = tmp_path / "a.ome.tif"
    _write(path, _planes(2), f"{_HEAD}>{plate}{image}</OME>")
    _, contents = contents_of(path, tmp_path)
    (found,) = contents.images
    assert [c.name for c in found.channels] == ["DAPI", "GFP"]
    assert [c.color for c in found.channels] == ["0000FF", "FF0000"]
    assert found.channels[0].emission_nm == 461
    assert found.channels[1].excitation_nm == pytest.approx(488)
    assert found.pixel_size_x_um == pytest.approx(0.065)
    assert found.time_step_s == pytest.approx(0.5)
    assert found.acquired_at == datetime(2020, 5, 6, 7, 8, 9, tzinfo=UTC)
    assert found.position == Position(plate="P1", row=1, column=2, site=2)


def test_planes_lie_where_tiffdata_says(tmp_path: Path) -> None:
    data = '<TiffData FirstZ="0" IFD="2"/><TiffData FirstZ="1" IFD="0" PlaneCount="2"/>'
    path = tmp_path / "a.ome.tif"
    planes = _planes(3)
    _write(path, planes, f"{_HEAD}>{_image(data, Z=3)}</OME>")
    made, contents = contents_of(path, tmp_path)
    found = pixels_of(contents.indexes[0], made.root, tmp_path)[0, 0]
    assert np.array_equal(found, planes[[2, 0, 1]])


def test_a_plane_that_is_nowhere_is_fill(tmp_path: Path) -> None:
    path = tmp_path / "a.ome.tif"
    planes = _planes(1)
    data = '<TiffData FirstZ="1" IFD="0"/>'
    _write(path, planes, f"{_HEAD}>{_image(data, Z=2)}</OME>")
    made, contents = contents_of(path, tmp_path)
    found = pixels_of(contents.indexes[0], made.root, tmp_path)[0, 0]
    assert not found[0].any() and np.array_equal(found[1], planes[0])


def _companion(folder: Path, count: int = 3) -> NDArray[Any]:
    planes = _planes(count)
    data = "".join(
        f'<TiffData FirstZ="{z}" IFD="0" PlaneCount="1"><UUID FileName="z{z}.ome.tif">'
        f"urn:uuid:{z}</UUID></TiffData>"
        for z in range(count)
    )
    (folder / "set.companion.ome").write_text(f"{_HEAD}>{_image(data, Z=count)}</OME>")
    for z in range(count):
        only = f'{_HEAD} UUID="urn:uuid:{z}"><BinaryOnly MetadataFile="set.companion.ome"/></OME>'
        _write(folder / f"z{z}.ome.tif", planes[z], only)
    return planes


def test_a_companion_set_is_one_fileset(tmp_path: Path) -> None:
    planes = _companion(tmp_path)
    (made,) = plan([tmp_path]).plans
    assert made.main == "set.companion.ome" and len(made.files) == 4
    assert plan([tmp_path / "z1.ome.tif"]).plans == (made,)
    _, contents = contents_of(tmp_path / "set.companion.ome", tmp_path)
    assert contents.images[0].name == "cells"
    found = pixels_of(contents.indexes[0], tmp_path, tmp_path)[0, 0]
    assert np.array_equal(found, planes)


def test_a_set_with_a_missing_file_is_refused_by_name(tmp_path: Path) -> None:
    _companion(tmp_path)
    (tmp_path / "z1.ome.tif").unlink()
    planned = plan([tmp_path])
    assert not planned.plans
    assert all("z1.ome.tif" in failure.reason for failure in planned.failed)


@pytest.mark.parametrize("reference", ["../secret.ome.tif", "/etc/secret.ome.tif", "..\\s.tif"])
def test_references_out_of_the_folder_are_refused(tmp_path: Path, reference: str) -> None:
    _write(tmp_path / "secret.ome.tif", _planes(1), f"{_HEAD}>{_image('<TiffData/>')}</OME>")
    inner = tmp_path / "given"
    inner.mkdir()
    data = (
        f'<TiffData IFD="0"><UUID FileName="{reference}">urn:uuid:1</UUID></TiffData>'
        f'<TiffData FirstZ="1" IFD="0"><UUID FileName="b.tif">urn:uuid:2</UUID></TiffData>'
    )
    _write(inner / "a.ome.tif", _planes(1), f"{_HEAD}>{_image(data, Z=2)}</OME>")
    _write(inner / "b.tif", _planes(1), "b")
    planned = plan([inner / "a.ome.tif"])
    assert not planned.plans and "outside" in planned.failed[0].reason


def test_a_link_out_of_the_folder_is_refused(tmp_path: Path) -> None:
    planes = _companion(tmp_path)
    assert len(planes) == 3
    outside = tmp_path / "outside.tif"
    inner = tmp_path / "given"
    inner.mkdir()
    for file in list(tmp_path.glob("*.ome*")):
        file.rename(inner / file.name)
    (inner / "z2.ome.tif").rename(outside)
    (inner / "z2.ome.tif").symlink_to(outside)
    planned = plan([inner / "set.companion.ome"])
    assert not planned.plans and "outside" in planned.failed[0].reason


def test_one_file_may_have_been_renamed(tmp_path: Path) -> None:
    data = '<TiffData IFD="0"><UUID FileName="old-name.ome.tif">urn:uuid:1</UUID></TiffData>'
    path = tmp_path / "new.ome.tif"
    _write(path, _planes(1), f"{_HEAD}>{_image(data)}</OME>")
    _, contents = contents_of(path, tmp_path)
    assert contents.images[0].name == "new.ome.tif"


@pytest.mark.parametrize("inside", ["<MetadataOnly/>", "<BinData Length='1'>AA==</BinData>"])
def test_xml_without_files_of_pixels_is_refused(tmp_path: Path, inside: str) -> None:
    path = tmp_path / "a.ome.xml"
    path.write_text(f"{_HEAD}>{_image(inside)}</OME>")
    planned = plan([path])
    assert not planned.plans
    assert "metadata only" in planned.failed[0].reason or "BinData" in planned.failed[0].reason


def test_entities_and_deep_nesting_are_refused(tmp_path: Path) -> None:
    entity = tmp_path / "entity.ome.tif"
    _write(
        entity,
        _planes(1),
        '<?xml version="1.0"?><!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>'
        f"<OME>&e;{_image('<TiffData/>')}</OME>",
    )
    deep = tmp_path / "deep.ome.tif"
    _write(deep, _planes(1), f"{_HEAD}>{'<a>' * 200}{'</a>' * 200}{_image('<TiffData/>')}</OME>")
    planned = plan([entity, deep])
    assert not planned.plans
    assert "document type" in planned.failed[0].reason and "deeper" in planned.failed[1].reason


def test_a_size_other_than_the_pages_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.ome.tif"
    _write(path, _planes(1), f"{_HEAD}>{_image('<TiffData/>', X=13)}</OME>")
    with pytest.raises(Unreadable, match="13 × 10"):
        contents_of(path, tmp_path)


def test_reduced_copies_in_subifds_are_levels(tmp_path: Path) -> None:
    array = np.random.default_rng(5).integers(0, 99, (2, 128, 160)).astype("uint8")
    path = tmp_path / "a.ome.tif"
    with tifffile.TiffWriter(path, ome=True) as writer:
        writer.write(array, subifds=1, tile=(64, 64), metadata={"axes": "CYX"})
        writer.write(array[:, ::2, ::2], subfiletype=1, tile=(64, 64))
    made, contents = contents_of(path, tmp_path)
    found = pixels_of(contents.indexes[0], made.root, tmp_path, level=1)[0, :, 0]
    assert np.array_equal(found, array[:, ::2, ::2])


@pytest.mark.parametrize("lost", [1, 20, 200])
def test_a_file_without_the_end_of_its_xml_is_no_plain_tiff(tmp_path: Path, lost: int) -> None:
    path = tmp_path / "a.ome.tif"
    tifffile.imwrite(path, _planes(3), ome=True, metadata={"axes": "CYX"}, photometric="minisblack")
    path.write_bytes(path.read_bytes()[:-lost])
    with pytest.raises(Unreadable, match="truncated"):
        contents_of(path, tmp_path)
