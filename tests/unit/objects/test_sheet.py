"""Sheets of bulk imports: what they may say, and how all that is wrong is told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from omero_jlab.errors import Invalid, NotFound
from omero_jlab.objects.sheet import Sheet, read_sheet


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("a.tif", "b.tif", "plates/one/x.tif"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    return tmp_path


def sheet(folder: Path, text: str, name: str = "plan.csv") -> Sheet:
    (folder / name).write_text(text, encoding="utf-8")
    return read_sheet(folder / name)


def said(row: Any) -> dict[str, Any]:
    return {name: getattr(row, name) for name in row.model_fields_set if getattr(row, name) != ()}


def test_a_table_says_everything(folder: Path) -> None:
    found = sheet(
        folder,
        "path,target,name,tags,key:dose,key:cell line,channel_names,transfer,checksum\n"
        'a.tif,"Project:name:""P 1""/Dataset:+name:Trial",treated,control; batch 3,3 nM,HeLa,'
        "DNA;ER,symlink,MD5-128\n"
        "\n"
        "plates/one,Screen:name:Pilot,,,,,,ln_s,\n",
    )
    first, second = found.rows
    assert said(first) == {
        "path": str(folder / "a.tif"),
        "project": "P 1",
        "dataset": "Trial",
        "name": "treated",
        "tags": ("control", "batch 3"),
        "key_values": (("dose", "3 nM"), ("cell line", "HeLa")),
        "channel_names": ("DNA", "ER"),
        "transfer": "symlink",
        "checksum": "MD5-128",
    }
    assert said(second) == {
        "path": str(folder / "plates/one"),
        "screen": "Pilot",
        "transfer": "symlink",
    }


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("plan.tsv", "path\tdataset\na.tif\tT, 1\n"),
        ("plan.csv", "path;dataset\r\na.tif;T, 1\r\n"),
        ("plan.csv", '\ufeffpath,dataset\na.tif,"T, 1"\n'),
        ("plan.yaml", "- path: a.tif\n  dataset: T, 1\n"),
        ("plan.yml", "dataset: T, 1\nrows:\n- a.tif\n"),
        ("plan.yml", "dataset: T, 1\npath: a.tif\n"),
    ],
)
def test_the_same_in_every_form(folder: Path, name: str, text: str) -> None:
    (row,) = sheet(folder, text, name).rows
    assert said(row) == {"path": str(folder / "a.tif"), "dataset": "T, 1"}


def test_what_holds_for_all_stands_beside_the_rows(folder: Path) -> None:
    found = sheet(
        folder,
        "dataset: all\ntransfer: move\nskip_existing: true\nparallel: 4\n"
        "rows:\n- path: a.tif\n  key_values: {dose: 3, seen: [x, y]}\n"
        "- path: b.tif\n  dataset: other\n  name: 2024-01-31\n",
        "plan.yml",
    )
    assert (found.skip_existing, found.parallel, found.dry_run) == (True, 4, False)
    assert [(row.dataset, row.transfer) for row in found.rows] == [
        ("all", "move"),
        ("other", "move"),
    ]
    assert found.rows[0].key_values == (("dose", "3"), ("seen", "x"), ("seen", "y"))
    assert found.rows[1].name == "2024-01-31"


def test_bulk_files_of_omero_are_read(folder: Path) -> None:
    (folder / "files.tsv").write_text("Dataset:name:set-1\tone\ta.tif\nScreen:name:S\ttwo\tb.tif\n")
    (folder / "shared.yml").write_text(
        "checksum_algorithm: File-Size-64\nexclude: clientpath\ntransfer: ln_s\n"
        "continue: true\nparallel_upload: 2\nparallel_fileset: 3\n"
    )
    found = sheet(
        folder,
        "---\ninclude: shared.yml\npath: files.tsv\ncolumns:\n- target\n- name\n- path\n"
        "transfer: cp\ndry_run: true\n",
        "bulk.yml",
    )
    assert (found.dry_run, found.skip_existing, found.parallel) == (True, True, 3)
    assert [said(row) for row in found.rows] == [
        {
            "path": str(folder / "a.tif"),
            "name": "one",
            "dataset": "set-1",
            "transfer": "copy",
            "checksum": "File-Size-64",
        },
        {
            "path": str(folder / "b.tif"),
            "name": "two",
            "screen": "S",
            "transfer": "copy",
            "checksum": "File-Size-64",
        },
    ]
    (folder / "files.txt").write_text("a.tif\nplates\n")
    plain = sheet(folder, "path: files.txt\n", "bulk.yml")
    assert [Path(row.path).name for row in plain.rows] == ["a.tif", "plates"]


def test_everything_that_is_wrong_is_told_at_once(folder: Path) -> None:
    with pytest.raises(Invalid) as caught:
        sheet(
            folder,
            "path,datset,target,transfer,checksum\n"
            "a.tif,x,Dataset:2,hardlnk,MD5\n"
            "gone.tif,,,,\n"
            ",,Dataset:name:x,,\n"
            "b.tif,,,,,,more\n"
            "b.tif,,,,\n"
            "b.tif,,,,\n",
        )
    text = str(caught.value)
    for line in (
        "line 2: there is no column 'datset'; did you mean 'dataset'?",
        "line 2: 'Dataset:2' is no target",
        "line 2: transfer is one of copy, hardlink, symlink, move, not 'hardlnk'; did you mean",
        "line 2: checksum is one of SHA-256, ",
        "gone.tif does not exist on this machine",
        "line 4: names no path",
        "line 5: has 7 cells for 5 columns",
        "line 7: names the same path as line 6",
    ):
        assert line in text
    assert "8 problems, and nothing was imported" in text


def test_an_unknown_column_may_have_meant_a_key(folder: Path) -> None:
    with pytest.raises(Invalid, match="call it key:wavelength"):
        sheet(folder, "path,wavelength\na.tif,488\n")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("rows: &a [a.tif]\nmore: *a\n", "stands for"),
        ("rows: " + "[" * 40 + "]" * 40 + "\n", "deep"),
        ("rows: [a.tif\n", "this is no YAML"),
        ("!!python/object/apply:os.system ['true']\n", "means nothing"),
        ("rows:\n- path: !!python/name:os.system a\n", "this is no YAML"),
        ("", "is empty"),
        ("42\n", "holds no list of rows"),
        ("dataset: x\n", "neither `rows` nor `path`"),
        ("rows:\n- [a.tif]\n", "line 2: a row is a path"),
        ("rows:\n- path: a.tif\n  path: b.tif\n", "line 3: a key is a word that stands there once"),
        ("rows:\n- path: [a.tif]\n", "line 2: "),
        ("rows:\n- path: a.tif\n  name: yes\n", "is no text"),
        ("rows: []\n", "no row names a path"),
        ("dry_run: my_import_%s.sh\npath: a.tif\n", "dry_run cannot be"),
        ("include: plan.yml\npath: a.tif\n", "include each other"),
    ],
)
def test_what_is_no_sheet_says_so(folder: Path, text: str, words: str) -> None:
    with pytest.raises(Invalid, match=words):
        sheet(folder, text, "plan.yml")


def test_a_table_that_is_none_says_so(folder: Path) -> None:
    with pytest.raises(NotFound):
        read_sheet(folder / "none.csv")
    (folder / "bytes.csv").write_bytes(b"path\n\xff\xfe\n")
    with pytest.raises(Invalid, match="UTF-8"):
        read_sheet(folder / "bytes.csv")
    with pytest.raises(Invalid, match="two columns 'name'"):
        sheet(folder, "path,name,name\na.tif,x,y\n")
    with pytest.raises(Invalid, match="control characters"):
        sheet(folder, 'path,name\na.tif,"x\ny"\n')
    with pytest.raises(Invalid, match="no row"):
        sheet(folder, "path,name\n")


def test_a_link_may_lead_to_what_only_the_server_sees(folder: Path) -> None:
    (row,) = sheet(folder, "path,transfer\n/mnt/far/a.tif,symlink\n").rows
    assert row.path == "/mnt/far/a.tif"
