"""Key-values that were made of a table's rows."""

from __future__ import annotations

from typing import Literal

from .record import Record

__all__ = ["BulkmapReport", "MadePairs", "NamespaceUse"]


class NamespaceUse(Record):
    """How many key-values of a namespace there are, and on how many objects they hang."""

    namespace: str
    annotations: int
    links: int


class MadePairs(Record):
    """Key-values as they are attached, and the first of the objects that get them."""

    namespace: str
    pairs: tuple[tuple[str, str], ...]
    targets: tuple[str, ...]


class BulkmapReport(Record):
    """What was attached or taken off, or would be after a dry run.

    `annotations` and `links` count what is new, or what went; `reused` counts key-values that were
    there and are one by their primary keys.  `shown` has the first few.
    """

    kind: Literal["bulkmap"] = "bulkmap"
    removed: bool = False
    dry_run: bool = False
    table_id: int | None = None
    annotations: int = 0
    reused: int = 0
    links: int = 0
    namespaces: tuple[NamespaceUse, ...] = ()
    shown: tuple[MadePairs, ...] = ()
    notes: tuple[str, ...] = ()

    def as_text(self) -> str:
        """What people read: how many there are, of which namespaces, and the first few."""
        done = "would be " if self.dry_run else ""
        verb = "taken off" if self.removed else "attached"
        source = "" if self.table_id is None else f" from table {self.table_id}"
        lines = [
            f"{self.annotations:,} key-values{source} {done or 'were '}{verb}, at {self.links:,} "
            f"places"
        ]
        if self.reused:
            lines.append(f"{self.reused:,} that were there {done or 'were '}used again")
        lines += [
            f"  {use.namespace}: {use.annotations:,} at {use.links:,} places"
            for use in self.namespaces
        ]
        for made in self.shown:
            lines.append(f"{', '.join(made.targets)} ({made.namespace})")
            lines += [f"    {key}: {value}" for key, value in made.pairs]
        lines += [f"note: {note}" for note in self.notes]
        return "\n".join(lines)
