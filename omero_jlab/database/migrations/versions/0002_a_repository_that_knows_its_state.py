"""resumable jobs, checksum algorithms, transfer modes, damage, erasures, generations"""

from typing import Any

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
    _runs()
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
    op.create_table(
        "gate",
        sa.Column("table_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("color", sa.String(), nullable=False),
        sa.Column("shape", sa.JSON(), nullable=False),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("updated_at", sa.DateTime(), nullable=False),
        sa.Column("deleted_at", sa.DateTime(), nullable=True),
        sa.Column("owner_id", sa.Integer(), nullable=False),
        sa.Column("group_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["group_id"], ["group.id"], name=op.f("fk_gate_group_id_group")),
        sa.ForeignKeyConstraint(["owner_id"], ["user.id"], name=op.f("fk_gate_owner_id_user")),
        sa.ForeignKeyConstraint(
            ["table_id"], ["annotation.id"], name=op.f("fk_gate_table_id_annotation")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_gate")),
        sqlite_autoincrement=True,
    )
    for column in ("group_id", "owner_id", "table_id"):
        op.create_index(op.f(f"ix_gate_{column}"), "gate", [column], unique=False)
    _number_table_versions()
    _name_deletions()
    _add_regions()


_GUARDED = (
    "project", "dataset", "screen", "plate", "image", "well", "annotation", "roi", "fileset",
    "file", "annotation_link", "dataset_image", "field", "project_dataset", "screen_plate",
    "segment", "settings", "table_version",
)  # fmt: skip
"""Tables whose rows may be deleted; what was asked to go stands before what went with it."""


def _number_table_versions() -> None:
    """Give each version of a table, until now what a segment began with, a row."""
    op.create_table(
        "table_version",
        sa.Column("table_id", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("change", sa.String(), nullable=False),
        sa.Column("columns", sa.JSON(), nullable=False),
        sa.Column("changed_rows", sa.Integer(), nullable=False),
        sa.Column("rows", sa.Integer(), nullable=False),
        sa.Column("next_row", sa.Integer(), nullable=False),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("updated_at", sa.DateTime(), nullable=False),
        sa.Column("deleted_at", sa.DateTime(), nullable=True),
        sa.Column("owner_id", sa.Integer(), nullable=False),
        sa.Column("group_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["table_id"], ["annotation.id"], name=op.f("fk_table_version_table_id_annotation")
        ),
        sa.ForeignKeyConstraint(
            ["group_id"], ["group.id"], name=op.f("fk_table_version_group_id_group")
        ),
        sa.ForeignKeyConstraint(
            ["owner_id"], ["user.id"], name=op.f("fk_table_version_owner_id_user")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_table_version")),
        sa.UniqueConstraint("table_id", "number", name=op.f("uq_table_version_table_id")),
        sqlite_autoincrement=True,
    )
    for column in ("group_id", "owner_id"):
        op.create_index(op.f(f"ix_table_version_{column}"), "table_version", [column], unique=False)
    op.execute(
        "INSERT INTO table_version (table_id, number, change, columns, changed_rows, rows, "
        "next_row, version, created_at, updated_at, deleted_at, owner_id, group_id) "
        "SELECT table_id, since, CASE WHEN since = 1 THEN 'attach' ELSE 'append' END, '[]', "
        "sum(rows), max(first_row + rows), max(first_row + rows), 1, min(created_at), "
        "min(created_at), min(deleted_at), owner_id, group_id "
        "FROM segment GROUP BY table_id, since, owner_id, group_id ORDER BY table_id, since"
    )
    op.drop_column("segment", "until")


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


def _add_regions() -> None:
    """Give regions their boxes and planes, an index by place, and folders."""
    for name in ("top", "left", "bottom", "right"):
        op.add_column("roi", sa.Column(name, sa.Double(), nullable=False, server_default="0"))
    for name, default in (
        ("t_first", 0), ("t_last", 2**31 - 1), ("z_first", 0), ("z_last", 2**31 - 1),
    ):  # fmt: skip
        op.add_column(
            "roi", sa.Column(name, sa.Integer(), nullable=False, server_default=str(default))
        )
    op.add_column("roi", sa.Column("strip", sa.BigInteger(), nullable=False, server_default="0"))
    _place_regions()
    op.create_index(
        "ix_roi_place",
        "roi",
        [
            "image_id", "strip", "left", "right", "top", "bottom",
            "t_first", "t_last", "z_first", "z_last", "deleted_at", "owner_id", "group_id",
        ],
        unique=False,
    )  # fmt: skip
    op.create_table(
        "folder",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("description", sa.String(), nullable=False),
        sa.Column("parent_id", sa.Integer(), nullable=True),
        *_owned(),
        sa.ForeignKeyConstraint(
            ["parent_id"], ["folder.id"], name=op.f("fk_folder_parent_id_folder")
        ),
        *_owners("folder"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_folder")),
        sqlite_autoincrement=True,
    )
    for column in ("name", "parent_id", "owner_id", "group_id"):
        op.create_index(op.f(f"ix_folder_{column}"), "folder", [column], unique=False)
    op.create_table(
        "folder_roi",
        sa.Column("parent_id", sa.Integer(), nullable=False),
        sa.Column("child_id", sa.Integer(), nullable=False),
        *_owned(),
        sa.ForeignKeyConstraint(
            ["parent_id"], ["folder.id"], name=op.f("fk_folder_roi_parent_id_folder")
        ),
        sa.ForeignKeyConstraint(["child_id"], ["roi.id"], name=op.f("fk_folder_roi_child_id_roi")),
        *_owners("folder_roi"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_folder_roi")),
        sa.UniqueConstraint("parent_id", "child_id", name=op.f("uq_folder_roi_parent_id")),
        sqlite_autoincrement=True,
    )
    for column in ("parent_id", "child_id", "owner_id", "group_id"):
        op.create_index(op.f(f"ix_folder_roi_{column}"), "folder_roi", [column], unique=False)


def _owned() -> tuple[sa.Column[Any], ...]:
    return (
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("updated_at", sa.DateTime(), nullable=False),
        sa.Column("deleted_at", sa.DateTime(), nullable=True),
        sa.Column("owner_id", sa.Integer(), nullable=False),
        sa.Column("group_id", sa.Integer(), nullable=False),
    )


def _runs() -> None:
    user = sa.ForeignKeyConstraint(["user_id"], ["user.id"], name=op.f("fk_run_user_id_user"))
    op.create_table(
        "run",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("details", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("updated_at", sa.DateTime(), nullable=False),
        user,
        sa.PrimaryKeyConstraint("id", name=op.f("pk_run")),
        sa.UniqueConstraint("user_id", "key", name=op.f("uq_run_user_id")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_run_name"), "run", ["name"], unique=False)
    op.create_table(
        "run_image",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("run_id", sa.Integer(), nullable=False),
        sa.Column("image_id", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("details", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], name=op.f("fk_run_image_run_id_run")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_run_image")),
        sa.UniqueConstraint("run_id", "image_id", name=op.f("uq_run_image_run_id")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_run_image_image_id"), "run_image", ["image_id"], unique=False)
    op.create_table(
        "delegation",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("run_key", sa.String(), nullable=False),
        sa.Column("table_id", sa.Integer(), nullable=True),
        sa.Column("table_version", sa.Integer(), nullable=True),
        sa.Column("shares_disk", sa.Boolean(), nullable=False),
        sa.Column("sha256", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("expires_at", sa.DateTime(), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["user.id"], name=op.f("fk_delegation_user_id_user")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_delegation")),
        sa.UniqueConstraint("sha256", name=op.f("uq_delegation_sha256")),
        sqlite_autoincrement=True,
    )
    for column in ("user_id", "table_id", "expires_at"):
        op.create_index(op.f(f"ix_delegation_{column}"), "delegation", [column], unique=False)
    op.create_table(
        "delegation_image",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("delegation_id", sa.Integer(), nullable=False),
        sa.Column("image_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["delegation_id"],
            ["delegation.id"],
            name=op.f("fk_delegation_image_delegation_id_delegation"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_delegation_image")),
        sa.UniqueConstraint(
            "delegation_id", "image_id", name=op.f("uq_delegation_image_delegation_id")
        ),
        sqlite_autoincrement=True,
    )
    op.create_index(
        op.f("ix_delegation_image_image_id"), "delegation_image", ["image_id"], unique=False
    )


def _owners(table: str) -> tuple[sa.ForeignKeyConstraint, ...]:
    return (
        sa.ForeignKeyConstraint(
            ["group_id"], ["group.id"], name=op.f(f"fk_{table}_group_id_group")
        ),
        sa.ForeignKeyConstraint(["owner_id"], ["user.id"], name=op.f(f"fk_{table}_owner_id_user")),
    )


def _place_regions() -> None:
    roi = sa.table(
        "roi",
        *(sa.column(name, sa.Float()) for name in ("top", "left", "bottom", "right")),
        *(sa.column(name, sa.Integer()) for name in ("id", "t_first", "t_last")),
        *(sa.column(name, sa.Integer()) for name in ("z_first", "z_last", "strip")),
        sa.column("shapes", sa.JSON()),
    )
    every = op.get_bind().execute(sa.select(roi.c.id, roi.c.shapes)).fetchall()
    for number, shapes in every:
        if shapes:
            op.get_bind().execute(roi.update().where(roi.c.id == number).values(**_extent(shapes)))


def _extent(shapes: list[dict[str, Any]]) -> dict[str, float | int]:
    boxes = [_box(shape) for shape in shapes]
    top, left = min(box[0] for box in boxes), min(box[1] for box in boxes)
    bottom, right = max(box[2] for box in boxes), max(box[3] for box in boxes)
    found: dict[str, float | int] = {"top": top, "left": left, "bottom": bottom, "right": right}
    for axis in ("t", "z"):
        planes: list[Any] = [shape.get(axis) for shape in shapes]
        everywhere = None in planes
        found[f"{axis}_first"] = 0 if everywhere else min(planes)
        found[f"{axis}_last"] = 2**31 - 1 if everywhere else max(planes)
    size, side = 0, 64.0
    while max(bottom - top, right - left) > side and size < 12:
        size, side = size + 1, side * 4
    row = max(-(2**38), min(2**38, int(top // side)))
    return found | {"strip": (size << 40) + row + 2**39}


def _box(shape: dict[str, Any]) -> tuple[float, float, float, float]:
    match shape["kind"]:
        case "rectangle":
            y, x = shape["y"], shape["x"]
            return y, x, y + shape["height"], x + shape["width"]
        case "ellipse":
            y, x, down, across = (shape[name] for name in ("y", "x", "radius_y", "radius_x"))
            return y - down, x - across, y + down, x + across
        case "polygon" | "polyline":
            xs, ys = zip(*shape["points"], strict=True)
            return min(ys), min(xs), max(ys), max(xs)
        case "line":
            ys, xs = (shape["y1"], shape["y2"]), (shape["x1"], shape["x2"])
            return min(ys), min(xs), max(ys), max(xs)
    return shape["y"], shape["x"], shape["y"], shape["x"]
