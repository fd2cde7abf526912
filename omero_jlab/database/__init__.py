"""The relational database: rows, engines and migrations.  Only the repository imports it."""

from .accounts import GroupRow, MembershipRow, TokenRow, UserRow
from .annotations import (
    TARGET_COLUMNS,
    AnnotationLinkRow,
    AnnotationRow,
    RoiRow,
    SegmentRow,
)
from .base import Base, Guarded, now
from .bookkeeping import AppliedRow, DamageRow, ErasureRow, IntentRow, JobRow, RepositoryRow
from .containers import (
    DatasetImageRow,
    DatasetRow,
    FieldRow,
    PlateRow,
    ProjectDatasetRow,
    ProjectRow,
    ScreenPlateRow,
    ScreenRow,
    WellRow,
)
from .engines import Engines
from .images import FileRow, FilesetRow, ImageRow, SettingsRow
from .migrate import migrate, schema_of

__all__ = [
    "TARGET_COLUMNS", "AnnotationLinkRow", "AnnotationRow", "AppliedRow", "Base",
    "DamageRow", "DatasetImageRow", "DatasetRow", "Engines", "ErasureRow", "FieldRow", "FileRow",
    "FilesetRow", "GroupRow", "Guarded", "ImageRow", "IntentRow", "JobRow", "MembershipRow", "PlateRow",
    "ProjectDatasetRow", "ProjectRow", "RepositoryRow", "RoiRow", "ScreenPlateRow", "ScreenRow",
    "SegmentRow", "SettingsRow", "TokenRow", "UserRow", "WellRow", "migrate", "now", "schema_of",
]  # fmt: skip
