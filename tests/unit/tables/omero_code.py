"""OMERO's own code for tables, as far as it runs without Ice and without a server.

`omero-py` is a plain wheel (`pip install --no-deps omero-py`); what it needs of Ice is replaced.
"""

from __future__ import annotations

import importlib.util
import sys
import threading
import types
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

__all__ = ["OmeroStorage", "omero_storage"]

_COLUMNS = (
    "File", "Image", "Dataset", "Roi", "Well", "Plate", "Bool", "Double", "Long", "String",
    "FloatArray", "DoubleArray", "LongArray", "Mask",
)  # fmt: skip


class _Path(str):
    parent = property(lambda self: _Path(Path(self).parent))
    size = property(lambda self: Path(self).stat().st_size)

    def exists(self) -> bool:
        return Path(self).exists()

    def access(self, mode: int) -> bool:
        return True


def _stubs() -> dict[str, types.ModuleType]:
    def module(name: str, **members: Any) -> types.ModuleType:
        made = types.ModuleType(name)
        made.__dict__.update(members, __path__=[])
        return made

    errors = ("ApiUsageException", "ValidationException", "OptimisticLockException", "LockTimeout")
    grid = module("omero.grid", Data=type("Data", (), {}))
    for name in _COLUMNS:
        grid.__dict__[f"{name}Column"] = _column(name)
    root = module("omero", grid=grid, **{name: type(name, (Exception,), {}) for name in errors})
    for name in ("RString", "RLong", "RInt", "RFloat"):
        root.__dict__[name] = object
    same = {name: (lambda value: value) for name in ("rfloat", "rlong", "rstring", "unwrap")}
    lock = {"lock": lambda *_, **__: None, "LOCK_NB": 0, "LOCK_EX": 0, "LockException": OSError}
    made = [
        root,
        grid,
        module("Ice", ObjectFactory=object),
        module("IceImport", load=lambda name: None),
        module("omero.clients"),
        module("omero.callbacks"),
        module("omero.rtypes", **same),
        module("omero.util"),
        module("omero.util.decorators", locked=lambda function: function),
        module("omero_ext"),
        module("omero_ext.path", path=_Path),
        module("portalocker", **lock),
    ]
    return {each.__name__: each for each in made}


def _column(name: str) -> type:
    def begin(self: Any, name: str = "Unknown", *_: Any) -> None:
        self.name, self.description, self.values, self.size = name, "", None, 1
        for part in ("imageId", "theZ", "theT", "x", "y", "w", "h", "bytes"):
            setattr(self, part, None)

    identity = classmethod(lambda _: f"::omero::grid::{name}Column")
    return type(f"{name}Column", (), {"__init__": begin, "ice_staticId": identity})


class OmeroStorage:
    """OMERO's `HdfStorage` and its column classes."""

    def __init__(self, columns: Any, storage: Any) -> None:
        self.columns = columns
        self._storage = storage
        factories = {each.id: each.f for each in columns.ObjectFactories.values()}
        create = types.SimpleNamespace
        communicator = create(
            findObjectFactory=lambda kind: create(create=lambda _: factories[kind]())
        )
        adapter = create(getCommunicator=lambda: communicator)
        self.current = create(adapter=adapter, ctx={})

    @contextmanager
    def open(self, path: Path) -> Iterator[Any]:
        """The file, opened for reading and writing as OMERO's server does."""
        storage = self._storage.HdfStorage(str(path), threading.RLock())
        try:
            yield storage
        finally:
            storage.cleanup()

    def read(self, storage: Any) -> dict[str, Any]:
        """All values by column."""
        rows = list(range(storage.rows()))
        data = storage.readCoordinates(storage._stamp, rows, self.current)
        return {column.name: column.values for column in data.columns}


@pytest.fixture
def omero_storage(monkeypatch: pytest.MonkeyPatch) -> OmeroStorage:
    """OMERO's own code; the test is skipped where omero-py is not installed."""
    found = importlib.util.find_spec("omero")
    folders = found.submodule_search_locations if found else None
    if not folders or not Path(folders[0], "hdfstorageV2.py").is_file():
        pytest.skip("omero-py is not installed: pip install --no-deps omero-py")
    for name, module in _stubs().items():
        monkeypatch.setitem(sys.modules, name, module)
    made = []
    for name in ("columns", "hdfstorageV2"):
        spec = importlib.util.spec_from_file_location(
            f"omero.{name}", Path(folders[0], f"{name}.py")
        )
        assert spec is not None and spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        monkeypatch.setitem(sys.modules, f"omero.{name}", module)
        spec.loader.exec_module(module)
        made.append(module)
    return OmeroStorage(*made)
