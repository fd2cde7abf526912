"""What ilastik exported, read as an `Output`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import pandas as pd

from ..confined import Confined, frame_from_bytes
from ..contract import LabelStack, NewPixels, Output, StoredImage
from ..records import ImageSet, SetFile
from ..stacks import most_probable, read_picture, read_stack
from ..text_tables import text_table
from .centres import check_centres, class_names
from .files import Found, Group, Lane, Table
from .tracks import tracks

__all__ = ["IlastikOutput"]


class IlastikOutput(Output):
    """Tables of objects, segmentations, probabilities and projects.

    A row is object `labelimage_oid` at time `timestep` of the label image; `object_id` merely
    counts rows.  Centres `_0`, `_1`, `_2` are x, y, z.
    """

    program = "ilastik"

    def __init__(self, found: Found, confined: Confined) -> None:
        self._confined = confined
        self._projects = found.projects
        self._notes = list(found.notes)
        lanes = [lane for project in found.projects for lane in project.lanes]
        groups = found.groups or [Group(lane.nicknames[0]) for lane in lanes if lane.nicknames]
        groups = groups or [Group(project.path.stem) for project in found.projects[:1]]
        self._groups = dict(enumerate(groups, 1))
        self._frames: dict[int, list[tuple[str, pd.DataFrame]]] = {}

    @property
    def version(self) -> str:
        """ilastik's version as the project names it; exported files do not."""
        versions = {project.version for project in self._projects}
        return versions.pop() if len(versions) == 1 else ""

    @property
    def notes(self) -> tuple[str, ...]:
        """One line for each file that was skipped."""
        return tuple(self._notes)

    def kept_files(self, number: int) -> tuple[Path, ...]:
        """The project, or those that name this input."""
        if len(self._projects) == 1:
            return (self._projects[0].path,)
        group = self._groups[number]
        return tuple(one.path for one in self._projects if any(_is_of(x, group) for x in one.lanes))

    @property
    def files(self) -> tuple[Path, ...]:
        """The exported files."""
        return tuple(dict.fromkeys(path for group in self._groups.values() for path in group.paths))

    @property
    def image_sets(self) -> tuple[ImageSet, ...]:
        """One for each nickname, with the input that a project names for it."""
        return tuple(self._image_set(number, group) for number, group in self._groups.items())

    @property
    def may_be_one_image(self) -> bool:
        """Whether no kind of result occurs twice."""
        kinds = [kind for group in self._groups.values() for kind in group.kinds]
        return len(kinds) == len(set(kinds))

    def parameters(self, number: int) -> Mapping[str, str]:
        """The workflow and when the project was saved."""
        kept = self.kept_files(number)
        project = next((one for one in self._projects if (one.path,) == kept), None)
        if project is None:
            return {}
        return {"workflow": project.workflow, "project saved": project.saved}

    def tables(self, number: int) -> Iterator[tuple[str, pd.DataFrame]]:
        """Objects and divisions as they are, and for tracked objects a row for each track."""
        read = self._tables(number)
        yield from read
        for title, frame in read:
            found = tracks(frame) if title == "Objects" else None
            if found is not None:
                yield "Tracks", found

    def labels(self, number: int, image: StoredImage) -> Iterator[LabelStack]:
        """Segmentations, predictions and identities, checked against the table's centres."""
        group = self._groups[number]
        objects = self._objects(number)
        for is_class, arrays in ((False, group.labels), (True, group.classes)):
            for title, array in arrays:
                labels = read_stack(array, image, self._confined)
                of_objects = not is_class or title.startswith("object prediction")
                if objects is not None and of_objects and image.placement is None:
                    check_centres(objects, labels, str(array), is_class, array.axes)
                # A table finds its labels by their common name.
                name = "Objects" if title == "object identities" else title.capitalize()
                yield LabelStack(name, labels, image.placement)
        for title, array in group.pictures if image.overlay else ():
            picture = read_picture(array, image, self._confined)
            if picture.shape[1] > 1:
                yield LabelStack(title.capitalize(), most_probable(picture), image.placement)

    def pictures(self, number: int, image: StoredImage) -> Iterator[NewPixels]:
        """Probabilities and other maps, a channel for each class; an overlay is none."""
        for title, array in self._groups[number].pictures:
            picture = read_picture(array, image, self._confined)
            if image.overlay and picture.shape[1] > 1:
                continue
            names = self._channels(number, title, int(picture.shape[1]))
            yield NewPixels(f"{image.name} {title}"[:255], picture, names)

    def _image_set(self, number: int, group: Group) -> ImageSet:
        lane = self._lane(group)
        nicknames = [group.nickname]
        if "-" in group.nickname:
            # Behind the last dash stands the path inside of an HDF5 file, perhaps.
            nicknames.append(group.nickname.rpartition("-")[0])
        files: tuple[SetFile, ...] = ()
        if lane is not None and lane.file:
            files = (SetFile(channel="Raw Data", name=lane.file, folder=lane.folder),)
            nicknames.append(lane.file)
        return ImageSet(number=number, files=files, names=tuple(dict.fromkeys(nicknames)))

    def _lane(self, group: Group) -> Lane | None:
        lanes = [lane for project in self._projects for lane in project.lanes]
        named = next((lane for lane in lanes if _is_of(lane, group)), None)
        return lanes[0] if named is None and len(lanes) == len(self._groups) == 1 else named

    def _tables(self, number: int) -> list[tuple[str, pd.DataFrame]]:
        if number not in self._frames:
            self._frames[number] = [
                (table.title, self._read(table)) for table in self._groups[number].tables
            ]
        return self._frames[number]

    def _read(self, table: Table) -> pd.DataFrame:
        if not table.dataset:
            return text_table(table.path, table.delimiter, self._confined)
        function = "omero_jlab.results.ilastik.reading:read_records"
        return frame_from_bytes(self._confined(function, table.path, table.dataset))

    def _objects(self, number: int) -> pd.DataFrame | None:
        """The table whose rows are the objects of the label images of image set `number`."""
        numbers = list(self._groups) if self.may_be_one_image else [number]
        for one in sorted(numbers, key=lambda n: n != number):
            for title, frame in self._tables(one):
                if title == "Objects":
                    return frame
        return None

    def _channels(self, number: int, title: str, count: int) -> tuple[str, ...]:
        objects = self._objects(number)
        known = [names for project in self._projects for names in project.class_names]
        if objects is not None and title.startswith("object"):
            known.insert(0, class_names(objects))
        fitting = next((names for names in known if len(names) == count), None)
        if fitting is not None:
            return fitting
        if count == 1:
            return (title.capitalize(),)
        return tuple(f"Class {i}" for i in range(1, count + 1))


def _is_of(lane: Lane, group: Group) -> bool:
    """Whether an input of a project has the name of the exported files."""
    called = {name.casefold() for name in lane.nicknames}
    return group.nickname.casefold() in called | {name.rpartition("-")[0] for name in called}
