"""What becomes of a damaged file: read rightly, refused, warned of, or wrong without a word."""

import math
import random
import zlib
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from metaeval.core import MetaevalError
from metaeval.readers import read

from .damages import CHANGED, DAMAGES, HIDDEN, NONE, SAME, Damage
from .good import Sheet, sheets

PER_FILE = 30
OUTCOMES = ("right", "refused", "warned", "noted", "silent", "hidden")


@dataclass(frozen=True)
class Verdict:
    """What became of one damaged file.

    Parameters
    ----------
    damage, sheet : str
        Their names.
    outcome : str
        One of OUTCOMES; hidden is wrong without a word where no reader could know.
    message : str
        The error, or the warnings and notes that the undamaged file does not have.
    """

    damage: str
    sheet: str
    outcome: str
    message: str


def variants(per_file: int | None = PER_FILE) -> Iterable[tuple[Sheet, Damage, dict[str, bytes]]]:
    """Damaged files: of each good file the damages that apply, in an order of its own."""
    for sheet in sheets():
        rng = random.Random(zlib.crc32(sheet.name.encode()))
        order = rng.sample(DAMAGES, len(DAMAGES))
        made = ((sheet, d, files) for d in order if (files := damaged(sheet, d)) is not None)
        for _, one in zip(range(per_file or len(DAMAGES)), made, strict=False):
            yield one


def damaged(sheet: Sheet, damage: Damage) -> dict[str, bytes] | None:
    """Files of a sheet with one damage; None where it does not apply."""
    rng = random.Random(zlib.crc32(f"{sheet.name} {damage.name}".encode()))
    if not damage.of_bytes:
        made = damage.make(sheet, rng)
        return None if made is None else made.write(made)
    files = sheet.write(sheet)
    name = next(iter(files))
    content = damage.make(files[name], rng)
    return None if content is None or content == files[name] else files | {name: content}


def judged(sheet: Sheet, damage: Damage, files: dict[str, bytes], folder: Path) -> Verdict:
    """Read a damaged file as `check` does, and compare with the undamaged one."""
    before, words = _read(sheet, sheet.write(sheet), folder / "good")
    try:
        after, now = _read(sheet, files, folder / "damaged")
    except MetaevalError as error:
        return Verdict(damage.name, sheet.name, "refused", str(error))
    warnings = [w for w in now[0] if w not in words[0]]
    notes = [n for n in now[1] if n not in words[1]]
    if _is_right(sheet, damage, before, after):
        return Verdict(damage.name, sheet.name, "right", "; ".join([*warnings, *notes]))
    if warnings:
        return Verdict(damage.name, sheet.name, "warned", "; ".join(warnings))
    outcome = "hidden" if damage.right == HIDDEN else "noted" if notes else "silent"
    return Verdict(damage.name, sheet.name, outcome, "; ".join(notes))


Words = tuple[tuple[str, ...], tuple[str, ...]]


def _read(sheet: Sheet, files: dict[str, bytes], folder: Path) -> tuple[dict, Words]:
    """Values by row and scorer, and the warnings and notes of `check`."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    first = next(iter(files))
    table = read(folder / first.split("/")[0], **sheet.options)
    report = table.alignment
    ids = [c for c in ("task", "item", "system", "response", "first", "second") if c in table.rows]
    long = table.to_frame()
    keys = zip(*(long[c].astype(str) for c in [*ids, "scorer"]), strict=True)
    values = dict(zip(keys, long["score"].tolist(), strict=True))
    for name in files:
        (folder / name).unlink()
    return values, (report.warnings, (*report.notes, *report.oddities))


def _is_right(sheet: Sheet, damage: Damage, before: dict, after: dict) -> bool:
    """Whether all values are the right ones; further scorers may be there if they are empty."""
    if damage.right in (NONE, HIDDEN):
        return False
    further = [k for k in after if k not in before]
    if set(before) - set(after) or any(not math.isnan(after[k]) for k in further):
        return False
    pairs = [(before[k], after[k], k[-1]) for k in before]
    if damage.right == SAME:
        return all(_equal(a, b) for a, b, _ in pairs)
    if damage.right == CHANGED:  # some of one scorer are missing, and nothing else is changed
        lost = {name for a, b, name in pairs if math.isnan(b) and not math.isnan(a)}
        kept = all(_equal(a, b) for a, b, _ in pairs if not math.isnan(b))
        return kept and len(lost) == 1
    whose = {name for a, b, name in pairs if not _equal(a, b)}
    return len(whose) <= 1 and all(
        _equal(b, damage.right(a, name in whose) if name in whose else a) for a, b, name in pairs
    )


def _equal(a: float, b: float) -> bool:
    return (math.isnan(a) and math.isnan(b)) or math.isclose(a, b, rel_tol=1e-6, abs_tol=1e-6)


def table_of(verdicts: list[Verdict]) -> list[str]:
    """Counts by damage, as a table in Markdown."""
    counts = Counter((v.damage, v.outcome) for v in verdicts)
    lines = [
        f"| damage | {' | '.join(OUTCOMES)} |",
        f"| --- |{' ---: |' * len(OUTCOMES)}",
    ]
    for damage in DAMAGES:
        row = [counts[damage.name, outcome] for outcome in OUTCOMES]
        if sum(row):
            lines.append(f"| {damage.name} | {' | '.join(str(n or '') for n in row)} |")
    total = [sum(v.outcome == outcome for v in verdicts) for outcome in OUTCOMES]
    return [*lines, f"| all {len(verdicts)} | {' | '.join(map(str, total))} |"]
