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
    op.add_column(
        "repository",
        sa.Column("next_generation", sa.Integer(), nullable=False, server_default="1"),
    )
    op.execute("UPDATE repository SET next_generation = generation")
    op.add_column("job", sa.Column("step", sa.JSON(), nullable=True))
    op.add_column(
        "job", sa.Column("cancel", sa.Boolean(), nullable=False, server_default=sa.false())
    )
    op.add_column("job", sa.Column("heartbeat_at", sa.DateTime(), nullable=True))
    op.add_column(
        "fileset", sa.Column("transfer", sa.String(), nullable=False, server_default="copy")
    )
    op.add_column(
        "file", sa.Column("hasher", sa.String(), nullable=False, server_default="SHA-256")
    )
    op.add_column("file", sa.Column("hash", sa.String(), nullable=False, server_default=""))
