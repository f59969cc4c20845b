"""Files are written whole: through links, into pipes and devices, with modes, without litter."""

import os
import signal
import stat
import threading

import pytest

from metaeval import MetaevalError
from metaeval.core import atomic_write, check_writable, write_all

ROOT = hasattr(os, "geteuid") and os.geteuid() == 0


@pytest.fixture(params=["nameless", "named"])
def way(request, monkeypatch):
    """Both ways of writing: with files that have no name, and without."""
    if request.param == "named":
        monkeypatch.delattr(atomic_write.os, "O_TMPFILE", raising=False)
    return request.param


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_files_are_made_and_replaced(way, tmp_path):
    path = tmp_path / "a.txt"
    for content in (b"one", b"two", b""):
        write_all({path: content})
        assert path.read_bytes() == content
    assert names(tmp_path) == ["a.txt"]


def test_new_files_have_the_mode_of_the_umask_and_old_ones_keep_theirs(way, tmp_path):
    new, old = tmp_path / "new", tmp_path / "old"
    old.write_bytes(b"")
    old.chmod(0o640)
    before = os.umask(0o027)
    try:
        write_all({new: b"x", old: b"y"})
    finally:
        os.umask(before)
    assert [stat.S_IMODE(p.stat().st_mode) for p in (new, old)] == [0o640, 0o640]
    old.chmod(0o600)
    write_all({old: b"z"})
    assert stat.S_IMODE(old.stat().st_mode) == 0o600


def test_links_stay_and_their_targets_are_replaced(way, tmp_path):
    (tmp_path / "there").mkdir()
    target = tmp_path / "there" / "target"
    target.write_bytes(b"old")
    (tmp_path / "link").symlink_to("there/target")
    (tmp_path / "second").symlink_to(tmp_path / "link")
    (tmp_path / "dangling").symlink_to("there/none-yet")
    write_all({tmp_path / "second": b"new", tmp_path / "dangling": b"made"})
    assert target.read_bytes() == b"new" and (tmp_path / "second").is_symlink()
    assert (tmp_path / "there" / "none-yet").read_bytes() == b"made"
    assert names(tmp_path / "there") == ["none-yet", "target"]


def test_links_in_a_circle_are_refused(tmp_path):
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    with pytest.raises(MetaevalError, match="Cannot write"):
        write_all({tmp_path / "a": b"x"})
    assert (tmp_path / "a").is_symlink()


def test_pipes_get_the_bytes(tmp_path):
    pipe, got = tmp_path / "pipe", []
    os.mkfifo(pipe)
    reader = threading.Thread(target=lambda: got.append(pipe.read_bytes()))
    reader.start()
    write_all({pipe: b"through"})
    reader.join()
    assert got == [b"through"] and stat.S_ISFIFO(pipe.stat().st_mode)


def test_devices_stay_devices():
    write_all({atomic_write.Path(os.devnull): b"gone"})
    assert stat.S_ISCHR(os.stat(os.devnull).st_mode)
    if os.path.exists("/dev/full"):
        with pytest.raises(MetaevalError, match="No space left"):
            write_all({atomic_write.Path("/dev/full"): b"x"})


@pytest.mark.skipif(not ROOT, reason="only the superuser makes devices")
def test_devices_in_folders_that_one_may_write_to_stay(tmp_path):
    device = tmp_path / "null"
    try:
        os.mknod(device, 0o666 | stat.S_IFCHR, os.makedev(1, 3))
    except OSError as error:
        pytest.skip(f"no devices can be made here: {error}")
    write_all({device: b"x"})
    assert stat.S_ISCHR(device.stat().st_mode)


def test_open_streams_are_written_to(tmp_path):
    with open(tmp_path / "opened", "wb") as file:
        write_all({atomic_write.Path(f"/dev/fd/{file.fileno()}"): b"one "})
        write_all({atomic_write.Path(f"/proc/self/fd/{file.fileno()}"): b"two"})
    assert (tmp_path / "opened").read_bytes() == b"one two"


def test_no_link_can_take_the_place_of_a_part(tmp_path):
    victim = tmp_path / "victim"
    victim.write_bytes(b"precious")
    for name in (".out.txt.part", "out.txt.part", ".metaeval.part"):
        (tmp_path / name).symlink_to(victim)
    mine = tmp_path / ".own.txt.part"
    mine.write_bytes(b"mine")
    write_all({tmp_path / "out.txt": b"x", tmp_path / "own.txt": b"y"})
    assert victim.read_bytes() == b"precious" and mine.read_bytes() == b"mine"
    assert not (tmp_path / "out.txt").is_symlink()


def test_the_longest_names_can_be_written(way, tmp_path):
    path = tmp_path / ("n" * 255)
    write_all({path: b"x"})
    write_all({path: b"y"})
    assert path.read_bytes() == b"y" and len(names(tmp_path)) == 1


@pytest.mark.parametrize("name", ["n" * 256, "a\0b", "no/such/folder/x", "\udcff" * 400])
def test_names_that_cannot_be_are_one_sentence(name, tmp_path):
    with pytest.raises(MetaevalError, match="Cannot write") as error:
        write_all({tmp_path / name: b"x"})
    assert "\n" not in str(error.value) and not names(tmp_path)


@pytest.mark.parametrize("name", ["", "."])
def test_folders_are_not_files(name, tmp_path):
    with pytest.raises(MetaevalError, match="is a folder"):
        write_all({tmp_path / name: b"x"})
    with pytest.raises(MetaevalError, match="is a folder"):
        write_all({atomic_write.Path(): b""})


def test_all_are_written_or_none(way, tmp_path, monkeypatch):
    old = tmp_path / "old"
    old.write_bytes(b"old")
    with pytest.raises(MetaevalError, match=r"Cannot write .*no.*No such file"):
        write_all({old: b"new", tmp_path / "no" / "x": b"y"})
    assert old.read_bytes() == b"old" and names(tmp_path) == ["old"]


def test_folders_that_were_made_for_nothing_are_removed(tmp_path, monkeypatch):
    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(atomic_write._Part, "move", full)
    with pytest.raises(MetaevalError, match="No space left"):
        write_all({tmp_path / "a" / "b" / "x": b"y"}, folders=True)
    assert not names(tmp_path)


def test_the_last_file_never_stands_beside_others_of_another_run(tmp_path, monkeypatch):
    page, number = tmp_path / "page", tmp_path / "a" / "number"
    write_all({page: b"1", number: b"1"}, folders=True, last=page)
    move, states = atomic_write._Part.move, []

    def watched(part):
        states.append((page.exists() and page.read_bytes(), number.read_bytes()))
        move(part)

    monkeypatch.setattr(atomic_write._Part, "move", watched)
    write_all({page: b"2", number: b"2"}, folders=True, last=page)
    assert states == [(False, b"1"), (False, b"2")]
    assert page.read_bytes() == number.read_bytes() == b"2"


def test_parts_of_killed_processes_are_removed_and_those_of_others_stay(tmp_path):
    stale, live = (tmp_path / f".metaeval-{c * 32}.part" for c in "ab")
    others = [tmp_path / ".metaeval-x.part", tmp_path / ".metaeval-notes.part"]
    for path in (stale, live, *others):
        path.write_bytes(b"")
    with open(live, "rb") as file:
        assert atomic_write._lock(file.fileno())
        write_all({tmp_path / "x": b"y"})
        assert not stale.exists() and live.exists() and all(p.exists() for p in others)


def test_ctrl_c_waits_until_the_files_have_their_names(tmp_path, monkeypatch):
    move = atomic_write._Part.move

    def interrupted(part):
        signal.raise_signal(signal.SIGINT)
        move(part)

    monkeypatch.setattr(atomic_write._Part, "move", interrupted)
    before = len(atomic_write.written)
    handler = signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored in the background
    try:
        with pytest.raises(KeyboardInterrupt):
            write_all({tmp_path / "a": b"x", tmp_path / "b": b"y"})
    finally:
        signal.signal(signal.SIGINT, handler)
    assert names(tmp_path) == ["a", "b"]
    assert atomic_write.written[before:] == [tmp_path / "a", tmp_path / "b"]


def test_folders_are_checked_before_anything_is_computed(tmp_path):
    check_writable(tmp_path / "new" / "one")
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(MetaevalError, match="not a folder"):
        check_writable(tmp_path / "file" / "below")
    assert names(tmp_path) == ["file"]


@pytest.mark.skipif(ROOT, reason="the superuser may write everywhere")
def test_what_one_may_not_write_to_is_not_replaced(tmp_path):
    path = tmp_path / "x"
    path.write_bytes(b"old")
    path.chmod(0o444)
    with pytest.raises(MetaevalError, match="Permission denied"):
        write_all({path: b"new"})
    path.chmod(0o644)
    tmp_path.chmod(0o500)
    with pytest.raises(MetaevalError, match="Permission denied"):
        write_all({path: b"new"})
    with pytest.raises(MetaevalError, match="permission denied"):
        check_writable(tmp_path / "new")
    tmp_path.chmod(0o700)
    assert path.read_bytes() == b"old"
