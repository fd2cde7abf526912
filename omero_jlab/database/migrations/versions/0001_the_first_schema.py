"""the first schema"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "group",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("description", sa.String(), nullable=False),
        sa.Column("type", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_group")),
        sa.UniqueConstraint("name", name=op.f("uq_group_name")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "intent",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("paths", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_intent")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "repository",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("uuid", sa.String(), nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("access_epoch", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_repository")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "user",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("full_name", sa.String(), nullable=False),
        sa.Column("email", sa.String(), nullable=False),
        sa.Column("is_admin", sa.Boolean(), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("password_hash", sa.String(), nullable=True),
        sa.Column("default_group_id", sa.Integer(), nullable=True),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["default_group_id"], ["group.id"], name=op.f("fk_user_default_group_id_group")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_user")),
        sa.UniqueConstraint("name", name=op.f("uq_user_name")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "applied",
        sa.Column("request_id", sa.String(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("answer", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["user.id"], name=op.f("fk_applied_user_id_user")),
        sa.PrimaryKeyConstraint("request_id", name=op.f("pk_applied")),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("applied", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_applied_created_at"), ["created_at"], unique=False)

    op.create_table(
        "dataset",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("description", sa.String(), nullable=False),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("updated_at", sa.DateTime(), nullable=False),
        sa.Column("deleted_at", sa.DateTime(), nullable=True),
        sa.Column("owner_id", sa.Integer(), nullable=False),
        sa.Column("group_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["group_id"], ["group.id"], name=op.f("fk_dataset_group_id_group")),
        sa.ForeignKeyConstraint(["owner_id"], ["user.id"], name=op.f("fk_dataset_owner_id_user")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dataset")),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("dataset", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_dataset_group_id"), ["group_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_dataset_name"), ["name"], unique=False)
        batch_op.create_index(batch_op.f("ix_dataset_owner_id"), ["owner_id"], unique=False)

    op.create_table(
        "fileset",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("format", sa.String(), nullable=False),
        sa.Column("folder", sa.String(), nullable=False),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("updated_at", sa.DateTime(), nullable=False),
        sa.Column("deleted_at", sa.DateTime(), nullable=True),
        sa.Column("owner_id", sa.Integer(), nullable=False),
        sa.Column("group_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["group_id"], ["group.id"], name=op.f("fk_fileset_group_id_group")),
        sa.ForeignKeyConstraint(["owner_id"], ["user.id"], name=op.f("fk_fileset_owner_id_user")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_fileset")),
        sa.UniqueConstraint("folder", name=op.f("uq_fileset_folder")),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("fileset", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_fileset_group_id"), ["group_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_fileset_owner_id"), ["owner_id"], unique=False)

    op.create_table(
        "job",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("group_id", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("done", sa.Integer(), nullable=False),
        sa.Column("total", sa.Integer(), nullable=False),
        sa.Column("message", sa.String(), nullable=False),
        sa.Column("error", sa.String(), nullable=False),
        sa.Column("error_kind", sa.String(), nullable=False),
        sa.Column("arguments", sa.JSON(), nullable=False),
        sa.Column("report", sa.JSON(), nullable=True),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("finished_at", sa.DateTime(), nullable=True),
        sa.ForeignKeyConstraint(["group_id"], ["group.id"], name=op.f("fk_job_group_id_group")),
        sa.ForeignKeyConstraint(["user_id"], ["user.id"], name=op.f("fk_job_user_id_user")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_job")),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("job", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_job_state"), ["state"], unique=False)
        batch_op.create_index(batch_op.f("ix_job_user_id"), ["user_id"], unique=False)

    op.create_table(
        "membership",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("group_id", sa.Integer(), nullable=False),
        sa.Column("is_owner", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["group_id"], ["group.id"], name=op.f("fk_membership_group_id_group")
        ),
        sa.ForeignKeyConstraint(["user_id"], ["user.id"], name=op.f("fk_membership_user_id_user")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_membership")),
        sa.UniqueConstraint("user_id", "group_id", name=op.f("uq_membership_user_id")),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("membership", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_membership_group_id"), ["group_id"], unique=False)

    op.create_table(
        "plate",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("description", sa.String(), nullable=False),
        sa.Column("rows", sa.Integer(), nullable=False),
        sa.Column("columns", sa.Integer(), nullable=False),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("updated_at", sa.DateTime(), nullable=False),
        sa.Column("deleted_at", sa.DateTime(), nullable=True),
        sa.Column("owner_id", sa.Integer(), nullable=False),
        sa.Column("group_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["group_id"], ["group.id"], name=op.f("fk_plate_group_id_group")),
        sa.ForeignKeyConstraint(["owner_id"], ["user.id"], name=op.f("fk_plate_owner_id_user")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_plate")),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("plate", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_plate_group_id"), ["group_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_plate_name"), ["name"], unique=False)
        batch_op.create_index(batch_op.f("ix_plate_owner_id"), ["owner_id"], unique=False)

    op.create_table(
        "project",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("description", sa.String(), nullable=False),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("updated_at", sa.DateTime(), nullable=False),
        sa.Column("deleted_at", sa.DateTime(), nullable=True),
        sa.Column("owner_id", sa.Integer(), nullable=False),
        sa.Column("group_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["group_id"], ["group.id"], name=op.f("fk_project_group_id_group")),
        sa.ForeignKeyConstraint(["owner_id"], ["user.id"], name=op.f("fk_project_owner_id_user")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_project")),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("project", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_project_group_id"), ["group_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_project_name"), ["name"], unique=False)
        batch_op.create_index(batch_op.f("ix_project_owner_id"), ["owner_id"], unique=False)

    op.create_table(
        "screen",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("description", sa.String(), nullable=False),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("updated_at", sa.DateTime(), nullable=False),
        sa.Column("deleted_at", sa.DateTime(), nullable=True),
        sa.Column("owner_id", sa.Integer(), nullable=False),
        sa.Column("group_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["group_id"], ["group.id"], name=op.f("fk_screen_group_id_group")),
        sa.ForeignKeyConstraint(["owner_id"], ["user.id"], name=op.f("fk_screen_owner_id_user")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_screen")),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("screen", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_screen_group_id"), ["group_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_screen_name"), ["name"], unique=False)
        batch_op.create_index(batch_op.f("ix_screen_owner_id"), ["owner_id"], unique=False)

    op.create_table(
        "token",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("sha256", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["user.id"], name=op.f("fk_token_user_id_user")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_token")),
        sa.UniqueConstraint("sha256", name=op.f("uq_token_sha256")),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("token", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_token_user_id"), ["user_id"], unique=False)

    op.create_table(
        "file",
        sa.Column("fileset_id", sa.Integer(), nullable=True),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("client_path", sa.String(), nullable=False),
        sa.Column("path", sa.String(), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("sha256", sa.String(), nullable=False),
        sa.Column("md5", sa.String(), nullable=False),
        sa.Column("mtime_ns", sa.Integer(), nullable=False),
        sa.Column("mimetype", sa.String(), nullable=False),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("updated_at", sa.DateTime(), nullable=False),
        sa.Column("deleted_at", sa.DateTime(), nullable=True),
        sa.Column("owner_id", sa.Integer(), nullable=False),
        sa.Column("group_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["fileset_id"], ["fileset.id"], name=op.f("fk_file_fileset_id_fileset")
        ),
        sa.ForeignKeyConstraint(["group_id"], ["group.id"], name=op.f("fk_file_group_id_group")),
        sa.ForeignKeyConstraint(["owner_id"], ["user.id"], name=op.f("fk_file_owner_id_user")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_file")),
        sa.UniqueConstraint("path", name=op.f("uq_file_path")),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("file", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_file_fileset_id"), ["fileset_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_file_group_id"), ["group_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_file_md5"), ["md5"], unique=False)
        batch_op.create_index(batch_op.f("ix_file_name"), ["name"], unique=False)
        batch_op.create_index(batch_op.f("ix_file_owner_id"), ["owner_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_file_sha256"), ["sha256"], unique=False)

    op.create_table(
        "image",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("description", sa.String(), nullable=False),
        sa.Column("fileset_id", sa.Integer(), nullable=True),
        sa.Column("series", sa.Integer(), nullable=False),
        sa.Column("format", sa.String(), nullable=False),
        sa.Column("size_t", sa.Integer(), nullable=False),
        sa.Column("size_c", sa.Integer(), nullable=False),
        sa.Column("size_z", sa.Integer(), nullable=False),
        sa.Column("size_y", sa.Integer(), nullable=False),
        sa.Column("size_x", sa.Integer(), nullable=False),
        sa.Column("dtype", sa.String(), nullable=False),
        sa.Column("is_rgb", sa.Boolean(), nullable=False),
        sa.Column("channels", sa.JSON(), nullable=False),
        sa.Column("levels", sa.JSON(), nullable=False),
        sa.Column("pixel_size_x_um", sa.Double(), nullable=True),
        sa.Column("pixel_size_y_um", sa.Double(), nullable=True),
        sa.Column("pixel_size_z_um", sa.Double(), nullable=True),
        sa.Column("time_step_s", sa.Double(), nullable=True),
        sa.Column("acquired_at", sa.DateTime(), nullable=True),
        sa.Column("source_metadata", sa.JSON(), nullable=False),
        sa.Column("pyramid", sa.String(), nullable=False),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("updated_at", sa.DateTime(), nullable=False),
        sa.Column("deleted_at", sa.DateTime(), nullable=True),
        sa.Column("owner_id", sa.Integer(), nullable=False),
        sa.Column("group_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["fileset_id"], ["fileset.id"], name=op.f("fk_image_fileset_id_fileset")
        ),
        sa.ForeignKeyConstraint(["group_id"], ["group.id"], name=op.f("fk_image_group_id_group")),
        sa.ForeignKeyConstraint(["owner_id"], ["user.id"], name=op.f("fk_image_owner_id_user")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_image")),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("image", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_image_fileset_id"), ["fileset_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_image_group_id"), ["group_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_image_name"), ["name"], unique=False)
        batch_op.create_index(batch_op.f("ix_image_owner_id"), ["owner_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_image_pyramid"), ["pyramid"], unique=False)

    op.create_table(
        "project_dataset",
        sa.Column("parent_id", sa.Integer(), nullable=False),
        sa.Column("child_id", sa.Integer(), nullable=False),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("updated_at", sa.DateTime(), nullable=False),
        sa.Column("deleted_at", sa.DateTime(), nullable=True),
        sa.Column("owner_id", sa.Integer(), nullable=False),
        sa.Column("group_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["child_id"], ["dataset.id"], name=op.f("fk_project_dataset_child_id_dataset")
        ),
        sa.ForeignKeyConstraint(
            ["group_id"], ["group.id"], name=op.f("fk_project_dataset_group_id_group")
        ),
        sa.ForeignKeyConstraint(
            ["owner_id"], ["user.id"], name=op.f("fk_project_dataset_owner_id_user")
        ),
        sa.ForeignKeyConstraint(
            ["parent_id"], ["project.id"], name=op.f("fk_project_dataset_parent_id_project")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_project_dataset")),
        sa.UniqueConstraint("parent_id", "child_id", name=op.f("uq_project_dataset_parent_id")),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("project_dataset", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_project_dataset_child_id"), ["child_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_project_dataset_group_id"), ["group_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_project_dataset_owner_id"), ["owner_id"], unique=False)
        batch_op.create_index(
            batch_op.f("ix_project_dataset_parent_id"), ["parent_id"], unique=False
        )

    op.create_table(
        "screen_plate",
        sa.Column("parent_id", sa.Integer(), nullable=False),
        sa.Column("child_id", sa.Integer(), nullable=False),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("updated_at", sa.DateTime(), nullable=False),
        sa.Column("deleted_at", sa.DateTime(), nullable=True),
        sa.Column("owner_id", sa.Integer(), nullable=False),
        sa.Column("group_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["child_id"], ["plate.id"], name=op.f("fk_screen_plate_child_id_plate")
        ),
        sa.ForeignKeyConstraint(
            ["group_id"], ["group.id"], name=op.f("fk_screen_plate_group_id_group")
        ),
        sa.ForeignKeyConstraint(
            ["owner_id"], ["user.id"], name=op.f("fk_screen_plate_owner_id_user")
        ),
        sa.ForeignKeyConstraint(
            ["parent_id"], ["screen.id"], name=op.f("fk_screen_plate_parent_id_screen")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_screen_plate")),
        sa.UniqueConstraint("parent_id", "child_id", name=op.f("uq_screen_plate_parent_id")),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("screen_plate", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_screen_plate_child_id"), ["child_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_screen_plate_group_id"), ["group_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_screen_plate_owner_id"), ["owner_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_screen_plate_parent_id"), ["parent_id"], unique=False)

    op.create_table(
        "well",
        sa.Column("plate_id", sa.Integer(), nullable=False),
        sa.Column("row", sa.Integer(), nullable=False),
        sa.Column("column", sa.Integer(), nullable=False),
        sa.Column("description", sa.String(), nullable=False),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("updated_at", sa.DateTime(), nullable=False),
        sa.Column("deleted_at", sa.DateTime(), nullable=True),
        sa.Column("owner_id", sa.Integer(), nullable=False),
        sa.Column("group_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["group_id"], ["group.id"], name=op.f("fk_well_group_id_group")),
        sa.ForeignKeyConstraint(["owner_id"], ["user.id"], name=op.f("fk_well_owner_id_user")),
        sa.ForeignKeyConstraint(["plate_id"], ["plate.id"], name=op.f("fk_well_plate_id_plate")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_well")),
        sa.UniqueConstraint("plate_id", "row", "column", name=op.f("uq_well_plate_id")),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("well", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_well_group_id"), ["group_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_well_owner_id"), ["owner_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_well_plate_id"), ["plate_id"], unique=False)

    op.create_table(
        "annotation",
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("namespace", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("description", sa.String(), nullable=False),
        sa.Column("text", sa.String(), nullable=False),
        sa.Column("pairs", sa.JSON(), nullable=False),
        sa.Column("details", sa.JSON(), nullable=False),
        sa.Column("file_id", sa.Integer(), nullable=True),
        sa.Column("image_id", sa.Integer(), nullable=True),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("updated_at", sa.DateTime(), nullable=False),
        sa.Column("deleted_at", sa.DateTime(), nullable=True),
        sa.Column("owner_id", sa.Integer(), nullable=False),
        sa.Column("group_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["file_id"], ["file.id"], name=op.f("fk_annotation_file_id_file")),
        sa.ForeignKeyConstraint(
            ["group_id"], ["group.id"], name=op.f("fk_annotation_group_id_group")
        ),
        sa.ForeignKeyConstraint(
            ["image_id"], ["image.id"], name=op.f("fk_annotation_image_id_image")
        ),
        sa.ForeignKeyConstraint(
            ["owner_id"], ["user.id"], name=op.f("fk_annotation_owner_id_user")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_annotation")),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("annotation", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_annotation_file_id"), ["file_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_annotation_group_id"), ["group_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_annotation_image_id"), ["image_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_annotation_kind"), ["kind"], unique=False)
        batch_op.create_index(batch_op.f("ix_annotation_name"), ["name"], unique=False)
        batch_op.create_index(batch_op.f("ix_annotation_owner_id"), ["owner_id"], unique=False)

    op.create_table(
        "dataset_image",
        sa.Column("parent_id", sa.Integer(), nullable=False),
        sa.Column("child_id", sa.Integer(), nullable=False),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("updated_at", sa.DateTime(), nullable=False),
        sa.Column("deleted_at", sa.DateTime(), nullable=True),
        sa.Column("owner_id", sa.Integer(), nullable=False),
        sa.Column("group_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["child_id"], ["image.id"], name=op.f("fk_dataset_image_child_id_image")
        ),
        sa.ForeignKeyConstraint(
            ["group_id"], ["group.id"], name=op.f("fk_dataset_image_group_id_group")
        ),
        sa.ForeignKeyConstraint(
            ["owner_id"], ["user.id"], name=op.f("fk_dataset_image_owner_id_user")
        ),
        sa.ForeignKeyConstraint(
            ["parent_id"], ["dataset.id"], name=op.f("fk_dataset_image_parent_id_dataset")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dataset_image")),
        sa.UniqueConstraint("parent_id", "child_id", name=op.f("uq_dataset_image_parent_id")),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("dataset_image", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_dataset_image_child_id"), ["child_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_dataset_image_group_id"), ["group_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_dataset_image_owner_id"), ["owner_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_dataset_image_parent_id"), ["parent_id"], unique=False)

    op.create_table(
        "field",
        sa.Column("well_id", sa.Integer(), nullable=False),
        sa.Column("image_id", sa.Integer(), nullable=False),
        sa.Column("site", sa.Integer(), nullable=False),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("updated_at", sa.DateTime(), nullable=False),
        sa.Column("deleted_at", sa.DateTime(), nullable=True),
        sa.Column("owner_id", sa.Integer(), nullable=False),
        sa.Column("group_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["group_id"], ["group.id"], name=op.f("fk_field_group_id_group")),
        sa.ForeignKeyConstraint(["image_id"], ["image.id"], name=op.f("fk_field_image_id_image")),
        sa.ForeignKeyConstraint(["owner_id"], ["user.id"], name=op.f("fk_field_owner_id_user")),
        sa.ForeignKeyConstraint(["well_id"], ["well.id"], name=op.f("fk_field_well_id_well")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_field")),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("field", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_field_group_id"), ["group_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_field_image_id"), ["image_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_field_owner_id"), ["owner_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_field_well_id"), ["well_id"], unique=False)

    op.create_table(
        "roi",
        sa.Column("image_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("description", sa.String(), nullable=False),
        sa.Column("shapes", sa.JSON(), nullable=False),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("updated_at", sa.DateTime(), nullable=False),
        sa.Column("deleted_at", sa.DateTime(), nullable=True),
        sa.Column("owner_id", sa.Integer(), nullable=False),
        sa.Column("group_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["group_id"], ["group.id"], name=op.f("fk_roi_group_id_group")),
        sa.ForeignKeyConstraint(["image_id"], ["image.id"], name=op.f("fk_roi_image_id_image")),
        sa.ForeignKeyConstraint(["owner_id"], ["user.id"], name=op.f("fk_roi_owner_id_user")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_roi")),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("roi", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_roi_group_id"), ["group_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_roi_image_id"), ["image_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_roi_owner_id"), ["owner_id"], unique=False)

    op.create_table(
        "settings",
        sa.Column("image_id", sa.Integer(), nullable=False),
        sa.Column("settings", sa.JSON(), nullable=False),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("updated_at", sa.DateTime(), nullable=False),
        sa.Column("deleted_at", sa.DateTime(), nullable=True),
        sa.Column("owner_id", sa.Integer(), nullable=False),
        sa.Column("group_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["group_id"], ["group.id"], name=op.f("fk_settings_group_id_group")
        ),
        sa.ForeignKeyConstraint(
            ["image_id"], ["image.id"], name=op.f("fk_settings_image_id_image")
        ),
        sa.ForeignKeyConstraint(["owner_id"], ["user.id"], name=op.f("fk_settings_owner_id_user")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_settings")),
        sa.UniqueConstraint("image_id", "owner_id", name=op.f("uq_settings_image_id")),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("settings", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_settings_group_id"), ["group_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_settings_image_id"), ["image_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_settings_owner_id"), ["owner_id"], unique=False)

    op.create_table(
        "annotation_link",
        sa.Column("annotation_id", sa.Integer(), nullable=False),
        sa.Column("project_id", sa.Integer(), nullable=True),
        sa.Column("dataset_id", sa.Integer(), nullable=True),
        sa.Column("screen_id", sa.Integer(), nullable=True),
        sa.Column("plate_id", sa.Integer(), nullable=True),
        sa.Column("well_id", sa.Integer(), nullable=True),
        sa.Column("image_id", sa.Integer(), nullable=True),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("updated_at", sa.DateTime(), nullable=False),
        sa.Column("deleted_at", sa.DateTime(), nullable=True),
        sa.Column("owner_id", sa.Integer(), nullable=False),
        sa.Column("group_id", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "(CASE WHEN project_id IS NULL THEN 0 ELSE 1 END) + (CASE WHEN dataset_id IS NULL THEN 0 ELSE 1 END) + (CASE WHEN screen_id IS NULL THEN 0 ELSE 1 END) + (CASE WHEN plate_id IS NULL THEN 0 ELSE 1 END) + (CASE WHEN well_id IS NULL THEN 0 ELSE 1 END) + (CASE WHEN image_id IS NULL THEN 0 ELSE 1 END) = 1",
            name=op.f("ck_annotation_link_one_target"),
        ),
        sa.ForeignKeyConstraint(
            ["annotation_id"],
            ["annotation.id"],
            name=op.f("fk_annotation_link_annotation_id_annotation"),
        ),
        sa.ForeignKeyConstraint(
            ["dataset_id"], ["dataset.id"], name=op.f("fk_annotation_link_dataset_id_dataset")
        ),
        sa.ForeignKeyConstraint(
            ["group_id"], ["group.id"], name=op.f("fk_annotation_link_group_id_group")
        ),
        sa.ForeignKeyConstraint(
            ["image_id"], ["image.id"], name=op.f("fk_annotation_link_image_id_image")
        ),
        sa.ForeignKeyConstraint(
            ["owner_id"], ["user.id"], name=op.f("fk_annotation_link_owner_id_user")
        ),
        sa.ForeignKeyConstraint(
            ["plate_id"], ["plate.id"], name=op.f("fk_annotation_link_plate_id_plate")
        ),
        sa.ForeignKeyConstraint(
            ["project_id"], ["project.id"], name=op.f("fk_annotation_link_project_id_project")
        ),
        sa.ForeignKeyConstraint(
            ["screen_id"], ["screen.id"], name=op.f("fk_annotation_link_screen_id_screen")
        ),
        sa.ForeignKeyConstraint(
            ["well_id"], ["well.id"], name=op.f("fk_annotation_link_well_id_well")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_annotation_link")),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("annotation_link", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_annotation_link_annotation_id"), ["annotation_id"], unique=False
        )
        batch_op.create_index(
            batch_op.f("ix_annotation_link_dataset_id"), ["dataset_id"], unique=False
        )
        batch_op.create_index(batch_op.f("ix_annotation_link_group_id"), ["group_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_annotation_link_image_id"), ["image_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_annotation_link_owner_id"), ["owner_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_annotation_link_plate_id"), ["plate_id"], unique=False)
        batch_op.create_index(
            batch_op.f("ix_annotation_link_project_id"), ["project_id"], unique=False
        )
        batch_op.create_index(
            batch_op.f("ix_annotation_link_screen_id"), ["screen_id"], unique=False
        )
        batch_op.create_index(batch_op.f("ix_annotation_link_well_id"), ["well_id"], unique=False)
        batch_op.create_index(
            "uq_annotation_link_dataset_id", ["annotation_id", "dataset_id"], unique=True
        )
        batch_op.create_index(
            "uq_annotation_link_image_id", ["annotation_id", "image_id"], unique=True
        )
        batch_op.create_index(
            "uq_annotation_link_plate_id", ["annotation_id", "plate_id"], unique=True
        )
        batch_op.create_index(
            "uq_annotation_link_project_id", ["annotation_id", "project_id"], unique=True
        )
        batch_op.create_index(
            "uq_annotation_link_screen_id", ["annotation_id", "screen_id"], unique=True
        )
        batch_op.create_index(
            "uq_annotation_link_well_id", ["annotation_id", "well_id"], unique=True
        )

    op.create_table(
        "segment",
        sa.Column("table_id", sa.Integer(), nullable=False),
        sa.Column("since", sa.Integer(), nullable=False),
        sa.Column("until", sa.Integer(), nullable=True),
        sa.Column("first_row", sa.Integer(), nullable=False),
        sa.Column("rows", sa.Integer(), nullable=False),
        sa.Column("manifest", sa.JSON(), nullable=False),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("updated_at", sa.DateTime(), nullable=False),
        sa.Column("deleted_at", sa.DateTime(), nullable=True),
        sa.Column("owner_id", sa.Integer(), nullable=False),
        sa.Column("group_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["group_id"], ["group.id"], name=op.f("fk_segment_group_id_group")),
        sa.ForeignKeyConstraint(["owner_id"], ["user.id"], name=op.f("fk_segment_owner_id_user")),
        sa.ForeignKeyConstraint(
            ["table_id"], ["annotation.id"], name=op.f("fk_segment_table_id_annotation")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_segment")),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("segment", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_segment_group_id"), ["group_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_segment_owner_id"), ["owner_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_segment_table_id"), ["table_id"], unique=False)

    if op.get_bind().dialect.name == "sqlite":
        op.execute(
            "CREATE VIRTUAL TABLE search_text USING fts5(kind UNINDEXED, object_id UNINDEXED, "
            "name, description, tag, key, comment, file, channel, "
            "tokenize = 'unicode61 remove_diacritics 2', prefix = '2 3')"
        )
