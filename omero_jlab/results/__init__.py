"""What analysis programs wrote: tables, label images, regions, and the image each belongs to.

Pure: it is given a folder and candidate images, knows no database, and opens no file outside the
folder.
"""

from .axes import checked_axes
from .confined import SEVERAL, Confined, call_here, several_from_bytes
from .contract import (
    LabelStack,
    NewPixels,
    Output,
    ReadPlane,
    Recogniser,
    Regions,
    StoredImage,
)
from .label_images import LABELS, LabelReader, labels_to_bytes, read_labels
from .matching import match, stem, well_name
from .recognise import recognise, recognised
from .records import (
    Ambiguous,
    Candidate,
    CandidateFile,
    ImageSet,
    LabelFile,
    Match,
    Matching,
    SetFile,
    Unmatched,
)

__all__ = [
    "LABELS", "SEVERAL", "Ambiguous", "Candidate", "CandidateFile", "Confined", "ImageSet",
    "LabelFile", "LabelReader", "LabelStack", "Match", "Matching", "NewPixels", "Output",
    "ReadPlane", "Recogniser", "Regions", "SetFile", "StoredImage", "Unmatched", "call_here",
    "checked_axes", "labels_to_bytes", "match", "read_labels", "recognise", "recognised",
    "several_from_bytes", "stem", "well_name",
]  # fmt: skip
