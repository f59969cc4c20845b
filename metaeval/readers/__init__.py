"""Readers: from files and frames to tables.

- `dispatch`: Read files of any format, alone or side by side.
- `public`: Readers of one kind of file each: scores, preferences, folders of scores, candidates.
- `argument_types`: Types of arguments that readers share.
- `to_table`: From one part to a table: selected labels and scorers, orientation, policies.
- `cells`: From a cell to a value: notations, words, scales, codes for missing values.
- `columns`: From names and contents of columns to their roles.
- `files`: From bytes to frames of raw cells.
- `matching`: From several files to one table: rows joined by ids, with hints and warnings.
- `formats`: One module for each format that is recognized.
"""

from metaeval.readers.dispatch import FORMATS, read, recognize
from metaeval.readers.files.raw_frame import load_frame
from metaeval.readers.public import read_best_of_n, read_mtme, read_preferences, read_scores

__all__ = [
    "FORMATS",
    "load_frame",
    "read",
    "read_best_of_n",
    "read_mtme",
    "read_preferences",
    "read_scores",
    "recognize",
]
