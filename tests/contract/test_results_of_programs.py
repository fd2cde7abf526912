"""Results of other programs, attached to stored images, alike in the process and over HTTP."""

from __future__ import annotations

import json
import shutil
import zipfile
from pathlib import Path

import numpy as np
import pytest
import tifffile

from omero_jlab.errors import Invalid, OmeroError
from omero_jlab.model import GroupType
from omero_jlab.objects import Image, Repository
from omero_jlab.results.ilastik.centres import hits

from .conftest import World

EXPORT = Path("ilastik") / "object-classification-export"


@pytest.fixture
def repo(world: World) -> Repository:
    return Repository(world.session("owner", GroupType.READ_WRITE))


def saved(repo: Repository, name: str, **sizes: int) -> Image:
    """An image of zeros."""
    shape = [sizes.get(axis, 1) for axis in "tczyx"]
    return repo.save_image(np.zeros(shape, np.uint8), name)


@pytest.mark.real_data
class TestIlastik:
    def test_objects_lie_on_their_class(self, repo: Repository, real_data: Path) -> None:
        image = saved(repo, "volume", z=50, y=60, x=55)
        folder = real_data / EXPORT
        planned = repo.attach_results(folder, image=image, dry_run=True)
        assert {row.matched_by for row in planned.sets} == {"given"}
        assert not image.tables
        report = repo.attach_results(folder, image=image, quiet=True)
        assert (report.program, report.rows, len(report.labels_ids)) == ("ilastik", 22, 1)
        rows = image.table("Objects").query()
        assert rows.shape == (22, 218)
        (labels,) = image.labels
        stack = np.stack([labels.array(z=z) for z in range(50)])[None]
        assert hits(rows, stack, is_class=True)[0] >= 21

    def test_probabilities_become_an_image_beside_theirs(
        self, repo: Repository, real_data: Path, tmp_path: Path
    ) -> None:
        image = repo.save_image(
            np.zeros((1, 3, 1, 73, 187), np.uint8), "2d3c.tif", dataset="forests"
        )
        for name in ("2d3c_Probabilities.h5", "2d3c_Object Identities.h5"):
            shutil.copy(real_data / "ilastik" / name, tmp_path)
        shutil.copy(real_data / "ilastik" / "ObjectClassification2d3c_wLabels.ilp", tmp_path)
        report = repo.attach_results(tmp_path, image=image, quiet=True)
        (row,) = report.sets
        assert row.matched_by == "name"
        (made,) = report.image_ids
        picture = repo.image(made)
        assert picture.name == "2d3c.tif probabilities"
        assert (picture.record.dtype, len(picture.channels)) == ("float32", 2)
        assert picture.id in {one.id for one in repo.datasets.find("forests").images}
        sums = picture.plane(0) + picture.plane(1)
        assert np.allclose(sums, 1, atol=0.02)
        assert [one.name for one in image.labels] == ["Objects"]
        files = [a.annotation for a in repo._session.annotations.list("image", image.id)]
        assert [f.name for f in files if f.kind == "file"] == [
            "ObjectClassification2d3c_wLabels.ilp"
        ]

    def test_exchanged_axes_are_refused_and_the_option_helps(
        self, repo: Repository, real_data: Path
    ) -> None:
        image = saved(repo, "turned", y=187, x=73)
        path = real_data / "ilastik" / "2d3c_Object Identities.h5"
        with pytest.raises(Invalid, match=r"y=73, x=187.*y=187, x=73.*axes='xyc'"):
            repo.attach_results(path, image=image, quiet=True)
        assert not image.labels
        repo.attach_results(path, image=image, axes="xyc", quiet=True)
        assert image.labels[0].array().shape == (187, 73)


def test_cellpose_masks_find_their_image(repo: Repository, tmp_path: Path) -> None:
    image = saved(repo, "cellpose-in.tif", y=20, x=30)
    saved(repo, "cellpose-in-2.tif", y=20, x=30)
    masks = np.arange(600, dtype=np.uint16).reshape(20, 30) % 7
    tifffile.imwrite(tmp_path / "cellpose-in_cp_masks.tif", masks)
    report = repo.attach_results(tmp_path, quiet=True)
    assert [(row.image_id, row.matched_by) for row in report.sets] == [(image.id, "name")]
    assert np.array_equal(image.labels[0].array(), masks)


def test_images_of_one_name_are_shown_and_not_guessed(repo: Repository, tmp_path: Path) -> None:
    twins = [saved(repo, "twin.tif", y=20, x=30) for _ in range(2)]
    tifffile.imwrite(tmp_path / "twin_cp_masks.tif", np.ones((20, 30), np.uint16))
    (row,) = repo.attach_results(tmp_path, dry_run=True).sets
    assert (row.image_id, set(row.fits) >= {one.id for one in twins}) == (None, True)
    (row,) = repo.attach_results(tmp_path, dry_run=True, image=twins[1]).sets
    assert row.image_id == twins[1].id


def test_regions_of_imagej(repo: Repository, tmp_path: Path) -> None:
    from roifile import ImagejRoi

    image = saved(repo, "drawn.tif", y=50, x=60, z=3)
    corners = np.array([[10, 20], [30, 20], [30, 45], [10, 45]])
    with zipfile.ZipFile(tmp_path / "drawn_RoiSet.zip", "w") as archive:
        for i in range(3):
            roi = ImagejRoi.frompoints(corners, name=f"cell {i}", position=i)
            archive.writestr(f"{i}.roi", roi.tobytes())
    (tmp_path / "Results.csv").write_text(" ,Label,Area,Mean\n1,drawn.tif,500,0.5\n")
    report = repo.attach_results(tmp_path, quiet=True)
    assert (report.rois, report.rows) == (3, 1)
    rois = repo._session.shapes.list(image.id)
    assert [(roi.name, roi.shapes[0].z) for roi in rois] == [
        ("cell 0", 0), ("cell 1", 1), ("cell 2", 2),
    ]  # fmt: skip
    assert image.table("Results").query()["Area"].tolist() == [500]


def test_measurements_of_qupath_link_to_their_regions(repo: Repository, tmp_path: Path) -> None:
    image = saved(repo, "slide.svs", y=90, x=90)
    features = [
        {
            "type": "Feature",
            "id": f"id-{i}",
            "geometry": {
                "type": "Polygon",
                "coordinates": [[[i, 1], [i + 9, 1], [i + 9, 9], [i, 1]]],
            },
            "properties": {
                "objectType": "detection",
                "classification": {"name": "Tumor" if i % 2 else "Stroma"},
                "measurements": {"Area": i / 2},
            },
        }
        for i in range(20)
    ]
    whole = {"type": "FeatureCollection", "features": features}
    (tmp_path / "slide.geojson").write_text(json.dumps(whole))
    report = repo.attach_results(tmp_path, quiet=True)
    assert (report.program, report.rois, report.rows) == ("QuPath", 20, 20)
    table = image.table("slide detections")
    rows = table.query()
    rois = {roi.id: roi for roi in repo._session.shapes.list(image.id)}
    for roi_id, area, word in zip(rows["Roi"], rows["Area"], rows["Classification"], strict=True):
        assert rois[roi_id].shapes[0].points[0][0] == 2 * area
        assert rois[roi_id].name == word
    link = next(column for column in table.record.columns if column.name == "Roi")
    assert (link.kind, link.target) == ("link", "roi")
    provenance = repo._session.tables.get(table.id).provenance
    assert (provenance.program, provenance.image_ids) == ("QuPath", (image.id,))


def test_what_cannot_be_read_leaves_nothing(repo: Repository, tmp_path: Path) -> None:
    image = saved(repo, "half.tif", y=20, x=30)
    (tmp_path / "half_table.csv").write_text("object_id,timestep,labelimage_oid\n0,0,1\n")
    np.save(tmp_path / "half_Probabilities.npy", np.zeros((7, 7, 2), np.float32))
    with pytest.raises(OmeroError, match="half_Probabilities"):
        repo.attach_results(tmp_path, image=image, quiet=True)
    assert not image.tables
