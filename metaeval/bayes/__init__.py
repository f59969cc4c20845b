"""Posteriors of what scorers are worth: accuracy, ties, calibration, raters.

`fit` draws from a model's posterior and returns an xarray DataTree; `summarise` makes results of
it, with the same columns as those of `metaeval.evaluate` and `metaeval.compare`.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from metaeval.bayes.checking import check
    from metaeval.bayes.fitting import fit
    from metaeval.bayes.models import accuracy
    from metaeval.bayes.posterior import load, save
    from metaeval.bayes.summaries import summarise

_HOME = {
    "accuracy": "models",
    "check": "checking",
    "fit": "fitting",
    "load": "posterior",
    "save": "posterior",
    "summarise": "summaries",
}

__all__ = [
    "accuracy",
    "check",
    "fit",
    "load",
    "save",
    "summarise",
]


def __getattr__(name: str) -> Any:
    """Load a public name when it is first used: numpyro alone takes a second."""
    if name not in _HOME:
        raise AttributeError(f"module 'metaeval.bayes' has no attribute {name!r}")
    value = getattr(importlib.import_module(f"metaeval.bayes.{_HOME[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
