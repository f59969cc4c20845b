"""Damaged files: none is read wrongly without a word where the damage can be seen."""

import random

import pytest

from . import verdicts
from .damages import DAMAGES, HIDDEN
from .good import sheets
from .verdicts import damaged, judged, table_of, variants

SHEETS = {sheet.name: sheet for sheet in sheets()}


def test_there_are_three_hundred_variants():
    assert len(list(variants())) == 10 * verdicts.PER_FILE == 300


@pytest.mark.parametrize("name", SHEETS)
def test_good_files_are_read_without_warnings(name, tmp_path):
    sheet = SHEETS[name]
    values, (warnings, _) = verdicts._read(sheet, sheet.write(sheet), tmp_path)
    assert warnings == () and len(values) >= len(sheet.rows)


def test_damages_that_can_be_seen_are_not_silent(tmp_path):
    every = [v for v in variants(None) if v[1].right != HIDDEN]
    some = random.Random(0).sample(every, 80)
    found = [judged(*variant, tmp_path) for variant in some]
    wrong = [v for v in found if v.outcome in ("silent", "noted")]
    assert not wrong, wrong
    assert {v.outcome for v in found} == {"right", "refused", "warned"}


@pytest.mark.slow
def test_no_variant_is_silent(tmp_path):
    found = [judged(*variant, tmp_path) for variant in variants(None)]
    wrong = [v for v in found if v.outcome in ("silent", "noted")]
    assert not wrong, wrong


def test_a_wrong_reading_is_told(tmp_path, monkeypatch):
    sheet, plain = SHEETS["wide CSV"], verdicts._read
    damage = next(d for d in DAMAGES if d.name == "both line ends")
    files = damaged(sheet, damage)
    assert judged(sheet, damage, files, tmp_path).outcome == "right"

    def careless(sheet, files, folder):
        values, words = plain(sheet, files, folder)
        return (dict.fromkeys(values, 0.0) if folder.name == "damaged" else values), words

    monkeypatch.setattr(verdicts, "_read", careless)
    verdict = judged(sheet, damage, files, tmp_path)
    assert verdict.outcome == "silent"
    assert table_of([verdict])[2].split("|")[6].strip() == "1"
