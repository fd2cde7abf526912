"""Whatever names come in, the paths are safe, distinct and inside."""

from __future__ import annotations

import tempfile
import unicodedata
from pathlib import Path, PurePosixPath

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omero_jlab.errors import Invalid
from omero_jlab.storage import PathRules, below, safe_name, safe_paths, shard

_AWKWARD = st.sampled_from(
    ["..", ".", "", "a", "A", "é", "e\u0301", "con", "CON.tif", "a.", "a ", "~2", "a~2", "x" * 255,
     "ß", "ss", "ﬁ", "fi", "\x00", "C:", "\\", "\udc80", "$MFT", ".zattrs",
     "\u202egpj.tif", "a.ome.tif"]
)  # fmt: skip
_NAMES = st.one_of(_AWKWARD, st.text(max_size=12), st.text(min_size=80, max_size=300))
_PATHS = st.lists(_NAMES, min_size=1, max_size=4).map("/".join)


@settings(deadline=None)
@given(_NAMES)
def test_a_safe_name_is_one_every_system_takes(name: str) -> None:
    safe = safe_name(name)
    assert safe not in ("", ".", "..") and len(safe.encode()) <= 255
    assert not set(safe) & set('"*/:<>?\\|\0') and not safe.startswith("$")
    assert all(unicodedata.category(letter) not in ("Cc", "Cs") for letter in safe)
    assert safe_name(safe) == safe


@settings(deadline=None)
@given(st.lists(_PATHS, max_size=12))
def test_paths_are_relative_and_no_two_are_one_file_anywhere(paths: list[str]) -> None:
    found = safe_paths(paths)
    assert len(found) == len(paths)
    keys = set()
    for path in found:
        assert not path.is_absolute() and ".." not in path.parts and path.parts
        folded = unicodedata.normalize("NFKC", str(path)).casefold()
        keys.add(tuple(part.rstrip(". ") for part in PurePosixPath(folded).parts))
    assert len(keys) == len(paths)
    parents = {parent for path in found for parent in path.parents}
    assert not parents & set(found), "a file lies where a folder must be"


@settings(deadline=None)
@given(st.lists(_PATHS, max_size=8))
def test_the_paths_can_be_made(paths: list[str]) -> None:
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        for i, path in enumerate(safe_paths(paths)):
            target = below(root, path)
            target.parent.mkdir(parents=True, exist_ok=True)
            with target.open("x") as file:
                file.write(str(i))
        assert sum(each.is_file() for each in root.rglob("*")) == len(paths)


@settings(deadline=None)
@given(
    st.lists(
        st.from_regex(r"x[a-z]{1,5}(/x[a-z0-9]{1,5}){0,2}\.ome\.tif", fullmatch=True), unique=True
    )
)
def test_ordinary_paths_stay_as_they_are(paths: list[str]) -> None:
    assert [str(each) for each in safe_paths(paths)] == paths


@pytest.mark.parametrize(
    ("given_paths", "expected"),
    [
        (["../../etc/passwd"], ["etc/passwd"]),
        (["/abs/x.tif"], ["abs/x.tif"]),
        (["a.tif", "A.tif", "a.tif"], ["a.tif", "A~2.tif", "a~3.tif"]),
        (["é.tif", "e\u0301.tif"], ["é.tif", "e\u0301~2.tif"]),
        (["Run/a.tif", "run/b.tif", "Run/c.tif"], ["Run/a.tif", "run~2/b.tif", "Run/c.tif"]),
        (["x/y", "x"], ["x/y", "x~2"]),
        (["a.ome.tif", "A.ome.tif"], ["a.ome.tif", "A~2.ome.tif"]),
        (["image.zarr/.zattrs", "image.zarr/0/.zarray"],
         ["image.zarr/.zattrs", "image.zarr/0/.zarray"]),
        (["aux", "nul.txt", "console"], ["_aux", "_nul.txt", "console"]),
        ([""], ["unnamed"]),
    ],
)  # fmt: skip
def test_examples(given_paths: list[str], expected: list[str]) -> None:
    assert [str(each) for each in safe_paths(given_paths)] == expected


@pytest.mark.parametrize(
    ("rules", "name", "expected"),
    [
        ("UNIX required", 'a:b*"|.tif', 'a:b*"|.tif'),
        ("UNIX required", "CON", "CON"),
        ("local required", "$x.tif", "$x.tif"),
        ("Windows required", "a:b.tif", "a_b.tif"),
        ("Windows required, Windows optional", "well A1. ", "well A1._"),
        ("windows  optional", "a;b[1].tif", "a_b_1_.tif"),
        ("UNIX optional", "-rf", "_rf"),
        ("local optional", ".hidden", "_hidden"),
        ("", "a\nb", "a_b"),
    ],
)
def test_rules_by_omeros_names(rules: str, name: str, expected: str) -> None:
    assert PathRules(rules).safe(name) == expected


@pytest.mark.parametrize(
    ("name", "rule"),
    [
        ("a:b", "Windows required"),
        ("-a", "UNIX optional"),
        ("x" * 300, "Windows required"),
        ("a\tb", "Windows required"),
        ("plain.tif", ""),
    ],
)
def test_a_broken_rule_is_named(name: str, rule: str) -> None:
    assert PathRules("Windows required, UNIX optional").broken_by(name) == rule


def test_an_unknown_rule_is_refused() -> None:
    with pytest.raises(Invalid, match="local required"):
        PathRules("Windows required, Amiga required")


def test_a_long_name_keeps_its_extension_and_its_difference() -> None:
    first, second = safe_name("x" * 300 + "1.ome.tif"), safe_name("x" * 300 + "2.ome.tif")
    assert first != second and first.endswith(".ome.tif") and len(first) == 255
    assert len(safe_name("é" * 300).encode()) <= 255


def test_a_path_without_end_is_refused() -> None:
    with pytest.raises(Invalid, match="2048"):
        safe_paths(["/".join(["folder"] * 400)])


@pytest.mark.parametrize("path", ["..", "../x", "/etc/passwd", "a/../../x", "", "link/x"])
def test_nothing_leads_out(tmp_path: Path, path: str) -> None:
    root = tmp_path / "root"
    root.mkdir()
    (root / "link").symlink_to(tmp_path)
    with pytest.raises(Invalid):
        below(root, path)


def test_a_folder_whose_name_only_begins_alike_is_outside(tmp_path: Path) -> None:
    (tmp_path / "root").mkdir()
    with pytest.raises(Invalid):
        below(tmp_path / "root", "../root-2/x")


@settings(deadline=None)
@given(st.integers(0, 2**53))
def test_a_shard_ends_in_its_id_and_its_folders_are_the_id_in_thousands(number: int) -> None:
    *folders, name = shard(number).split("/")
    assert name == str(number)
    assert all(len(folder) == 7 and folder.startswith("Dir-") for folder in folders)
    digits = "".join(folder[4:] for folder in folders)
    assert int(digits or "0") == number // 1000
    assert {shard(number // 1000 * 1000 + i).rpartition("/")[0] for i in (0, 500, 999)} == {
        "/".join(folders)
    }
