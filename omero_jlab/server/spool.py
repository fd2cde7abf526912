"""A body that is being received: on the disk, never whole in memory."""

from __future__ import annotations

import itertools
import secrets
import struct
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from pydantic import BaseModel, ValidationError

from ..errors import Invalid
from ..remote.wire import ArrayForm
from ..storage import make_folders, writing

__all__ = ["Spool"]

M = TypeVar("M", bound=BaseModel)

_HEADER_LIMIT = 1 << 20


class Spool:
    """A file in `folder` that grows as a body arrives, and is read when it is whole."""

    def __init__(self, folder: Path) -> None:
        make_folders(folder)
        self.path = folder / f"{secrets.token_hex(16)}.part"
        self.offset = 0
        with writing(self.path):
            self._file = self.path.open("xb", buffering=0)

    def write(self, data: bytes) -> None:
        """Append what has arrived.

        Raises
        ------
        Full
            The disk has no room for it.
        """
        view = memoryview(data)
        with writing(self.path):
            while view:
                view = view[self._file.write(view) :]

    def header(self, model: type[M]) -> M:
        """What stands before the payload; afterwards `offset` is where the payload begins.

        Raises
        ------
        Invalid
            It is not what such an upload begins with.
        """
        self._file.close()
        with self.path.open("rb") as file:
            start = file.read(8)
            size = struct.unpack("<Q", start)[0] if len(start) == 8 else 0
            if not 0 < size <= _HEADER_LIMIT:
                raise Invalid("An upload begins with the length of its header in 8 bytes.")
            try:
                found = model.model_validate_json(file.read(size))
            except ValidationError as error:
                raise Invalid(f"The header of the upload is wrong: {error}") from None
        self.offset = 8 + size
        return found

    @property
    def size(self) -> int:
        """The payload's bytes."""
        return self.path.stat().st_size - self.offset

    def check_size(self, size: int) -> None:
        """Raise `Invalid` unless the payload has `size` bytes."""
        if self.size != size:
            raise Invalid(f"The upload says that it has {size} bytes and has {self.size}.")

    def array(self, form: ArrayForm) -> Any:
        """The array in the payload, without reading it; of several blocks, a dask array."""
        dtype = _number_type(form)
        self.check_size(form.nbytes)
        if form.nbytes == 0:
            return np.empty(form.shape, dtype)
        flat = np.memmap(self.path, dtype, "r", self.offset)
        if all(len(sizes) == 1 for sizes in form.chunks):
            return flat.reshape(form.shape)
        from dask.array.core import Array

        start, graph, name = 0, {}, f"upload-{self.path.stem}"
        for index in itertools.product(*(range(len(sizes)) for sizes in form.chunks)):
            shape = tuple(sizes[i] for sizes, i in zip(form.chunks, index, strict=True))
            count = int(np.prod(shape))
            graph[name, *index] = flat[start : start + count].reshape(shape)
            start += count
        return Array(graph, name, form.chunks, dtype)

    def move(self, target: Path) -> None:
        """Put the payload at `target`, in place of what is there."""
        part = target.with_name(f"{self.path.stem}.moved")
        with writing(target):
            make_folders(target.parent)
            with self.path.open("rb") as source, part.open("xb") as file:
                source.seek(self.offset)
                while data := source.read(1 << 20):
                    file.write(data)
            try:
                part.replace(target)
            except OSError:
                part.unlink()
                raise

    def remove(self) -> None:
        """Forget what has arrived."""
        self._file.close()
        self.path.unlink(missing_ok=True)


def _number_type(form: ArrayForm) -> np.dtype[Any]:
    try:
        dtype = np.dtype(form.dtype)
    except (TypeError, ValueError):
        raise Invalid(f"{form.dtype!r} is no type of number.") from None
    if dtype.kind not in "biufc" or dtype != dtype.newbyteorder("<"):
        raise Invalid(f"An array is sent as little-endian numbers, not as {form.dtype!r}.")
    return dtype
