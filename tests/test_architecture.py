"""Imports point downward, modules stay small, the door stays shut."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import omero_jlab

PACKAGE = Path(omero_jlab.__file__).parent

ROWS = [
    {"cli"},
    {"demo"},
    {"connection"},
    {"analysis"},
    {"server", "objects"},
    {"widgets"},
    {"remote", "repository"},
    {"pixels", "rendering", "shapes", "tables", "results", "database"},
    {"storage", "formats", "workers"},
    {"operations"},
    {"model"},
    {"units", "errors", "version", "place"},
]
"""The layers from top to bottom: a module imports from the rows below its own only."""

LEVEL = {name: number for number, row in enumerate(ROWS) for name in row}
LONGEST = 500


def modules() -> list[Path]:
    return sorted(p for p in PACKAGE.rglob("*.py") if "versions" not in p.parts)


def layer(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imported_layers(path: Path) -> set[str]:
    """The layers that a module imports, inside functions too."""
    package = ["omero_jlab", *path.relative_to(PACKAGE).parts[:-1]]
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            whole = ".".join([*base, *filter(None, [node.module])])
            names = [whole] if whole != "omero_jlab" else [f"{whole}.{a.name}" for a in node.names]
        for name in names:
            parts = name.split(".")
            if parts[0] == "omero_jlab" and len(parts) > 1:
                found.add(parts[1])
    return found


@pytest.mark.parametrize("path", modules(), ids=lambda p: str(p.relative_to(PACKAGE)))
def test_imports_point_downward(path: Path) -> None:
    own = layer(path)
    if own == "__init__":
        return
    assert own in LEVEL, f"{own} has no place in the layers"
    for other in imported_layers(path) - {own}:
        if (own, other) == ("results", "tables"):
            continue
        assert LEVEL[other] > LEVEL[own], f"{own} imports {other}, which does not lie below it"


@pytest.mark.parametrize("path", modules(), ids=lambda p: str(p.relative_to(PACKAGE)))
def test_no_module_runs_away(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= LONGEST


def test_only_the_repository_imports_the_database() -> None:
    users = {layer(p) for p in modules() if "database" in imported_layers(p)}
    assert users <= {"database", "repository"}


def loaded_by(statement: str) -> set[str]:
    code = f"import sys; {statement}; print(' '.join(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return {name.partition(".")[0] for name in done.stdout.split()}


@pytest.mark.parametrize("module", ["omero_jlab.remote", "omero_jlab.objects"])
def test_a_client_stays_light(module: str) -> None:
    assert not loaded_by(f"import {module}") & {"sqlalchemy", "tables", "numba", "pandas"}


def test_the_package_itself_imports_next_to_nothing() -> None:
    heavy = {"numpy", "pydantic", "tornado", "httpx", "jupyter_server", "sqlalchemy"}
    assert not loaded_by("import omero_jlab") & heavy
