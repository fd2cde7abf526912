"""ilastik's files: tables, segmentations, probabilities, projects."""

from __future__ import annotations

import json
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pytest

from omero_jlab.errors import Invalid, OmeroError, TooLarge, Unreadable
from omero_jlab.results import Output, call_here, ilastik
from omero_jlab.results.ilastik.centres import hits

from .test_axes import image


def tags(axes: str) -> str:
    return json.dumps({"axes": [{"key": key, "typeFlags": 2} for key in axes]})


def write_h5(path: Path, array: np.ndarray, axes: str, name: str = "exported_data") -> Path:
    with h5py.File(path, "w") as file:
        file[name] = array
        if axes:
            file[name].attrs["axistags"] = tags(axes)
    return path


def recognised(path: Path) -> Output:
    found = ilastik.recognise(path, call_here)
    assert found is not None
    return found


@pytest.mark.real_data
def test_centres_lie_on_their_class(real_data: Path) -> None:
    output = recognised(real_data / "ilastik" / "object-classification-export")
    assert output.may_be_one_image
    volume = image(z=50, y=60, x=55)
    frames = [f for one in output.image_sets for f in output.tables(one.number)]
    ((title, objects),) = frames
    assert (title, objects.shape) == ("Objects", (22, 218))
    stacks = [s for one in output.image_sets for s in output.labels(one.number, volume)]
    (stack,) = stacks
    assert hits(objects, stack.labels, is_class=True) == (21, 22)
    assert hits(objects, stack.labels, is_class=True, exchanged=True)[0] <= 10


@pytest.mark.real_data
def test_sizes_that_fit_only_exchanged_are_refused(real_data: Path) -> None:
    output = recognised(
        real_data / "ilastik/object-classification-export/reference_out_object_prediction.h5"
    )
    with pytest.raises(Invalid, match=r"y=60, x=55.* y=55, x=60.*axes='zxyc'"):
        list(output.labels(1, image(z=50, y=55, x=60)))


@pytest.mark.real_data
def test_a_folder_of_everything(real_data: Path) -> None:
    output = recognised(real_data / "ilastik")
    sets = {one.names[0]: one for one in output.image_sets}
    assert [file.name for file in sets["2d3c"].files] == ["2d3c.h5"]
    number = sets["2d3c"].number
    assert [path.name for path in output.kept_files(number)] == [
        "ObjectClassification2d3c_wLabels.ilp"
    ]
    assert output.parameters(number)["workflow"] == "Object Classification (from label image)"
    flat = image(y=73, x=187)
    labels = {one.name: one.labels for one in output.labels(number, flat)}
    assert labels["Objects"].shape == (73, 187)
    (picture,) = output.pictures(number, flat)
    assert picture.pixels.shape == (1, 2, 1, 73, 187)
    with h5py.File(real_data / "ilastik" / "2d3c_Probabilities.h5") as file:
        assert np.array_equal(picture.pixels[0, :, 0], np.moveaxis(file["exported_data"][()], 2, 0))
    # Their axes are t, x, y, z, c: nothing else says which is which.
    number = sets["mitocheck_small_2D+t_export"].number
    (picture,) = output.pictures(number, image(t=9, y=105, x=99))
    assert picture.pixels.shape == (9, 2, 1, 105, 99)
    # Without axistags the sizes of the image decide.
    number = sets["3d1c-synthetic"].number
    (picture,) = output.pictures(number, image(z=64, y=56, x=32))
    assert picture.pixels.shape == (1, 2, 64, 56, 32)


def test_exchanged_axes_of_a_square_image_are_noticed(tmp_path: Path) -> None:
    labels = np.zeros((30, 30), np.uint32)
    places = [(5, 3), (20, 4), (11, 25), (2, 17)]
    for number, (y, x) in enumerate(places, 1):
        labels[y - 1 : y + 2, x - 1 : x + 2] = number
    rows = [f"{n - 1},0,{n},{x}.0,{y}.0" for n, (y, x) in enumerate(places, 1)]
    # object_id counts rows: in another order it must not matter.
    rows = [f"{i},{row.split(',', 1)[1]}" for i, row in enumerate(reversed(rows))]
    header = "object_id,timestep,labelimage_oid,Object Center_0,Object Center_1"
    (tmp_path / "a_table.csv").write_text("\n".join([header, *rows]) + "\n")
    write_h5(tmp_path / "a_Object Identities.h5", labels, "yx")
    (stack,) = recognised(tmp_path).labels(1, image(y=30, x=30))
    assert np.array_equal(stack.labels, labels)
    write_h5(tmp_path / "a_Object Identities.h5", labels, "xy")
    with pytest.raises(Invalid, match=r"0 of 4 objects .* 4 if x and y are exchanged.*axes='yx'"):
        list(recognised(tmp_path).labels(1, image(y=30, x=30)))
    (stack,) = recognised(tmp_path).labels(1, image("yx", y=30, x=30))
    assert np.array_equal(stack.labels, labels)


def test_tables_in_hdf5_and_tracks(tmp_path: Path) -> None:
    kinds = [
        ("object_id", "i4"), ("timestep", "i4"), ("labelimage_oid", "i4"), ("lineage_id", "i4"),
        ("track_id", "i4"), ("parent_track_id", "i4"), ("Predicted Class", "S8"),
        ("Center", "f4", (2,)),
    ]  # fmt: skip
    rows = [
        (0, 0, 1, 7, 2, 0, b"a", (1, 2)), (1, 1, 1, 7, 3, 2, b"b", (3, 4)),
        (2, 1, 2, 7, 4, 2, b"b", (5, 6)), (3, 2, 5, -1, -1, 0, b"c", (7, 8)),
    ]  # fmt: skip
    with h5py.File(tmp_path / "movie-data_table.h5", "w") as file:
        file["table"] = np.array(rows, kinds)
        file["images/0/labeling"] = np.ones((3, 3), np.uint8)
    output = recognised(tmp_path)
    assert output.image_sets[0].names == ("movie-data", "movie")
    tables = dict(output.tables(1))
    assert list(tables["Objects"]["Predicted Class"]) == ["a", "b", "b", "c"]
    assert list(tables["Objects"]["Center_1"]) == [2, 4, 6, 8]
    found = tables["Tracks"]
    assert list(found["track_id"]) == [2, 3, 4]
    assert list(found["lineage_id"]) == [7, 7, 7]
    assert found["parent_track_id"].isna().tolist() == [True, False, False]
    assert list(found["last_timestep"]) == [0, 1, 1]


def test_other_formats_of_export(tmp_path: Path) -> None:
    import tifffile

    probabilities = np.random.default_rng(1).random((20, 30, 3)).astype(np.float32)
    np.save(tmp_path / "a_Probabilities.npy", probabilities)
    segmentation = (probabilities[..., 0] > 0.5).astype(np.uint8) + 1
    tifffile.imwrite(tmp_path / "b_Simple Segmentation.tiff", segmentation)
    output = recognised(tmp_path)
    numbers = {one.names[0]: one.number for one in output.image_sets}
    (picture,) = output.pictures(numbers["a"], image(y=20, x=30))
    assert picture.channels == ("Class 1", "Class 2", "Class 3")
    assert np.array_equal(picture.pixels[0, :, 0], np.moveaxis(probabilities, 2, 0))
    (stack,) = output.labels(numbers["b"], image(y=20, x=30))
    assert np.array_equal(stack.labels, segmentation)
    assert output.may_be_one_image


class TestHostileFiles:
    def test_values_in_another_file_are_not_read(self, tmp_path: Path) -> None:
        secret = tmp_path / "secret.bin"
        secret.write_bytes(bytes(900))
        other = write_h5(tmp_path / "other.h5", np.ones((30, 30), np.uint8), "yx")
        with h5py.File(tmp_path / "a_Object Identities.h5", "w") as file:
            file.create_dataset("data", (30, 30), "u1", external=[(str(secret), 0, 900)])
            file["linked"] = h5py.ExternalLink(str(other), "exported_data")
            layout = h5py.VirtualLayout((30, 30), "u1")
            layout[:] = h5py.VirtualSource(str(other), "exported_data", (30, 30))
            file.create_virtual_dataset("virtual", layout)
        assert ilastik.recognise(tmp_path / "a_Object Identities.h5", call_here) is None

    def test_declared_sizes_are_checked_first(self, tmp_path: Path) -> None:
        with h5py.File(tmp_path / "a_Object Identities.h5", "w") as file:
            data = file.create_dataset("exported_data", (10**6, 10**6), "u4", chunks=(64, 64))
            data.attrs["axistags"] = tags("yx")
        output = recognised(tmp_path)
        with pytest.raises(TooLarge):
            list(output.labels(1, image(y=10**6, x=10**6)))

    def test_damaged_files_are_named(self, tmp_path: Path) -> None:
        bad = tmp_path / "a_Object Identities.h5"
        write_h5(bad, np.ones((30, 30), np.uint32), "yx")
        bad.write_bytes(bad.read_bytes()[:700])
        with pytest.raises(Unreadable, match="a_Object Identities"):
            ilastik.recognise(bad, call_here)
        (tmp_path / "b_table.csv").write_text("object_id,timestep,labelimage_oid\n0,0,1\n")
        assert "a_Object Identities.h5 was skipped" in recognised(tmp_path).notes[0]

    def test_fractions_are_no_labels(self, tmp_path: Path) -> None:
        write_h5(tmp_path / "a_Object Identities.h5", np.full((3, 4), 0.5), "yx")
        with pytest.raises(OmeroError, match="fractions"):
            list(recognised(tmp_path).labels(1, image(y=3, x=4)))


def test_a_table_of_something_else_is_not_ilastiks(tmp_path: Path) -> None:
    pd.DataFrame({"object_id": [1], "area": [2]}).to_csv(tmp_path / "t.csv")
    write_h5(tmp_path / "raw.h5", np.ones((3, 4), np.uint8), "yx", "data")
    assert ilastik.recognise(tmp_path, call_here) is None
