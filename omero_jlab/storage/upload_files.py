"""The files of an upload by number and by path, and which others may join them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ..errors import Conflict, NotFound
from ..model import FileToUpload
from .incoming import Incoming, parse_checksum
from .upload_names import check_same, checked_path, folders_above

__all__ = ["UploadFiles"]


class UploadFiles:
    """What was declared; who changes it holds the upload's lock.

    Attributes
    ----------
    last : the largest number that a file ever had
    """

    def __init__(self) -> None:
        self.last = 0
        self._numbered: dict[int, Incoming] = {}
        self._by_path: dict[str, Incoming] = {}
        # How many files lie below each folder.
        self._folders: dict[str, int] = {}

    def __len__(self) -> int:
        return len(self._numbered)

    def __iter__(self) -> Iterator[Incoming]:
        return iter(tuple(self._numbered.values()))

    @property
    def size(self) -> int:
        """The bytes that are declared."""
        return sum(file.size for file in self._numbered.values())

    def numbered(self, number: int) -> Incoming:
        """One of the files; `NotFound` where there is none of that number."""
        if number not in self._numbered:
            raise NotFound(f"This upload has no file {number}.")
        return self._numbered[number]

    def at(self, path: str) -> Incoming | None:
        """The file of a path, if it was declared."""
        return self._by_path.get(path)

    def after(self, number: int, limit: int) -> list[Incoming]:
        """At most `limit` files with larger numbers, in their order."""
        return [self._numbered[n] for n in sorted(self._numbered) if n > number][:limit]

    def keep(self, file: Incoming) -> None:
        """Add a file."""
        self._numbered[file.number] = file
        self._by_path[file.declared.path] = file
        self.last = max(self.last, file.number)
        for folder in folders_above(file.declared.path):
            self._folders[folder] = self._folders.get(folder, 0) + 1

    def lose(self, file: Incoming) -> None:
        """Take a file away; its number is not given again."""
        del self._numbered[file.number], self._by_path[file.declared.path]
        for folder in folders_above(file.declared.path):
            self._folders[folder] -= 1
            if not self._folders[folder]:
                del self._folders[folder]

    def unknown(self, files: Iterable[FileToUpload]) -> list[FileToUpload]:
        """Those of `files` that were not declared before.

        Raises
        ------
        Invalid
            A path leads out of the upload, or cannot be a file's; a checksum is none.
        Conflict
            One was declared otherwise, or would be a file and a folder.
        """
        new: dict[str, FileToUpload] = {}
        folders: set[str] = set()
        for file in files:
            path = checked_path(file.path)
            if file.checksum is not None:
                parse_checksum(file.checksum)
            before = self._by_path.get(path)
            known = new.get(path) if before is None else before.declared
            if known is not None:
                check_same(known, file)
                continue
            above = folders_above(path)
            if path in self._folders or path in folders:
                raise Conflict(f"{path!r} is a folder of this upload, and cannot be a file.")
            for folder in above:
                if folder in self._by_path or folder in new:
                    raise Conflict(f"{folder!r} is a file of this upload, and no folder.")
            folders.update(above)
            new[path] = file.model_copy(update={"path": path})
        return list(new.values())
