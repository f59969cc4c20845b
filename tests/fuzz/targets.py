"""What is attacked: a strategy of cases for each reader, and where runs of bytes start."""

import contextlib
import gzip
import io
import json
import random
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
from hypothesis import strategies as st
from pyarrow import parquet

from metaeval.core import MetaevalError
from metaeval.readers import read
from metaeval.tables import Pairs

from . import making, objects
from .making import grids, options, seeds

_SHM = Path("/dev/shm")
_FEW_ROWS = 200
_DIRECTORY = tempfile.TemporaryDirectory(dir=_SHM if _SHM.is_dir() else None)


@dataclass(frozen=True)
class Target:
    """Something that reads.

    Parameters
    ----------
    cases : strategy
        Inputs made by Hypothesis.
    run : callable
        Reads one case; raises MetaevalError to refuse it.
    size : callable
        How large a case is, in bytes.
    of_bytes : callable, optional
        Makes a case of plain bytes, for a coverage-guided run.
    corpus : tuple of str
        Folders of the corpus that such a run starts from.
    many : callable, optional
        Makes one of many small inputs, as for parsers of lines; Hypothesis draws where they start.
    """

    cases: st.SearchStrategy
    run: Callable[[object], object]
    size: Callable[[object], int]
    of_bytes: Callable[[bytes], object] | None = None
    corpus: tuple[str, ...] = ()
    many: Callable[[random.Random], object] | None = None


@dataclass(frozen=True)
class Files:
    """Files to read: their contents by name, what is read of them, and options."""

    contents: dict[str, bytes]
    options: dict
    folder: bool = False
    label_source: str | None = None


def read_files(case: Files) -> None:
    """Write the files of a case, read them, and go on with the table."""
    home = Path(_DIRECTORY.name)
    for name, content in case.contents.items():
        path = home / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    try:
        names = [n for n in case.contents if n != case.label_source]
        sources = [home / names[0].split("/")[0]] if case.folder else [home / n for n in names]
        labels = {"label_source": home / case.label_source} if case.label_source else {}
        use(read(*sources, **labels, **case.options))
    finally:
        for name in case.contents:
            (home / name).unlink()


def use(table) -> None:
    """What anybody does with a table that was accepted."""
    table.to_frame()
    table.alignment.lines()
    repr(table), table._repr_html_()
    if not isinstance(table, Pairs) and len(table) <= _FEW_ROWS:
        with contextlib.suppress(MetaevalError):  # no item has two responses
            table.pairs()


def _size(case: Files) -> int:
    return sum(map(len, case.contents.values()))


def _reader(cases, name: str, *corpus: str, options: dict | None = None) -> Target:
    """A reader of one file called `name`."""
    return Target(cases, read_files, _size, lambda data: Files({name: data}, options or {}), corpus)


def _mostly(often: st.SearchStrategy, seldom: st.SearchStrategy) -> st.SearchStrategy:
    return st.one_of(often, often, often, seldom)


# Tables of text.
def _delimited(marks: str, *names: str) -> st.SearchStrategy:
    return st.builds(
        lambda grid, mark, name, seed, options: Files(
            {name: making.delimited(*grid, mark, seed)}, options
        ),
        *(grids(), st.sampled_from(marks), st.sampled_from(names), seeds, options),
    )


def _damaged(name: str, *corpus: str) -> st.SearchStrategy:
    """Files of the corpus with damaged bytes."""
    return st.builds(
        lambda content, seed, options: Files({name: making.mutated(content, seed)}, options),
        *(st.sampled_from(making.seed_files(*corpus)), seeds, options),
    )


_CSV = _mostly(_delimited(",", "a.csv", "a.csv", "a.txt", "a"), _damaged("a.csv", "csv"))
_TEXT = _mostly(_delimited("\t;| ", "a.csv", "a.tsv", "a.txt"), _damaged("a.tsv", "text"))


# JSON.
def _document(grid, seed: int):
    """A grid as an array of objects or an object of lists."""
    names, rows = grid
    objects_ = making.typed(names, rows, seed)
    if seed % 4:
        return making.altered(objects_, seed, most=1)
    return making.altered({n: [row.get(n) for row in objects_] for n in names}, seed, most=1)


_JSON = _mostly(
    st.builds(
        lambda grid, seed, options: Files(
            {"a.json": making.as_json(_document(grid, seed), seed)}, options
        ),
        *(grids(), seeds, options),
    ),
    _damaged("a.json", "json"),
)
_LINES = _mostly(
    st.builds(
        lambda grid, seed, options: Files(
            {"a.jsonl": making.as_json(making.typed(*grid, seed), seed, lines=True)}, options
        ),
        *(grids(), seeds, options),
    ),
    _damaged("a.jsonl", "jsonl"),
)


def _documents(name: str, *corpus: str) -> st.SearchStrategy:
    """JSON documents of the corpus with altered values, as one object or an object per line."""
    trees = [_tree(content) for content in making.seed_files(*corpus)]

    def case(tree, seed: int, options: dict) -> Files:
        lines = isinstance(tree, list) and seed % 2 == 0
        content = making.as_json(making.altered(tree, seed), seed, lines=lines)
        return Files({name + (".jsonl" if lines else ".json"): content}, options)

    return st.builds(case, st.sampled_from(trees), seeds, options)


def _tree(content: bytes):
    try:
        return json.loads(content)
    except json.JSONDecodeError:
        return [json.loads(line) for line in content.splitlines() if line.strip()]


# Bytes of other kinds.
def _zipped(case: Files, seed: int) -> Files:
    [(name, content)] = case.contents.items()
    made = gzip.compress(content, mtime=0)
    made = making.mutated(made, seed) if seed % 2 else made
    return Files({f"{name}.gz" if seed % 7 else name: made}, case.options)


_TYPES = (
    *(pa.int64(), pa.float64(), pa.float32(), pa.float16(), pa.bool_(), pa.string(), pa.binary()),
    *(pa.date32(), pa.timestamp("ns", "UTC"), pa.timestamp("us"), pa.time64("us"), pa.null()),
    *(pa.decimal128(5, 2), pa.list_(pa.float64()), pa.dictionary(pa.int8(), pa.string())),
    *(pa.struct([("a", pa.int64())]), pa.duration("s"), pa.uint64(), pa.large_string(), pa.int8()),
)


def parquet_of(names: list[str], rows: list[list[str]], seed: int) -> bytes:
    """A grid as a Parquet file with columns of any type."""
    rng, fields = random.Random(seed), {}
    for place, name in enumerate(names):
        cells = [row[place] for row in rows]
        values, of = _cells(cells, rng)
        fields[name] = values if isinstance(values, pa.Array) else pa.array(values, type=of)
    kept = pa.table(list(fields.values()), names=list(fields))
    made = io.BytesIO()
    parquet.write_table(kept, made, compression=rng.choice(("none", "snappy")))
    return made.getvalue()


def _cells(cells: list[str], rng: random.Random) -> tuple[list | pa.Array, pa.DataType]:
    """Cells as numbers, as texts, or by chance as another type, from any whole numbers."""
    if rng.random() < 0.2:
        of = rng.choice(_TYPES)
        raw = [rng.choice((None, 0, 1, 2, 7, 100)) for _ in cells]
        try:
            return pa.array(raw, pa.int64()).cast(of), of
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
            return _other(raw, of), of
    try:
        return [float(cell) for cell in cells], pa.float64()
    except ValueError:
        return [None if c == "" else c.encode("utf-8", "replace").decode() for c in cells], (
            pa.string()
        )


def _other(raw: list, of: pa.DataType) -> list:
    if pa.types.is_list(of):
        return [None if v is None else [float(v)] * (v % 3) for v in raw]
    if pa.types.is_struct(of):
        return [None if v is None else {"a": v} for v in raw]
    if pa.types.is_binary(of):  # not UTF-8
        return [None if v is None else bytes([v, 255]) for v in raw]
    return (
        [None if v is None else str(v) for v in raw] if "string" in str(of) else [None] * len(raw)
    )


_PARQUET = st.builds(
    lambda grid, seed, options: Files({"a.parquet": parquet_of(*grid, seed)}, options),
    *(grids(), seeds, options),
)
_FLIPPED = _damaged("a.parquet", "parquet") | st.builds(
    lambda grid, seed, options: Files(
        {"a.parquet": making.mutated(parquet_of(*grid, seed), seed)}, options
    ),
    *(grids(), seeds, options),
)


# Score files.
_STEMS = (
    *("m-refA.seg", "m.seg", "m-src.sys", "m.doc", "m-refB.domain", "xx-yy.mqm.seg", "item.seg"),
    *("system.seg", "task.seg", "xx-yy.esa.sys", "x y.seg", "-.seg", ".seg", "score.seg", "m.para"),
)
_SCORES = (*making.NUMBERS, "None", "none", "0.5", "0.25", "1", "-3")


def score_lines(seed: int, level: str) -> bytes:
    """Lines of a score file: systems in turn, with odd names, numbers and blanks."""
    rng = random.Random(seed)
    systems, n = rng.choice((("a",), ("a", "b"), ("a", "b", "s\xe9"))), rng.choice((1, 2, 3, 5))
    odd = rng.choice((0, 0, 0.1))
    lines = []
    for system in systems:
        for _ in range(n):
            cells = [system, rng.choice(("0.5", "1", "None", rng.choice(_SCORES)))]
            cells = [rng.choice(making.WORDS) if rng.random() < odd else c for c in cells]
            cells = ["d" * rng.randint(1, 2), *cells] if level == "domain" else cells
            lines.append(rng.choice("\t\t\t ").join(cells))
    content = "\n".join(lines).encode("utf-8", "surrogatepass") + rng.choice((b"\n", b"", b"\r\n"))
    return making.mutated(content, seed) if rng.random() < 0.3 else content


_SCORE = st.builds(
    lambda stem, seed, options: Files(
        {f"{stem}.score": score_lines(seed, stem.rsplit(".")[-1])}, options
    ),
    *(st.sampled_from(_STEMS), seeds, options),
)


def _folder(seed: int, options: dict) -> Files:
    """An mt-metrics-eval folder, with files left out, renamed, damaged or put in."""
    rng = random.Random(seed)
    root = making.CORPUS / "mtme"
    contents = {}
    for path in sorted(p for p in root.rglob("*") if p.is_file()):
        name = f"t/{path.relative_to(root).as_posix()}"
        chance = rng.random()
        if chance < 0.1:
            continue
        if chance < 0.2:
            stem = rng.choice(_STEMS)
            name = f"{name.rsplit('/', 1)[0]}/{stem}.score"
        content = path.read_bytes()
        contents[name] = making.mutated(content, rng.getrandbits(32)) if chance > 0.8 else content
    if rng.random() < 0.3:
        contents[f"t/{rng.choice(('metric-scores/xx-yy', 'documents', 'human-scores'))}/x.y"] = (
            b"\xff\n"
        )
    return Files(contents or {"t/x": b"1"}, options, folder=True)


_MTME_OPTIONS = options | st.sampled_from(
    [{"file_level": "seg"}, {"file_level": "sys"}, {"language_pair": "xx-yy"}, {"labels": "mqm"}]
)


def _two(grid, other, seed: int, options: dict) -> Files:
    """A file of scores and one of labels, which often share their ids."""
    names, rows = grid
    second = making.delimited(*(other if seed % 3 == 0 else (names, rows)), ",", seed // 7)
    contents = {"a.csv": making.delimited(names, rows, ",", seed), "b.csv": second}
    options = {k: v for k, v in options.items() if k != "label_source"}
    return Files(contents, options, label_source="b.csv" if seed % 2 else None)


READERS: dict[str, Target] = {
    "csv": _reader(_CSV, "a.csv", "csv"),
    "text": _reader(_TEXT, "a.tsv", "text"),
    "json": _reader(_JSON, "a.json", "json"),
    "jsonl": _reader(_LINES, "a.jsonl", "jsonl"),
    "gz": _reader(st.builds(_zipped, _CSV | _JSON | _LINES, seeds), "a.csv.gz", "gz"),
    "parquet": Target(_PARQUET, read_files, _size),
    "parquet-bytes": _reader(_FLIPPED, "a.parquet", "parquet"),
    "score": _reader(_SCORE, "m-refA.seg.score", "score"),
    "mtme": Target(st.builds(_folder, seeds, _MTME_OPTIONS), read_files, _size),
    "rewardbench": _reader(
        _mostly(_documents("rm", "rewardbench"), _damaged("rm.json", "rewardbench")),
        *("rm.json", "rewardbench"),
    ),
    "rewardbench2": _reader(
        _mostly(_documents("rm", "rewardbench2"), _damaged("rm.json", "rewardbench2")),
        *("rm.json", "rewardbench2"),
    ),
    "votes": _reader(
        _mostly(_documents("v", "votes"), _damaged("v.csv", "votes_csv")), "v.csv", "votes_csv"
    ),
    "two-files": Target(st.builds(_two, grids(), grids(), seeds, options), read_files, _size),
}

TARGETS: dict[str, Target] = READERS | {
    name: Target(cases, run, size) for name, (cases, run, size) in objects.TARGETS.items()
}
TARGETS["statistics"] = Target(
    *objects.TARGETS["statistics"],
    of_bytes=lambda b: b.decode("utf-8", "replace"),
    many=objects.statistic_text,
)
TARGETS["settings"] = Target(
    *objects.TARGETS["settings"],
    of_bytes=lambda b: b.decode("utf-8", "replace"),
    many=objects.setting_text,
)
