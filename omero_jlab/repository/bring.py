"""One import: each fileset is read in a worker, copied, indexed and put into its place.

A fileset comes whole or not at all; one that cannot be read is named with the reason, and the
others go in.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from ..database import FileRow, FilesetRow, ImageRow
from ..errors import OmeroError, Unavailable, Unreadable
from ..formats import Contents, Plan, Planned
from ..model import FoundImage, ImportFailure, ImportReport, ImportRequest
from ..model.chunks import ChunkIndex
from ..pixels import PixelReader, needs_pyramid
from ..storage import Copied, ImportOccasion, Stage, copy_hashed, make_folders, write_file
from .foreign import read_fileset, transcode_fileset
from .intents import Intended, intending
from .jobs import Cancelled, Progress
from .places import image_place
from .plates import settle_positions
from .readers import INDEX
from .render import Pictures
from .save import channels_of, levels_of, make_pyramid, settle_dataset
from .work import Writing

__all__ = ["Bringing"]

log = logging.getLogger(__name__)

_LEAST_PRINTED = 16 << 20


@dataclass
class _Brought:
    """A fileset that is staged: its folder, its copied files, its images' folders and indexes."""

    plan: Plan
    contents: Contents
    files: list[tuple[str, Copied]] = field(default_factory=list)
    indexes: list[ChunkIndex] = field(default_factory=list)


class Bringing:
    """An import under way."""

    def __init__(
        self, session: Pictures, request: ImportRequest, progress: Progress, total: int
    ) -> None:
        self._session = session
        self._store = session.store
        self._request = request
        self._progress = progress
        self._total = total
        self._copied = 0
        self._told = 0
        self._images: list[int] = []
        self._filesets: list[int] = []
        self._plates: dict[int, None] = {}
        self._datasets: dict[int, None] = {}
        self._failed: list[ImportFailure] = []

    def run(self, planned: Planned) -> ImportReport:
        """Import every fileset; the report names what was made and what failed."""
        self._failed += planned.failed
        for plan in planned.plans:
            self._tell(f"importing {plan.name}", always=True)
            try:
                self._bring(plan)
            except Cancelled:
                raise
            except Unavailable as error:
                self._store.disk_failed(error)
                raise
            except (OmeroError, OSError) as error:
                self._fail(plan, _one_line(error))
            except Exception as error:
                # The border of this fileset's work: the others go in all the same.
                log.exception("the import of %s failed", plan.name)
                self._fail(plan, f"an unexpected {type(error).__name__}: {_one_line(error)}")
        return ImportReport(
            image_ids=tuple(self._images),
            fileset_ids=tuple(self._filesets),
            plate_ids=tuple(self._plates),
            dataset_ids=tuple(self._datasets),
            failed=tuple(self._failed),
            bytes_copied=self._copied,
        )

    def _fail(self, plan: Plan, reason: str) -> None:
        self._failed.append(ImportFailure(path=str(plan.root / plan.main), reason=reason))

    def _bring(self, plan: Plan) -> None:
        store = self._store
        layout = store.layout
        contents = read_fileset(store.workers, plan)
        access = self._session.access
        actor = access.actor
        occasion = ImportOccasion(
            user=actor.user_name,
            user_id=actor.user_id,
            group=actor.group_name,
            group_id=actor.group_id,
            permissions=access.group_types[actor.group_id].value,
            when=datetime.now(),
            files=plan.files,
        )
        count = len(contents.images)
        with ExitStack() as stack:
            folder = str(store.template.claim(layout.managed, occasion))
            managed = f"{layout.managed.name}/{folder}"

            def paths(ids: list[int]) -> Sequence[str]:
                return [managed, f"{managed}.log", *(image_place(i) for i in ids)]

            intended = stack.enter_context(intending(store, "import", paths, ImageRow, count))
            files = stack.enter_context(Stage(layout.staging(layout.managed)))
            pixels = stack.enter_context(Stage(layout.staging(layout.pixels)))
            brought = _Brought(plan, contents)
            brought.files = list(self._copy(plan, contents, files.path))
            self._index(brought, files.path, pixels.path)
            described = [
                self._described(brought, i, files.path, pixels.path / str(i)) for i in range(count)
            ]
            files.publish(layout.root / managed)
            write_file(layout.root / f"{managed}.log", self._log(brought).encode())
            for i, image_id in enumerate(intended.ids):
                one = stack.enter_context(Stage(layout.staging(layout.pixels)))
                for each in sorted((pixels.path / str(i)).iterdir()):
                    each.rename(one.path / each.name)
                one.publish(layout.root / image_place(image_id))
            self._settle(brought, folder, intended, described)
        for image_id, values in zip(intended.ids, described, strict=True):
            self._images.append(image_id)
            if values["pyramid"] == "wanted":
                store.jobs.submit(make_pyramid, store, image_id)
            else:
                self._draw(image_id)

    def _draw(self, image_id: int) -> None:
        """Draw the thumbnail; the image is there whether or not that can be done."""
        try:
            self._session.thumbnail(image_id)
        except (OmeroError, OSError) as error:
            log.warning("no thumbnail of image %s: %s", image_id, error)

    def _copy(self, plan: Plan, contents: Contents, folder: Path) -> Iterator[tuple[str, Copied]]:
        indexed = {
            entry.path: entry
            for index in contents.indexes
            if index is not None
            for entry in index.header.files
            if entry.root == "fileset"
        }
        for file in plan.files:
            target = folder / file
            make_folders(target.parent)
            copied = copy_hashed(plan.root / file, target, self._count)
            entry = indexed.get(file)
            if entry is not None and (entry.size, entry.mtime_ns) != (copied.size, copied.mtime_ns):
                raise Unreadable(f"{file} was changed while it was imported: import it again.")
            yield file, copied

    def _count(self, size: int) -> None:
        self._copied += size
        self._tell("copying")

    def _tell(self, message: str, always: bool = False) -> None:
        if always or self._copied - self._told > _LEAST_PRINTED:
            self._told = self._copied
            self._progress.tell(self._copied, self._total, message)

    def _index(self, brought: _Brought, files: Path, pixels: Path) -> None:
        """Write every image's index, and the pixels of those that the server cannot decode."""
        contents = brought.contents
        for i in range(len(contents.images)):
            make_folders(pixels / str(i))
        if not contents.complete:
            made = pixels / "transcoded"
            make_folders(made)
            contents = transcode_fileset(self._store.workers, brought.plan, files, made)
            brought.contents = contents
        for i, index in enumerate(contents.indexes):
            assert index is not None
            tops = {e.path.split("/", 1)[0] for e in index.header.files if e.root == "pixels"}
            for top in sorted(tops):
                (pixels / "transcoded" / top).rename(pixels / str(i) / top)
            write_file(pixels / str(i) / INDEX, index.to_bytes())
            brought.indexes.append(index)

    def _described(self, brought: _Brought, i: int, files: Path, pixels: Path) -> dict[str, Any]:
        found: FoundImage = brought.contents.images[i]
        index = brought.indexes[i]
        names = [channel.name or f"Channel {c}" for c, channel in enumerate(found.channels)]
        reader = PixelReader(index, {"fileset": files, "pixels": pixels})
        try:
            colors = [channel.color for channel in found.channels]
            channels = channels_of(reader, names, colors, found.is_rgb)
        finally:
            reader.close()
        for channel, told in zip(channels, found.channels, strict=True):
            channel["emission_nm"] = told.emission_nm
            channel["excitation_nm"] = told.excitation_nm
        return {
            "name": found.name,
            "description": found.description,
            "series": found.series,
            "format": brought.plan.format,
            "size_t": found.sizes.t,
            "size_c": found.sizes.c,
            "size_z": found.sizes.z,
            "size_y": found.sizes.y,
            "size_x": found.sizes.x,
            "dtype": found.dtype,
            "is_rgb": found.is_rgb,
            "channels": channels,
            "levels": levels_of(index),
            "pixel_size_x_um": found.pixel_size_x_um,
            "pixel_size_y_um": found.pixel_size_y_um,
            "pixel_size_z_um": found.pixel_size_z_um,
            "time_step_s": found.time_step_s,
            "acquired_at": found.acquired_at,
            "source_metadata": [list(pair) for pair in found.metadata],
            "pyramid": "wanted" if needs_pyramid(index) else "complete",
        }

    def _settle(
        self,
        brought: _Brought,
        folder: str,
        intended: Intended,
        described: Sequence[dict[str, Any]],
    ) -> None:
        with self._session.writing() as unit:
            fileset = unit.new(
                FilesetRow(name=brought.plan.name, format=brought.plan.format, folder=folder)
            )
            for file, copied in brought.files:
                unit.new(self._file_row(brought.plan, fileset, folder, file, copied))
            for image_id, values in zip(intended.ids, described, strict=True):
                unit.new(ImageRow(id=image_id, fileset_id=fileset.id, **values))
            self._place(unit, brought, intended.ids)
            intended.end(unit.db)
        self._filesets.append(fileset.id)

    def _file_row(
        self, plan: Plan, fileset: FilesetRow, folder: str, file: str, copied: Copied
    ) -> FileRow:
        return FileRow(
            fileset_id=fileset.id,
            name=Path(file).name,
            client_path=str(plan.root / file),
            path=f"{self._store.layout.managed.name}/{folder}/{file}",
            size=copied.size,
            sha256=copied.sha256,
            md5=copied.md5,
            mtime_ns=copied.mtime_ns,
            mimetype="image/tiff"
            if "tif" in Path(file).suffix.lower()
            else "application/octet-stream",
        )

    def _place(self, unit: Writing, brought: _Brought, image_ids: Sequence[int]) -> None:
        request = self._request
        positions = [image.position for image in brought.contents.images]
        placed = [(i, p) for i, p in zip(image_ids, positions, strict=True) if p is not None]
        if placed:
            default = request.plate or brought.plan.root.name
            for plate_id in settle_positions(unit, placed, default, request.screen, request.plate):
                self._plates[plate_id] = None
        loose = [i for i, p in zip(image_ids, positions, strict=True) if p is None]
        if loose:
            dataset_id = settle_dataset(unit, loose, request.dataset, request.project)
            if dataset_id is not None:
                self._datasets[dataset_id] = None

    def _log(self, brought: _Brought) -> str:
        lines = [f"format {brought.plan.format}, {len(brought.contents.images)} images"]
        for file, copied in brought.files:
            source = brought.plan.root / file
            lines.append(f"{source} -> {file} {copied.size} bytes sha256 {copied.sha256}")
        return "\n".join(lines) + "\n"


def _one_line(error: Exception) -> str:
    if isinstance(error, OSError) and not isinstance(error, OmeroError):
        return f"{os.strerror(error.errno or 0)}: {error.filename or ''}".strip(": ")
    return " ".join(str(error).split())
