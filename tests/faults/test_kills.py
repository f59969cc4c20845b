"""kill -9 at random times during a write: the old files or the new ones, and nothing else."""

import contextlib
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import faults_writer
import pytest
from faults_writer import NAMES, PAGE, SIZE

WRITER = Path(faults_writer.__file__)


@contextlib.contextmanager
def served(kind, seconds):
    """Ask for a write of a version to a folder, and kill it after a while; until the end."""
    command = [sys.executable, str(WRITER), kind, str(seconds)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:

        def ask(folder, version, after=None):
            process.stdin.write(f"{folder} {version} 0\n")
            process.stdin.flush()
            child, began = int(process.stdout.readline()), time.perf_counter()
            if after is not None:
                time.sleep(after)
                with contextlib.suppress(ProcessLookupError):
                    os.kill(child, signal.SIGKILL)
            assert process.stdout.readline() == "ended\n"
            return time.perf_counter() - began

        yield ask
        process.stdin.close()


def versions(folder):
    """The version of each file that is there; each is whole."""
    found = {}
    for path in folder.rglob("*"):
        if path.is_file() and not path.name.endswith(".part"):
            text = path.read_text()
            assert len(text) == SIZE and len(set(text)) == 1, f"{path} is cut short"
            found[str(path.relative_to(folder))] = text[0]
    return found


def killed(kind, seconds, times, folder):
    """Counts of what so many kills left: old, new, without its page, mixed, and litter."""
    rng, counts = random.Random(0), Counter()
    with served(kind, seconds) as ask:
        needed = min(ask(folder, "A") for _ in range(3))
        for k in range(times):
            old, new = "AB"[k % 2], "BA"[k % 2]
            ask(folder, old)
            assert set(versions(folder).values()) == {old}
            ask(folder, new, after=rng.uniform(0, 1.2) * needed)
            found = versions(folder)
            counts["litter"] += sum(1 for path in folder.rglob("*.part"))
            if PAGE not in found:
                counts["no page"] += 1
            elif len(set(found.values())) > 1:
                counts["mixed"] += 1
            else:
                counts["old" if found[PAGE] == old else "new"] += 1
                assert len(found) == (len(NAMES) if kind == "report" else 1)
        ask(folder, "C")
        assert set(versions(folder).values()) == {"C"}
        assert not list(folder.rglob("*.part"))  # a later write tidies up
    return counts


@pytest.mark.parametrize(("kind", "seconds"), [("file", 0), ("report", 0), ("report", 0.001)])
def test_kills_leave_the_old_files_or_the_new_ones(kind, seconds, tmp_path):
    counts = killed(kind, seconds, 12, tmp_path / "out")
    assert counts["mixed"] == 0
    assert counts["old"] + counts["new"] + counts["no page"] == 12
    if kind == "file":
        assert counts["no page"] == 0


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "seconds"), [("file", 0), ("report", 0), ("report", 0.001)])
def test_a_hundred_kills(kind, seconds, tmp_path):
    counts = killed(kind, seconds, 100, tmp_path / "out")
    print(kind, seconds, dict(counts))
    assert counts["mixed"] == 0 and counts["old"] and counts["new"]
    if kind == "file":
        assert counts["no page"] == 0


def killed_before(kind, folder, step):
    """Kill a write before one call of the system; its name, or nothing if there are fewer."""
    command = [sys.executable, str(WRITER), kind, "0"]
    lines = "".join(f"{folder} {version} {k}\n" for version, k in (("A", 0), ("B", step)))
    ended = subprocess.run(command, input=lines, capture_output=True, text=True, check=True)
    return next((word for word in ended.stdout.split() if word.isalpha() and word != "ended"), "")


@pytest.mark.parametrize("kind", ["file", pytest.param("report", marks=pytest.mark.slow)])
def test_a_kill_before_any_call_of_the_system(kind, tmp_path):
    """Nothing is lost or mixed wherever a kill falls; a part has a name before `replace` only.

    A file that replaces another needs a name of its own for one moment, and the system has no call
    that gives it the old name without. The next write removes what a kill just then leaves.
    """
    step, name, names, page = 0, "start", [], []
    while name:
        step += 1
        folder = tmp_path / str(step)
        name = killed_before(kind, folder, step)
        names.append(name)
        found, litter = versions(folder), list(folder.rglob("*.part"))
        assert len(litter) == (name == "replace")
        assert len(set(found.values())) == 1 or PAGE not in found
        page.append(PAGE in found)
        if litter:
            assert killed_before(kind, folder, 0) == "" and not list(folder.rglob("*.part"))
    assert names.count("replace") == (len(NAMES) - 1 if kind == "report" else 1)
    assert all(page) or kind == "report"


def test_a_killed_command_leaves_its_old_output(tmp_path, monkeypatch):
    """A whole command line, killed at random times of its run."""
    rng = random.Random(1)
    table, out = tmp_path / "t.csv", tmp_path / "out.json"
    rows = [
        f"{i},{s},{rng.random()},{rng.random()},{rng.random()}" for i in range(40) for s in "ab"
    ]
    table.write_text("item,system,human,m,n\n" + "\n".join(rows))
    command = [sys.executable, "-m", "metaeval", "compare", str(table), "--labels", "human"]
    command += ["--n-resamples", "200", "--output-format", "json", "--quiet", "-o", str(out)]
    subprocess.run(command, check=True)
    whole = out.read_bytes()
    for after in (0.3, 0.9, 1.3):
        process = subprocess.Popen(command)
        time.sleep(after)
        process.kill()
        process.wait()
        assert out.read_bytes() == whole
        assert sorted(p.name for p in tmp_path.iterdir()) == ["out.json", "t.csv"]
