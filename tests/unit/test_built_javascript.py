"""The committed JavaScript is what the committed sources make."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path

import pytest

import omero_jlab

_PACKAGE = Path(omero_jlab.__file__).parent
_EXTENSION = _PACKAGE.parent / "extension"
_FOLDERS = ("browser", "plot", "schema", "shared", "src", "style", "table", "viewer", "widgets")
_FILES = ("build.mjs", "package.json", "tsconfig.json", "yarn.lock")


def sources_hash(extension: Path) -> str:
    """The hash that `extension/stamp.mjs` writes."""
    paths = [*_FILES]
    for folder in _FOLDERS:
        found = (each for each in (extension / folder).rglob("*") if each.is_file())
        paths += [each.relative_to(extension).as_posix() for each in found]
    whole = hashlib.sha256()
    for path in sorted(paths):
        content = hashlib.sha256((extension / path).read_bytes()).hexdigest()
        whole.update(f"{path} {content}\n".encode())
    return whole.hexdigest()


def test_the_javascript_was_built_from_these_sources() -> None:
    if not _EXTENSION.is_dir():
        pytest.skip("the sources of the JavaScript are not part of an installed package")
    stamped = (_EXTENSION / "built-from.sha256").read_text().strip()
    assert stamped == sources_hash(_EXTENSION), "run `jlpm install && jlpm build` in extension/"


def test_what_the_labextension_loads_is_there() -> None:
    about = json.loads((_PACKAGE / "labextension" / "package.json").read_text())
    assert about["name"] == "omero-jlab"
    build = about["jupyterlab"]["_build"]
    assert (_PACKAGE / "labextension" / build["load"]).is_file()
    schema = _PACKAGE / "labextension" / "schemas" / "omero-jlab" / "plugin.json"
    assert "showOnStart" in json.loads(schema.read_text())["properties"]


@pytest.mark.parametrize(
    "name", ["viewer.js", "browser.js", "plot.js", "table.js", "omero-jlab.css"]
)
def test_nothing_is_loaded_from_elsewhere(name: str) -> None:
    text = (_PACKAGE / "widgets" / "static" / name).read_text()
    hosts = set(re.findall(r"https?://([\w.-]+)", text))
    # Names of vocabularies in OpenLayers, which nobody fetches.
    assert hosts <= {"www.opengis.net", "www.w3.org"}
    assert "@import" not in text


def test_no_text_becomes_markup() -> None:
    if not _EXTENSION.is_dir():
        pytest.skip("the sources of the JavaScript are not part of an installed package")
    sources = [each for folder in _FOLDERS for each in (_EXTENSION / folder).rglob("*.ts")]
    assert sources
    for path in sources:
        assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML", path.read_text()), path
