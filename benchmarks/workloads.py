"""Data for the benchmarks, simulated from fixed seeds."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd

from metaeval.core import Floats
from metaeval.tables import Responses


class Scores(NamedTuple):
    """Scores of systems on items by scorers, and labels with ties."""

    scorers: Floats  # (scorer, item, system)
    human: Floats  # (item, system)


def wmt_like(n_items: int = 1500, n_systems: int = 15, n_scorers: int = 20) -> Scores:
    """Scores like those of a WMT shared task: labels are integers, many of them 0."""
    rng = np.random.default_rng(20251)
    quality = np.sort(rng.normal(size=n_systems))
    latent = quality + rng.normal(size=(n_items, 1)) + rng.normal(size=(n_items, n_systems))
    human = -np.clip(np.round(5 - 2 * latent), 0, 25)
    noise = np.linspace(0.5, 3.0, n_scorers)[:, None, None]
    return Scores(latent + noise * rng.normal(size=(n_scorers, n_items, n_systems)), human)


def table_of(scores: Scores) -> Responses:
    """The same scores as a table, with rows in the order of their names."""
    item, system = (np.char.zfill(x.ravel().astype(str), 7) for x in np.indices(scores.human.shape))
    rows = pd.DataFrame({"item": item, "system": system})
    columns = {f"scorer {k:02d}": column.ravel() for k, column in enumerate(scores.scorers)}
    labels = pd.DataFrame({"human": scores.human.ravel()})
    return Responses(rows, pd.DataFrame(columns), labels, label_kind="rating")


def outcomes(n_items: int, n_scorers: int) -> Floats:
    """Outcomes, 0 or 1, of scorers with common item difficulties: (item, scorer)."""
    rng = np.random.default_rng(11)
    ease = rng.normal(size=(n_items, 1)) + np.linspace(0, 0.1, n_scorers)
    return (ease + rng.normal(size=(n_items, n_scorers)) > 0).astype(float)


def measures(n_items: int, n_scorers: int) -> Floats:
    """Real-valued outcomes of scorers with common item difficulties: (item, scorer)."""
    rng = np.random.default_rng(12)
    return rng.normal(size=(n_items, 1)) + rng.normal(size=(n_items, n_scorers))
