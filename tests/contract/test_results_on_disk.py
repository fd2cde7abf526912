"""What a lab has on its disk, attached as it lies there: in the process and over HTTP."""

from __future__ import annotations

import zipfile
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image as Picture
from roifile import ImagejRoi

from omero_jlab.cli import main
from omero_jlab.errors import Conflict
from omero_jlab.model import GroupType, Placement
from omero_jlab.objects import Image, Repository
from omero_jlab.remote import RemoteSession
from omero_jlab.repository import Store

from .conftest import World

LABELS = (np.arange(600).reshape(20, 30) % 7).astype(np.uint16)
PLANE = np.random.default_rng(3).integers(0, 65536, (40, 50)).astype(np.uint16)


@pytest.fixture
def repo(world: World) -> Repository:
    return Repository(world.session("owner", GroupType.READ_WRITE))


def saved(repo: Repository, name: str) -> Image:
    return repo.save_image(PLANE[None, None, None], name)


def write_cellprofiler(place: Path, file: str, prefix: str = "") -> Path:
    """A run on the middle of one image, with labels and outlines."""
    place.mkdir(exist_ok=True)
    part = PLANE[12:32, 15:45] / 65535
    rows = [f"1,{n},{float(part[n == LABELS].mean())!r}\n" for n in range(1, 7)]
    (place / "Image.csv").write_text(
        f"ImageNumber,FileName_DNA,PathName_DNA,Scaling_DNA,Count_Nuclei\n"
        f"1,{file},file:/D:/data,65535,6\n"
    )
    (place / "Nuclei.csv").write_text(
        "ImageNumber,ObjectNumber,Intensity_MeanIntensity_DNA\n" + "".join(rows)
    )
    tifffile.imwrite(place / f"{Path(file).stem}_Nuclei_labels.tiff", LABELS)
    return place


@pytest.fixture
def imported(world: World, repo: Repository, tmp_path: Path) -> list[Image]:
    source = tmp_path / "source"
    source.mkdir()
    for _ in range(2):
        tifffile.imwrite(source / f"{world.word()}.tif", PLANE)
    return list(repo.import_files(source, quiet=True))


def test_a_folder_for_each_run_is_attached_at_once(
    repo: Repository, imported: list[Image], tmp_path: Path
) -> None:
    output = tmp_path / "output"
    output.mkdir()
    for image in imported:
        write_cellprofiler(output / image.name, image.name)
    planned = repo.attach_results(output, dry_run=True)
    assert [row.image_id for row in planned.sets] == [image.id for image in imported]
    assert "2 runs" in str(planned)
    report = repo.attach_results(output, quiet=True)
    assert (report.rows, len(report.labels_ids)) == (14, 2)
    for image in imported:
        rows = image.table("Nuclei").query()
        assert (len(rows), set(rows["ImageNumber_Original"])) == (6, {1})
        assert (image.labels[0].placement.y, image.labels[0].placement.x) == (12, 15)
    with pytest.raises(Conflict, match="already"):
        repo.attach_results(output, quiet=True)


def test_a_named_table_brings_its_labels(
    world: World,
    repo: Repository,
    imported: list[Image],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    output = write_cellprofiler(tmp_path / "output", imported[0].name)
    (output / "large.raw").write_bytes(bytes(100))
    if world.over_http:
        # As if the server had another disk.
        monkeypatch.setattr(RemoteSession, "sees", lambda *_: False)
    planned = repo.attach_results(output / "Nuclei.csv", dry_run=True)
    assert any("1 label image" in note for note in planned.notes)
    report = repo.attach_results(output / "Nuclei.csv", quiet=True)
    assert (len(report.table_ids), len(report.labels_ids)) == (2, 1)
    assert np.array_equal(imported[0].labels[0].array(), LABELS)


def test_probabilities_as_an_overlay_by_the_command(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = tmp_path / "repository"
    with closing(Store.open(root, create=True)) as store:
        image_id = saved(Repository(store.session()), "field.tif").id
    probabilities = np.random.default_rng(0).random((20, 30, 2), dtype=np.float32)
    np.save(tmp_path / "field_Probabilities.npy", probabilities)
    command = ["results", str(tmp_path / "field_Probabilities.npy"), "--repository", str(root)]
    assert main([*command, "--overlay"]) == 1
    assert "20 × 30" in capsys.readouterr().err
    assert main([*command, "--overlay", "--axes", "yxc", "--placement", "5,7.5,2"]) == 0
    with closing(Store.open(root)) as store:
        image = Repository(store.session()).image(image_id)
        (labels,) = image.labels
        assert labels.placement == Placement(y=5, x=7.5, scale_y=2, scale_x=2)
        assert np.array_equal(labels.array(), probabilities.argmax(axis=2) + 1)


@pytest.mark.parametrize("text", ["1", "1,2,3,4,5", "a,b", "1,2,0", "1,nan"])
def test_what_is_no_placement_is_refused(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        main(["results", "x", "--placement", text])
    assert left.value.code == 2
    assert "argument --placement" in capsys.readouterr().err


def test_regions_and_labels_of_one_image_together(
    world: World, repo: Repository, tmp_path: Path
) -> None:
    name = world.word()
    image = saved(repo, f"{name}.tif")
    masks = np.zeros((40, 50), np.uint8)
    masks[3:9, 4:12] = 1
    Picture.fromarray(np.dstack([masks] * 3)).save(tmp_path / f"{name}_mask.png")
    roi = ImagejRoi.frompoints(np.array([[4, 3], [12, 3], [12, 9], [4, 9]]))
    with zipfile.ZipFile(tmp_path / f"{name}_rois.zip", "w") as archive:
        archive.writestr("1.roi", roi.tobytes())
    tifffile.imwrite(
        tmp_path / f"{name}.tif", PLANE, imagej=True, metadata={"Overlays": [roi.tobytes()]}
    )
    report = repo.attach_results(tmp_path, quiet=True)
    assert [row.image_id for row in report.sets] == [image.id, image.id]
    assert (report.rois, len(report.labels_ids)) == (2, 1)
    assert np.array_equal(image.labels[0].array(), masks)
