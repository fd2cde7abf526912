"""A table as a file of another program: OMERO.tables, Feather or Arrow."""

from __future__ import annotations

import errno
import os
import secrets
from collections.abc import Mapping
from pathlib import Path

import pandas
import pyarrow  # type: ignore[import-untyped]
import pyarrow.ipc  # type: ignore[import-untyped]

from ...errors import Full, Invalid, Unreadable
from ...model import Column
from ..reading.frames import arrow_schema
from .omero_file import Pages, write_omero

__all__ = ["EXPORTED", "export_table"]


def export_table(
    path: Path,
    columns: tuple[Column, ...],
    pages: Pages,
    metadata: Mapping[str, str | int | float | bool] | None = None,
    overwrite: bool = False,
) -> tuple[str, ...]:
    """Write a table to `path`, as its suffix says; answers a line for everything that was lost.

    `.h5` and `.hdf5` are OMERO.tables' own layout, `.feather` and `.arrow` are Arrow's.  The file
    is there as a whole or not at all.

    Raises
    ------
    Invalid
        The suffix is another, the file is there already, or the table does not fit the format.
    Full, Unreadable
        The disk is full, or failed.
    """
    suffix = path.suffix.lower()
    if suffix not in EXPORTED:
        raise Invalid(f"{path.name} names no format: it may end with {', '.join(EXPORTED)}.")
    if path.exists() and not overwrite:
        raise Invalid(f"{path} is there already: choose another name, or overwrite=True.")
    partial = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        if suffix in _OMERO:
            notes = write_omero(partial, columns, pages, metadata)
        else:
            notes = ()
            _write_arrow(partial, columns, pages)
        _publish(partial, path, overwrite)
    except FileExistsError:
        raise Invalid(f"{path} is there already: choose another name.") from None
    except (OSError, RuntimeError) as error:
        # What h5py makes of a failed write of its own metadata is a RuntimeError.
        if isinstance(error, Invalid | Full | Unreadable):
            raise
        number = getattr(error, "errno", None)
        text = f"{path} cannot be written: {error}"
        raise (Full(text) if number in _NO_ROOM else Unreadable(text)) from error
    finally:
        partial.unlink(missing_ok=True)
    return notes


def _publish(partial: Path, path: Path, overwrite: bool) -> None:
    handle = os.open(partial, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
    if overwrite:
        partial.replace(path)
        return
    try:
        os.link(partial, path)
    except FileExistsError:
        raise
    except OSError:
        # A file system without hard links.
        if path.exists():
            raise FileExistsError(str(path)) from None
        partial.replace(path)


def _batch(page: pandas.DataFrame, schema: pyarrow.Schema) -> pyarrow.Table:
    arrays = []
    for name, kind in zip(schema.names, schema.types, strict=True):
        values = page[name]
        if pyarrow.types.is_fixed_size_list(kind):
            flat = [None if v is None else v.reshape(-1).tolist() for v in values]
            arrays.append(pyarrow.array(flat, kind))
        else:
            # NaN is a number there, and null what is missing.
            plain = values.to_numpy() if values.dtype.kind == "f" else values
            masked = isinstance(values.dtype, pandas.api.extensions.ExtensionDtype)
            made = pyarrow.array(values if masked else plain, from_pandas=masked or None)
            arrays.append(made.cast(kind))
    return pyarrow.Table.from_arrays(arrays, schema=schema)


def _write_arrow(path: Path, columns: tuple[Column, ...], pages: Pages) -> None:
    schema = arrow_schema(columns, with_row_id=False)
    with pyarrow.ipc.new_file(path, schema) as writer:
        for page in pages(schema.names):
            writer.write_table(_batch(page, schema))


_NO_ROOM = (errno.ENOSPC, errno.EDQUOT)
_OMERO = (".h5", ".hdf5")
_ARROW = (".feather", ".arrow")
EXPORTED = (*_OMERO, *_ARROW)
"""How the names of exported files may end."""
