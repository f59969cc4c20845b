"""Posteriors as xarray trees, whichever ArviZ is installed; saving and loading them."""

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

from metaeval.bayes.model_data import NamedArrays
from metaeval.core import Floats, MetaevalError, write_all

SCHEMA = "metaeval.posterior/1"
_CHAINS = ("chain", "draw")
_DIGEST = "digest"


def arviz() -> Any:
    """ArviZ, whose 0.23 announces the next version with every import."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        try:
            import arviz as az
        except OSError:  # it notes the date in the user's cache folder, which may not be writable
            with (
                tempfile.TemporaryDirectory() as folder,
                _environment_variable("XDG_CACHE_HOME", folder),
            ):
                import arviz as az
    return az


@contextlib.contextmanager
def _environment_variable(name: str, value: str) -> Iterator[None]:
    """A variable of the environment for a while."""
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
    """Arrays by name as a dataset; drawn ones have chains and draws in front."""
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
    """A posterior of named groups, what it says of itself in JSON."""
    tree = xr.DataTree.from_dict({f"/{name}": dataset for name, dataset in groups.items()})
    texts = {k: v if isinstance(v, str) else json.dumps(v) for k, v in attrs.items()}
    tree.attrs = {"schema": SCHEMA, **texts}
    return tree


def read_attr(tree: xr.DataTree, name: str) -> Any:
    """What a posterior says of itself under a name."""
    text = require_posterior(tree).attrs[name]
    return json.loads(text) if text[:1] in "[{" else text


def is_posterior(source: Any) -> bool:
    """Whether something is what ArviZ holds posteriors in: a DataTree, before 1.0 InferenceData."""
    kind = type(source)
    old = kind.__name__ == "InferenceData" and kind.__module__.startswith("arviz")
    return old or isinstance(source, xr.DataTree)


def for_arviz(tree: xr.DataTree) -> Any:
    """A posterior as the ArviZ that is installed takes it; nothing is copied."""
    az = arviz()
    if hasattr(az, "psense"):  # 1.0 and later
        return tree
    groups = {name: child.to_dataset() for name, child in tree.children.items()}
    return az.InferenceData(attrs=dict(tree.attrs), **groups)


def _as_tree(source: Any) -> xr.DataTree:
    """A posterior as a tree, whichever ArviZ it is for."""
    if isinstance(source, xr.DataTree):
        return source
    tree = xr.DataTree.from_dict({f"/{name}": dataset for name, dataset in source.items()})
    tree.attrs = dict(source.attrs)
    return tree


def require_posterior(source: Any) -> xr.DataTree:
    """A posterior that `fit` made, as a tree; anything else is refused."""
    if not is_posterior(source) or source.attrs.get("schema") != SCHEMA:
        raise MetaevalError(
            f"Expected a posterior of metaeval.bayes.fit, found a {type(source).__name__}"
            f"{' of something else' if is_posterior(source) else ''}; "
            "fit a model, or load one with bayes.load."
        )
    tree = _as_tree(source)
    sizes = tree["posterior"].sizes if "posterior" in tree else {}
    if not sizes.get("draw") or not sizes.get("chain"):
        raise MetaevalError("This posterior has no draws; fit the model again, or keep some.")
    return tree


def flat_draws(tree: xr.DataTree, name: str, site: str = "posterior") -> Floats:
    """Draws of one variable, all chains one after the other: (draw, ...)."""
    values = tree[site][name].to_numpy()
    return np.asarray(values.reshape(-1, *values.shape[2:]))


def save(tree: Any, path: str | Path) -> None:
    """Write a posterior to a NetCDF file, whole or not at all.

    Parameters
    ----------
    tree : DataTree or InferenceData
        What `fit` returned.
    path : str or Path
        Where to; ends in `.nc` by custom.

    Raises
    ------
    MetaevalError
        If it is not a posterior, or the place cannot be written.

    Returns
    -------
    None
    """
    write_all({Path(path): as_bytes(tree)})


def as_bytes(tree: Any) -> bytes:
    """A posterior as the content of a NetCDF file."""
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
    """Read a posterior that `save` wrote.

    Parameters
    ----------
    path : str or Path

    Returns
    -------
    DataTree or InferenceData
        As `fit` returns it, in memory.

    Raises
    ------
    MetaevalError
        If there is no such file, or it is damaged or something else.
    """
    if not os.path.isfile(path):
        raise MetaevalError(
            f"There is no file {str(path)!r}; write one with bayes.save(tree, path)."
        )
    tree = _read(Path(path))
    if tree is None or tree.attrs.pop(_DIGEST, None) not in (None, _digest(tree)):
        raise MetaevalError(
            f"{str(path)!r} is not a NetCDF file that can be read, or is damaged; write it again "
            "with bayes.save(tree, path)."
        )
    posterior = require_posterior(tree)
    return for_arviz(posterior)


def _read(path: Path) -> xr.DataTree | None:
    """A tree of a file, in memory; None, and not a word, where the file is damaged."""
    hook = sys.unraisablehook
    sys.unraisablehook = lambda _: None  # libraries complain of damage when they close the file
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
    except Exception:  # what h5py raises of damaged files has no common class
        return None


def _digest(tree: xr.DataTree) -> str:
    """A digest of every array and of what a posterior says of itself, as files hold them."""
    digest = hashlib.sha256()
    for name in sorted(tree.children):
        for key, variable in sorted(tree[name].to_dataset().variables.items(), key=str):
            values = variable.to_numpy()
            text = values.dtype.kind in "OUST"
            content = "\0".join(map(str, values.ravel())).encode("utf-8", "surrogatepass")
            digest.update(f"{name}/{key}{variable.dims}{values.shape}".encode())
            digest.update(content if text else np.ascontiguousarray(values).tobytes())
    texts = {k: str(v) for k, v in tree.attrs.items() if k != _DIGEST}
    digest.update(json.dumps(texts, sort_keys=True).encode())
    return digest.hexdigest()


def _for_netcdf(tree: xr.DataTree) -> xr.DataTree:
    """The tree with names as fixed-width text, and truth values as numbers, as NetCDF has them."""

    def plain(dataset: xr.Dataset) -> xr.Dataset:
        texts = {n: c.astype(str) for n, c in dataset.coords.items() if c.dtype == object}
        flags = {n: v.astype(np.int8) for n, v in dataset.items() if v.dtype == bool}
        return dataset.assign_coords(texts).assign(flags)

    portable = tree.map_over_datasets(plain)
    portable.attrs = {**tree.attrs, _DIGEST: ""}
    portable.attrs[_DIGEST] = _digest(portable)
    return portable


def loo(draws: xr.Dataset, log_likelihood: Floats) -> Any:
    """ArviZ's PSIS-LOO of log likelihoods (chain, draw, unit)."""
    unit_likelihood = xr.Dataset({"unit": ((*_CHAINS, "obs"), log_likelihood)})
    groups = {"posterior": draws, "log_likelihood": unit_likelihood}
    return arviz().loo(_as_arviz(groups), pointwise=True)


def power_scaling(draws: xr.Dataset, log_density: Floats) -> xr.Dataset:
    """How fast posteriors move as a part of the density (chain, draw) is raised to a power."""
    density = xr.Dataset({"part": (_CHAINS, log_density)})
    groups = _as_arviz({"posterior": draws, "log_prior": density})
    az = arviz()
    sensitivity = az.psense(groups, group="prior") if hasattr(az, "psense") else az.psens(groups)
    return sensitivity.to_dataset() if isinstance(sensitivity, xr.DataTree) else sensitivity


def _as_arviz(groups: Mapping[str, xr.Dataset]) -> Any:
    """Groups as the ArviZ that is installed takes them: 0.23 has a container of its own."""
    return for_arviz(
        xr.DataTree.from_dict({f"/{name}": dataset for name, dataset in groups.items()})
    )
