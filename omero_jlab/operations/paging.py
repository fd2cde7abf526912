"""Which rows of a table are asked for."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import ValidationError

from ..errors import Invalid
from ..model import Selection

__all__ = ["EVERYTHING", "selection"]

EVERYTHING = Selection()
"""All rows and columns of the newest version."""


def selection(
    columns: Sequence[str] | None = None,
    condition: str | None = None,
    order_by: str | None = None,
    descending: bool = False,
    limit: int | None = None,
    offset: int = 0,
    version: int | None = None,
    after: int | None = None,
) -> Selection:
    """What a caller asks for; `after` is the number of the row behind which a page begins.

    Raises
    ------
    Invalid
        An argument is of another type, or does not go together with another.
    """
    if after is not None:
        if order_by is not None or offset:
            raise Invalid("after goes on behind a row_id: it takes neither order_by nor offset.")
        rest = f"row_id > {after}"
        condition = rest if condition is None else f"({condition}) & {rest}"
    try:
        return Selection(
            columns=(columns,) if isinstance(columns, str) else columns,
            condition=condition,
            order_by=order_by,
            descending=descending,
            limit=limit,
            offset=offset,
            version=version,
        )
    except ValidationError as error:
        found = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        raise Invalid(f"These rows cannot be asked for: {found}.") from None
