"""The forms in which Cellpose, ilastik, QuPath, ImageJ and others leave their results."""

from __future__ import annotations

import gzip
import json
import zipfile
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
import zarr
from PIL import Image as Picture
from roifile import ROI_TYPE, ImagejRoi

from omero_jlab.errors import Invalid
from omero_jlab.results import Output, recognise

from .test_axes import image

LABELS = (np.arange(600).reshape(20, 30) % 7).astype(np.uint16)
PROBABILITIES = np.random.default_rng(0).random((20, 30, 2), dtype=np.float32)
FLAT = image(y=20, x=30)
SQUARE = {"type": "Polygon", "coordinates": [[[1, 1], [5, 1], [5, 5], [1, 1]]]}


def all_labels(output: Output, shown: Any = FLAT) -> dict[str, np.ndarray]:
    sets = [one.number for one in output.image_sets]
    return {stack.name: stack.labels for n in sets for stack in output.labels(n, shown)}


class TestCellpose:
    def test_outlines_where_no_masks_are(self, tmp_path: Path) -> None:
        path = tmp_path / "a_cp_outlines.txt"
        path.write_text("1,2,5,2,5,9,1,9\n7,7,9,7,9,9\n3,3\n")
        output = recognise(tmp_path)
        (group,) = output.regions(1, FLAT)
        assert (output.program, len(group.rois)) == ("Cellpose", 2)
        # In centres of pixels, which lie half a pixel from their corners.
        assert group.rois[0].shapes[0].points[0] == (1.5, 2.5)
        tifffile.imwrite(tmp_path / "a_cp_masks.tif", LABELS)
        tifffile.imwrite(tmp_path / "a_flows_cp_masks.tif", np.zeros((20, 30, 3), np.uint8))
        (tmp_path / "a_outlines_cp_masks.png").write_bytes(b"")
        output = recognise(tmp_path)
        assert len(output.image_sets) == 1 and list(output.regions(1, FLAT)) == []
        assert any("masks say the same: a_cp_outlines.txt" in note for note in output.notes)
        path.write_text("1,2,3\n")
        with pytest.raises(Invalid, match="Line 1 of a_cp_outlines"):
            list(recognise(path).regions(1, FLAT))

    def test_a_failure_is_told_where_nothing_else_is_found(self, tmp_path: Path) -> None:
        np.save(tmp_path / "a_seg.npy", {"masks": "none"}, allow_pickle=True)  # type: ignore[arg-type]
        with pytest.raises(Invalid, match=r"a_seg\.npy has no masks"):
            recognise(tmp_path)

    def test_dates_of_changes_by_hand(self, tmp_path: Path) -> None:
        said = {"masks": LABELS, "manual_changes": [[datetime(2024, 1, 1), "removed", [5]]]}
        np.save(tmp_path / "a_seg.npy", said, allow_pickle=True)  # type: ignore[arg-type]
        assert all_labels(recognise(tmp_path))["Cellpose"].max() == 6

    def test_planes_that_look_like_colours(self, tmp_path: Path) -> None:
        tifffile.imwrite(tmp_path / "a_cp_masks.tif", np.stack([LABELS] * 3), photometric="rgb")
        output = recognise(tmp_path)
        assert all_labels(output, image(z=3, y=20, x=30))["Cellpose"].shape == (1, 3, 20, 30)
        with pytest.raises(Invalid, match="axes='zyx' or axes='tyx'"):
            all_labels(output, image(z=3, t=3, y=20, x=30))


class TestIlastik:
    @pytest.mark.parametrize("letter", ["", "z", "t"])
    def test_a_picture_for_each_plane(self, tmp_path: Path, letter: str) -> None:
        for i in range(11):
            plane = np.full((20, 30), i, np.uint8)
            Picture.fromarray(plane).save(tmp_path / f"s_Simple Segmentation_{letter}{i}.png")
        sizes = {letter or "z": 11}
        stack = all_labels(recognise(tmp_path), image(y=20, x=30, **sizes))["Simple segmentation"]
        assert stack[..., 0, 0].ravel().tolist() == list(range(11))

    def test_probabilities_of_times_in_files_of_their_own(self, tmp_path: Path) -> None:
        for t in range(3):
            tifffile.imwrite(
                tmp_path / f"s_Probabilities_{t:04}.tif",
                PROBABILITIES.transpose(2, 0, 1) * t,
                metadata={"axes": "CYX"},
            )
        (picture,) = recognise(tmp_path).pictures(1, image(t=3, y=20, x=30))
        assert picture.pixels.shape == (3, 2, 1, 20, 30)
        assert np.array_equal(picture.pixels[2, 1, 0], PROBABILITIES[..., 1] * 2)

    @pytest.mark.parametrize("version", [2, 3])
    def test_zarr(self, tmp_path: Path, version: Any) -> None:
        group = zarr.open_group(
            str(tmp_path / "s_Probabilities.zarr"), mode="w", zarr_format=version
        )
        array = group.create_array("exported_data", data=PROBABILITIES)
        array.attrs["axistags"] = json.dumps({"axes": [{"key": key} for key in "yxc"]})
        for path in (tmp_path, tmp_path / "s_Probabilities.zarr"):
            (picture,) = recognise(path).pictures(1, FLAT)
            assert np.array_equal(picture.pixels[0, 1, 0], PROBABILITIES[..., 1])

    def test_ome_zarr(self, tmp_path: Path) -> None:
        group = zarr.open_group(
            str(tmp_path / "s_Simple Segmentation.ome.zarr"), mode="w", zarr_format=2
        )
        group.create_array("s0", data=LABELS.T)
        axes = [{"name": "x"}, {"name": "y"}]
        group.attrs["multiscales"] = [{"axes": axes, "datasets": [{"path": "s0"}]}]
        assert np.array_equal(all_labels(recognise(tmp_path))["Simple segmentation"], LABELS)

    def test_an_overlay_instead_of_an_image(self, tmp_path: Path) -> None:
        np.save(tmp_path / "s_Probabilities.npy", PROBABILITIES)
        output = recognise(tmp_path)
        shown = image(y=20, x=30)
        wanted = type(shown)(**{**shown.__dict__, "overlay": True})
        assert list(output.pictures(1, wanted)) == []
        found = all_labels(output, wanted)["Probabilities"]
        assert np.array_equal(found, PROBABILITIES.argmax(axis=2) + 1)
        assert len(list(output.pictures(1, shown))) == 1

    def test_what_is_no_result_is_refused_with_a_reason(self, tmp_path: Path) -> None:
        np.save(tmp_path / "s_Features.npy", PROBABILITIES)
        with pytest.raises(Invalid, match="no results of the image"):
            recognise(tmp_path / "s_Features.npy")
        (tmp_path / "s_Probabilities.n5").mkdir()
        with pytest.raises(Invalid, match=r"N5 store.*HDF5"):
            recognise(tmp_path / "s_Probabilities.n5")


class TestQuPath:
    @pytest.mark.parametrize(
        "said",
        [
            SQUARE,
            {"type": "GeometryCollection", "geometries": [SQUARE]},
            [{"type": "Feature", "id": "PathDetectionObject", "geometry": SQUARE}],
            {"type": "FeatureCollection", "features": [{"type": "Feature", "geometry": SQUARE}]},
        ],
    )
    @pytest.mark.parametrize("packing", ["", ".gz", ".zip"])
    def test_geojson(self, tmp_path: Path, said: Any, packing: str) -> None:
        data = json.dumps(said).encode()
        path = tmp_path / f"slide.geojson{packing}"
        if packing == ".zip":
            path = tmp_path / "slide.zip"
            with zipfile.ZipFile(path, "w") as archive:
                archive.writestr("slide.geojson", data)
        else:
            path.write_bytes(gzip.compress(data) if packing else data)
        for place in (tmp_path, path):
            output = recognise(place)
            (group,) = output.regions(1, FLAT)
            assert output.image_sets[0].names == ("slide",)
            assert len(group.rois) == 1
            kind = "detections" if isinstance(said, list) else "objects"
            assert group.name == f"slide {kind}"

    def test_measurements_of_one_image_name_none(self, tmp_path: Path) -> None:
        (tmp_path / "slide Detections.txt").write_bytes(
            "Name\tClass\tParent\tROI\tCentroid X µm\nCell\tT\tA\tPolygon\t1.5\n".encode("cp1252")
        )
        output = recognise(tmp_path)
        assert output.image_sets[0].names == ("slide",)
        ((_, table),) = output.tables(1)
        assert table["Centroid X µm"].tolist() == [1.5]


class TestImageJ:
    @pytest.mark.parametrize(
        ("name", "text", "called", "columns"),
        [
            ("Results.csv", "Area,Mean,X,Y\n5,0.5,1,2\n", (), ["Area", "Mean", "X", "Y"]),
            ("a_Results.tsv", " \tX\tY\tCounter\n1\t5\t6\t0\n", ("a", "a_Results"), ["X", "Y"]),
            ("Summary.csv", "Slice,Count,Total Area\na.tif,2,5\n", ("a.tif",), ["Count"]),
            ("a-lbl-Morphometry.csv", "Label,Area,Circularity\n1,5,0.5\n",
             ("a", "a-lbl-Morphometry"), ["Label", "Area"]),
            ("a_spots.csv", "LABEL,ID,TRACK_ID\nLabel,Spot ID,Track ID\nLabel,ID,T\n,,\nI1,1,0\n",
             ("a", "a_spots"), ["ID"]),
            ("a_spots.csv", "LABEL,ID,TRACK_ID\nI1,1,0\n", ("a", "a_spots"), ["ID"]),
            ("Results.csv", " ;Label;Area;Mean\n1;a.tif;5;0,5\n", ("a.tif",), ["Mean"]),
        ],
    )  # fmt: skip
    def test_tables(
        self, tmp_path: Path, name: str, text: str, called: tuple[str, ...], columns: list[str]
    ) -> None:
        (tmp_path / name).write_text(text)
        output = recognise(tmp_path)
        assert (output.program, output.image_sets[0].names) == ("ImageJ", called)
        ((_, table),) = output.tables(1)
        assert len(table) == 1
        assert all(table[column].dtype.kind in "if" for column in columns)

    def test_workbooks_are_refused_with_what_works(self, tmp_path: Path) -> None:
        for name in ("Results.xls", "b.xlsx"):
            (tmp_path / name).write_bytes(b"\xd0\xcf\x11\xe0\xa1\xb1" + bytes(600))
            with pytest.raises(Invalid, match="save each sheet as CSV"):
                recognise(tmp_path / name)

    def test_overlays_inside_of_pictures(self, tmp_path: Path) -> None:
        corners = np.array([[1, 2], [5, 2], [5, 9]])
        rois = [ImagejRoi.frompoints(corners, name=name).tobytes() for name in "ab"]
        tifffile.imwrite(
            tmp_path / "field.tif",
            LABELS,
            imagej=True,
            metadata={"Overlays": rois, "ROI": rois[1]},
        )
        tifffile.imwrite(tmp_path / "other.tif", LABELS, imagej=True)
        for path in (tmp_path, tmp_path / "field.tif"):
            output = recognise(path)
            ((one),) = output.image_sets
            (group,) = output.regions(one.number, FLAT)
            assert one.names == ("field.tif",)
            assert [roi.name for roi in group.rois] == ["a", "b"]
            assert all_labels(output) == {}

    def test_counters_of_points(self, tmp_path: Path) -> None:
        roi = ImagejRoi.frompoints(np.array([[1.5, 2.5], [5, 2], [5, 9]]))
        roi.roitype = ROI_TYPE.POINT
        roi.counters = np.array([0, 1, 1], np.uint8)
        roi.counter_positions = np.array([1, 1, 1])
        (tmp_path / "a.roi").write_bytes(roi.tobytes())
        (group,) = recognise(tmp_path).regions(1, FLAT)
        (points,) = group.rois
        assert [shape.text for shape in points.shapes] == ["counter 0", "counter 1", "counter 1"]


class TestLabelImages:
    def test_beside_regions_of_the_same_image(self, tmp_path: Path) -> None:
        tifffile.imwrite(tmp_path / "a_labels.tif", LABELS.astype(np.float32))
        tifffile.imwrite(tmp_path / "b_labels.tif", LABELS)
        with zipfile.ZipFile(tmp_path / "a_rois.zip", "w") as archive:
            roi = ImagejRoi.frompoints(np.array([[1, 2], [5, 2], [5, 9]]))
            archive.writestr("1.roi", roi.tobytes())
        output = recognise(tmp_path)
        assert [one.names[0] for one in output.image_sets] == ["a", "b"]
        assert set(all_labels(output)) == {"a_labels", "b_labels"}
        assert [len(list(output.regions(n, FLAT))) for n in (1, 2)] == [1, 0]
        assert not output.may_be_one_image

    @pytest.mark.parametrize("suffix", ["npz", "h5", "zarr", "png", "ome.tif"])
    def test_every_kind_of_file(self, tmp_path: Path, suffix: str) -> None:
        import h5py

        place = tmp_path / "masks" if suffix == "png" else tmp_path
        place.mkdir(exist_ok=True)
        path = place / (f"a.{suffix}" if suffix == "png" else f"a_mask.{suffix}")
        if suffix == "npz":
            np.savez(path, LABELS)
        elif suffix == "h5":
            with h5py.File(path, "w") as file:
                file["labels"] = LABELS
        elif suffix == "zarr":
            zarr.save_array(str(path), LABELS)
        elif suffix == "png":
            # Grey, but saved with three colours and how opaque each pixel is.
            Picture.fromarray(np.dstack([LABELS.astype(np.uint8)] * 3 + [LABELS * 0 + 255]).astype(
                np.uint8)).save(path)  # fmt: skip
        else:
            tifffile.imwrite(path, LABELS, metadata={"axes": "YX"})
        output = recognise(tmp_path)
        assert output.image_sets[0].names[0] == "a"
        ((labels),) = all_labels(output).values()
        assert np.array_equal(labels, LABELS)

    def test_a_jpeg_is_refused(self, tmp_path: Path) -> None:
        Picture.fromarray(LABELS.astype(np.uint8)).save(tmp_path / "a_mask.jpg")
        with pytest.raises(Invalid, match=r"a_mask\.jpg is a JPEG.*PNG or TIFF"):
            recognise(tmp_path)


def test_results_of_another_program_are_named(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a_cp_masks.tif", LABELS)
    (tmp_path / "Results.csv").write_text(" ,Area,Mean\n1,5,0.5\n")
    from omero_jlab.results import call_here, recognised

    output, notes = recognised(tmp_path, call_here)
    assert output.program == "Cellpose"
    assert "ImageJ's Results.csv. Name it to attach it" in notes[0]
