"""The nouns that travel between layers: frozen records, no input or output."""

from .access import Actor, Group, GroupType, Member, Rights, User
from .admin import BackupReport, CheckReport, Diagnostics, Problem, PurgeReport, Usage
from .annotations import (
    Annotation,
    Attached,
    Comment,
    FileAnnotation,
    KeyValues,
    Labels,
    Placement,
    TableInfo,
    Tag,
)
from .browse import Health, Hit, Kind, Node, Page, Status, TargetKind, Token
from .containers import Dataset, Field, Plate, Project, Screen, Well
from .found import FoundChannel, FoundImage, Position
from .image import Channel, Image, Level, Sizes
from .jobs import (
    ImportFailure,
    ImportPlan,
    ImportReport,
    ImportRequest,
    Job,
    OriginalFile,
    PlannedFileset,
    Report,
    ResultsReport,
    ResultsRow,
)
from .record import Owned, Record
from .rendering import ChannelSettings, Settings, Tile
from .shapes import Ellipse, Label, Line, Point, Polygon, Polyline, Rectangle, Roi, Shape
from .table import Column, ColumnPart, Segment

__all__ = [
    "Actor", "Annotation", "Attached", "BackupReport", "Channel", "ChannelSettings",
    "CheckReport", "Column", "ColumnPart", "Comment", "Dataset", "Diagnostics", "Ellipse",
    "Field", "FileAnnotation", "FoundChannel", "FoundImage", "Group", "GroupType", "Health",
    "Hit", "Image", "ImportFailure", "ImportPlan", "ImportReport", "ImportRequest", "Job",
    "KeyValues", "Kind", "Label", "Labels", "Level", "Line", "Member", "Node", "OriginalFile",
    "Owned", "Page", "Placement", "PlannedFileset", "Plate", "Point", "Polygon", "Polyline",
    "Position", "Problem", "Project", "PurgeReport", "Record", "Rectangle", "Report",
    "ResultsReport", "ResultsRow", "Rights", "Roi", "Screen", "Segment", "Settings", "Shape",
    "Sizes", "Status", "TableInfo", "Tag", "TargetKind", "Tile", "Token", "Usage", "User", "Well",
]  # fmt: skip
