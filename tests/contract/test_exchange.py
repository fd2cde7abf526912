"""Tables from files, and to files, alike in the process and over HTTP."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pandas as pd
import pytest

from omero_jlab.database import (
    DatasetImageRow,
    DatasetRow,
    ProjectDatasetRow,
    ProjectRow,
    RoiRow,
    ScreenPlateRow,
    ScreenRow,
)
from omero_jlab.errors import Denied, Invalid, NotFound
from omero_jlab.model import BULK_ANNOTATIONS, GroupType
from omero_jlab.objects import Repository, Table

from .conftest import World

RA = GroupType.READ_ANNOTATE


@pytest.fixture
def repo(session_of: Callable[..., Any]) -> Repository:
    return Repository(session_of("owner", RA))


def csv(path: Path, *lines: str) -> Path:
    path.write_text("\n".join(lines) + "\n")
    return path


def rows(table: Table) -> dict[str, list[Any]]:
    frame = table.to_pandas().astype(object)
    return frame.where(frame.notna(), None).to_dict("list")


def types(path: Path) -> list[bytes]:
    with h5py.File(path) as file:
        found: list[bytes] = file["OME/ColumnTypes"][:].tolist()
    return found


def link_images(path: Path) -> None:
    """Make the first column of a file one of images, as OMERO would have."""
    told = [b"::omero::grid::ImageColumn", *types(path)[1:]]
    with h5py.File(path, "a") as file:
        del file["OME/ColumnTypes"]
        file["OME/ColumnTypes"] = np.array(told)


def inside(world: World, image_ids: tuple[int, ...]) -> tuple[int, int]:
    """A dataset in a project, with these images; answers their ids."""
    with world.here("owner", RA).writing() as unit:
        project, dataset = unit.new(ProjectRow(name="p")), unit.new(DatasetRow(name="d1"))
        unit.new(ProjectDatasetRow(parent_id=project.id, child_id=dataset.id))
        for image_id in image_ids:
            unit.new(DatasetImageRow(parent_id=dataset.id, child_id=image_id))
        return project.id, dataset.id


def test_a_table_goes_out_as_omeros_and_comes_back(
    world: World, repo: Repository, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ids = world.images("owner", RA, ("a", "b"))
    image = repo.image(ids[0])
    frame = pd.DataFrame({"Image": ids, "area": [1.5, 2], "class": ["x", "größer"], "n": [1, 2]})
    frame.to_csv(tmp_path / "x.csv", index=False)
    table = image.attach_table(tmp_path / "x.csv")
    assert (table.name, table.record.namespace) == ("x", BULK_ANNOTATIONS)
    assert rows(table) == frame.to_dict("list")
    path = table.export(tmp_path / "out.h5")
    assert types(path)[0] == b"::omero::grid::LongColumn"
    link_images(path)
    back = repo.import_table(path, to=image, name="back")
    assert back.columns[0].kind == "link" and back.columns[0].target == "image"
    assert rows(back) == frame.to_dict("list")
    with pytest.raises(Invalid, match="is there already"):
        back.export(path)
    back.export(path, columns=["Image", "n"], condition="n > 1", overwrite=True)
    assert types(path)[0] == b"::omero::grid::ImageColumn"
    with h5py.File(path) as file:
        assert file["OME/Measurements"][:].tolist() == [(ids[1], 2)]
    assert back.export(tmp_path / "out.parquet").is_file()
    again = image.attach_table(tmp_path / "out.parquet")
    assert rows(again) == frame.to_dict("list")
    assert again.columns[0].target == "image"
    assert "note" not in capsys.readouterr().out


def test_ids_of_another_repository_are_no_links(
    world: World, repo: Repository, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    image = repo.image(world.image("owner", RA))
    hidden = world.image("outsider", "elsewhere")
    source = image.attach_table(pd.DataFrame({"Image": [image.id, hidden]}), name="ids")
    path = source.export(tmp_path / "x.h5")
    link_images(path)
    table = repo.import_table(path, to=image)
    assert table.columns[0].kind == "integer" and rows(table)["Image"] == [image.id, hidden]
    assert f"image {hidden}, which is not here or not visible" in capsys.readouterr().out


def test_nothing_is_left_of_a_file_that_is_wrong(
    world: World, repo: Repository, tmp_path: Path
) -> None:
    image = repo.image(world.image("owner", RA))
    with pytest.raises(Invalid, match=r"line 3 of x\.csv has 1 cells"):
        image.attach_table(csv(tmp_path / "x.csv", "a,b", "1,2", "3"))
    with pytest.raises(Invalid, match="names no format of tables"):
        image.attach_table(csv(tmp_path / "x.xls", "a,b"))
    with pytest.raises(Invalid, match="is no file of this machine"):
        image.attach_table(tmp_path / "none.csv")
    assert image.tables == []
    staging = world.store.layout.staging(world.store.layout.files)
    assert [path.name for path in staging.iterdir() if path.name not in ("uploads", "bodies")] == []


def test_wells_and_plates_of_a_screen(world: World, repo: Repository, tmp_path: Path) -> None:
    plates = [world.plate("owner", RA, world.images("owner", RA, ("a", "b"))) for _ in range(2)]
    for number, plate_id in enumerate(plates):
        repo.plate(plate_id).rename(f"plate{number}")
    with world.here("owner", RA).writing() as unit:
        screen_id = unit.new(ScreenRow(name="s")).id
        for plate_id in plates:
            unit.new(ScreenPlateRow(parent_id=screen_id, child_id=plate_id))
    screen = repo.screen(screen_id)
    wells = {
        (plate_id, well.column): well.id
        for plate_id in plates
        for well in world.here("owner", RA).containers.wells(plate_id)
    }
    path = csv(
        tmp_path / "x.csv",
        "# header well,plate,s,d,l",
        "Well,Plate,Drug,Concentration,Count",
        "A1,plate0,DMSO,10.1,10",
        "a02,plate1,DMSO,0.1,1000",
        f"A 01,{plates[1]},x,5,550",
    )
    report = screen.populate(path, quiet=True)
    assert report.unresolved == () and report.table_id is not None
    assert rows(repo.table(report.table_id)) == {
        "Well": [wells[plates[0], 0], wells[plates[1], 1], wells[plates[1], 0]],
        "Plate": [plates[0], plates[1], plates[1]],
        "Drug": ["DMSO", "DMSO", "x"],
        "Concentration": [10.1, 0.1, 5],
        "Count": [10, 1000, 550],
        "Plate Name": ["plate0", "plate1", "plate1"],
        "Well Name": ["A01", "A02", "A01"],
    }
    assert [c.target for c in report.columns[:2]] == ["well", "plate"]
    assert [table.record.namespace for table in screen.tables] == [BULK_ANNOTATIONS]


def test_what_names_nothing_is_listed_with_its_line(
    world: World, repo: Repository, tmp_path: Path
) -> None:
    plate = repo.plate(world.plate("owner", RA, world.images("owner", RA, ("a", "b"))))
    path = csv(tmp_path / "x.csv", "Well,Note", 'A1,"two', 'lines"', "B7,x", "nonsense,y", ",z")
    report = plate.populate(path, dry_run=True, quiet=True)
    assert report.table_id is None and plate.tables == []
    assert [(u.line, u.column, u.value) for u in report.unresolved] == [
        (4, "Well", "B7"), (5, "Well", "nonsense"),
    ]  # fmt: skip
    assert report.notes == ("1 rows name nothing in column 'Well'",)
    assert "line 4: Well 'B7': there is no such well in this plate" in report.as_text()
    with pytest.raises(Invalid, match=r"2 cells name no one object .* line 4: Well 'B7'"):
        plate.populate(path, quiet=True)
    assert plate.tables == []
    kept = plate.populate(path, keep_unresolved=True, quiet=True)
    assert kept.unresolved_count == 2
    found = rows(repo.table(kept.table_id))
    assert found["Well"][1:] == [None] * 3 and found["Well"][0] is not None
    assert found["Well Name"] == ["A01", "B7", "nonsense", None]


def test_images_of_a_project_by_name(world: World, repo: Repository, tmp_path: Path) -> None:
    ids = world.images("owner", RA, ("a.tif", "b.tif", "twin", "twin"))
    project_id, dataset_id = inside(world, ids)
    path = csv(
        tmp_path / "x.csv",
        "Dataset Name,Image Name,area,bad",
        "d1,a.tif,1.5,1",
        "d1,b.tif,2,",
    )
    report = repo.project(project_id).populate(path, quiet=True)
    assert rows(repo.table(report.table_id)) == {
        "Dataset Name": ["d1", "d1"],
        "Image Name": ["a.tif", "b.tif"],
        "area": [1.5, 2],
        "bad": ["1", None],
        "Image": list(ids[:2]),
    }
    report = repo.project(project_id).populate(path, allow_nan=True, quiet=True)
    assert rows(repo.table(report.table_id))["bad"] == [1, None]
    twins = csv(tmp_path / "y.csv", "image,x", "twin,1", f"{ids[2]},2", "none,3")
    report = repo.dataset(dataset_id).populate(twins, dry_run=True, quiet=True)
    assert [(u.line, u.value) for u in report.unresolved] == [(2, "twin"), (4, "none")]
    assert "2 images" in report.unresolved[0].reason
    assert [column.name for column in report.columns] == ["image", "x", "Image Name"]


def test_rois_of_an_image(world: World, repo: Repository, tmp_path: Path) -> None:
    image = repo.image(world.image("owner", RA))
    with world.here("owner", RA).writing() as unit:
        roi_id = unit.new(RoiRow(image_id=image.id, name="cell", shapes=[])).id
    path = csv(tmp_path / "x.csv", "Roi,area", f"{roi_id},2.5")
    report = image.populate(path, quiet=True)
    assert rows(repo.table(report.table_id)) == {
        "Roi": [roi_id], "area": [2.5], "Roi Name": ["cell"],
    }  # fmt: skip


def test_a_file_that_names_no_object_is_refused(
    world: World, repo: Repository, tmp_path: Path
) -> None:
    image = repo.image(world.image("owner", RA))
    with pytest.raises(Invalid, match="No column names images"):
        image.populate(csv(tmp_path / "x.csv", "a,b", "1,2"), quiet=True)
    with pytest.raises(Invalid, match="'x' is said to be float, and a value is missing"):
        lines = ("# header image,d", "Image,x", f"{image.id},")
        image.populate(csv(tmp_path / "x.csv", *lines), quiet=True)


def test_names_resolve_to_what_the_asking_user_sees(
    world: World, session_of: Callable[..., Any], tmp_path: Path
) -> None:
    ids = world.images("owner", GroupType.PRIVATE, ("mine",))
    plate_id = world.plate("owner", GroupType.PRIVATE, ids)
    path = csv(tmp_path / "x.csv", "Well,Image Name", "A1,mine")
    for user in ("outsider", "member"):
        session = session_of(user)
        with pytest.raises(NotFound, match=f"no plate {plate_id}"):
            session.exchange.populate("plate", plate_id, session.upload(path))
        with pytest.raises(NotFound, match=f"no plate {plate_id}"):
            session.exchange.import_file("plate", plate_id, session.upload(path))
    shown = world.image("owner", GroupType.READ_ONLY)
    session = session_of("member", GroupType.READ_ONLY)
    with pytest.raises(Denied):
        session.exchange.import_file("image", shown, session.upload(path))


def test_others_name_no_files_of_the_server(
    world: World, repo: Repository, session_of: Callable[..., Any], tmp_path: Path
) -> None:
    if not world.over_http:
        pytest.skip("a session of this process shares its disk")
    image = repo.image(world.image("owner", RA))
    path = csv(tmp_path / "x.csv", "a", "1")
    with pytest.raises(Denied, match="a path on the server"):
        session_of("owner", RA).exchange.import_file("image", image.id, str(path))
