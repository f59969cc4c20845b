"""Where a frame of raw cells comes from: carried along in its `attrs`."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

_KEY = "origin"


@dataclass(frozen=True, kw_only=True)
class FrameOrigin:
    """Where a frame of raw cells comes from.

    Parameters
    ----------
    source : str
        Its name in messages.
    text : bool
        Whether all cells are text, as in CSV and TSV.
    notes : tuple of str
        What was noticed when it was read.
    columns : tuple of pairs of str
        Role and name in the file of each column that has a role.
    """

    source: str
    text: bool = False
    notes: tuple[str, ...] = ()
    columns: tuple[tuple[str, str], ...] = ()

    def __deepcopy__(self, memo: object) -> FrameOrigin:
        """Return the origin itself, which is immutable: pandas copies `attrs` at each step."""
        return self


def with_origin(frame: pd.DataFrame, origin: FrameOrigin) -> pd.DataFrame:
    """Attach an origin to a frame, in place, and return it."""
    frame.attrs = {_KEY: origin}
    return frame


def origin_of(frame: pd.DataFrame) -> FrameOrigin:
    """Return the origin of a frame.

    >>> origin_of(with_origin(pd.DataFrame(), FrameOrigin(source="a.csv"))).source
    'a.csv'
    """
    return frame.attrs.get(_KEY) or FrameOrigin(source="the frame")
