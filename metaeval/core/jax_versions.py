"""Names that differ between versions of JAX."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any


def double_precision() -> AbstractContextManager[Any]:
    """A context in which JAX computes in double precision."""
    import jax

    if hasattr(jax, "enable_x64"):
        return jax.enable_x64(True)
    # JAX before 0.8 has it in jax.experimental, from which it was removed later
    from jax.experimental import enable_x64  # type: ignore[attr-defined, unused-ignore]

    return enable_x64(True)  # type: ignore[no-any-return, unused-ignore]


def split_over(mesh: Any, split: Any, function: Callable[..., Any]) -> Callable[..., Any]:
    """A function of two arrays that each device applies to its shards of them."""
    import jax

    places: dict[str, Any] = {"mesh": mesh, "in_specs": (split, split), "out_specs": split}
    if hasattr(jax, "shard_map"):
        return jax.shard_map(function, **places, check_vma=False)
    # JAX before 0.6 has it in jax.experimental, with another name for the check
    from jax.experimental.shard_map import shard_map

    return shard_map(function, **places, check_rep=False)  # type: ignore[no-untyped-call, unused-ignore]
