"""resumable jobs, checksum algorithms, transfer modes, damage, erasures, generations"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "damage",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("path", sa.String(), nullable=False),
        sa.Column("detail", sa.String(), nullable=False),
        sa.Column("found_at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_damage")),
        sa.UniqueConstraint("path", name=op.f("uq_damage_path")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "erasure",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("protocol", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["user.id"], name=op.f("fk_erasure_user_id_user")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_erasure")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "capability",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("image_id", sa.Integer(), nullable=False),
        sa.Column("sha256", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("expires_at", sa.DateTime(), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["user.id"], name=op.f("fk_capability_user_id_user")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_capability")),
        sa.UniqueConstraint("sha256", name=op.f("uq_capability_sha256")),
        sqlite_autoincrement=True,
    )
    for column in ("user_id", "image_id", "expires_at"):
        op.create_index(op.f(f"ix_capability_{column}"), "capability", [column], unique=False)
    op.add_column(
        "repository",
        sa.Column("next_generation", sa.Integer(), nullable=False, server_default="1"),
    )
    op.execute("UPDATE repository SET next_generation = generation")
    op.add_column("repository", sa.Column("place", sa.JSON(), nullable=True))
    op.add_column("job", sa.Column("step", sa.JSON(), nullable=True))
    op.add_column(
        "job", sa.Column("cancel", sa.Boolean(), nullable=False, server_default=sa.false())
    )
    op.add_column("job", sa.Column("heartbeat_at", sa.DateTime(), nullable=True))
    op.add_column(
        "job", sa.Column("shares_disk", sa.Boolean(), nullable=False, server_default=sa.true())
    )
    op.add_column("job", sa.Column("stage", sa.String(), nullable=False, server_default=""))
    op.add_column(
        "fileset", sa.Column("transfer", sa.String(), nullable=False, server_default="copy")
    )
    op.add_column("fileset", sa.Column("job_id", sa.Integer(), nullable=True))
    op.create_index(op.f("ix_fileset_job_id"), "fileset", ["job_id"], unique=False)
    op.add_column("fileset", sa.Column("source", sa.String(), nullable=False, server_default=""))
    op.add_column(
        "file", sa.Column("hasher", sa.String(), nullable=False, server_default="SHA-256")
    )
    op.add_column("file", sa.Column("hash", sa.String(), nullable=False, server_default=""))
    op.create_index(op.f("ix_file_size"), "file", ["size"], unique=False)
    op.create_table(
        "deletion",
        sa.Column("user_id", sa.Integer(), nullable=True),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("object_id", sa.Integer(), nullable=False),
        sa.Column("images", sa.Integer(), nullable=False),
        sa.Column("rows", sa.Integer(), nullable=False),
        sa.Column("took", sa.JSON(), nullable=False),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("updated_at", sa.DateTime(), nullable=False),
        sa.Column("deleted_at", sa.DateTime(), nullable=True),
        sa.Column("owner_id", sa.Integer(), nullable=False),
        sa.Column("group_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["group_id"], ["group.id"], name=op.f("fk_deletion_group_id_group")
        ),
        sa.ForeignKeyConstraint(["owner_id"], ["user.id"], name=op.f("fk_deletion_owner_id_user")),
        sa.ForeignKeyConstraint(["user_id"], ["user.id"], name=op.f("fk_deletion_user_id_user")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_deletion")),
        sqlite_autoincrement=True,
    )
    for column in ("group_id", "object_id", "owner_id"):
        op.create_index(op.f(f"ix_deletion_{column}"), "deletion", [column], unique=False)
    _name_deletions()


_GUARDED = (
    "project", "dataset", "screen", "plate", "image", "well", "annotation", "roi", "fileset",
    "file", "annotation_link", "dataset_image", "field", "project_dataset", "screen_plate",
    "segment", "settings",
)  # fmt: skip
"""Tables whose rows may be deleted; what was asked to go stands before what went with it."""


def _name_deletions() -> None:
    """Give what was deleted together, and so has one time of deletion, its row."""
    found: dict[object, dict[str, list[tuple[int, int, int]]]] = {}
    for name in _GUARDED:
        table = sa.table(
            name,
            *(sa.column(column, sa.Integer()) for column in ("id", "owner_id", "group_id")),
            sa.column("deleted_at", sa.DateTime()),
        )
        gone = sa.select(table).where(table.c.deleted_at.is_not(None)).order_by(table.c.id)
        for row in op.get_bind().execute(gone):
            tables = found.setdefault(row.deleted_at, {})
            tables.setdefault(name, []).append((row.id, row.owner_id, row.group_id))
    deletion = sa.table(
        "deletion",
        *(sa.column(n, sa.Integer()) for n in ("object_id", "images", "rows", "version")),
        *(sa.column(n, sa.Integer()) for n in ("owner_id", "group_id")),
        *(sa.column(n, sa.DateTime()) for n in ("created_at", "updated_at")),
        sa.column("kind", sa.String()),
        sa.column("took", sa.JSON()),
    )
    for time, tables in found.items():
        kind = next(name for name in _GUARDED if name in tables)
        object_id, owner_id, group_id = tables[kind][0]
        op.get_bind().execute(
            deletion.insert().values(
                kind=kind,
                object_id=object_id,
                owner_id=owner_id,
                group_id=group_id,
                images=len(tables.get("image", ())),
                rows=sum(map(len, tables.values())),
                version=1,
                created_at=time,
                updated_at=time,
                took={name: [i for i, _, _ in rows] for name, rows in tables.items()},
            )
        )
