"""Posteriors as xarray trees, whichever ArviZ is installed; saving and loading them."""

from __future__ import annotations

import io
import json
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from metaeval.arrays import Floats
from metaeval.bayes.prepared import Named
from metaeval.errors import MetaevalError
from metaeval.files import write_all

SCHEMA = "metaeval.posterior/1"
_CHAINS = ("chain", "draw")
_READ = (OSError, ValueError, KeyError, TypeError, AttributeError)


def arviz() -> Any:
    """ArviZ, whose 0.23 announces the next version with every import."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        import arviz as az
    return az


def group(named: Named, coords: Mapping[str, list[Any]], drawn: bool = True) -> xr.Dataset:
    """Arrays by name as a dataset; drawn ones have chains and draws in front."""
    front = _CHAINS if drawn else ()
    data = {name: ((*front, *dims), np.asarray(values)) for name, (dims, values) in named.items()}
    used = {dim for dims, _ in data.values() for dim in dims}
    known: dict[str, Any] = {d: np.array(c, dtype=object) for d, c in coords.items() if d in used}
    if "other" in used:
        known["other"] = known["scorer"]
    found = xr.Dataset(data, coords=known)
    return found.assign_coords({d: np.arange(found.sizes[d]) for d in front if d in found.sizes})


def tree_of(groups: Mapping[str, xr.Dataset], attrs: Mapping[str, Any]) -> xr.DataTree:
    """A posterior of named groups, what it says of itself in JSON."""
    tree = xr.DataTree.from_dict({f"/{name}": found for name, found in groups.items()})
    said = {k: v if isinstance(v, str) else json.dumps(v) for k, v in attrs.items()}
    tree.attrs = {"schema": SCHEMA, **said}
    return tree


def said(tree: xr.DataTree, name: str) -> Any:
    """What a posterior says of itself under a name."""
    text = require_ours(tree).attrs[name]
    return json.loads(text) if text[:1] in "[{" else text


def require_ours(tree: Any) -> xr.DataTree:
    """Refuse what `fit` did not make."""
    if not isinstance(tree, xr.DataTree) or tree.attrs.get("schema") != SCHEMA:
        raise MetaevalError(
            f"Expected a posterior of metaeval.bayes.fit, found a {type(tree).__name__}"
            f"{' of something else' if isinstance(tree, xr.DataTree) else ''}; "
            "fit a model, or load one with bayes.load."
        )
    sizes = tree["posterior"].sizes if "posterior" in tree else {}
    if not sizes.get("draw") or not sizes.get("chain"):
        raise MetaevalError("This posterior has no draws; fit the model again, or keep some.")
    return tree


def flat_draws(tree: xr.DataTree, name: str, site: str = "posterior") -> Floats:
    """Draws of one variable, all chains one after the other: (draw, ...)."""
    values = tree[site][name].to_numpy()
    return np.asarray(values.reshape(-1, *values.shape[2:]))


def save(tree: xr.DataTree, path: str | Path) -> None:
    """Write a posterior to a NetCDF file, whole or not at all.

    Parameters
    ----------
    tree : DataTree
        What `fit` returned.
    path : str or Path
        Where to; ends in `.nc` by custom.

    Raises
    ------
    MetaevalError
        If it is no posterior, or the place cannot be written.

    Returns
    -------
    None
    """
    write_all({Path(path): as_bytes(tree)})


def as_bytes(tree: xr.DataTree) -> bytes:
    """A posterior as the content of a NetCDF file."""
    file = io.BytesIO()
    _plain(require_ours(tree)).to_netcdf(file, engine="h5netcdf")
    return file.getvalue()


def load(path: str | Path) -> xr.DataTree:
    """Read a posterior that `save` wrote.

    Parameters
    ----------
    path : str or Path

    Returns
    -------
    DataTree
        In memory; the file is closed.

    Raises
    ------
    MetaevalError
        If there is no such file, or it is damaged or something else.
    """
    if not Path(path).is_file():
        raise MetaevalError(
            f"There is no file {str(path)!r}; write one with bayes.save(tree, path)."
        )
    try:
        with xr.open_datatree(path, engine="h5netcdf") as opened:
            tree = opened.load()
    except _READ:
        raise MetaevalError(
            f"{str(path)!r} is no NetCDF file that can be read, or is damaged; write it again with "
            "bayes.save(tree, path)."
        ) from None
    return require_ours(tree)


def _plain(tree: xr.DataTree) -> xr.DataTree:
    """The tree with names as fixed-width text, and truth values as numbers, as NetCDF has them."""

    def plain(found: xr.Dataset) -> xr.Dataset:
        texts = {n: c.astype(str) for n, c in found.coords.items() if c.dtype == object}
        flags = {n: v.astype(np.int8) for n, v in found.items() if v.dtype == bool}
        return found.assign_coords(texts).assign(flags)

    kept = tree.map_over_datasets(plain)
    kept.attrs = dict(tree.attrs)
    return kept


def loo(draws: xr.Dataset, log_likelihood: Floats) -> Any:
    """ArviZ's PSIS-LOO of log likelihoods (chain, draw, unit)."""
    found = xr.Dataset({"unit": ((*_CHAINS, "obs"), log_likelihood)})
    kept = {"posterior": draws, "log_likelihood": found}
    return arviz().loo(_as_arviz(kept), pointwise=True)


def power_scaled(draws: xr.Dataset, log_density: Floats) -> xr.Dataset:
    """How fast posteriors move as a part of the density (chain, draw) is raised to a power."""
    part = xr.Dataset({"part": (_CHAINS, log_density)})
    kept = _as_arviz({"posterior": draws, "log_prior": part})
    az = arviz()
    found = az.psense(kept, group="prior") if hasattr(az, "psense") else az.psens(kept)
    return found.to_dataset() if isinstance(found, xr.DataTree) else found


def _as_arviz(groups: Mapping[str, xr.Dataset]) -> Any:
    """Groups as the ArviZ that is installed takes them: 0.23 has a container of its own."""
    az = arviz()
    if hasattr(az, "psense"):
        return xr.DataTree.from_dict({f"/{name}": found for name, found in groups.items()})
    return az.InferenceData(**groups)
