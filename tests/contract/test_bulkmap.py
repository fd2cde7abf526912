"""Key-values made of a table's rows, and taken off again, as OMERO's `bulkmap` does."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from omero_jlab.database import FieldRow, PlateRow, ScreenPlateRow, ScreenRow, WellRow
from omero_jlab.errors import Denied, Invalid
from omero_jlab.model import BULK_ANNOTATIONS, GroupType, KeyValues
from omero_jlab.objects import Repository

from .conftest import World

RA = GroupType.READ_ANNOTATE
GENE, CELL = "openmicroscopy.org/mapr/gene", "openmicroscopy.org/mapr/cell_line"
CONFIG = f"""
defaults:
  include: no
  type: string
  split:
  includeclient: yes
  visible: yes
  omitempty: yes
columns:
  - name: Control Type
    include: yes
  - name: Secret
    include: yes
    visible: no
  - group:
      namespace: {GENE}
      columns:
      - name: Gene
        clientname: Gene Symbol
        include: yes
      - name: Gene
        clientname: Gene URL
        clientvalue: "http://gene.org/{{{{ value|urlencode }}}}?x"
        include: yes
      - name: Synonyms
        include: yes
        split: ";"
  - group:
      namespace: {CELL}
      columns:
      - name: Cell Line
        include: yes
advanced:
  well_to_images: yes
  ignore_missing_primary_key: yes
  primary_group_keys:
  - namespace: {CELL}
    keys: [Cell Line]
"""
CSV = """Plate,Well,Control Type,Secret,Gene,Synonyms,Cell Line
P1,A1,positive,s1,A B/1,x; y ;,HeLa
P1,A2,,s2,,,HeLa
P1,B1,negative,,TP53,p53,
"""


@pytest.fixture
def repo(session_of: Callable[..., Any]) -> Repository:
    return Repository(session_of("owner", RA))


class Plate:
    """A plate P1 in a screen, with the wells A1, A2 and B1, two images in A1 and one in B1."""

    def __init__(self, world: World) -> None:
        self.images = world.images("owner", RA, ("one", "two", "three"))
        with world.here("owner", RA).writing() as unit:
            screen = unit.new(ScreenRow(name="S"))
            plate = unit.new(PlateRow(name="P1", rows=2, columns=2))
            unit.new(ScreenPlateRow(parent_id=screen.id, child_id=plate.id))
            places = ((0, 0), (0, 1), (1, 0))
            self.wells = [
                unit.new(WellRow(plate_id=plate.id, row=row, column=column)).id
                for row, column in places
            ]
            for index, (well, image) in enumerate(
                zip((self.wells[0], self.wells[0], self.wells[2]), self.images, strict=True)
            ):
                unit.new(FieldRow(well_id=well, image_id=image, site=index + 1))
            self.screen, self.plate = screen.id, plate.id


def on(session: Any, kind: str, id: int) -> dict[str, list[tuple[str, str]]]:
    """The pairs on an object by namespace."""
    found: dict[str, list[tuple[str, str]]] = {}
    for attached in session.annotations.list(kind, id):
        if isinstance(attached.annotation, KeyValues):
            found.setdefault(attached.annotation.namespace, []).extend(attached.annotation.pairs)
    return found


def test_rows_become_key_values_and_go_again(
    world: World, repo: Repository, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    here, session = Plate(world), repo._session
    csv, config = tmp_path / "a.csv", tmp_path / "map.yml"
    csv.write_text(CSV)
    config.write_text(CONFIG)
    screen = repo.screen(here.screen)
    with pytest.raises(Invalid, match="no table of bulk annotations"):
        screen.bulkmap(config)
    screen.populate(csv, quiet=True)
    planned = screen.bulkmap(config, dry_run=True)
    assert (planned.annotations, planned.links, planned.dry_run) == (6, 15, True)
    assert "would be attached" in capsys.readouterr().out
    assert on(session, "well", here.wells[0]) == {}
    made = screen.bulkmap(config, quiet=True)
    assert made.model_copy(update={"dry_run": True}) == planned
    assert on(session, "well", here.wells[0]) == {
        BULK_ANNOTATIONS: [("Control Type", "positive"), ("__Secret", "s1")],
        GENE: [
            ("Gene Symbol", "A B/1"), ("Gene URL", "http://gene.org/A%20B/1?x"),
            ("Synonyms", "x"), ("Synonyms", "y"),
        ],
        CELL: [("Cell Line", "HeLa")],
    }  # fmt: skip
    assert on(session, "image", here.images[1]) == on(session, "well", here.wells[0])
    assert set(on(session, "well", here.wells[1])) == {BULK_ANNOTATIONS, CELL}
    assert CELL not in on(session, "image", here.images[2])
    lines = [
        a.annotation.id
        for well in here.wells[:2]
        for a in session.annotations.list("well", well)
        if a.annotation.namespace == CELL
    ]
    assert len(set(lines)) == 1, "one by its primary key"
    found = {(hit.kind, hit.id) for hit in repo.search("TP53")}
    assert {("well", here.wells[2]), ("image", here.images[2])} <= found

    again = screen.bulkmap(config, namespaces=[CELL], quiet=True)
    assert (again.annotations, again.reused) == (0, 1)
    assert len(on(session, "well", here.wells[0])[CELL]) == 1
    uses = {use.namespace: use.links for use in screen.key_value_namespaces}
    assert uses == {BULK_ANNOTATIONS: 6, GENE: 5, CELL: 4}

    own = repo.image(here.images[0])
    own.add_key_values({"mine": "stays"})
    told = screen.deletemap(config, dry_run=True, quiet=True)
    assert (told.annotations, told.links, told.removed) == (6, 15, True)
    assert screen.deletemap(quiet=True).links == 6, "of OMERO's namespace without a configuration"
    assert set(on(session, "well", here.wells[0])) == {GENE, CELL}
    image = repo.image(here.images[0])
    assert image.deletemap(namespaces=[CELL], quiet=True).annotations == 0, "it hangs elsewhere"
    assert CELL in on(session, "well", here.wells[0])
    assert screen.deletemap(config, quiet=True).links == 8
    assert on(session, "well", here.wells[0]) == {}
    assert image.key_values == {"mine": ["stays"]}
    assert screen.deletemap(quiet=True).notes[0].startswith("there are no key-values in")
    deletion = session.graph.deletions()[0]
    session.graph.undelete(deletion.id)
    assert set(on(session, "well", here.wells[0])) == {GENE, CELL}


def test_what_no_column_names_is_taken_too(world: World, repo: Repository, tmp_path: Path) -> None:
    here = Plate(world)
    (tmp_path / "a.csv").write_text("Well,dose,n\nA1,0.5,1\nA2,,2\n")
    plate = repo.plate(here.plate)
    plate.populate(tmp_path / "a.csv", allow_nan=True, quiet=True)
    config = {"columns": [{"name": "dose", "position": 1, "omitempty": True}]}
    assert plate.bulkmap(config, quiet=True).links == 2
    session = repo._session
    first, second = (on(session, "well", well)[BULK_ANNOTATIONS] for well in here.wells[:2])
    assert first == [
        ("dose", "0.5"), ("Well", str(here.wells[0])), ("n", "1"), ("Well Name", "A01")
    ]  # fmt: skip
    assert [key for key, _ in second] == ["Well", "n", "Well Name"]


def test_what_is_wrong_is_told_and_nothing_is_attached(
    world: World, repo: Repository, tmp_path: Path
) -> None:
    here = Plate(world)
    (tmp_path / "a.csv").write_text(CSV)
    plate = repo.plate(here.plate)
    plate.populate(tmp_path / "a.csv", quiet=True)
    twice = [{"name": "Gene", "include": True}] * 2
    primary = {"primary_group_keys": [{"namespace": BULK_ANNOTATIONS, "keys": ["Nothing"]}]}
    for config, told in (
        ({"columns": [{"name": "Gen"}]}, r"no column 'Gen' \(did you mean 'Gene'"),
        ({"defaults": {"include": False}, "columns": twice}, "twice in"),
        ({"columns": twice[:1], "advanced": primary}, "has no Nothing"),
        ({"columns": [{"group": {"namespace": "x"}}]}, "a namespace and columns"),
    ):
        with pytest.raises(Invalid, match=told):
            plate.bulkmap(config, quiet=True)
    with pytest.raises(Invalid, match=f"No group .* 'x': .*{BULK_ANNOTATIONS}"):
        plate.bulkmap({"columns": twice[:1]}, namespaces=["x"], quiet=True)
    with pytest.raises(Invalid, match=r"map\.yml is no file of this machine"):
        plate.bulkmap(tmp_path / "map.yml", quiet=True)
    assert plate.key_value_namespaces == ()


def test_others_may_look_and_not_take_off(
    world: World, session_of: Callable[..., Any], repo: Repository, tmp_path: Path
) -> None:
    here = Plate(world)
    (tmp_path / "a.csv").write_text(CSV)
    plate = repo.plate(here.plate)
    plate.populate(tmp_path / "a.csv", quiet=True)
    plate.bulkmap({"defaults": {"omitempty": True}}, quiet=True)
    member = Repository(session_of("member", RA)).plate(here.plate)
    assert member.key_value_namespaces == plate.key_value_namespaces
    with pytest.raises(Denied):
        member.deletemap(quiet=True)
    assert member.key_value_namespaces == plate.key_value_namespaces


@pytest.mark.real_data
def test_a_published_configuration(world: World, real_data: Path, tmp_path: Path) -> None:
    """The key-values of the Image Data Resource's idr0025, of a plate with a few of its wells."""
    folder = real_data / "omero-annotations/idr0025-stadler-proteinatlas/screenA"
    here, repo = Plate(world), Repository(world.here("owner", RA))
    lines = (folder / "idr0025-screenA-annotation.csv").read_text("utf-8-sig").splitlines(True)
    wanted = [line for line in lines if line.startswith(("Plate,", "10x images plate 1,A"))]
    (tmp_path / "a.csv").write_text("".join(wanted[:3]))
    repo.plate(here.plate).rename("10x images plate 1")
    screen = repo.screen(here.screen)
    screen.populate(tmp_path / "a.csv", quiet=True)
    report = screen.bulkmap(folder / "idr0025-screenA-bulkmap-config.yml", quiet=True)
    found = on(repo._session, "well", here.wells[0])
    assert found["openmicroscopy.org/mapr/gene"][:3] == [
        ("Gene Identifier", "ENSG00000075239"),
        ("Gene Identifier URL", "http://www.ensembl.org/id/ENSG00000075239"),
        ("Gene Symbol", "ACAT1"),
    ]
    assert ("siRNA Pool Identifier", "") in found["openmicroscopy.org/mapr/sirna"]
    phenotype = dict(found["openmicroscopy.org/mapr/phenotype"])
    assert phenotype["Phenotype Term Accession URL"].endswith("cmpo/CMPO_0000395")
    assert ("Has Phenotype", "yes") in found[BULK_ANNOTATIONS]
    assert report.reused == 0 and {use.namespace for use in report.namespaces} == set(found) | set(
        on(repo._session, "well", here.wells[1])
    )


def test_a_screens_file_serves_each_plate(world: World, repo: Repository, tmp_path: Path) -> None:
    here = Plate(world)
    plate = repo.plate(here.plate)
    (tmp_path / "a.csv").write_text(f"{CSV}P2,A1,other,,,,\nP2,H12,other,,,,\n")
    report = plate.populate(tmp_path / "a.csv", quiet=True)
    assert (report.rows, report.unresolved_count) == (3, 0)
    assert report.notes[-1] == f"2 rows are of another plate than {here.plate}: left out"
    assert plate.tables[0].to_pandas()["Well"].tolist() == here.wells
    (tmp_path / "b.csv").write_text("Plate,Well,x\nP2,A1,1\n")
    with pytest.raises(Invalid, match="None of the 1 rows is of plate"):
        plate.populate(tmp_path / "b.csv", quiet=True)
