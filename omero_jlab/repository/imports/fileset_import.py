"""One fileset on its way in, stage by stage; it comes whole or not at all."""

from __future__ import annotations

import base64
import logging
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from ...database import FileRow, FilesetRow, ImageRow
from ...errors import OmeroError, Unreadable
from ...formats import Contents, Plan
from ...model import ImportOptions, ImportRequest
from ...model.chunks import ChunkIndex
from ...pixels import PixelReader
from ...storage import Copied, ImportOccasion, Stage, make_folders, write_file
from ..intents import Intended, intending
from ..jobs.jobs import new_job, submit_job
from ..jobs.progress import Progress
from ..places import image_place
from ..plates import settle_positions
from ..readers import INDEX, PROFILE
from ..save import settle_dataset
from ..work import Work, Writing
from .described import annotate_images, image_name, image_values, main_path
from .foreign import read_fileset, transcode_fileset
from .import_log import ImportLog, log_place
from .stored_names import StoredNames
from .transfer import Transfer

__all__ = ["FilesetImport", "Imported"]

log = logging.getLogger(__name__)

# Stage and file; whoever holds the whole import knows how far that is.
Tell = Callable[[str, str], None]


@dataclass(frozen=True)
class Imported:
    """What became of one fileset, and how many bytes were brought."""

    fileset_id: int
    image_ids: tuple[int, ...]
    plate_ids: tuple[int, ...] = ()
    dataset_ids: tuple[int, ...] = ()
    size: int = 0


@dataclass
class _Staged:
    """What lies in the stages: files as they came, indexes and rows of the images."""

    contents: Contents
    files: list[tuple[str, Copied]] = field(default_factory=list)
    indexes: list[ChunkIndex] = field(default_factory=list)
    rows: list[dict[str, Any]] = field(default_factory=list)


class FilesetImport:
    """The import of one fileset.

    Parameters
    ----------
    session : whose the images will be
    request : what was asked for, with checksums from the client
    plan : the fileset
    progress : of the job; it notes the fileset together with its rows
    tell : called with the name of each stage, and the file or image that it is at
    count : called with the bytes of each block that was brought
    """

    def __init__(
        self,
        session: Work,
        request: ImportRequest,
        plan: Plan,
        progress: Progress,
        tell: Tell,
        count: Callable[[int], None],
    ) -> None:
        self._session = session
        self._store = session.store
        self._request = request
        self._options: ImportOptions = request.options_of(main_path(plan))
        self._plan = plan
        self._progress = progress
        self._tell = tell
        self._count = count
        self._names = StoredNames(plan, session.store.path_rules)
        self._log = ImportLog()

    def run(self) -> Imported:
        """Bring the fileset; when this returns, nothing of it can be lost.

        Raises
        ------
        Unreadable
            A file is damaged, was changed meanwhile, or is not what the client sent.
        Full, Unavailable
            The disk of the repository is full, or failed.
        """
        plan, layout = self._plan, self._store.layout
        self._tell("sniff", plan.name)
        contents = read_fileset(self._store.workers, plan)
        count = len(contents.images)
        self._log.say("sniff", f"{plan.format}, {len(plan.files)} files, {count} images")
        with ExitStack() as stack:
            intended, folder = self._claim(stack, count)
            files = stack.enter_context(Stage(layout.staging(layout.managed)))
            pixels = stack.enter_context(Stage(layout.staging(layout.pixels)))
            transfer = stack.enter_context(
                Transfer(self._session, plan, self._options, self._request.checksums)
            )
            if self._names.changed and transfer.mode == "symlink":
                raise self._names.refused(plan)
            staged = _Staged(self._names.contents(contents))
            self._bring(staged, transfer, files.path)
            self._verify(staged)
            self._index(staged, transfer, files.path, pixels.path)
            self._describe(staged, transfer, files.path, pixels.path)
            self._tell("settle", plan.name)
            files.publish(layout.managed / folder)
            self._log.say("settle", f"{folder}, images {_few(intended.ids)}")
            write_file(layout.managed / log_place(folder), bytes(self._log))
            for i, image_id in enumerate(intended.ids):
                one = stack.enter_context(Stage(layout.staging(layout.pixels)))
                for each in sorted((pixels.path / str(i)).iterdir()):
                    each.rename(one.path / each.name)
                one.publish(layout.root / image_place(image_id))
            imported, pyramid_job = self._settle(staged, transfer, folder, intended)
        try:
            transfer.finish()
        except OmeroError as error:
            # The fileset has come; what is left of this, the next opening does.
            log.warning("after the import of %s: %s", plan.name, error)
        if pyramid_job is not None:
            submit_job(self._session, "pyramid", pyramid_job)
        return imported

    def _claim(self, stack: ExitStack, count: int) -> tuple[Intended, str]:
        """Ids for the images, and a new folder: both are named in an intent beforehand."""
        store = self._store
        access = self._session.access
        actor = access.actor
        occasion = ImportOccasion(
            user=actor.user_name,
            user_id=actor.user_id,
            group=actor.group_name,
            group_id=actor.group_id,
            permissions=access.group_types[actor.group_id].value,
            when=datetime.now(),
            files=self._plan.files,
        )
        managed = store.layout.managed
        # One at a time: a path is free until the folder is there.
        with store.claiming:
            folder = store.template.free(managed, occasion)
            place = f"{managed.name}/{folder}"

            def paths(ids: list[int]) -> Sequence[str]:
                return [place, log_place(place), *(image_place(i) for i in ids)]

            intended = stack.enter_context(intending(store, "import", paths, ImageRow, count))
            make_folders(managed / folder)
        return intended, str(folder)

    def _bring(self, staged: _Staged, transfer: Transfer, folder: Path) -> None:
        for file in self._plan.files:
            self._tell("copy", file)
            stored = self._names[file]
            make_folders((folder / stored).parent)
            copied = transfer.bring(file, folder / stored, self._count)
            staged.files.append((file, copied))
            checksums = ", ".join(f"{name} {digest}" for name, digest in _digests(copied).items())
            source = self._plan.root / file
            self._log.say(transfer.name, f"{source} -> {stored}, {copied.size} bytes, {checksums}")

    def _verify(self, staged: _Staged) -> None:
        """Hold the files that came against those that were read."""
        self._tell("verify", self._plan.name)
        indexed = {
            entry.path: entry
            for index in staged.contents.indexes
            if index is not None
            for entry in index.header.files
            if entry.root == "fileset"
        }
        for file, copied in staged.files:
            entry = indexed.get(self._names[file])
            if entry is not None and (entry.size, entry.mtime_ns) != (copied.size, copied.mtime_ns):
                raise Unreadable(f"{file} was changed while it was imported: import it again.")
        checksums = self._request.checksums
        told = sum(str(self._plan.root / file) in checksums for file, _ in staged.files)
        whose = f"{told} as the client computed them" if told else "none from the client"
        self._log.say("verify", f"checksums of {len(staged.files)} files, {whose}")

    def _index(self, staged: _Staged, transfer: Transfer, files: Path, pixels: Path) -> None:
        """Write every image's index, and the pixels of those that the server cannot decode."""
        for i in range(len(staged.contents.images)):
            make_folders(pixels / str(i))
        self._tell("index", self._plan.name)
        transcoded = not staged.contents.complete
        if transcoded:
            made = pixels / "transcoded"
            make_folders(made)
            staged.contents = self._transcoded(transfer.reads_from(files), made)
        for i, index in enumerate(staged.contents.indexes):
            assert index is not None
            tops = {e.path.split("/", 1)[0] for e in index.header.files if e.root == "pixels"}
            for top in sorted(tops):
                (pixels / "transcoded" / top).rename(pixels / str(i) / top)
            write_file(pixels / str(i) / INDEX, index.to_bytes())
            icc = staged.contents.images[i].icc
            if icc:
                write_file(pixels / str(i) / PROFILE, base64.b64decode(icc))
            staged.indexes.append(index)
        how = "pixels converted to Zarr" if transcoded else "pixels stay where they are"
        self._log.say("index", f"{len(staged.indexes)} images, {how}")

    def _transcoded(self, files: Path, made: Path) -> Contents:
        try:
            return transcode_fileset(self._store.workers, self._names.plan(self._plan), files, made)
        except Unreadable as error:
            if self._names.changed:
                raise self._names.refused(self._plan) from error
            raise

    def _describe(self, staged: _Staged, transfer: Transfer, files: Path, pixels: Path) -> None:
        roots = {"fileset": transfer.reads_from(files)}
        for i, index in enumerate(staged.indexes):
            found = staged.contents.images[i]
            name = image_name(self._request, self._plan, found, len(staged.indexes))
            self._tell("metadata", name)
            reader = PixelReader(index, roots | {"pixels": pixels / str(i)})
            try:
                staged.rows.append(
                    image_values(self._plan, self._options, found, name, index, reader)
                )
            finally:
                reader.close()
            t, c, z, y, x, s = index.header.levels[0].shape
            self._log.say("metadata", f"{name}, TCZYX {t} x {c * s} x {z} x {y} x {x}")

    def _settle(
        self, staged: _Staged, transfer: Transfer, folder: str, intended: Intended
    ) -> tuple[Imported, int | None]:
        """Write the rows; the import is acknowledged with them.  Answers a job's id too."""
        plan = self._plan
        pyramid_job = None
        with self._session.writing() as unit:
            fileset = unit.new(
                FilesetRow(
                    name=plan.name,
                    format=plan.format,
                    folder=folder,
                    transfer=transfer.name,
                    job_id=self._progress.job_id,
                    source=str(main_path(plan)),
                )
            )
            for file, copied in staged.files:
                unit.new(self._file_row(fileset, folder, file, copied, transfer))
            for image_id, values in zip(intended.ids, staged.rows, strict=True):
                unit.new(ImageRow(id=image_id, fileset_id=fileset.id, **values))
            plates, dataset = self._place(unit, staged.contents, intended.ids)
            annotate_images(unit, intended.ids, self._options)
            wanted = [
                image_id
                for image_id, values in zip(intended.ids, staged.rows, strict=True)
                if values["pyramid"] == "wanted"
            ]
            if wanted:
                actor = unit.access.actor
                arguments = {"image_ids": wanted}
                row = new_job(unit.db, "pyramid", actor.user_id, actor.group_id, arguments)
                pyramid_job = row.id
            self._progress.got_on(unit.db)
            transfer.settle(unit.db, folder, self._names)
            intended.end(unit.db)
        size = sum(copied.size for _, copied in staged.files) if transfer.copies else 0
        return Imported(fileset.id, tuple(intended.ids), plates, dataset, size), pyramid_job

    def _file_row(
        self, fileset: FilesetRow, folder: str, file: str, copied: Copied, transfer: Transfer
    ) -> FileRow:
        return FileRow(
            fileset_id=fileset.id,
            name=Path(file).name,
            client_path=str(self._plan.root / file),
            path=f"{self._store.layout.managed.name}/{folder}/{self._names[file]}",
            size=copied.size,
            sha256=copied.sha256,
            md5=copied.md5,
            mtime_ns=copied.mtime_ns,
            mimetype="image/tiff"
            if "tif" in Path(file).suffix.lower()
            else "application/octet-stream",
            **transfer.hash_columns(copied),
        )

    def _place(
        self, unit: Writing, contents: Contents, image_ids: Sequence[int]
    ) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Put the images into their plates and datasets; answers the ids of those."""
        options = self._options
        plates: tuple[int, ...] = ()
        positions = [image.position for image in contents.images]
        placed = [(i, p) for i, p in zip(image_ids, positions, strict=True) if p is not None]
        if placed:
            default = options.plate or self._plan.root.name
            plates = tuple(settle_positions(unit, placed, default, options.screen, options.plate))
        loose = [i for i, p in zip(image_ids, positions, strict=True) if p is None]
        dataset = settle_dataset(unit, loose, options.dataset, options.project) if loose else None
        return plates, () if dataset is None else (dataset,)


def _digests(copied: Copied) -> dict[str, str]:
    return {"SHA-256": copied.sha256} | {
        name: digest for name, digest in copied.digests.items() if name != "SHA-256"
    }


def _few(ids: Sequence[int]) -> str:
    return str(ids[0]) if len(ids) == 1 else f"{ids[0]} to {ids[-1]}"
