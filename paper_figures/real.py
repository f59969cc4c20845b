"""Real score files, in the folder named by the environment variable METAEVAL_DATA."""

from __future__ import annotations

import os
from pathlib import Path

from metaeval import read
from metaeval.core import MetaevalError
from metaeval.tables import Responses

REWARDS = ("ArmoRM", "Eurus-RM", "grm_llama3", "internlm2", "internlm2_20b", "skywork_llama3")
JUDGES = ("chatgpt", "gpt4", "gpt4o", "llama3_70B", "opus", "prometheus_7B", "sonnet-3-5")
METRICS = ("BLEURT-20_ref_A", "COMET-MQM_2021_ref_A", "COMET-QE-MQM_2021", "sb_chrF")


def data() -> Path | None:
    """Return the folder of real score files, or None if METAEVAL_DATA is not set."""
    folder = os.environ.get("METAEVAL_DATA")
    if not folder:
        return None
    if not Path(folder).is_dir():
        raise MetaevalError(
            f"METAEVAL_DATA={folder!r} is not a folder; unset it, or set it to a folder of data."
        )
    return Path(folder)


def rewardmath(folder: Path) -> Responses:
    """One correct and nine incorrect solutions per problem, scored by reward models and judges."""
    files = (folder / "rewardmath" / name for name in ("scores.parquet", "gold.parquet"))
    return read(*files)


def wmt(folder: Path) -> Responses:
    """Translations into Russian with error ratings (MQM), scored by metrics."""
    files = (folder / "wmt21-enru-news" / name for name in ("scores.parquet", "human.parquet"))
    table = read(*files, lower_is_better=["TER"])
    return table.keep_scorers(list(METRICS))
