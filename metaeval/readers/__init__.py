"""Readers: from files and frames to tables."""

from metaeval.readers.dispatch import FORMATS, read, recognise
from metaeval.readers.files.raw_frame import load_frame
from metaeval.readers.public import read_candidates, read_mtme, read_preferences, read_scores

__all__ = [
    "FORMATS",
    "load_frame",
    "read",
    "read_candidates",
    "read_mtme",
    "read_preferences",
    "read_scores",
    "recognise",
]
