"""Roles of columns, and their aliases."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache

ROLES = (
    "item",
    "system",
    "response",
    "task",
    "cluster",
    "scorer",
    "score",
    "rater",
    "label",
    "first",
    "second",
    "preference",
    "order",
)


def column_hint(**roles: str) -> str:
    """Return what to type to assign roles to columns, in Python and on the command line.

    >>> column_hint(item="doc+seg", cluster="doc")
    "columns={'item': 'doc+seg', 'cluster': 'doc'} (--map item=doc+seg,cluster=doc)"
    """
    return f"columns={roles} (--map {','.join(f'{k}={v}' for k, v in roles.items())})"


MARGIN = "margin_of_first"
"""The column of a long table of margins, as `to_tidy` writes it; its scale is known."""

LABEL_ALIASES = ("label", "human", "gold", "mqm", "da", "esa", "expert")

IDS: dict[str, tuple[str, ...]] = {
    "item": (
        "item_id",
        "id",
        "doc_id",
        "seg_id",
        "segment",
        "prompt_id",
        "question_id",
        "pair_id",
        "sample_id",
        "uid",
    ),
    "task": ("subset", "domain", "lp", "language_pair", "category", "group"),
    "cluster": ("doc", "document", "passage"),
}
SCORES = IDS | {
    "system": ("sys", "system_id", "model", "model_id", "policy"),
    "response": ("candidate", "candidate_id", "response_id", "row", "output_id"),
    "rater": (),
}
LONG = {
    "scorer": ("metric", "judge", "rm", "annotator"),
    "score": ("value", "rating", "reward"),
}
PAIRS = IDS | {
    "first": (
        *("model_a", "response_a", "candidate_a", "system_a", "output_1", "generator_1"),
        *("model_1", "system_1", "a"),
    ),
    "second": (
        *("model_b", "response_b", "candidate_b", "system_b", "output_2", "generator_2"),
        *("model_2", "system_2", "b"),
    ),
    "scorer": ("metric", "judge", "rm"),
    "rater": ("annotator", "worker"),
    "preference": ("winner", "verdict", "preferred"),
    "order": (),
}


@lru_cache(maxsize=4096)
def plain_name(name: str) -> str:
    """Return a name in lower case without separators; SEG.ID, Seg_Id and segid become equal."""
    return re.sub(r"(?<=[a-z0-9])[\s_.\-]+(?=[a-z0-9])", "", name.strip().lower())


TEXTS_OF_SIDES = ("response_a", "response_b", "candidate_a", "candidate_b", "output_1", "output_2")
"""Columns of the two sides that often contain the response texts; model names take precedence."""


def _recognized_names() -> frozenset[str]:
    tables = (*SCORES.values(), *LONG.values(), *PAIRS.values())
    return frozenset(
        plain_name(n) for n in (*ROLES, *LABEL_ALIASES, *(n for t in tables for n in t))
    )


def is_known_name(name: str) -> bool:
    """Return whether a name is a role or an alias of one."""
    return plain_name(name) in _RECOGNIZED_NAMES


_RECOGNIZED_NAMES = _recognized_names()


def may_be(names: Iterable[str], role: str) -> bool:
    """Return whether any of the columns could have a role of ids or of sides."""
    aliases = _PLAIN[role]
    return any(plain_name(name) in aliases for name in names)


_PLAIN = {
    role: {plain_name(n) for n in (role, *aliases)} for role, aliases in (SCORES | PAIRS).items()
}
