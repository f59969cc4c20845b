"""Verdicts that can be scored only after labels have been merged."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from metaeval.core import Floats, MetaevalError
from metaeval.readers.matching.file_part import WRONG, Part
from metaeval.readers.matching.row_matching import shared_codes


def score_refusals_as_wrong(part: Part) -> Part:
    """Replace refusals that count as wrong with the opposite of the label of their pair."""
    scores = part.scores.to_numpy()
    if not part.pairs or not (scores == WRONG).any():
        return part
    if not part.labels.shape[1]:
        raise MetaevalError(
            "refusals='wrong' needs labels, because a refusal counts as the opposite of the "
            "label; add a file of labels."
        )
    verdict = _verdict(part.labels.to_numpy())
    wrong = np.where(verdict == 0, 1.0, -verdict)[:, None]
    fixed = pd.DataFrame(np.where(scores == WRONG, wrong, scores), columns=part.scores.columns)
    return replace(part, scores=fixed)


def _verdict(labels: Floats) -> Floats:
    """Return the plurality of labels (row, rater), or the sign of their mean if graded: (row,)."""
    votes = np.stack([(labels == v).sum(axis=1) for v in (-1, 0, 1)], axis=1)
    n_votes = (~np.isnan(labels)).sum(axis=1)
    is_mode = votes == votes.max(axis=1, keepdims=True)
    plural = np.where(is_mode.sum(axis=1) == 1, votes.argmax(axis=1) - 1.0, 0.0)
    graded = votes.sum(axis=1) < n_votes
    verdict = np.where(graded, np.sign(np.nansum(labels, axis=1)), plural)
    return np.where(n_votes == 0, np.nan, verdict)


def copy_labels_to_swapped_pairs(part: Part, keys: Sequence[str]) -> Part:
    """Fill in labels from the same pair shown in the other order, negated.

    The order may matter to judges; a label belongs to the pair in either order.
    """
    ids = [c for c in ("task", "item", *keys) if c in part.rows]
    swapped = part.rows.rename(columns={"first": "second", "second": "first"})
    codes, swapped_codes = shared_codes([part.rows, swapped], [*ids, "first", "second"])
    match = pd.Index(swapped_codes).get_indexer(codes)
    swapped_labels = -part.labels.to_numpy()[match] + 0.0
    swapped_labels[match < 0] = np.nan
    labels = part.labels.to_numpy()
    filled = np.where(np.isnan(labels), swapped_labels, labels)
    return replace(part, labels=pd.DataFrame(filled, columns=part.labels.columns))
