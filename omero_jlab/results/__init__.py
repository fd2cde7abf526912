"""What analysis programs wrote: tables, label images, and which image each belongs to.

Pure: it is given a folder and candidate images, knows no database, and opens no file outside the
folder.
"""

from .contract import Output, ReadPlane, Recogniser
from .label_images import LabelReader, labels_from_bytes, labels_to_bytes, read_labels
from .matching import match, well_name
from .recognise import recognise
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
    "Ambiguous", "Candidate", "CandidateFile", "ImageSet", "LabelFile", "LabelReader", "Match",
    "Matching", "Output", "ReadPlane", "Recogniser", "SetFile", "Unmatched", "labels_from_bytes",
    "labels_to_bytes", "match", "read_labels", "recognise", "well_name",
]  # fmt: skip
