"""What all objects in a notebook have in common: a record and the Session that it came from."""

from __future__ import annotations

import html
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Generic, TypeVar, cast

from ..errors import Invalid, NotFound
from ..model import (
    BULK_ANNOTATIONS,
    Attached,
    BulkmapReport,
    Comment,
    FileAnnotation,
    KeyValues,
    LinkTarget,
    NamespaceUse,
    Owned,
    Provenance,
    Rights,
    TableReport,
    Tag,
    TargetKind,
    Undeleted,
)
from ..operations import AnySession
from .exchange import bulkmap_from, deletemap_from, import_file, is_path, populate_from
from .files import AttachedFile
from .tables import Table, rows_of

__all__ = ["Thing"]

A = TypeVar("A")
R = TypeVar("R", bound=Owned)


class Thing(Generic[R]):
    """An object of the repository; `record` is what is known of it, as it was when it was read."""

    kind: ClassVar[TargetKind]

    def __init__(self, session: AnySession, record: R) -> None:
        self._session = session
        self.record = record

    @property
    def id(self) -> int:
        """The object's number, which is never given to another."""
        return self.record.id

    @property
    def name(self) -> str:
        """The object's name."""
        return str(getattr(self.record, "name", self.record.id))

    @property
    def description(self) -> str:
        """The object's description."""
        return str(getattr(self.record, "description", ""))

    @property
    def rights(self) -> Rights:
        """What you may do to it."""
        return self.record.rights

    def refresh(self) -> None:
        """Read the record again."""
        self.record = self._read()

    def _read(self) -> R:
        raise NotImplementedError

    def rename(self, name: str, description: str | None = None) -> None:
        """Give the object another name, and another description where one is given."""
        more = {} if description is None else {"description": description}
        graph = self._session.graph
        graph.update(self.kind, self.id, version=self.record.version, name=name, **more)
        self.refresh()

    def delete(self, contents: bool = False, now: bool = False) -> None:
        """Delete the object; with `contents`, also what lies in it and nowhere else.

        It can be brought back until the trash is emptied; with `now` it is gone for good, and
        its space is free.
        """
        self._session.graph.delete(self.kind, self.id, contents, now)

    def undelete(self) -> Undeleted:
        """Bring the object back after `delete`, with exactly what went with it.

        Raises
        ------
        NotFound
            It was not deleted by itself, or the trash was emptied.
        """
        for deletion in self._session.graph.deletions(limit=10_000):
            if (deletion.kind, deletion.object_id) == (self.kind, self.id):
                back = self._session.graph.undelete(deletion.id)
                self.refresh()
                return back
        raise NotFound(
            f"The trash holds no {self.kind} {self.id} that was deleted by itself: "
            "`repo.deletions` lists what can be brought back."
        )

    # -- annotations

    def annotations(self) -> tuple[Attached, ...]:
        """Everything that is attached, with its links."""
        return self._session.annotations.list(self.kind, self.id)

    @property
    def tags(self) -> list[str]:
        """The names of the object's tags."""
        return [a.name for a in self._of(Tag)]

    def tag(self, *names: str) -> None:
        """Tag the object."""
        for name in names:
            self._session.annotations.add_tag(self.kind, self.id, name)

    def untag(self, name: str) -> None:
        """Take a tag off the object; the tag stays on others."""
        for attached in self.annotations():
            if isinstance(attached.annotation, Tag) and attached.annotation.name == name:
                self._session.annotations.unlink(attached.link_id)
                return
        raise NotFound(f"{self.kind} {self.id} has no tag {name!r}; it has {self.tags}.")

    @property
    def key_values(self) -> dict[str, list[str]]:
        """The values of each key, in order."""
        values: dict[str, list[str]] = {}
        for annotation in self._of(KeyValues):
            for key, value in annotation.pairs:
                values.setdefault(key, []).append(value)
        return values

    def add_key_values(
        self, pairs: Mapping[str, object] | Iterable[tuple[str, object]]
    ) -> KeyValues:
        """Attach pairs of key and value; a list of pairs may repeat a key."""
        items = pairs.items() if isinstance(pairs, Mapping) else pairs
        given = tuple((str(key), str(value)) for key, value in items)
        attached = self._session.annotations.add_key_values(self.kind, self.id, given)
        return cast(KeyValues, attached.annotation)

    @property
    def comments(self) -> list[str]:
        """What was remarked."""
        return [a.text for a in self._of(Comment)]

    def add_comment(self, text: str) -> None:
        """Attach a remark."""
        self._session.annotations.add_comment(self.kind, self.id, text)

    @property
    def files(self) -> list[AttachedFile]:
        """The attached files."""
        return [AttachedFile(self._session, a) for a in self._of(FileAnnotation)]

    def attach_file(self, path: str | Path, name: str | None = None) -> AttachedFile:
        """Attach a file of this machine's disk."""
        attached = self._session.add_file(self.kind, self.id, Path(path), name)
        return AttachedFile(self._session, cast(FileAnnotation, attached.annotation))

    @property
    def tables(self) -> list[Table]:
        """The attached tables."""
        listed = self._session.tables.list(self.kind, self.id)
        return [Table(self._session, info) for info in listed]

    def table(self, name: str) -> Table:
        """The attached table of that name; the newest where there are several."""
        named = [table for table in self.tables if table.name == name]
        if not named:
            names = ", ".join(table.name for table in self.tables) or "none"
            raise NotFound(f"{self.kind} {self.id} has no table {name!r}; it has {names}.")
        return named[-1]

    def attach_table(
        self,
        frame: Any,
        name: str | None = None,
        description: str = "",
        *,
        namespace: str = BULK_ANNOTATIONS,
        units: Mapping[str, str] | None = None,
        descriptions: Mapping[str, str] | None = None,
        links: Mapping[str, LinkTarget] | None = None,
        metadata: Mapping[str, str | int | float | bool] | None = None,
        provenance: Provenance | None = None,
    ) -> Table:
        """Attach the rows of a `pandas.DataFrame` as a table; a named index comes first.

        `units` and `descriptions` are by column.  `links` says which columns hold ids of objects,
        ``{"Image": "image", "Well": "well"}``: each must be there and visible to you.

        Instead of a frame, a file of this machine may be given: OMERO.tables (`.h5`), CSV,
        Parquet or Feather; the table is then called as the file, where no name is given.
        """
        if is_path(frame):
            if units or descriptions or links or metadata or provenance:
                raise Invalid(
                    "units, descriptions, links, metadata and provenance are told of a DataFrame; "
                    "a file says its own: read it with pandas to tell more."
                )
            info = import_file(
                self._session, self.kind, self.id, frame, name, description, namespace=namespace
            )
            return Table(self._session, info)
        if name is None:
            raise Invalid("A table that is made of a DataFrame needs a name: name=…")
        rows = rows_of(frame)
        info = self._session.add_table(
            self.kind,
            self.id,
            name,
            rows,
            namespace=namespace,
            description=description,
            units=units,
            descriptions=descriptions,
            links=links,
            metadata=metadata,
            provenance=provenance,
        )
        return Table(self._session, info)

    def populate(
        self,
        path: str | Path,
        name: str | None = None,
        allow_nan: bool = False,
        keep_unresolved: bool = False,
        dry_run: bool = False,
        quiet: bool = False,
    ) -> TableReport:
        """Attach a CSV file of annotations, as `omero metadata populate` does.

        Its cells name images, wells, plates, datasets or ROIs of this object, in columns that are
        called so or that a first line `# header well,plate,s,d` tells; they become links.  A dry
        run lists the cells that name no one object, and attaches nothing.  Numbers of which one is
        missing are text, unless `allow_nan`.
        """
        report = populate_from(
            self._session,
            self.kind,
            self.id,
            path,
            name,
            allow_nan,
            keep_unresolved,
            dry_run,
            quiet,
        )
        if not quiet:
            print(report.as_text())
        return report

    def bulkmap(
        self,
        config: str | Path | Mapping[str, Any],
        table: Table | int | None = None,
        namespaces: Iterable[str] | None = None,
        dry_run: bool = False,
        quiet: bool = False,
    ) -> BulkmapReport:
        """Attach key-values to the images and wells that a bulk annotation table names.

        `config` is a YAML file as `omero metadata populate --context bulkmap` takes it, or the
        same as a dict.  Without `table` it is the newest such table of this object.
        """
        number = table.id if isinstance(table, Table) else table
        report = bulkmap_from(
            self._session, self.kind, self.id, config, number, namespaces, dry_run, quiet
        )
        if not quiet:
            print(report.as_text())
        return report

    def deletemap(
        self,
        config: str | Path | Mapping[str, Any] | None = None,
        namespaces: Iterable[str] | None = None,
        dry_run: bool = False,
        quiet: bool = False,
    ) -> BulkmapReport:
        """Take key-values off this object and all that lies in it; what hangs nowhere else goes.

        It is those of `namespaces`, or of the namespaces in `config`, or of OMERO's for bulk
        annotations.
        """
        report = deletemap_from(
            self._session, self.kind, self.id, config, namespaces, dry_run, quiet
        )
        if not quiet:
            print(report.as_text())
        return report

    @property
    def key_value_namespaces(self) -> tuple[NamespaceUse, ...]:
        """The namespaces of key-values on this object and on all that lies in it."""
        return self._session.exchange.namespaces(self.kind, self.id)

    def _of(self, kind: type[A]) -> list[A]:
        found = (attached.annotation for attached in self.annotations())
        return [annotation for annotation in found if isinstance(annotation, kind)]

    # -- how it shows itself

    def _facts(self) -> Sequence[tuple[str, str]]:
        """What the object's picture in a notebook says of it."""
        return [("description", self.description)] if self.description else []

    def __repr__(self) -> str:
        facts = ", ".join(value for _, value in self._facts())
        return f"<{type(self).__name__} {self.id} {self.name!r}{': ' if facts else ''}{facts}>"

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><th style='text-align:left'>{html.escape(name)}</th>"
            f"<td style='text-align:left'>{html.escape(value)}</td></tr>"
            for name, value in self._facts()
        )
        title = f"{type(self).__name__} {self.id}: {html.escape(self.name)}"
        return f"<div><strong>{title}</strong><table>{rows}</table></div>"
