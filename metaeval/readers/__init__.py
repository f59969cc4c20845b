"""Readers: from files and frames to tables."""

from metaeval.readers.files import load_frame
from metaeval.readers.named import read_candidates, read_mtme, read_preferences, read_scores
from metaeval.readers.reading import FORMATS, read, recognise

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
