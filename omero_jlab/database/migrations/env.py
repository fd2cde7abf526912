"""Runs migrations on the connection that the program hands over."""

from typing import Any, Literal

from alembic import context

from omero_jlab.database.base import Base, UtcTime


def _render(kind: str, item: Any, _context: Any) -> str | Literal[False]:
    """Write our own column types as SQLAlchemy's, so that a migration never changes meaning."""
    return "sa.DateTime()" if kind == "type" and isinstance(item, UtcTime) else False


context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    render_as_batch=True,
    render_item=_render,
)
with context.begin_transaction():
    context.run_migrations()
