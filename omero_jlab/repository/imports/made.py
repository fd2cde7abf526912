"""Tables, labels, regions and images of an output as they are written, and taken away again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from ...model import FileAnnotation, LinkTarget, Provenance
from ...results import NewPixels, Output, Regions
from ..many import NewLabels, NewTable, add_many
from .attached_before import OUTPUT
from .prepared import Prepared

__all__ = ["Made", "namespace_of"]

_PIPELINE = "omero-jlab/results/pipeline"
_SOURCE = "omero-jlab/results/source"
_ROI = "Roi"
# So much is written at once: other writers wait no longer than for that.
_MOST = 200
_MOST_BYTES = 256 << 20


def namespace_of(output: Output) -> str:
    """The namespace of the tables of a program."""
    return f"omero-jlab/results/{output.program.lower()}"


class Made:
    """What was written so far.

    Tables, label images and links wait until there are many, or until `flush`.
    """

    def __init__(self, session: Any, output: Output, digest: str) -> None:
        self._session = session
        self._output = output
        self._digest = digest
        self._tables: list[int] = []
        self._labels: list[int] = []
        self._files: dict[Path, FileAnnotation] = {}
        self._images: list[int] = []
        self._rois: list[int] = []
        self._rows = 0
        self._new_tables: list[NewTable] = []
        self._new_labels: list[NewLabels] = []
        self._new_links: list[tuple[int, int]] = []
        self._linked: set[tuple[int, int]] = set()
        self._waiting_bytes = 0

    def told(self) -> dict[str, Any]:
        """What a report says of it."""
        return {
            "table_ids": tuple(self._tables),
            "labels_ids": tuple(self._labels),
            "file_ids": tuple(one.id for one in self._files.values()),
            "image_ids": tuple(self._images),
            "rois": len(self._rois),
            "rows": self._rows,
        }

    def attach(self, ready: Prepared) -> None:
        """Write what belongs to one image."""
        image_id = ready.image.id
        kept = [self._keep_text(image_id, *one) for one in self._output.kept_texts.items()]
        kept += [self._keep(image_id, path) for path in self._output.kept_files(ready.number)]
        provenance = self._provenance(ready, kept)
        for name, frame in ready.tables:
            self._add_table(image_id, name, frame, provenance)
        for one in ready.labels:
            self._new_labels.append(
                NewLabels(image_id, one.name, one.labels, one.placement, provenance)
            )
        for group in ready.regions:
            self._add_regions(image_id, group, provenance)
        for picture in ready.pictures:
            self._add_picture(ready, picture)
        self._waiting_bytes += ready.nbytes
        waiting = len(self._new_tables) + len(self._new_labels) + len(self._new_links)
        if waiting >= _MOST or self._waiting_bytes >= _MOST_BYTES:
            self.flush()

    def flush(self) -> None:
        """Write what waits."""
        tables, labels, links = self._new_tables, self._new_labels, self._new_links
        self._new_tables, self._new_labels, self._new_links = [], [], []
        self._waiting_bytes = 0
        if tables or labels or links:
            added = add_many(self._session, tables, labels, links)
            self._tables += added.table_ids
            self._labels += added.labels_ids

    def undo(self) -> None:
        """Take everything away again."""
        files = [one.id for one in self._files.values()]
        for annotation_id in (*self._tables, *self._labels, *files):
            self._session.annotations.remove(annotation_id)
        for roi_id in self._rois:
            self._session.shapes.remove(roi_id)
        for image_id in self._images:
            self._session.graph.delete("image", image_id)

    def _keep(self, image_id: int, path: Path) -> FileAnnotation:
        """A pipeline or project, attached to the image; it is stored once."""
        known = self._files.get(path)
        if known is None:
            attached = self._session.add_file("image", image_id, path, None, _PIPELINE)
            self._files[path] = known = attached.annotation
            self._linked.add((image_id, known.id))
        link = (image_id, known.id)
        if link not in self._linked:
            self._linked.add(link)
            self._new_links.append(link)
        return known

    def _keep_text(self, image_id: int, name: str, text: str) -> FileAnnotation:
        """The same of a pipeline that is only written down inside of another file."""
        if Path(name) in self._files:
            return self._keep(image_id, Path(name))
        with TemporaryDirectory() as folder:
            path = Path(folder) / name
            path.write_text(text, encoding="utf-8")
            self._files[Path(name)] = self._keep(image_id, path)
            return self._files.pop(path)

    def _add_table(
        self,
        image_id: int,
        name: str,
        frame: Any,
        provenance: Provenance,
        links: Mapping[str, LinkTarget] | None = None,
    ) -> None:
        description = f"{self._output.program} {self._output.version}".strip()
        self._new_tables.append(
            NewTable(
                image_id,
                name,
                frame,
                namespace_of(self._output),
                description,
                dict(links or {}),
                provenance,
            )
        )
        self._rows += len(frame)

    def _add_regions(self, image_id: int, group: Regions, provenance: Provenance) -> None:
        ids = self._session.shapes.add_many(image_id, group.rois, group.name)
        self._rois += ids
        if group.measured is not None:
            frame = group.measured.copy()
            frame.insert(0, _ROI, list(ids))
            self._add_table(image_id, group.name, frame, provenance, {_ROI: "roi"})

    def _add_picture(self, ready: Prepared, picture: NewPixels) -> None:
        source = ready.image
        image = self._session.add_image(
            picture.pixels, picture.name, like=source.id, channels=picture.channels
        )
        self._images.append(image.id)
        for parent in self._session.browse.parents("image", source.id):
            if parent.kind == "dataset":
                self._session.graph.link("dataset", parent.id, "image", image.id)
        pairs = (
            ("Source image", str(source.id)),
            ("Source name", source.name),
            ("Program", f"{self._output.program} {self._output.version}".strip()),
        )
        self._session.annotations.add_key_values("image", image.id, pairs, _SOURCE)

    def _provenance(self, ready: Prepared, kept: Sequence[FileAnnotation]) -> Provenance:
        told = {OUTPUT: self._digest} if self._digest else {}
        return Provenance(
            program=self._output.program,
            version=self._output.version,
            pipeline=kept[0].name if kept else "",
            pipeline_file_id=kept[0].file_id if kept else None,
            parameters={**self._output.parameters(ready.number), **told},
            image_ids=(ready.image.id,),
            files=tuple(file.name for file in self._output.image_set(ready.number).files),
        )
