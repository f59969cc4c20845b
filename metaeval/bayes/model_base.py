"""`Model`: the interface that `fit` requires of a model."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

from metaeval.bayes.model_data import ModelData
from metaeval.bayes.sampling.nuts import ChainDraws, Settings, StoppingRule
from metaeval.core import check_names
from metaeval.inference import DesignOptions
from metaeval.tables import Table


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
