"""What a model needs of a table, and what its draws are called."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from numpy.random import Generator

from metaeval.bayes.sampling.compile import Arrays, Options
from metaeval.core import Floats
from metaeval.inference import Design
from metaeval.statistics import Estimand

NamedArrays = Mapping[str, tuple[tuple[str, ...], Any]]
"""Arrays by name, each with the names of its dimensions."""

Sites = Mapping[str, Floats]
"""Draws (chain, draw, ...) of the sites of a model."""


def no_constants(sites: Sites) -> NamedArrays:
    """Of a model that has no constants which follow from its draws."""
    return {}


@dataclass(frozen=True, kw_only=True)
class ModelData:
    """A table as a model takes it.

    `name_options` are the options that the name of the model shows; `derived` sites follow one by
    one from others and need no check of their own.
    `dims` names the dimensions of the sites that are kept in the posterior; `coords` their values.
    `derived_draws` draws what follows from the sites (a task not yet seen); `predict` draws data,
    and `log_likelihood` is that of each unit (chain, draw, unit), both from draws of the sites.
    `log_prior` maps sites, and what `derived_draws` drew, to the log density of the priors (chain,
    draw).
    `derived_constants` are constants that are known once the sites are drawn.
    """

    arrays: Arrays
    options: Options
    dims: Mapping[str, tuple[str, ...]]
    coords: Mapping[str, list[Any]]
    observed: NamedArrays
    constant: NamedArrays
    design: Design
    by: str | None
    estimand: Estimand
    name_options: Mapping[str, Any]
    derived: tuple[str, ...]
    notes: list[str]
    warnings: list[str]
    derived_draws: Callable[[Sites, Generator], NamedArrays]
    predict: Callable[[Sites, Generator], NamedArrays]
    log_likelihood: Callable[[Sites], Floats]
    log_prior: Callable[[Sites, NamedArrays], Floats] | None = None
    derived_constants: Callable[[Sites], NamedArrays] = no_constants
