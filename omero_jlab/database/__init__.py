"""The relational database: rows, engines and migrations.  Only the repository imports it."""

from .accounts import CapabilityRow, GroupRow, MembershipRow, TokenRow, UserRow
from .annotations import (
    TARGET_COLUMNS,
    AnnotationLinkRow,
    AnnotationRow,
    GateRow,
    SegmentRow,
    TableVersionRow,
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
from .deletions import DeletionRow
from .engines import Engines, Journal
from .images import FileRow, FilesetRow, ImageRow, SettingsRow
from .migrate import (
    Belonging,
    Step,
    belonging_of,
    count_rows,
    differences,
    faults,
    migrate,
    schema_of,
    steps_to_newest,
)
from .regions import FolderRoiRow, FolderRow, RoiRow
from .runs import DelegationImageRow, DelegationRow, RunImageRow, RunRow

__all__ = [
    "TARGET_COLUMNS",
    "AnnotationLinkRow",
    "AnnotationRow",
    "AppliedRow",
    "Base",
    "Belonging",
    "CapabilityRow",
    "DamageRow",
    "DatasetImageRow",
    "DatasetRow",
    "DelegationImageRow",
    "DelegationRow",
    "DeletionRow",
    "Engines",
    "ErasureRow",
    "FieldRow",
    "FileRow",
    "FilesetRow",
    "FolderRoiRow",
    "FolderRow",
    "GateRow",
    "GroupRow",
    "Guarded",
    "ImageRow",
    "IntentRow",
    "JobRow",
    "Journal",
    "MembershipRow",
    "PlateRow",
    "ProjectDatasetRow",
    "ProjectRow",
    "RepositoryRow",
    "RoiRow",
    "RunImageRow",
    "RunRow",
    "ScreenPlateRow",
    "ScreenRow",
    "SegmentRow",
    "SettingsRow",
    "Step",
    "TableVersionRow",
    "TokenRow",
    "UserRow",
    "WellRow",
    "belonging_of",
    "count_rows",
    "differences",
    "faults",
    "migrate",
    "now",
    "schema_of",
    "steps_to_newest",
]  # fmt: skip
