"""The path template says what OMERO's says, and no two imports share a folder."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from omero_jlab.errors import Invalid
from omero_jlab.storage import DEFAULT_TEMPLATE, ImportOccasion, Template

_OCCASION = ImportOccasion(
    user="ada",
    user_id=4,
    group="Lab B",
    group_id=3,
    permissions="rwra--",
    when=datetime(2026, 8, 4, 13, 49, 7, 727_999, tzinfo=UTC),
    files=("b.tif", "a.tif"),
    session="6c2dae43",
    session_id=12,
)


@pytest.mark.parametrize(
    ("template", "path"),
    [
        (DEFAULT_TEMPLATE, "ada_4/2026-08/04/13-49-07.727"),
        ("%group%_%groupId%/%perms%", "Lab B_3/rwra--"),
        ("%monthname%-%session%-%sessionId%", "August-6c2dae43-12"),
        ("%institution%/%user%", "ada"),
        ("%institution:State College, Florida%/x", "State College, Florida/x"),
        ("%institution%", "import"),
        ("inc-%increment%", "inc-1"),
        ("inc-%increment:3%", "inc-001"),
        ("%subdirs%/%user%", "ada"),
        ("below-%subdirs%/%user%", "below-000/ada"),
    ],
)
def test_terms(tmp_path: Path, template: str, path: str) -> None:
    assert str(Template(template).claim(tmp_path, _OCCASION)) == path
    assert (tmp_path / path).is_dir()


def test_the_thread_is_a_term(tmp_path: Path) -> None:
    with ThreadPoolExecutor(1, "importer") as pool:
        found = pool.submit(Template("%thread%").claim, tmp_path, _OCCASION).result()
    assert str(found) == "importer_0"


def test_an_institution_wins_over_the_default(tmp_path: Path) -> None:
    occasion = replace(_OCCASION, institution="Dundee")
    assert str(Template("%institution:x%").claim(tmp_path, occasion)) == "Dundee"


def test_the_hash_is_that_of_the_set_of_files(tmp_path: Path) -> None:
    whole = str(Template("%hash%").claim(tmp_path, _OCCASION))
    assert len(whole) == 8 and set(whole) <= set("0123456789ABCDEF")
    split = Template("h-%hash:3,3,2%").claim(tmp_path, _OCCASION)
    assert str(split) == f"h-{whole[:3]}/{whole[3:6]}/{whole[6:]}"
    other_order = replace(_OCCASION, files=("a.tif", "b.tif"))
    assert str(Template("x-%hash%").claim(tmp_path, other_order)) == f"x-{whole}"
    others = replace(_OCCASION, files=("a.tif", "c.tif"))
    assert str(Template("y-%hash%").claim(tmp_path, others)) != f"y-{whole}"


def test_increments_follow_the_largest_that_is_there(tmp_path: Path) -> None:
    for name in ("inc-003", "inc-24", "inc-x", "other-99"):
        (tmp_path / name).mkdir()
    template = Template("inc-%increment:3%")
    assert [str(template.claim(tmp_path, _OCCASION)) for _ in range(2)] == ["inc-025", "inc-026"]


def test_subdirs_are_filled_one_after_the_other_and_then_deepen(tmp_path: Path) -> None:
    template = Template("%subdirs:1%/%increment%-x")
    found = [template.claim(tmp_path, _OCCASION) for _ in range(9)]
    assert {len(each.parts) for each in found} == {1}
    (tmp_path / "10-x").mkdir()
    assert str(template.claim(tmp_path, _OCCASION)) == "0/1-x"

    below = Template("d%subdirs:1%/%increment%")
    root = tmp_path / "deep"
    paths = [below.claim(root, _OCCASION) for _ in range(101)]
    assert [str(paths[i]) for i in (0, 9, 10, 99)] == ["d0/1", "d0/10", "d1/1", "d9/10"]
    assert str(paths[100]) == "d0/0/1"
    assert len(set(paths)) == 101


def test_two_imports_at_once_get_two_folders(tmp_path: Path) -> None:
    for template in (Template(), Template("%user%"), Template("%increment%")):
        with ThreadPoolExecutor(8) as pool:
            jobs = [pool.submit(template.claim, tmp_path, _OCCASION) for _ in range(24)]
            found = {job.result() for job in jobs}
        assert len(found) == 24
    assert str(Template("%user%_same").claim(tmp_path, _OCCASION)) == "ada_same"
    assert str(Template("%user%_same").claim(tmp_path, _OCCASION)) == "ada_same~2"


@pytest.mark.parametrize(
    "user", ["../../etc", "/etc", "..", ".staging", "a/b", "CON", "x" * 300, "a\x00b", "$HOME", ""]
)
def test_a_hostile_name_stays_one_visible_folder_below(tmp_path: Path, user: str) -> None:
    root = tmp_path / "managed"
    found = Template("%user%/%time%").claim(root, replace(_OCCASION, user=user))
    assert (root / found).resolve().is_relative_to(root.resolve())
    assert all(not part.startswith(".") and len(part) <= 255 for part in found.parts)
    assert [each.name for each in tmp_path.iterdir()] == ["managed"]


@pytest.mark.parametrize(
    ("template", "words"),
    [
        ("", "no folder"),
        ("//", "folder after it"),
        ("a//", "folder after it"),
        ("a//b//c", "once"),
        ("%time%//%user%", "before '//'"),
        ("a-%hash%/x//y", "before '//'"),
        ("%usr%/x", "not known"),
        ("100%/x", "begins no term"),
        ("%time%-%increment%", "only one"),
        ("%increment%%increment%", "only one"),
        ("%increment:x%", "cannot take"),
        ("%increment:0%", "cannot take"),
        ("%hash:5,5%", "cannot take"),
        ("%hash:0%", "cannot take"),
        ("%user:x%", "cannot take"),
    ],
)
def test_a_wrong_template_is_refused_with_the_rule(template: str, words: str) -> None:
    with pytest.raises(Invalid, match=words):
        Template(template)
