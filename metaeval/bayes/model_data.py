"""The data of a model, and the names of its draws."""

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
    """Return no constants, for models without constants derived from draws."""
    return {}


@dataclass(frozen=True, kw_only=True)
class ModelData:
    """Data of a model, and functions of its draws.

    `arrays` and `options` are the arguments of the model. `dims` names the dimensions of the sites
    in the posterior, `coords` their coordinates. `name_options` are the options shown in the name
    of the model. `derived` sites are one-to-one functions of others and need no convergence check.
    Given draws of the sites, `derived_draws` draws derived quantities (such as those of a new
    task), `predict` draws replicated data, `log_likelihood` returns (chain, draw, unit), and
    `derived_constants` returns constants. `log_prior` maps sites and derived draws to the log
    density of the priors (chain, draw).
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
