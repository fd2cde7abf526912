"""How much of the disk each user, group and project takes, and for what."""

from __future__ import annotations

import os
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import func, select

from ...database import (
    TARGET_COLUMNS,
    AnnotationLinkRow,
    AnnotationRow,
    DatasetImageRow,
    FileRow,
    FilesetRow,
    GroupRow,
    ImageRow,
    ProjectDatasetRow,
    ProjectRow,
    UserRow,
)
from ...model import FileKind, Kept, Usage, UsageBy
from ...storage import Layout, upload_mark, uploads_folder
from ..access import accounts
from ..guarded import GuardedSession
from ..places import image_place, labels_place, table_place
from ..state import State
from .holdings import thumbnails_place

__all__ = ["usage"]

_ANNOTATIONS: dict[str, FileKind] = {"labels": "labels", "table": "tables"}


@dataclass(frozen=True)
class _Whose:
    """To whom a place belongs: ids of user, group and project, and what lies there."""

    user: int | None = None
    group: int | None = None
    project: int | None = None
    kind: FileKind = "other"


_NOBODYS = _Whose()


def usage(state: State, by: UsageBy) -> tuple[Usage, ...]:
    """What each user, group or project keeps on the disk, or how much there is of each kind.

    Files are counted where they lie and by the owner, group and project of what they belong to;
    an image in several projects counts in the one that was made first.
    """
    with GuardedSession(state.engines.reader, None) as db:
        projects = _projects(db)
        places = dict(_places(db, state.layout, projects))
        users = {user.id: user.name for user in db.scalars(accounts(select(UserRow)))}
        names: dict[int, str] = {}
        if by == "user":
            names = users
        elif by == "group":
            names = {group.id: group.name for group in db.scalars(accounts(select(GroupRow)))}
        elif by == "project":
            names = dict(_rows(db, ProjectRow.id, ProjectRow.name))
        images = _images(db, by, projects)
    for user_id, name in users.items():
        places[upload_mark(name)] = _Whose(user=user_id, kind="uploads")
    sizes: dict[Any, Counter[FileKind]] = defaultdict(Counter)
    files: dict[Any, Counter[FileKind]] = defaultdict(Counter)
    for whose, size in _found(state.layout, places):
        key = getattr(whose, by)
        sizes[key][whose.kind] += size
        files[key][whose.kind] += 1
    return tuple(
        Usage(
            name=key if by == "kind" else names.get(key, ""),
            images=images[key],
            files=files[key].total(),
            size=sizes[key].total(),
            kept=tuple(
                Kept(kind=kind, files=count, size=sizes[key][kind])
                for kind, count in sorted(files[key].items())
            ),
        )
        for key in sorted({*files, *images}, key=lambda key: (-sizes[key].total(), str(key)))
    )


def _images(db: GuardedSession, by: UsageBy, projects: dict[int, int]) -> Counter[Any]:
    alive = ImageRow.deleted_at.is_(None)
    if by == "project":
        living = (image_id for (image_id,) in _rows(db, ImageRow.id, where=alive))
        return Counter(projects.get(image_id) for image_id in living)
    if by == "kind":
        return Counter({"originals": len(_rows(db, ImageRow.id, where=alive))})
    column = ImageRow.owner_id if by == "user" else ImageRow.group_id
    return Counter(dict(_rows(db, column, func.count(), where=alive, each=column)))


def _places(
    db: GuardedSession, layout: Layout, projects: dict[int, int]
) -> Iterator[tuple[str, _Whose]]:
    """Every place that rows name, relative to the root, and whose it is."""
    of_fileset: dict[int, int | None] = {}
    owned = (ImageRow.owner_id, ImageRow.group_id, ImageRow.deleted_at)
    for image_id, fileset_id, user, group, gone in _rows(
        db, ImageRow.id, ImageRow.fileset_id, *owned
    ):
        project = projects.get(image_id)
        of_fileset.setdefault(fileset_id, project)
        kinds: tuple[FileKind, FileKind] = ("pyramids", "thumbnails")
        places = (image_place(image_id), thumbnails_place(layout, image_id))
        for kind, place in zip(kinds, places, strict=True):
            yield place, _Whose(user, group, project, "trash" if gone else kind)
    owned = (FilesetRow.owner_id, FilesetRow.group_id, FilesetRow.deleted_at)
    for fileset_id, folder, user, group, gone in _rows(
        db, FilesetRow.id, FilesetRow.folder, *owned
    ):
        whose = _Whose(user, group, of_fileset.get(fileset_id), "trash" if gone else "originals")
        for place in (folder, f"{folder}.log"):
            yield f"{layout.managed.name}/{place}", whose
    hanging = _hanging(db, projects)
    owned = (AnnotationRow.owner_id, AnnotationRow.group_id, AnnotationRow.deleted_at)
    files = {}
    for number, what, file_id, image_id, user, group, gone in _rows(
        db,
        AnnotationRow.id,
        AnnotationRow.kind,
        AnnotationRow.file_id,
        AnnotationRow.image_id,
        *owned,
    ):
        project = hanging.get(number, projects.get(image_id))
        files[file_id] = project
        if what in _ANNOTATIONS:
            place = labels_place(number) if what == "labels" else table_place(number)
            yield place, _Whose(user, group, project, "trash" if gone else _ANNOTATIONS[what])
    owned = (FileRow.owner_id, FileRow.group_id, FileRow.deleted_at)
    attached = FileRow.fileset_id.is_(None)
    for number, path, user, group, gone in _rows(
        db, FileRow.id, FileRow.path, *owned, where=attached
    ):
        of_file = files.get(number)
        yield path, _Whose(user, group, of_file, "trash" if gone else "attachments")


def _projects(db: GuardedSession) -> dict[int, int]:
    """The first project of every image that lies in one."""
    of_dataset: dict[int, int] = {}
    links = _rows(db, ProjectDatasetRow.child_id, ProjectDatasetRow.parent_id)
    for dataset, project in sorted(links, key=lambda link: -link[1]):
        of_dataset[dataset] = project
    found: dict[int, int] = {}
    for image, dataset in _rows(db, DatasetImageRow.child_id, DatasetImageRow.parent_id):
        if dataset in of_dataset:
            found[image] = min(of_dataset[dataset], found.get(image, of_dataset[dataset]))
    return found


def _hanging(db: GuardedSession, projects: dict[int, int]) -> dict[int, int]:
    """The project of every annotation that hangs on one, on its datasets or its images."""
    of_dataset = dict(_rows(db, ProjectDatasetRow.child_id, ProjectDatasetRow.parent_id))
    columns = [
        getattr(AnnotationLinkRow, TARGET_COLUMNS[k]) for k in ("project", "dataset", "image")
    ]
    found: dict[int, int] = {}
    for annotation, project, dataset, image in _rows(db, AnnotationLinkRow.annotation_id, *columns):
        where = project or of_dataset.get(dataset) or projects.get(image)
        if where is not None:
            found[annotation] = min(where, found.get(annotation, where))
    return found


def _found(layout: Layout, places: dict[str, _Whose]) -> Iterator[tuple[_Whose, int]]:
    """Every file on the disk, as whose it is and how many bytes it has."""
    uploads = uploads_folder(layout)
    for top in (layout.managed, layout.pixels, layout.files, layout.thumbnails):
        quarantine = layout.quarantine(top)
        for folder, _, names in os.walk(top):
            whose = _at(Path(folder), layout, places)
            if Path(folder).is_relative_to(uploads):
                part = Path(folder).relative_to(uploads).parts[:1]
                mark = part[0].rpartition("-")[2] if part else ""
                whose = places.get(mark, _Whose(kind="uploads"))
            elif Path(folder).is_relative_to(quarantine):
                whose = _Whose(kind="quarantine")
            for name in names:
                path = Path(folder) / name
                try:
                    size = path.stat(follow_symlinks=False).st_size
                except FileNotFoundError:
                    continue
                own = places.get(path.relative_to(layout.root).as_posix())
                yield own or whose, size


def _at(folder: Path, layout: Layout, places: dict[str, _Whose]) -> _Whose:
    path = folder.relative_to(layout.root).as_posix()
    while path:
        if path in places:
            return places[path]
        path = path.rpartition("/")[0]
    return _NOBODYS


def _rows(db: GuardedSession, *columns: Any, where: Any = None, each: Any = None) -> list[Any]:
    statement = select(*columns)
    if where is not None:
        statement = statement.where(where)
    if each is not None:
        statement = statement.group_by(each)
    return list(db.execute(statement, execution_options={"unguarded": "jobs"}))
