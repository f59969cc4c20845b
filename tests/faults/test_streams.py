"""Output that cannot be written, Ctrl-C, limits and caches: one sentence each, and nothing lost."""

import os
import signal
import subprocess
import sys
import time

import numpy as np
import pandas as pd
import pytest

UNWRITABLE = 74


@pytest.fixture(scope="module")
def scores(tmp_path_factory):
    rng = np.random.default_rng(0)
    quality = rng.normal(size=120)
    frame = {"item": np.repeat(np.arange(60), 2), "system": ["a", "b"] * 60, "human": quality}
    frame |= {f"m{i}": quality + s * rng.normal(size=120) for i, s in enumerate((0.3, 0.8, 1.5))}
    path = tmp_path_factory.mktemp("scores") / "scores.csv"
    pd.DataFrame(frame).to_csv(path, index=False)
    return path


def command(name, scores, *more):
    few = [] if name == "check" else ["--n-resamples", "200", "--quiet"]
    asked = {"gate": ["--new", "m0", "--baseline", "m2"]}.get(name, [])
    return [
        *(sys.executable, "-m", "metaeval", name, str(scores), "--labels", "human"),
        *(*few, *asked, *map(str, more)),
    ]


def ended(process):
    """Exit code and what was said, which is one sentence."""
    said = process.communicate()[1].decode()
    assert "Traceback" not in said and "Exception ignored" not in said
    assert said.startswith("Error: ") and said.count("\n") == 1, said
    return process.returncode, said


def popen(line, **options):
    return subprocess.Popen(line, stderr=subprocess.PIPE, **options)


@pytest.mark.parametrize("name", ["check", "compare", "gate"])
def test_a_full_standard_output_is_said(name, scores):
    if not os.path.exists("/dev/full"):
        pytest.skip("there is no /dev/full here")
    with open("/dev/full", "wb") as full:
        code, said = ended(popen(command(name, scores), stdout=full))
    assert code == UNWRITABLE and "No space left" in said


@pytest.mark.parametrize("name", ["check", "gate"])
def test_a_closed_standard_output_is_said(name, scores):
    line = command(name, scores)
    code, said = ended(popen(["sh", "-c", 'exec "$@" >&-', "sh", *line]))
    assert code == UNWRITABLE and "closed" in said


@pytest.mark.parametrize("name", ["compare", "gate"])
def test_a_broken_pipe_is_said(name, scores):
    read, write = os.pipe()
    os.close(read)
    process = popen(command(name, scores), stdout=write)
    os.close(write)
    code, said = ended(process)
    assert code == UNWRITABLE and "Broken pipe" in said


def test_help_that_nobody_reads_has_no_code_of_a_verdict():
    read, write = os.pipe()
    os.close(read)
    for line in (["--help"], ["gate", "--help"]):
        process = popen([sys.executable, "-m", "metaeval", *line], stdout=write)
        assert ended(process)[0] == UNWRITABLE
    os.close(write)


def test_refusals_keep_their_code_with_debug(scores):
    for more in ((), ("--debug",)):
        done = subprocess.run(
            command("gate", scores, "--label", "nobody", *more), capture_output=True, text=True
        )
        assert done.returncode == 2 and ("Traceback" in done.stderr) == bool(more)
        assert "Error: " in done.stderr


def test_a_fault_of_the_program_has_no_code_of_a_verdict(scores):
    script = (
        "import sys; from metaeval.planning import ci_gate; ci_gate.gate = None; "
        "from metaeval.__main__ import main; sys.argv[0] = 'metaeval'; main()"
    )
    line = [sys.executable, "-c", script, *command("gate", scores)[3:]]
    done = subprocess.run(line, capture_output=True, text=True)
    assert done.returncode == 70 and "Traceback" in done.stderr


def test_output_goes_into_streams_and_pipes(scores):
    done = subprocess.run(command("compare", scores, "-o", "/dev/stdout"), capture_output=True)
    assert b"scorer" in done.stdout and done.returncode == 0


@pytest.mark.parametrize("after", [0.0, 0.05, 0.1, 0.2, 0.4, 0.8])
def test_ctrl_c_is_one_sentence(scores, after, tmp_path):
    out = tmp_path / "out"
    line = [sys.executable, "-c", LOADED, *command("compare", scores)[3:], "-o", str(out)]
    process = popen(line, stdout=subprocess.PIPE)
    process.stdout.read(1)  # the interpreter is up
    time.sleep(after)
    process.send_signal(signal.SIGINT)
    said = process.communicate()[1].decode()
    if process.returncode == 0:
        assert out.exists()
        return
    assert process.returncode == 130 and "Traceback" not in said
    assert said.strip().removeprefix("Error: ") == "Interrupted; no file was written."
    assert not out.exists()


LOADED = """
import signal, sys
from metaeval.__main__ import _leave, main
sys.argv[0] = "metaeval"
signal.signal(signal.SIGINT, _leave)  # as main does first, before the signal may come
print("x", end="", flush=True)
main()
"""


INTERRUPTED = """
import os, signal, sys
from metaeval.__main__ import main
from metaeval.reporting import collecting
collecting.draw_figure = lambda *_, **__: os.kill(os.getpid(), signal.SIGINT)
sys.argv[0] = "metaeval"
main()
"""


def test_a_report_interrupted_at_a_figure_leaves_no_folder(scores, tmp_path):
    line = command("report", scores, "-o", tmp_path / "report")
    code, said = ended(popen([sys.executable, "-c", INTERRUPTED, *line[3:]]))
    assert code == 130 and "Interrupted; no file was written." in said
    assert not list(tmp_path.iterdir())


def test_a_full_disk_is_one_sentence_and_the_old_file_stays(scores, tmp_path):
    out = tmp_path / "out.json"
    out.write_text("old")

    limits = (
        "import resource, signal, sys; from metaeval.__main__ import main; "
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000)); "
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN); main()"
    )
    arguments = ("compare", str(scores), "--output-format", "json", "-o", str(out))
    code, said = ended(popen([sys.executable, "-c", limits, *arguments]))
    assert code == 2 and "Cannot write" in said and "File too large" in said
    assert out.read_text() == "old" and os.listdir(tmp_path) == ["out.json"]


@pytest.mark.parametrize("place", ["/proc/no/out", "/proc/out"])
def test_places_that_take_no_files_are_one_sentence(scores, place):
    if not os.path.isdir("/proc/self"):
        pytest.skip("there is no /proc here")
    code, said = ended(popen(command("compare", scores, "-o", place)))
    assert code == 2 and "Cannot write" in said


COMPILED = """
import numpy as np
from metaeval.resampling import jax_kernels
jax_kernels.enable_compilation_cache()
sums = np.arange(24.0).reshape(4, 3, 2) % 7
print(jax_kernels.count_above(sums, np.ones((3, 2)), np.full((3, 2), 2.0)).tolist())
"""

POSTERIOR = """
import xarray as xr
from metaeval.bayes import datatree
tree = xr.DataTree.from_dict({"/posterior": xr.Dataset({"x": (("chain", "draw"), [[1.0, 2.0]])})})
print(datatree.is_posterior(datatree.for_arviz(tree)))
"""


def compiled(script=COMPILED, **environment):
    """What a kernel finds that is compiled in a process of its own, and what it says."""
    where = os.environ | {k: str(v) for k, v in environment.items()}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen([sys.executable, "-c", script], env=where, **pipes)


def test_two_processes_share_a_cache_and_damage_to_it_is_repaired(tmp_path):
    both = [compiled(METAEVAL_CACHE=tmp_path) for _ in range(2)]
    found = [process.communicate() for process in both]
    assert found[0] == found[1] and found[0][0].startswith(b"[") and found[0][1] == b""
    entries = sorted(tmp_path.glob("*-cache"))
    assert entries
    for content in (b"", entries[0].read_bytes()[:-9]):
        for path in entries:
            path.write_bytes(content)
        assert compiled(METAEVAL_CACHE=tmp_path).communicate() == found[0]
        assert sorted(tmp_path.glob("*-cache")) == entries
        assert all(path.stat().st_size > 300 for path in entries)


def test_a_home_that_cannot_be_written_is_no_matter():
    empty = dict.fromkeys(("XDG_CACHE_HOME", "METAEVAL_CACHE"), "")
    out, said = compiled(COMPILED + POSTERIOR, HOME=os.devnull + "/x", **empty).communicate()
    assert out.endswith(b"True\n") and b"Traceback" not in said
