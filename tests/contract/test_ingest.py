"""Importing files and attaching results, alike in the process and over HTTP."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import tifffile

from omero_jlab.errors import Conflict, Denied, Invalid, OmeroError
from omero_jlab.formats import Contents, Plan
from omero_jlab.model import GroupType, ImportRequest
from omero_jlab.objects import Repository
from omero_jlab.repository.imports import fileset_import
from omero_jlab.repository.pictures.render import Pictures
from omero_jlab.workers import Workers

from .conftest import World

PATTERN = "{well}_{field}_{channel}.tif"


@pytest.fixture
def repo(world: World) -> Repository:
    return Repository(world.session("owner", GroupType.READ_WRITE))


def test_one_channel_files_become_a_plate(repo: Repository, demo_plate: Path) -> None:
    images = repo.import_files(
        demo_plate / "images", screen="Pilot", plate="plate-one", channels=PATTERN, quiet=True
    )
    assert [image.name for image in images] == ["A01_s1", "A01_s2", "A02_s1", "A02_s2"]
    assert images.failed == ()
    assert [channel.name for channel in images[0].channels] == ["DNA", "ER"]
    plate = repo.plates.find("plate-one")
    assert [well.name for well in plate.wells] == ["A01", "A02"]
    assert [image.id for image in plate.well("A1").images] == [images[0].id, images[1].id]
    assert [p.name for p in repo.screens.find("Pilot").plates] == ["plate-one"]
    for channel, name in enumerate(["DNA", "ER"]):
        stored = tifffile.imread(demo_plate / "images" / f"A01_s1_{name}.tif")
        assert np.array_equal(images[0].plane(channel), stored)


def test_originals_are_kept_with_their_checksums(repo: Repository, demo_plate: Path) -> None:
    (image,) = repo.import_files(demo_plate / "images" / "A01_s1_DNA.tif", quiet=True)
    (file,) = repo._session.images.files(image.id)
    original = (demo_plate / "images" / "A01_s1_DNA.tif").read_bytes()
    record, pieces = repo._session.file(file.id)
    assert b"".join(pieces) == original
    assert record.sha256 == hashlib.sha256(original).hexdigest()
    assert record.md5 == hashlib.md5(original).hexdigest()


def test_a_bad_file_is_named_and_the_others_go_in(repo: Repository, tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "good.tif", np.ones((20, 30), np.uint16))
    good = (tmp_path / "good.tif").read_bytes()
    (tmp_path / "cut.tif").write_bytes(good[:200])
    images = repo.import_files(tmp_path, dataset="mixed", quiet=True)
    assert [image.name for image in images] == ["good.tif"]
    (failure,) = images.failed
    assert failure.path.endswith("cut.tif")
    assert failure.reason and "\n" not in failure.reason
    assert len(repo.datasets.find("mixed").images) == 1


def test_what_is_no_image_leaves_nothing(world: World, repo: Repository, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("no pixels here")
    managed = world.store.layout.managed
    before = sorted(p for p in managed.rglob("*") if p.is_file())
    images = repo.import_files(tmp_path / "notes.txt", quiet=True)
    assert not images
    assert len(images.failed) == 1
    assert sorted(p for p in managed.rglob("*") if p.is_file()) == before


def test_a_path_that_is_missing_is_refused(repo: Repository, tmp_path: Path) -> None:
    with pytest.raises(Invalid, match=r"missing\.tif"):
        repo.import_files(tmp_path / "missing.tif", quiet=True)


def test_nobody_imports_the_servers_own_files(world: World, tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "private.tif", np.ones((20, 30), np.uint16))
    if not world.over_http:
        pytest.skip("in the process, a user's programs could read the files anyway")
    session = world.session("member", GroupType.READ_WRITE)
    request = ImportRequest(paths=(str(tmp_path / "private.tif"),))
    theirs = world.store.layout.staging(world.store.layout.files) / "uploads" / "x-00"
    theirs.mkdir(parents=True)
    for attempt in (
        lambda: session.ingest.plan(request),
        lambda: session.ingest.start(request),
        lambda: session.ingest.plan(ImportRequest(paths=(str(theirs / ".." / "x-00"),))),
        lambda: session.ingest.attach_results(str(tmp_path)),
        lambda: session.ingest.plan_results(str(tmp_path)),
    ):
        with pytest.raises(Denied, match="uploaded"):
            attempt()


def test_the_repositorys_own_files_are_not_imported_again(
    world: World, repo: Repository, demo_plate: Path
) -> None:
    repo.import_files(demo_plate / "images" / "A01_s1_DNA.tif", quiet=True)
    session = world.store.session("owner", "read-write")
    for path in (world.store.layout.root, world.store.layout.managed):
        with pytest.raises(Invalid, match="repository itself"):
            session.ingest.plan(ImportRequest(paths=(str(path),)))


def test_a_fileset_that_breaks_the_program_is_named_and_the_others_go_in(
    world: World, demo_plate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = fileset_import.read_fileset

    def breaking(workers: Workers, plan: Plan) -> Contents:
        if plan.name.startswith("A01_s1_DNA"):
            raise RecursionError("as nobody expected")
        return read(workers, plan)

    monkeypatch.setattr(fileset_import, "read_fileset", breaking)
    repo = Repository(world.session("owner", GroupType.READ_WRITE))
    images = repo.import_files(demo_plate / "images", dataset="most", quiet=True)
    assert len(images) == 7
    (failure,) = images.failed
    assert "RecursionError" in failure.reason


def test_a_plan_says_how_much_there_is(repo: Repository, demo_plate: Path) -> None:
    planned = repo.plan_import(demo_plate / "images", channels=PATTERN)
    assert len(planned.filesets) == 4
    files = list((demo_plate / "images").glob("*.tif"))
    assert planned.bytes_to_copy == sum(f.stat().st_size for f in files)
    assert planned.bytes_free > 0


def test_results_find_their_images(repo: Repository, demo_plate: Path) -> None:
    facts = json.loads((demo_plate / "facts.json").read_text())
    # A second import of the same files would make the matching ambiguous.
    session = repo._session
    for image in list(repo.images):
        image.delete()
    images = repo.import_files(demo_plate / "images", channels=PATTERN, quiet=True)
    planned = repo.attach_results(demo_plate / "cellprofiler", dry_run=True)
    assert [row.image_id for row in planned.sets] == [image.id for image in images]
    assert {row.matched_by for row in planned.sets} == {"md5"}
    assert not images[0].tables, "a dry run attaches nothing"
    report = repo.attach_results(demo_plate / "cellprofiler", quiet=True)
    assert report.rows == 4 + sum(facts["totals"].values())
    for image, told in zip(images, facts["images"], strict=True):
        nuclei = image.table("Nuclei")
        assert len(nuclei) == told["Count_Nuclei"]
        labels = {each.name: each for each in image.labels}
        assert labels["Nuclei"].record.maximum == told["Count_Nuclei"]
        # What CellProfiler measured is the mean of the pixels under each label.
        dna, under = image.plane("DNA") / 65535, labels["Nuclei"].array()
        means = [dna[under == n].mean() for n in nuclei.query()["ObjectNumber"]]
        measured = nuclei.query()["Intensity_MeanIntensity_DNA"]
        assert np.allclose(means, measured, atol=1e-6)
    assert session.search.find("plate-1.cppipe")
    again = repo.attach_results(demo_plate / "cellprofiler", dry_run=True)
    assert any("4 of these images" in note for note in again.notes)


def test_results_without_their_images_attach_nothing(
    world: World, demo_plate: Path, tmp_path: Path
) -> None:
    repo = Repository(world.session("outsider"))
    shutil.copytree(demo_plate / "cellprofiler", tmp_path / "out")
    with pytest.raises(OmeroError, match="No image set"):
        repo.attach_results(tmp_path / "out", quiet=True)


@pytest.mark.real_data
def test_a_cropping_pipeline_is_placed_on_the_original(world: World, real_data: Path) -> None:
    repo = Repository(world.session("owner", GroupType.PRIVATE))
    folder = real_data / "cellprofiler" / "ExampleFly" / "images"
    images = repo.import_files(folder, channels="{plate}_{field}_{channel}.TIF", quiet=True)
    assert [len(image.channels) for image in images] == [3, 3, 3]
    repo.attach_results(real_data / "cellprofiler-out" / "ExampleFly", images=images, quiet=True)
    assert [len(image.table("Nuclei")) for image in images] == [20, 24, 19]
    for image in images:
        labels = next(each for each in image.labels if each.name == "Nuclei")
        assert (labels.placement.y, labels.placement.x) == (251, 501)
        under = labels.array()
        blue = image.plane("D")[251 : 251 + under.shape[0], 501 : 501 + under.shape[1]] / 255
        rows = image.table("Nuclei").query()
        means = [blue[under == n].mean() for n in rows["ObjectNumber"]]
        assert np.allclose(means, rows["Intensity_MeanIntensity_CropBlue"], atol=1e-6)


@pytest.mark.real_data
def test_a_database_is_attached_once_with_how_it_was_made(world: World, real_data: Path) -> None:
    repo = Repository(world.session("owner", GroupType.READ_WRITE))
    folder = real_data / "cellprofiler" / "ExampleFly" / "images"
    images = repo.import_files(folder, channels="{plate}_{field}_{channel}.TIF", quiet=True)
    database = real_data / "cellprofiler-out" / "ExampleFly" / "ExampleFly.db"
    report = repo.attach_results(database, images=images, quiet=True)
    assert [row.matched_by for row in report.matched] == ["md5"] * 3
    cells = images[1].table("Cells")
    assert len(cells.query("Parent_Nuclei == 7")) == 1
    made = cells.record.provenance
    assert made is not None
    assert (made.program, made.version, made.image_ids) == (
        "CellProfiler",
        "4.2.8.1",
        (images[1].id,),
    )
    assert made.pipeline.endswith(".cppipe") and made.pipeline_file_id is not None
    assert made.parameters["Run_Timestamp"] == "2026-11-21T02:58:29.507357"
    assert str(made.parameters["Nuclei"]).startswith("Crop (OrigBlue → CropBlue)")
    assert made.files[0] == "01_POS076_D.TIF"
    planned = repo.attach_results(database, images=images, dry_run=True)
    assert any("3 of these images have exactly these results" in note for note in planned.notes)
    with pytest.raises(Conflict, match="again=True"):
        repo.attach_results(database, images=images, quiet=True)
    repo.attach_results(database, images=images[:1], again=True, quiet=True)
    assert [table.name for table in images[0].tables].count("Nuclei") == 2


@pytest.mark.real_data
def test_renamed_files_are_known_by_their_checksums(
    world: World, real_data: Path, tmp_path: Path
) -> None:
    repo = Repository(world.session("owner", GroupType.READ_ONLY))
    for i, path in enumerate(sorted((real_data / "cellprofiler/ExampleFly/images").iterdir())):
        shutil.copyfile(path, tmp_path / f"renamed_{i // 3}_{'DFR'[i % 3]}.tif")
    images = repo.import_files(tmp_path, channels="renamed_{field}_{channel}.tif", quiet=True)
    planned = repo.attach_results(
        real_data / "cellprofiler-out" / "ExampleFly", images=images, dry_run=True
    )
    assert [row.matched_by for row in planned.sets] == ["md5"] * 3


@pytest.mark.parametrize("planar", [False, True])
def test_transparency_is_no_channel(repo: Repository, tmp_path: Path, planar: bool) -> None:
    picture = np.random.default_rng(0).integers(0, 256, (40, 51, 4), dtype="uint8")
    stored = np.moveaxis(picture, -1, 0).copy() if planar else picture
    tifffile.imwrite(
        tmp_path / "rgba.tif",
        stored,
        photometric="rgb",
        extrasamples=["unassalpha"],
        planarconfig="separate" if planar else "contig",
    )
    (image,) = repo.import_files(tmp_path, quiet=True)
    assert image.is_rgb
    assert [channel.name for channel in image.channels] == ["Red", "Green", "Blue"]
    for c in range(3):
        assert np.array_equal(image.plane(c), picture[..., c])
    assert np.array_equal(image.rgb(), picture[..., :3])


def test_a_picture_that_cannot_be_drawn_is_no_failure(
    repo: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> bytes:
        raise Invalid("This one cannot be drawn.")

    monkeypatch.setattr(Pictures, "thumbnail", broken)
    tifffile.imwrite(tmp_path / "a.tif", np.ones((20, 30), np.uint16))
    images = repo.import_files(tmp_path, quiet=True)
    assert ([image.name for image in images], images.failed) == (["a.tif"], ())


@pytest.mark.parametrize("name", ["", "  ", "x" * 256])
def test_new_images_and_labels_need_a_name(repo: Repository, name: str) -> None:
    pixels = np.ones((1, 1, 1, 8, 9), np.uint8)
    with pytest.raises(Invalid, match="1 to 255"):
        repo.save_image(pixels, name)
    image = repo.save_image(pixels, "named")
    with pytest.raises(Invalid, match="1 to 255"):
        image.attach_labels(pixels[0, 0, 0], name=name)
