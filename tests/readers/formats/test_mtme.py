import make_fixtures as fixtures
import numpy as np
import pandas as pd
import pytest

from metaeval.core import MetaevalError
from metaeval.readers import read
from metaeval.readers.formats import mtme
from metaeval.tables import Responses

TINY = fixtures.DATA / "mtme" / "tiny"


def table_of(part):
    return Responses(part.rows, part.scores, part.labels, label_kind=part.label_kind)


def only(parts):
    [part] = parts
    return part


@pytest.fixture
def folder(tmp_path):
    """Two language pairs, three segments in two documents, two references, a label with a hole."""
    files = {
        "documents/aa-bb.docs": "news d1\nnews d1\nsocial d2\n",
        "documents/aa-cc.docs": "news d1\n",
        "references/aa-bb.refA.txt": "x\nx\nx\n",
        "references/aa-bb.refB.txt": "x\nx\nx\n",
        "human-scores/aa-bb.mqm.seg.score": (
            "alpha -1.0\nalpha None\nalpha -2\nbeta -6.1\nbeta 0.0\nbeta -3\n"
            "refA 0\nrefA 0\nrefA 0\nrefB -1\nrefB 0\nrefB 0\n"
        ),
        "human-scores/aa-bb.wmt-z.seg.score": "alpha 0.5\nalpha 0.1\nalpha -1\n",
        "human-scores/aa-bb.mqm.sys.score": "alpha -1.5\nbeta -3.0\nrefA 0\n",
        "human-scores/aa-bb.mqm.doc.score": "alpha -1\nalpha -2\nbeta -3\nbeta -4\n",
        "human-scores/aa-bb.mqm.domain.score": (
            "news alpha -1\nsocial alpha -2\nnews beta -3\nsocial beta None\n"
        ),
        "human-scores/aa-cc.mqm.seg.score": "alpha -7\nbeta -8\n",
        "metric-scores/aa-bb/FOO-refA.seg.score": (
            "beta 0.7\nbeta 0.6\nbeta 0.5\nalpha 0.1\nalpha 0.2\nalpha 0.3\n"
        ),
        "metric-scores/aa-bb/Q-E-2-src.seg.score": (
            "alpha\t1\nalpha\t2\nalpha\t3\nbeta\t4\nbeta\t5\nbeta\t6\nrefA\t7\nrefA\t8\nrefA\t9\n"
        ),
        "metric-scores/aa-bb/FOO-refA.sys.score": "alpha 0.2\nbeta 0.6\n",
        "metric-scores/aa-bb/FOO-refA.doc.score": "alpha 1\nalpha 2\nbeta 3\nbeta 4\n",
        "metric-scores/aa-bb/FOO-refA.domain.score": (
            "social alpha 2\nnews alpha 1\nnews beta 3\nsocial beta 4\n"
        ),
        "metric-scores/aa-cc/FOO-refA.seg.score": "alpha 0.9\nbeta 0.8\n",
    }
    for name, text in files.items():
        write(tmp_path / name, text)
    return tmp_path


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def value(part, name, **where):
    frame = pd.concat([part.rows, part.scores, part.labels], axis=1)
    for column, wanted in where.items():
        frame = frame[frame[column] == wanted]
    [found] = frame[name]
    return found


# The fixture and the round trip
def test_fixture_is_what_the_generator_writes(tmp_path):
    fixtures.write_all(tmp_path)
    written = sorted(path for path in (tmp_path / "mtme").rglob("*") if path.is_file())
    assert len(written) == 6
    for path in written:
        on_disk = fixtures.DATA / path.relative_to(tmp_path)
        assert on_disk.read_bytes() == path.read_bytes(), path.name


def test_round_trip(tmp_path):
    table = fixtures.mt_table()
    fixtures.write_mtme(table, tmp_path)
    assert table_of(only(mtme.parts(tmp_path))).fingerprint == table.fingerprint
    assert table_of(only(mtme.parts(TINY))).fingerprint == table.fingerprint


# Small cases worked by hand
def test_folder(folder):
    part = only(mtme.parts(folder, language_pair="aa-bb"))
    assert list(part.labels) == ["mqm", "wmt-z"]
    assert sorted(part.scores) == ["FOO-refA", "Q-E-2-src"]
    assert part.label_kind == "rating"
    assert not part.pairs
    assert value(part, "FOO-refA", system="alpha", item="2") == 0.3
    assert value(part, "mqm", system="beta", item="0") == -6.1
    assert np.isnan(value(part, "mqm", system="alpha", item="1"))
    assert np.isnan(value(part, "wmt-z", system="beta", item="1"))
    assert value(part, "task", system="beta", item="2") == "social"
    assert value(part, "cluster", system="beta", item="1") == "d1"


def test_references_in_use_are_left_out_and_others_are_noted(folder):
    part = only(mtme.parts(folder, language_pair="aa-bb"))
    assert sorted(set(part.rows["system"])) == ["alpha", "beta", "refB"]
    assert "aa-bb: excluded refA, used as a reference by a metric" in part.notes
    assert "aa-bb: human references that no metric used are kept: refB" in part.notes


def test_a_metric_that_used_all_references_leaves_all_out(folder):
    old = folder / "metric-scores" / "aa-bb" / "FOO-refA.seg.score"
    old.rename(old.with_name("FOO-all.seg.score"))
    part = only(mtme.parts(folder, language_pair="aa-bb"))
    assert sorted(set(part.rows["system"])) == ["alpha", "beta"]


def test_without_a_metric_that_uses_it_a_reference_stays(folder):
    (folder / "metric-scores" / "aa-bb" / "FOO-refA.seg.score").unlink()
    part = only(mtme.parts(folder, language_pair="aa-bb"))
    assert sorted(set(part.rows["system"])) == ["alpha", "beta", "refA", "refB"]


def test_labels_pick_the_human_files(folder):
    part = only(mtme.parts(folder, labels="mqm", language_pair="aa-bb"))
    assert list(part.labels) == ["mqm"]
    assert "wmt-z" not in part.scores


def test_several_language_pairs(folder):
    part = only(mtme.parts(folder))
    assert sorted(set(part.rows["task"])) == ["aa-bb", "aa-cc"]
    assert value(part, "domain", task="aa-bb", system="alpha", item="aa-bb/2") == "social"
    assert value(part, "FOO-refA", task="aa-cc", system="beta", item="aa-cc/0") == 0.8
    assert any("several language pairs were read, each as a task" in note for note in part.notes)
    assert table_of(part).n_items == 4


def test_documents_of_all_language_pairs_or_of_none(folder):
    (folder / "documents" / "aa-cc.docs").unlink()
    part = only(mtme.parts(folder))
    assert "cluster" not in part.rows
    assert any("aa-cc has no .docs file" in note for note in part.notes)


def test_without_documents(folder):
    (folder / "documents" / "aa-bb.docs").unlink()
    part = only(mtme.parts(folder, language_pair="aa-bb"))
    assert list(part.rows) == ["item", "system"]


def test_system_level(folder):
    part = only(mtme.parts(folder, file_level="sys", language_pair="aa-bb"))
    assert set(part.rows["item"]) == {"all"}
    assert value(part, "mqm", system="beta") == -3.0
    assert value(part, "FOO-refA", system="alpha") == 0.2
    assert "task" not in part.rows


def test_document_level(folder):
    part = only(mtme.parts(folder, file_level="doc", language_pair="aa-bb"))
    assert value(part, "mqm", system="beta", item="d2") == -4
    assert value(part, "task", system="beta", item="d2") == "social"
    assert "cluster" not in part.rows


def test_domain_level(folder):
    part = only(mtme.parts(folder, file_level="domain", language_pair="aa-bb"))
    assert value(part, "FOO-refA", system="alpha", item="social") == 2
    assert np.isnan(value(part, "mqm", system="beta", item="social"))


def test_lone_metric_file_has_the_ids_of_the_folder(tmp_path, folder):
    path = write(
        tmp_path / "New-refA.seg.score", "beta 1\nbeta 2\nbeta 3\nrefA 1\nrefA 1\nrefA 1\n"
    )
    part = only(mtme.parts(path))
    assert list(part.scores) == ["New-refA"]
    assert part.labels.shape == (3, 0)
    assert part.label_kind is None
    assert any("excluded refA" in note for note in part.notes)
    there = only(mtme.parts(folder, language_pair="aa-bb")).rows
    joined = part.rows.merge(there, on=["item", "system"])
    assert len(joined) == 3


def test_lone_human_file_is_known_by_its_language_pair(folder):
    path = folder / "human-scores" / "aa-bb.wmt-z.seg.score"
    part = only(mtme.parts(path))
    assert list(part.labels) == ["wmt-z"]
    assert part.scores.shape == (3, 0)
    assert list(part.rows["item"]) == ["0", "1", "2"]


def test_labels_decide_what_a_lone_file_is(folder, tmp_path):
    human = folder / "human-scores" / "aa-bb.wmt-z.seg.score"
    assert list(only(mtme.parts(human, labels=["mqm"])).scores) == ["wmt-z"]
    metric = write(tmp_path / "gold.seg.score", "alpha 1\n")
    assert list(only(mtme.parts(metric)).scores) == ["gold"]
    assert list(only(mtme.parts(metric, labels=["gold"])).labels) == ["gold"]


# What is refused
@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "a 1\na 2\nb 1\n",
            "a has 2 scores, but b has 1; every system needs one line per seg",
        ),
        ("a 1\nb x\n", "line 2: 'x' is not a number; write None"),
        ("a 1\nb 1 2\n", "line 2 has 3 fields; expected SYSTEM SCORE"),
        ("\n", "is empty; expected lines of the form `SYSTEM SCORE`"),
    ],
)
def test_broken_lines(tmp_path, text, message):
    with pytest.raises(MetaevalError, match=message):
        mtme.parts(write(tmp_path / "FOO-src.seg.score", text))


def test_repeated_system_score(tmp_path):
    with pytest.raises(MetaevalError, match="scores a twice at level 'sys'"):
        mtme.parts(write(tmp_path / "FOO-src.sys.score", "a 1\na 2\nb 1\nb 2\n"))


def test_number_of_lines_against_the_documents(folder):
    write(folder / "metric-scores/aa-bb/FOO-refA.seg.score", "alpha 1\nalpha 2\nbeta 1\nbeta 2\n")
    with pytest.raises(MetaevalError, match=r"2 scores per system, but aa-bb\.docs has 3 segments"):
        mtme.parts(folder, language_pair="aa-bb")


def test_domain_that_no_document_has(folder):
    path = folder / "metric-scores/aa-bb/FOO-refA.domain.score"
    path.write_text(path.read_text().replace("social", "speech"))
    with pytest.raises(
        MetaevalError, match=r"has scores for the domain speech, which aa-bb.docs does not list"
    ):
        mtme.parts(folder, file_level="domain", language_pair="aa-bb")


def test_short_document_line(folder):
    write(folder / "documents" / "aa-bb.docs", "news d1\nnews\nsocial d2\n")
    with pytest.raises(MetaevalError, match="line 2: expected DOMAIN DOCNAME"):
        mtme.parts(folder, language_pair="aa-bb")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"language_pair": "aa-bc"}, "There is no language pair .* 'aa-bc'.*Did you mean 'aa-"),
        ({"file_level": "segment"}, "file_level='segment' is not one of"),
        ({"file_level": "sys", "language_pair": "aa-cc"}, "no scores at level 'sys'.*use file_lev"),
    ],
)
def test_options_that_are_not_there(folder, options, message):
    with pytest.raises(MetaevalError, match=message):
        mtme.parts(folder, **options)


def test_folder_without_score_files(tmp_path):
    (tmp_path / "human-scores").mkdir()
    with pytest.raises(MetaevalError, match=r"has no score files.*folder of one test set"):
        mtme.parts(tmp_path)


def test_file_with_another_name(tmp_path):
    with pytest.raises(MetaevalError, match="not the name of a score file; expected NAME-REF"):
        mtme.parts(write(tmp_path / "FOO.score", "a 1\n"))


def test_lone_file_of_another_level_or_pair(folder):
    path = folder / "human-scores" / "aa-bb.mqm.sys.score"
    with pytest.raises(MetaevalError, match="has scores at level 'sys', not 'seg'"):
        mtme.parts(path, file_level="seg")
    with pytest.raises(MetaevalError, match="for language pair aa-bb, not aa-cc"):
        mtme.parts(path, language_pair="aa-cc")


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(MetaevalError, match=r"There is no file 'FOO-src\.seg\.score'"):
        read(tmp_path / "FOO-src.seg.score", format="mtme")


def test_scores_of_references_only(tmp_path):
    with pytest.raises(
        MetaevalError, match="only the references refA; expected scores for systems"
    ):
        mtme.parts(write(tmp_path / "FOO-refA.seg.score", "refA 1\n"))


# Recognition
def test_sniff():
    assert mtme.sniff(TINY, "") == 1
    assert mtme.sniff(fixtures.DATA / "mtme" / "New-refA.seg.score", "alpha\t0.1\n") > 0.9
    others = [
        p for f in ("votes", "rewardbench", "rewardbench2") for p in (fixtures.DATA / f).iterdir()
    ]
    assert len(others) == 8
    for path in [*others, fixtures.DATA]:
        assert mtme.sniff(path, path.read_text() if path.is_file() else "") == 0, path.name


# Beside one another
def test_a_new_metric_joins_the_folder_by_item_and_system():
    new = fixtures.DATA / "mtme" / "New-refA.seg.score"
    table = read(TINY, new, labels="mqm")
    old = fixtures.mt_table()
    assert table.scorers == ["Bar-22-src", "FOO-refA", "New-refA"]
    assert table.drop_scorers("New-refA").fingerprint == old.keep_labels(["mqm"]).fingerprint
    half = (table.scores["Bar-22-src"] / 2).round(3)
    np.testing.assert_allclose(table.scores["New-refA"], half)


def test_lone_files_join(folder):
    human = folder / "human-scores" / "aa-bb.mqm.seg.score"
    metric = folder / "metric-scores" / "aa-bb" / "FOO-refA.seg.score"
    table = read(human, metric)
    assert table.scorers == ["FOO-refA"]
    assert list(table.labels) == ["mqm"]
    assert table.n_items == 3
    assert table.select(item=0, system="beta").labels["mqm"].tolist() == [-6.1]


def test_a_lone_file_is_not_spread_over_language_pairs(folder, tmp_path):
    path = write(tmp_path / "New-src.seg.score", "alpha 1\nalpha 2\nalpha 3\n")
    with pytest.raises(MetaevalError, match=r"share no rows.*'0' in (one|the other).*'aa-bb/0'"):
        read(folder, path)
    assert "New-src" in read(folder, path, language_pair="aa-bb").scorers


def test_labels_of_another_file_beside_a_folder(folder):
    ids = {"item": [0, 1, 2], "system": "alpha"}
    table = read(
        folder, pd.DataFrame({**ids, "mine": [1, 2, 3]}), labels="mine", language_pair="aa-bb"
    )
    assert list(table.labels) == ["mine", "mqm", "wmt-z"]
    assert any("labels= matches none of mqm, wmt-z; all are kept" in note for note in table.notes)


def test_a_label_that_is_misspelt(folder):
    with pytest.raises(MetaevalError, match=r"no label 'mqn'.*Did you mean 'mqm'"):
        read(folder, labels="mqn", language_pair="aa-bb")


def test_labels_by_pattern(folder):
    assert list(only(mtme.parts(folder, labels="wmt*")).labels) == ["wmt-z"]
