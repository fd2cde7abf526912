"""Labels lie where the pixels under them are those that were measured, or are refused."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray

from omero_jlab.errors import Invalid, NotFound
from omero_jlab.model import Placement
from omero_jlab.results import ReadPlane, read_labels, recognise

WriteOutput = Callable[..., Path]
FLY = (1006, 1000)


def _fly_planes(real_data: Path, output: object, number: int) -> ReadPlane:
    image_set = next(s for s in output.image_sets if s.number == number)  # type: ignore[attr-defined]
    names = {file.channel: file.name for file in image_set.files}
    folder = real_data / "cellprofiler" / "ExampleFly" / "images"
    return lambda channel: tifffile.imread(folder / names[channel])


@pytest.mark.real_data
def test_example_fly_lies_where_the_pipeline_cut_it_out(real_data: Path) -> None:
    output = recognise(real_data / "cellprofiler-out" / "ExampleFly")
    table = output.object_table("Nuclei").set_index(["ImageNumber", "ObjectNumber"])
    for number in (1, 2, 3):
        planes = _fly_planes(real_data, output, number)
        place = output.placement(number, (199, 199), FLY, planes)
        assert place == Placement(y=251, x=501)
        labels = read_labels(output.label_files(number)[-1].path)
        part = planes("OrigBlue")[251:450, 501:700] / 255
        for n, row in table.loc[number].iterrows():
            mean = part[labels == n].mean()
            assert mean == pytest.approx(row["Intensity_MeanIntensity_CropBlue"], abs=1e-6)


@pytest.mark.real_data
def test_example_fly_is_found_by_intensities_alone(real_data: Path, tmp_path: Path) -> None:
    source = real_data / "cellprofiler-out" / "ExampleFly"
    for path in [*source.glob("*.csv"), *source.glob("*_labels.tiff")]:
        shutil.copy(path, tmp_path)
    output = recognise(tmp_path)
    assert output.pipeline is None
    place = output.placement(2, (199, 199), FLY, _fly_planes(real_data, output, 2))
    assert place == Placement(y=251, x=501)


@pytest.mark.real_data
def test_another_image_is_refused_with_both_sizes(real_data: Path) -> None:
    output = recognise(real_data / "cellprofiler-out" / "ExampleFly")
    wrong = _fly_planes(real_data, output, 3)
    with pytest.raises(Invalid, match=r"199 × 199.*1006 × 1000.*placement="):
        output.placement(1, (199, 199), FLY, wrong)


def test_the_demo_plate_lies_on_its_images(demo_plate: Path) -> None:
    output = recognise(demo_plate / "cellprofiler")
    for image_set in output.image_sets:
        names = {file.channel: file.name for file in image_set.files}
        place = output.placement(
            image_set.number,
            (512, 672),
            (512, 672),
            lambda c, names=names: tifffile.imread(demo_plate / "images" / names[c]),
        )
        assert place == Placement()
    with pytest.raises(NotFound, match="no label image of 100 × 100"):
        output.placement(1, (100, 100), (512, 672), lambda c: np.zeros((512, 672)))
    with pytest.raises(NotFound, match="no image set 9; there are 4"):
        output.label_files(9)


def test_the_demo_plate_on_a_wrong_image_of_the_same_size(demo_plate: Path) -> None:
    output = recognise(demo_plate / "cellprofiler")
    wrong = tifffile.imread(demo_plate / "images" / "A02_s2_DNA.tif")
    with pytest.raises(Invalid, match="nowhere in it are the mean intensities"):
        output.placement(1, (512, 672), (512, 672), lambda c: wrong)


def _image(height: int = 80, width: int = 90) -> NDArray[np.uint16]:
    return np.random.default_rng(5).integers(0, 65536, (height, width)).astype(np.uint16)


def _crop(positions: str, *, source: str = "DNA", name: str = "Crop") -> str:
    columns, rows = positions.split(";")
    return (
        "Crop:[module_num:5|enabled:True]\n"
        f"    Select the input image:{source}\n    Name the output image:{name}\n"
        "    Select the cropping shape:Rectangle\n    Select the cropping method:Coordinates\n"
        f"    Left and right rectangle positions:{columns}\n"
        f"    Top and bottom rectangle positions:{rows}\n"
        "    Remove empty rows and columns?:Edges\n\n"
    )


def _identify(image: str) -> str:
    return (
        "IdentifyPrimaryObjects:[module_num:9|enabled:True]\n"
        f"    Select the input image:{image}\n"
        "    Name the primary objects to be identified:Nuclei\n"
    )


def _labels(height: int, width: int) -> NDArray[np.uint16]:
    labels = np.zeros((height, width), np.uint16)
    for n, (y, x) in enumerate([(2, 3), (15, 4), (8, 20), (25, 25)], start=1):
        labels[y : y + 5, x : x + 2 + n] = n
    return labels


@pytest.mark.parametrize("with_pipeline", [True, False])
def test_a_cut_from_the_edge(write_output: WriteOutput, with_pipeline: bool) -> None:
    image = _image()
    labels = _labels(40, 60)
    cut = image[30:70, 25:85] / 65535
    pipeline = _crop("25,-5;30,-10") + _identify("Crop") if with_pipeline else ""
    folder = write_output(cut, labels, image="Crop", pipeline=pipeline)
    place = recognise(folder).placement(1, (40, 60), image.shape, lambda c: image)
    assert place == Placement(y=30, x=25)


def test_a_pipeline_that_is_not_the_one_is_overruled_by_the_pixels(
    write_output: WriteOutput,
) -> None:
    image = _image()
    pipeline = _crop("0,60;0,40") + _identify("Crop")
    folder = write_output(
        image[30:70, 25:85] / 65535, _labels(40, 60), image="Crop", pipeline=pipeline
    )
    place = recognise(folder).placement(1, (40, 60), image.shape, lambda c: image)
    assert place == Placement(y=30, x=25)


def test_a_pipeline_is_believed_where_pixels_cannot_be_compared(write_output: WriteOutput) -> None:
    image = _image()
    pipeline = (
        _crop("25,85;30,70")
        + "Smooth:[module_num:6|enabled:True]\n    Select the input image:Crop\n"
        "    Name the output image:Smoothed\n\n" + _identify("Smoothed")
    )
    smoothed = image[30:70, 25:85] / 65535 * 0.7
    folder = write_output(smoothed, _labels(40, 60), image="Smoothed", pipeline=pipeline)
    place = recognise(folder).placement(1, (40, 60), image.shape, lambda c: image)
    assert place == Placement(y=30, x=25)


def test_mirrored_labels_are_set_upright_or_refused(write_output: WriteOutput) -> None:
    image = _image()
    flip = (
        "FlipAndRotate:[module_num:5|enabled:True]\n    Select the input image:DNA\n"
        "    Name the output image:Flipped\n    Select method to flip image:Left to right\n"
        "    Select method to rotate image:Do not rotate\n\n"
    )
    labels = _labels(*image.shape)
    folder = write_output(
        image[:, ::-1] / 65535, labels, image="Flipped", pipeline=flip + _identify("Flipped")
    )
    output = recognise(folder)
    with pytest.raises(Invalid, match="mirrored left to right"):
        output.placement(1, image.shape, image.shape, lambda c: image)
    upright, place = output.placed_labels(1, "Nuclei", image.shape, lambda c: image)
    assert place == Placement()
    assert np.array_equal(upright, labels[:, ::-1])


def test_resized_labels_get_a_scale(write_output: WriteOutput) -> None:
    # Each pixel of the small picture is the mean of 2 × 2: what interpolation makes of blocks.
    blocks = np.random.default_rng(2).integers(0, 65536, (40, 45)) // 9 * 9
    image = np.kron(blocks, np.ones((2, 2))).astype(np.uint16)
    resize = (
        "Resize:[module_num:5|enabled:True]\n    Select the input image:DNA\n"
        "    Name the output image:Small\n"
        "    Resizing method:Resize by a fraction or multiple of the original size\n"
        "    X Resizing factor:0.5\n    Y Resizing factor:0.5\n\n"
    )
    folder = write_output(
        blocks / 65535, _labels(40, 45), image="Small", pipeline=resize + _identify("Small")
    )
    place = recognise(folder).placement(1, (40, 45), image.shape, lambda c: image)
    assert place == Placement(scale_y=2, scale_x=2)


def test_what_cannot_be_known_is_asked_for(write_output: WriteOutput) -> None:
    image = _image()
    folder = write_output(np.full((40, 60), 0.5), _labels(40, 60), image="Corrected")
    with pytest.raises(Invalid, match=r"40 × 60.*80 × 90.*neither a pipeline.*placement="):
        recognise(folder).placement(1, (40, 60), image.shape, lambda c: image)


def test_what_fits_everywhere_is_not_guessed(write_output: WriteOutput) -> None:
    blank = np.full((80, 90), 1000, np.uint16)
    folder = write_output(np.full((40, 60), 1000 / 65535), _labels(40, 60), image="Crop")
    with pytest.raises(Invalid, match="places equally well"):
        recognise(folder).placement(1, (40, 60), blank.shape, lambda c: blank)


def test_a_missing_channel_leaves_the_pipeline_to_tell(write_output: WriteOutput) -> None:
    def absent(channel: str) -> NDArray[np.generic]:
        raise NotFound(f"no channel {channel}")

    image = _image()
    pipeline = _crop("25,85;30,70") + _identify("Crop")
    folder = write_output(
        image[30:70, 25:85] / 65535, _labels(40, 60), image="Crop", pipeline=pipeline
    )
    assert recognise(folder).placement(1, (40, 60), image.shape, absent) == Placement(y=30, x=25)


def test_a_plane_of_another_size_is_refused(write_output: WriteOutput) -> None:
    image = _image()
    folder = write_output(image / 65535, _labels(80, 90))
    with pytest.raises(Invalid, match=r"plane of channel DNA has shape \(7, 7\)"):
        recognise(folder).placement(1, (80, 90), (80, 90), lambda c: np.zeros((7, 7)))
