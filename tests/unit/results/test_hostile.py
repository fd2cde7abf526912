"""Nothing that a file says leads out of its folder or past its limits."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from omero_jlab.errors import Invalid, TooLarge, Unreadable
from omero_jlab.results import read_labels, recognise

_NUCLEI = "ImageNumber,ObjectNumber,AreaShape_Area\n1,1,5\n"


@pytest.mark.parametrize(
    "name",
    ["../secret.tiff", "/etc/passwd", r"..\secret.tiff", "file:///etc/passwd", "..", "", "\x1b[2J"],
)
def test_a_path_in_a_table_is_not_followed(tmp_path: Path, name: str) -> None:
    tifffile.imwrite(tmp_path / "secret.tiff", np.ones((4, 4), np.uint8))
    folder = tmp_path / "output"
    folder.mkdir()
    (folder / "Nuclei.csv").write_text(_NUCLEI)
    (folder / "Image.csv").write_text(
        "ImageNumber,FileName_DNA,PathName_DNA,MD5Digest_DNA,FileName_NucleiLabels,"
        f"PathName_NucleiLabels\n1,{name},{tmp_path},zz,{name},{tmp_path}\n"
    )
    output = recognise(folder)
    assert output.label_files(1) == ()
    for file in output.image_sets[0].files:
        assert "/" not in file.name and "\\" not in file.name
        assert file.md5 is None


def test_links_out_of_the_folder_are_not_read(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "Nuclei.csv").write_text(_NUCLEI)
    folder = tmp_path / "output"
    folder.mkdir()
    (folder / "Nuclei.csv").symlink_to(outside / "Nuclei.csv")
    (folder / "more").symlink_to(outside)
    with pytest.raises(Invalid, match="not recognised"):
        recognise(folder)


def test_a_saved_image_elsewhere_in_the_folder_is_found_by_its_name(tmp_path: Path) -> None:
    (tmp_path / "Nuclei.csv").write_text(_NUCLEI)
    (tmp_path / "Image.csv").write_text(
        "ImageNumber,FileName_DNA,Width_DNA,FileName_NucleiLabels,Count_Nuclei\n"
        "1,a.tif,4,x.tiff,1\n"
    )
    (tmp_path / "labels").mkdir()
    tifffile.imwrite(tmp_path / "labels" / "x.tiff", np.ones((4, 4), np.uint16))
    (found,) = recognise(tmp_path).label_files(1)
    assert found.path == tmp_path / "labels" / "x.tiff"
    # Two files of that name: which one is meant is not guessed.
    (tmp_path / "other").mkdir()
    tifffile.imwrite(tmp_path / "other" / "x.tiff", np.ones((4, 4), np.uint16))
    assert recognise(tmp_path).label_files(1) == ()


@pytest.mark.parametrize(
    "text",
    [
        "no pipeline at all",
        "CellProfiler Pipeline: x\nCrop:[module_num:1]\n    Select the input image:Crop\n"
        "    Name the output image:Crop\n",
        "CellProfiler Pipeline: x\n" + "Crop:[module_num:1]\n" * 3000,
    ],
)
def test_odd_pipelines_do_no_harm(tmp_path: Path, text: str) -> None:
    (tmp_path / "Nuclei.csv").write_text(_NUCLEI)
    (tmp_path / "p.cppipe").write_text(text)
    output = recognise(tmp_path)
    assert output.version == ""
    assert len(output.object_table("Nuclei")) == 1


def test_pictures_are_no_labels(tmp_path: Path) -> None:
    cases = {
        "rgb.tiff": np.zeros((4, 4, 3), np.uint8),
        "fractions.tiff": np.full((4, 4), 0.5, np.float32),
        "negative.tiff": np.full((4, 4), -1, np.int16),
    }
    for name, data in cases.items():
        tifffile.imwrite(tmp_path / name, data, photometric="rgb" if data.ndim == 3 else None)
        with pytest.raises(Invalid, match=name):
            read_labels(tmp_path / name)
    tifffile.imwrite(tmp_path / "stack.tiff", np.zeros((2, 4, 4), np.uint16), photometric=None)
    with pytest.raises(Invalid, match="one plane"):
        read_labels(tmp_path / "stack.tiff")
    tifffile.imwrite(tmp_path / "high.tiff", np.full((4, 4), 4e9, np.uint32))
    with pytest.raises(TooLarge, match="4000000000"):
        read_labels(tmp_path / "high.tiff")


def test_damaged_label_images_are_unreadable(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "whole.tiff", np.ones((64, 64), np.uint16), compression="zlib")
    (tmp_path / "cut.tiff").write_bytes((tmp_path / "whole.tiff").read_bytes()[:200])
    (tmp_path / "text.tiff").write_text("no TIFF")
    (tmp_path / "text.png").write_text("no PNG")
    for name in ("cut.tiff", "text.tiff", "text.png"):
        with pytest.raises(Unreadable, match=name):
            read_labels(tmp_path / name)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_labels_as_png(tmp_path: Path, dtype: type) -> None:
    labels = np.arange(12, dtype=dtype).reshape(3, 4)
    Image.fromarray(labels).save(tmp_path / "labels.png")
    assert np.array_equal(read_labels(tmp_path / "labels.png"), labels)
