"""`Model`: what `fit` asks of a model, and what its options have in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

from metaeval.bayes.design import DesignOptions
from metaeval.bayes.model_data import ModelData
from metaeval.bayes.sampling.nuts import ChainDraws, Settings, StoppingRule
from metaeval.core import check_names
from metaeval.tables import Table


@dataclass(frozen=True, kw_only=True)
class Model(ABC):
    """A model and its options: how it reads a table, and how its posterior is drawn."""

    name: ClassVar[str]

    @abstractmethod
    def prepare(self, table: Table, design: DesignOptions) -> ModelData:
        """Return the data of the model, from a table."""

    @abstractmethod
    def draw(self, data: ModelData, settings: Settings, enough: StoppingRule) -> ChainDraws:
        """Return draws of the posterior; `enough` says whether chains are long enough."""

    def _as_names(self, field: str) -> None:
        """Make a field that names columns a tuple; one name stands for itself."""
        names = check_names(field, getattr(self, field))
        object.__setattr__(self, field, tuple(names))
