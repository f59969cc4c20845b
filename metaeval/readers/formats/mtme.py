"""The mt-metrics-eval layout: a test-set folder, or single `.score` files.

A folder holds `documents/SRC-TGT.docs` (a line `DOMAIN DOCNAME` per segment),
`human-scores/SRC-TGT.NAME.LEVEL.score` and `metric-scores/SRC-TGT/NAME-REF.LEVEL.score`.
The lines of a score file are `SYSTEM SCORE` (level domain: `DOMAIN SYSTEM SCORE`), in blocks per
system that follow the order of the source; `None` is a missing score.

Conversion:

- `item` is the index of the segment within its system, from 0, so that a single score file and
  the folder have the same ids; at level `doc` it is the document (its index without a `.docs`
  file), at level `domain` the domain, at level `sys` the word `all`.
- `task` is the domain and `cluster` the document. If several language pairs are read, `task` is
  the language pair, the domain becomes a covariate `domain`, and the pair is prefixed to the item
  (`en-de/0`), as segment 0 of one pair is not that of another. A single score file can therefore
  be combined with one language pair only.
- A scorer has the name of its file, with the reference (`BLEU-refA`); a label is named as mqm in
  `en-de.mqm.seg.score`.
- Systems that are a reference used by some metric are excluded, with a note. A human reference
  that no metric used is kept as a system, with a note.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import pandas as pd

from metaeval.core import MetaevalError, check_one_of, join_names, require_known
from metaeval.readers.columns.roles import names_of
from metaeval.readers.formats.mtme_files import (
    LEVELS,
    ScoreFile,
    file_of_pair,
    is_score_file,
    lines_of,
    matches_labels,
    read_scores,
    single_file,
)
from metaeval.readers.matching.file_part import Part

NAME = "mtme"
OPTIONS = ("labels", "file_level", "language_pair")

_FOLDERS = ("human-scores", "metric-scores")


def sniff(path: Path, head: str) -> float:
    """Return the confidence that a path is a test-set folder or a score file."""
    if path.is_dir():
        return 1.0 if any((path / folder).is_dir() for folder in _FOLDERS) else 0.0
    return 0.95 if is_score_file(path) else 0.0


def parts(
    path: Path,
    *,
    labels: str | Sequence[str] | None = None,
    file_level: str | None = None,
    language_pair: str | Sequence[str] | None = None,
) -> list[Part]:
    """Read a test-set folder or one score file.

    Parameters
    ----------
    path : Path
        The folder, or a file `NAME-REF.LEVEL.score` or `SRC-TGT.NAME.LEVEL.score`.
    labels : str or sequence of str, optional
        Human scores to use, such as "mqm" or "wmt*"; by default, or if none match, all of the
        level. For a single file it decides whether the file is a label; by default it is if its
        name starts with a language pair.
    file_level : {"seg", "doc", "domain", "sys"}, optional
        Level of the files of a folder, "seg" by default. A single file has its own.
    language_pair : str or sequence of str, optional
        Language pairs of a folder, all by default.

    Raises
    ------
    MetaevalError
        If the folder or a line has another layout, systems have different numbers of scores, or a
        language pair, level or label does not exist.
    """
    check_one_of("file_level", file_level, (None, *LEVELS))
    label_patterns = None if labels is None else names_of(labels)
    pairs = None if language_pair is None else names_of(language_pair)
    if path.is_dir():
        return [_folder_part(path, file_level or "seg", label_patterns, pairs)]
    return [_file_part(path, file_level, label_patterns, pairs)]


# One score file.
def _file_part(
    path: Path, level: str | None, labels: list[str] | None, pairs: list[str] | None
) -> Part:
    file = single_file(path, labels)
    if level not in (None, file.level):
        raise MetaevalError(
            f"{path.name} has scores at level {file.level!r}, not {level!r}; omit file_level=, or "
            f"pass the file for level {level!r}."
        )
    if pairs and file.pair and file.pair not in pairs:
        raise MetaevalError(
            f"{path.name} is for language pair {file.pair}, not {join_names(pairs)}; omit the "
            f"file, or use language_pair={file.pair!r}."
        )
    column = read_scores(file)
    references = set(file.reference.split(".")) - {"src", "all"}
    column, notes = _without_references(column.to_frame(), references, path.name)
    return _part(column, [file.name] if file.human else [], path.name, notes)


# A folder.
def _folder_part(
    folder: Path, level: str, labels: list[str] | None, pairs: list[str] | None
) -> Part:
    available = _language_pairs(folder)
    for pair in pairs or []:
        require_known(f"language pair in {folder.name}", pair, available)
    files = [file for pair in pairs or available for file in _score_files(folder, pair)]
    files = _of_level(files, level, folder)
    human = list(dict.fromkeys(file.name for file in files if file.human))
    raters = [name for name in human if matches_labels(name, labels)]
    notes = []
    if human and not raters:  # the labels that were named may be in files beside the folder
        notes, raters = (
            [f"{folder.name}: labels= matches none of {join_names(human)}; all are kept"],
            human,
        )
    selected = [file for file in files if not file.human or file.name in raters]
    by_pair = {p: [file for file in selected if file.pair == p] for p in pairs or available}
    frames = {
        p: _pair_frame(folder, p, level, pair_files)
        for p, pair_files in by_pair.items()
        if pair_files
    }
    wide, stack_notes = _stack_pairs(frames)
    return _part(wide, raters, folder.name, [*notes, *stack_notes])


def _language_pairs(folder: Path) -> list[str]:
    human = {path.name.split(".")[0] for path in (folder / "human-scores").glob("*.*.*.score")}
    metric = {path.name for path in (folder / "metric-scores").glob("*") if path.is_dir()}
    if not human | metric:
        raise MetaevalError(
            f"{folder.name} has no score files; expected human-scores/SRC-TGT.NAME.LEVEL.score "
            "and metric-scores/SRC-TGT/NAME-REF.LEVEL.score. Pass the folder of one test set."
        )
    return sorted(human | metric)


def _score_files(folder: Path, pair: str) -> list[ScoreFile]:
    human = sorted((folder / "human-scores").glob(f"{pair}.*.score"))
    metric = sorted((folder / "metric-scores" / pair).glob("*.score"))
    parsed = [file_of_pair(path, pair, human=True) for path in human]
    parsed += [file_of_pair(path, pair, human=False) for path in metric]
    return [file for file in parsed if file]


def _of_level(files: list[ScoreFile], level: str, folder: Path) -> list[ScoreFile]:
    matching = [file for file in files if file.level == level]
    if not matching:
        available = [name for name in LEVELS if name in {file.level for file in files}]
        raise MetaevalError(
            f"{folder.name} has no scores at level {level!r}; "
            + (
                f"use file_level={available[-1]!r}."
                if available
                else "no score file has a known level."
            )
        )
    return matching


def _pair_frame(
    folder: Path, pair: str, level: str, files: list[ScoreFile]
) -> tuple[pd.DataFrame, list[str]]:
    """Return scores and labels of one language pair, a row per response, with ids as columns."""
    units = _units(folder, pair, level)
    columns = [read_scores(file) for file in files]
    for file, column in zip(files, columns, strict=True):
        _require_units(file, column, units)
    listed = _listed_references(folder, pair)
    references = _used_references(files, listed)
    wide, notes = _without_references(pd.concat(columns, axis=1), references, pair)
    unused = sorted((listed - references) & set(wide.index.get_level_values("system")))
    if unused:
        notes.append(f"{pair}: human references that no metric used are kept: {join_names(unused)}")
    return _with_units(wide.reset_index(), units, level), notes


def _with_units(wide: pd.DataFrame, units: pd.DataFrame | None, level: str) -> pd.DataFrame:
    if units is None:
        return wide
    wide = wide.merge(units, how="left", on="item")
    return wide.assign(item=wide.pop("cluster")) if level == "doc" else wide


def _units(folder: Path, pair: str, level: str) -> pd.DataFrame | None:
    """Read the domain and document of each item of a level from the `.docs` file."""
    path = folder / "documents" / f"{pair}.docs"
    if level == "sys" or not path.is_file():
        return None
    fields = [line.split() for line in lines_of(path)]
    while fields and not fields[-1]:  # empty lines at the end
        fields.pop()
    short = [n for n, line in enumerate(fields, 1) if len(line) < 2]
    if short:
        raise MetaevalError(
            f"{path.name}, line {short[0]}: expected DOMAIN DOCNAME; add the missing field."
        )
    docs = pd.DataFrame([line[:2] for line in fields], columns=["domain", "cluster"])
    if level == "domain":
        return docs[["domain"]].drop_duplicates().set_axis(["item"], axis=1)
    if level == "doc":
        docs = docs.drop_duplicates().reset_index(drop=True)
    return docs.assign(item=docs.index.astype(str))


def _require_units(file: ScoreFile, column: pd.Series, units: pd.DataFrame | None) -> None:
    if units is None:
        return
    n_items = column.index.get_level_values("item").nunique()
    if n_items != len(units):
        raise MetaevalError(
            f"{file.path.name} has {n_items} scores per system, but {file.pair}.docs has "
            f"{len(units)} {LEVELS[file.level]}s; every system needs one line per "
            f"{LEVELS[file.level]}. Add lines `SYSTEM None` for missing scores."
        )
    unknown = sorted(set(column.index.get_level_values("item")) - set(units["item"]))
    if unknown:
        raise MetaevalError(
            f"{file.path.name} has scores for the {LEVELS[file.level]} {join_names(unknown)}, "
            f"which {file.pair}.docs does not list; correct one of the two files."
        )


def _listed_references(folder: Path, pair: str) -> set[str]:
    return {path.name.split(".")[-2] for path in (folder / "references").glob(f"{pair}.*.*")}


def _used_references(files: Iterable[ScoreFile], listed: set[str]) -> set[str]:
    """Return the references that some metric used; `all` means those of the references folder."""
    references = {file.reference for file in files if not file.human} - {"src"}
    expanded = {name for reference in references - {"all"} for name in reference.split(".")}
    return expanded | listed if "all" in references else expanded


def _without_references(
    wide: pd.DataFrame, references: set[str], source: str
) -> tuple[pd.DataFrame, list[str]]:
    is_reference = wide.index.get_level_values("system").isin(sorted(references))
    excluded = sorted(set(wide.index.get_level_values("system")[is_reference]))
    if not excluded:
        return wide, []
    if is_reference.all():
        raise MetaevalError(
            f"{source} scores only the references {join_names(excluded)}; expected scores for "
            "systems."
        )
    return wide[~is_reference], [
        f"{source}: excluded {join_names(excluded)}, used as a reference by a metric"
    ]


def _stack_pairs(
    frames: dict[str, tuple[pd.DataFrame, list[str]]],
) -> tuple[pd.DataFrame, list[str]]:
    """Concatenate language pairs; the task is the domain, or the pair if there are several."""
    notes = [note for _, pair_notes in frames.values() for note in pair_notes]
    if len(frames) == 1:
        [(wide, _)] = frames.values()
        return wide.rename(columns={"domain": "task"}), notes
    wide = pd.concat(
        [f.assign(task=pair, item=f"{pair}/" + f["item"]) for pair, (f, _) in frames.items()]
    )
    if "cluster" in wide and wide["cluster"].isna().any():
        lacking = wide.loc[wide["cluster"].isna(), "task"].unique()
        notes.append(f"document ids are not used because {join_names(lacking)} has no .docs file")
        wide = wide.drop(columns="cluster")
    notes.append("several language pairs were read, each as a task")
    return wide.reset_index(drop=True), notes


def _part(wide: pd.DataFrame, labels: list[str], source: str, notes: list[str]) -> Part:
    if "item" not in wide:
        wide = wide.reset_index()
    names = ["item", "system", "task", "cluster", "domain"]
    ids = [name for name in names if name in wide]
    raters = [name for name in labels if name in wide]
    scores = wide.drop(columns=[*ids, *raters])
    kind = "rating" if raters else None
    return Part(wide[ids], scores, wide[raters], source, label_kind=kind, notes=tuple(notes))
