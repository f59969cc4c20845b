"""`Model`: the interface that `fit` requires of a model, its data, and the names of its draws."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from numpy.random import Generator

from metaeval.bayes.sampling.compile import Arrays, Options
from metaeval.bayes.sampling.nuts import ChainDraws, Settings, StoppingRule
from metaeval.core import Floats, check_names
from metaeval.inference import Design, DesignOptions
from metaeval.statistics import Estimand
from metaeval.tables import Table

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


@dataclass(frozen=True, kw_only=True)
class Model(ABC):
    """A model and its options: how data are prepared and how the posterior is drawn."""

    name: ClassVar[str]

    @abstractmethod
    def prepare(self, table: Table, design: DesignOptions) -> ModelData:
        """Return the data of the model from a table."""

    @abstractmethod
    def draw(self, data: ModelData, settings: Settings, enough: StoppingRule) -> ChainDraws:
        """Return draws of the posterior; `enough` decides whether chains are long enough."""

    def _as_names(self, field: str) -> None:
        """Convert a field with one or more column names to a tuple."""
        names = check_names(field, getattr(self, field))
        object.__setattr__(self, field, tuple(names))
