"""Posteriors as xarray trees for the installed ArviZ; saving and loading them."""

from __future__ import annotations

import contextlib
import gc
import hashlib
import io
import json
import os
import sys
import tempfile
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from metaeval.bayes.model_interface import NamedArrays
from metaeval.core import Floats, MetaevalError, write_all

SCHEMA = "metaeval.posterior/1"
_CHAINS = ("chain", "draw")
_DIGEST = "digest"


def arviz() -> Any:
    """Import ArviZ without the FutureWarning that version 0.23 issues on import."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        try:
            import arviz as az
        except OSError:  # on import ArviZ writes to the user's cache folder, which may be read-only
            with (
                tempfile.TemporaryDirectory() as folder,
                _environment_variable("XDG_CACHE_HOME", folder),
            ):
                import arviz as az
    return az


@contextlib.contextmanager
def _environment_variable(name: str, value: str) -> Iterator[None]:
    """Set an environment variable within a context."""
    previous = os.environ.get(name)
    os.environ[name] = value
    try:
        yield
    finally:
        if previous is None:
            del os.environ[name]
        else:
            os.environ[name] = previous


def to_dataset(
    arrays: NamedArrays, coords: Mapping[str, list[Any]], has_draws: bool = True
) -> xr.Dataset:
    """Return a dataset of named arrays; draws have leading chain and draw dimensions."""
    leading = _CHAINS if has_draws else ()
    data = {
        name: ((*leading, *dims), np.asarray(values)) for name, (dims, values) in arrays.items()
    }
    present_dims = {dim for dims, _ in data.values() for dim in dims}
    dim_coords: dict[str, Any] = {
        d: np.array(c, dtype=object) for d, c in coords.items() if d in present_dims
    }
    if "other" in present_dims:
        dim_coords["other"] = dim_coords["scorer"]
    dataset = xr.Dataset(data, coords=dim_coords)
    return dataset.assign_coords(
        {d: np.arange(dataset.sizes[d]) for d in leading if d in dataset.sizes}
    )


def make_tree(groups: Mapping[str, xr.Dataset], attrs: Mapping[str, Any]) -> xr.DataTree:
    """Return a tree of groups with attributes encoded as JSON."""
    tree = xr.DataTree.from_dict({f"/{name}": dataset for name, dataset in groups.items()})
    texts = {k: v if isinstance(v, str) else json.dumps(v) for k, v in attrs.items()}
    tree.attrs = {"schema": SCHEMA, **texts}
    return tree


def read_attr(tree: xr.DataTree, name: str) -> Any:
    """Return an attribute of a posterior, decoded from JSON."""
    text = require_posterior(tree).attrs[name]
    return json.loads(text) if text[:1] in "[{" else text


def is_posterior(source: Any) -> bool:
    """Return whether an object is a DataTree, or the InferenceData of ArviZ before 1.0."""
    kind = type(source)
    old = kind.__name__ == "InferenceData" and kind.__module__.startswith("arviz")
    return old or isinstance(source, xr.DataTree)


def for_arviz(tree: xr.DataTree) -> Any:
    """Return a posterior in the container of the installed ArviZ, without copying."""
    az = arviz()
    if hasattr(az, "psense"):  # 1.0 and later
        return tree
    groups = {name: child.to_dataset() for name, child in tree.children.items()}
    return az.InferenceData(attrs=dict(tree.attrs), **groups)


def _as_tree(source: Any) -> xr.DataTree:
    """Return a posterior as a DataTree, from either container of ArviZ."""
    if isinstance(source, xr.DataTree):
        return source
    tree = xr.DataTree.from_dict({f"/{name}": dataset for name, dataset in source.items()})
    tree.attrs = dict(source.attrs)
    return tree


def require_posterior(source: Any) -> xr.DataTree:
    """Return a posterior of `fit` as a tree; raise an error for anything else."""
    if not is_posterior(source) or source.attrs.get("schema") != SCHEMA:
        raise MetaevalError(
            f"Expected a posterior from metaeval.bayes.fit, got {type(source).__name__}"
            f"{' from another source' if is_posterior(source) else ''}; "
            "fit a model, or load a saved posterior with bayes.load."
        )
    tree = _as_tree(source)
    sizes = tree["posterior"].sizes if "posterior" in tree else {}
    if not sizes.get("draw") or not sizes.get("chain"):
        raise MetaevalError(
            "This posterior has no draws; fit the model again, or select at least one draw."
        )
    return tree


def flat_draws(tree: xr.DataTree, name: str, site: str = "posterior") -> Floats:
    """Return draws of one variable with chains concatenated: (draw, ...)."""
    values = tree[site][name].to_numpy()
    return np.asarray(values.reshape(-1, *values.shape[2:]))


def save(tree: Any, path: str | Path) -> None:
    """Write a posterior to a NetCDF file atomically.

    Parameters
    ----------
    tree : DataTree or InferenceData
        A posterior returned by `fit`.
    path : str or Path
        Path of the file, by convention ending in `.nc`.

    Raises
    ------
    MetaevalError
        If `tree` is not a posterior of `fit`, or the file cannot be written.

    Returns
    -------
    None
    """
    write_all({Path(path): as_bytes(tree)})


def as_bytes(tree: Any) -> bytes:
    """Return the content of a NetCDF file with the posterior."""
    plain_tree = _for_netcdf(require_posterior(tree))
    file = io.BytesIO()
    try:
        plain_tree.to_netcdf(file, engine="h5netcdf")
    except ValueError:  # xarray before 2025.7 writes trees to paths only
        with tempfile.TemporaryDirectory() as folder:
            plain_tree.to_netcdf(Path(folder) / "tree.nc", engine="h5netcdf")
            return (Path(folder) / "tree.nc").read_bytes()
    return file.getvalue()


def load(path: str | Path) -> Any:
    """Read a posterior written by `save`.

    Parameters
    ----------
    path : str or Path

    Returns
    -------
    DataTree or InferenceData
        The posterior in the container that `fit` returns, loaded into memory.

    Raises
    ------
    MetaevalError
        If the file does not exist, is damaged, or holds something else.
    """
    if not os.path.isfile(path):
        raise MetaevalError(
            f"File {str(path)!r} does not exist; write it with bayes.save(tree, path)."
        )
    tree = _read(Path(path))
    if tree is None or tree.attrs.pop(_DIGEST, None) not in (None, _digest(tree)):
        raise MetaevalError(
            f"{str(path)!r} is damaged or is not a NetCDF file; write it again with "
            "bayes.save(tree, path)."
        )
    posterior = require_posterior(tree)
    return for_arviz(posterior)


def _read(path: Path) -> xr.DataTree | None:
    """Load a tree from a file; return None, without warnings, if the file is damaged."""
    hook = sys.unraisablehook
    sys.unraisablehook = lambda _: None  # h5py reports damage when it closes the file
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = _open_tree(path)
        if tree is None:
            gc.collect()
        return tree
    finally:
        sys.unraisablehook = hook


def _open_tree(path: Path) -> xr.DataTree | None:
    try:
        with xr.open_datatree(path, engine="h5netcdf") as source:
            return source.load()
    except Exception:  # errors of h5py on damaged files share no base class
        return None


def _digest(tree: xr.DataTree) -> str:
    """Return a digest of all arrays and attributes, as stored in files."""
    digest = hashlib.sha256()
    for name in sorted(tree.children):
        for key, variable in sorted(tree[name].to_dataset().variables.items(), key=str):
            values = variable.to_numpy()
            digest.update(f"{name}/{key}{variable.dims}{values.shape}".encode())
            digest.update(_content(values))
    texts = {k: str(v) for k, v in tree.attrs.items() if k != _DIGEST}
    digest.update(json.dumps(texts, sort_keys=True).encode())
    return digest.hexdigest()


def _content(values: np.ndarray) -> bytes:
    """Return the values as bytes, which do not depend on how text is stored."""
    if values.dtype.kind in "OUST":
        return "\0".join(map(str, values.ravel())).encode("utf-8", "surrogatepass")
    return np.ascontiguousarray(values).tobytes()


def _for_netcdf(tree: xr.DataTree) -> xr.DataTree:
    """Convert object strings to fixed-width text and booleans to integers, for NetCDF."""

    def plain(dataset: xr.Dataset) -> xr.Dataset:
        texts = {n: c.astype(str) for n, c in dataset.coords.items() if c.dtype == object}
        flags = {n: v.astype(np.int8) for n, v in dataset.items() if v.dtype == bool}
        return dataset.assign_coords(texts).assign(flags)

    portable = tree.map_over_datasets(plain)
    portable.attrs = {**tree.attrs, _DIGEST: ""}
    portable.attrs[_DIGEST] = _digest(portable)
    return portable


def loo(draws: xr.Dataset, log_likelihood: Floats) -> Any:
    """Compute PSIS-LOO by ArviZ from log likelihoods (chain, draw, unit)."""
    unit_likelihood = xr.Dataset({"unit": ((*_CHAINS, "obs"), log_likelihood)})
    groups = {"posterior": draws, "log_likelihood": unit_likelihood}
    return arviz().loo(_as_arviz(groups), pointwise=True)


def power_scaling(draws: xr.Dataset, log_density: Floats) -> xr.Dataset:
    """Compute the sensitivity of a posterior to power-scaling of a log density (chain, draw)."""
    density = xr.Dataset({"part": (_CHAINS, log_density)})
    groups = _as_arviz({"posterior": draws, "log_prior": density})
    az = arviz()
    sensitivity = az.psense(groups, group="prior") if hasattr(az, "psense") else az.psens(groups)
    return sensitivity.to_dataset() if isinstance(sensitivity, xr.DataTree) else sensitivity


def _as_arviz(groups: Mapping[str, xr.Dataset]) -> Any:
    """Return groups in the container of the installed ArviZ."""
    return for_arviz(
        xr.DataTree.from_dict({f"/{name}": dataset for name, dataset in groups.items()})
    )
