import gzip
import json
import os
import random
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import fsspec
import pytest

from assay.corpus import content_hash
from assay.corpus.cleaning import Unfit
from assay.corpus.content_hash import content_hashes
from assay.corpus.folder import Folder
from assay.errors import StepError
from s3_server import Server


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file of remembered hashes, in a cache folder of the test's own."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "assay" / "hashes.json"


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    root = tmp_path / "tree"
    (root / "b" / "c").mkdir(parents=True)
    (root / "a.txt").write_text("a")
    (root / "b" / "two.txt").write_text("two")
    (root / "b" / "c" / "three.jsonl.gz").write_bytes(gzip.compress(b'{"text": "three"}\n'))
    return root


NAMES = ["a.txt", "b/c/three.jsonl.gz", "b/two.txt"]


@pytest.fixture(autouse=True)
def quickly_settled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(content_hash, "_SETTLED_NS", 50_000_000)


def forget() -> None:
    """Be another process: what this one remembers is gone."""
    content_hash._remembered.cache_clear()


def test_a_folder_is_listed_sorted_and_read(tree: Path) -> None:
    folder = Folder("tree", tree.parent)
    assert folder.names() == NAMES
    assert folder.read("b/two.txt") == b"two"
    assert folder.read("b/c/three.jsonl.gz") == b'{"text": "three"}\n'
    assert folder.size("b/two.txt") == 3
    assert folder.left_out() == []
    assert folder.root == tree
    assert folder.licence() == "unknown"


@pytest.mark.parametrize("address", ["tree", "./tree/", "{}", "file://{}", "local://{}"])
def test_a_path_may_be_written_in_several_ways(tree: Path, address: str) -> None:
    assert Folder(address.format(tree), tree.parent).names() == NAMES


def test_one_file_is_a_folder_of_its_name_even_through_a_link(tree: Path) -> None:
    (tree / "link.txt").symlink_to("/etc/hostname")
    (tree.parent / "own.txt").symlink_to(tree / "b" / "two.txt")
    one = Folder("own.txt", tree.parent)
    assert one.names() == ["own.txt"]
    assert one.read("own.txt") == b"two"
    with pytest.raises(Unfit, match="cannot be read"):
        one.read("a.txt")


def test_a_file_of_this_machine_can_be_sought_in_and_a_compressed_one_streams(tree: Path) -> None:
    folder = Folder("tree", tree.parent)
    with folder.open("b/two.txt") as file:
        assert file.seek(-1, os.SEEK_END) == 2
        assert file.read() == b"o"
        assert os.fstat(file.fileno()).st_size == 3
    with folder.open("b/c/three.jsonl.gz") as file, pytest.raises(OSError, match="fileno"):
        file.fileno()


def test_the_home_folder_may_be_written_short(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tree))
    assert Folder("~/b", Path("/nowhere")).names() == ["c/three.jsonl.gz", "two.txt"]


def test_what_is_not_there_or_no_file_is_told(tree: Path) -> None:
    os.mkfifo(tree / "pipe")
    (tree / "loop").symlink_to("loop")
    for address, why in [
        ("nothing", "No such file"),
        ("tree/pipe", "neither a file nor a folder"),
        ("tree/loop", "Too many levels"),
        ("tree/a\0b", "null"),
    ]:
        with pytest.raises(StepError, match=why):
            Folder(address, tree.parent)


def test_a_cycle_of_links_ends_and_what_is_passed_over_is_named(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tree / "b" / "up").symlink_to("..")
    (tree / "b" / "c" / "self").symlink_to(".")
    (tree / "around").symlink_to("around")
    (tree / "secret").symlink_to("/etc/passwd")
    (tree / "broken").symlink_to("nothing")
    (tree / "twice.txt").symlink_to("b/two.txt")
    (tree.parent / "tree-beside").mkdir()
    (tree.parent / "tree-beside" / "x.txt").write_text("x")
    (tree / "beside").symlink_to("../tree-beside/x.txt")
    (tree / "back\\slash.txt").write_text("x")
    (tree / os.fsdecode(b"latin-\xe4.txt")).write_text("x")
    os.mkfifo(tree / "pipe")
    with socket.socket(socket.AF_UNIX) as server:
        monkeypatch.chdir(tree)
        server.bind("socket")
    (tree / ".git").mkdir()
    (tree / ".git" / "HEAD").write_text("ref")
    (tree / "b" / ".git").write_text("gitdir: ../.git")
    folder = Folder("tree", tree.parent)
    assert folder.names() == [*NAMES, "twice.txt"]
    assert folder.left_out() == [
        ("around", "link that leads nowhere"),
        ("b/c/self", "link to a folder"),
        ("b/up", "link to a folder"),
        ("back\\slash.txt", "unsafe name"),
        ("beside", "link that leads out of the folder"),
        ("broken", "link that leads nowhere"),
        ("latin-\\udce4.txt", "name is not UTF-8"),
        ("pipe", "not a regular file"),
        ("secret", "link that leads out of the folder"),
        ("socket", "not a regular file"),
    ]
    assert folder.read("twice.txt") == b"two"
    for name in ("secret", "beside", "../tree-beside/x.txt", "/etc/passwd", "b/up/a.txt"):
        with pytest.raises(Unfit, match="cannot be read"):
            folder.read(name)


def test_a_folder_too_deep_to_be_read_is_passed_over(tree: Path) -> None:
    place = tree
    descriptor = os.open(tree, os.O_RDONLY)
    for _ in range(20):
        os.mkdir("d" * 250, dir_fd=descriptor)
        inner = os.open("d" * 250, os.O_RDONLY, dir_fd=descriptor)
        os.close(descriptor)
        descriptor = inner
        place = place / ("d" * 250)
    os.close(descriptor)
    folder = Folder("tree", tree.parent)
    assert folder.names() == NAMES
    ((name, reason),) = folder.left_out()
    assert set(name) == {"d", "/"}
    assert reason == "folder that cannot be read"


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become somebody who may not read")
def test_what_may_not_be_read_is_passed_over_or_a_reason(tree: Path) -> None:
    (tree / "b" / "c").chmod(0)
    (tree / "a.txt").chmod(0)
    script = (
        "import os, sys\nfrom pathlib import Path\nfrom assay.corpus.folder import Folder\n"
        "from assay.corpus.cleaning import Unfit\nos.setuid(65534)\n"
        "folder = Folder(sys.argv[1], Path('/'))\nprint(folder.names(), folder.left_out())\n"
        "folder.fingerprint(['*'], [])\n"
        "try:\n    folder.read('a.txt')\nexcept Unfit as fault:\n    print(fault)\n"
    )
    for parent in tree.parents[:3]:
        parent.chmod(0o755)
    done = subprocess.run([sys.executable, "-c", script, tree], capture_output=True, text=True, check=False)
    if "Permission" in done.stderr:
        pytest.skip("the tests' own folder cannot be made readable")
    assert done.stdout == ("['a.txt', 'b/two.txt'] [('b/c', 'folder that cannot be read')]\ncannot be read\n"), (
        done.stderr
    )


def test_what_vanished_or_was_swapped_for_a_link_is_a_reason(tree: Path) -> None:
    folder = Folder("tree", tree.parent)
    folder.names()
    (tree / "a.txt").unlink()
    (tree / "b" / "two.txt").unlink()
    (tree / "b" / "two.txt").symlink_to("/etc/passwd")
    (tree / "b" / "c").rename(tree.parent / "outside")
    (tree / "b" / "c").symlink_to(tree.parent / "outside")
    for name in NAMES:
        with pytest.raises(Unfit, match=r"^cannot be read$"):
            folder.read(name)


@pytest.mark.skipif(not Path("/proc/self/mem").exists(), reason="the system has no file that fails when it is read")
def test_a_disk_that_fails_ends_the_step_and_drops_nothing() -> None:
    folder = Folder("/proc/self/mem", Path())
    with pytest.raises(StepError, match="Input/output error"):
        folder.read("mem")
    with pytest.raises(StepError, match="Input/output error"):
        folder.fingerprint(["*"], [])


def test_a_long_file_is_streamed_line_by_line(tmp_path: Path) -> None:
    numbers = random.Random(0)
    lines = [b'{"text": "%x"}\n' % numbers.getrandbits(4000) for _ in range(20_000)]
    with gzip.open(tmp_path / "long.jsonl.gz", "wb", 1) as file:
        file.writelines(lines)
    with Folder("long.jsonl.gz", tmp_path).open("long.jsonl.gz") as stream:
        assert all(line == other for line, other in zip(stream, lines, strict=True))


def test_the_same_files_elsewhere_have_the_same_fingerprint_and_any_change_another(tree: Path) -> None:
    def fingerprint(root: Path = tree, files: tuple[str, ...] = ("*",)) -> dict[str, str]:
        return Folder(str(root), Path("/")).fingerprint(files, ())

    first = fingerprint()
    assert first["by"] == "content"
    shutil.copytree(tree, tree.parent / "elsewhere")
    assert fingerprint(tree.parent / "elsewhere") == first
    assert fingerprint(files=("*.txt",)) != first
    assert fingerprint(files=("b/*",)) == fingerprint(files=("b/two.txt", "b/c/*"))
    of_text = fingerprint(files=("*.txt",))
    (tree / "b" / "c" / "three.jsonl.gz").write_bytes(b"other")
    assert fingerprint(files=("*.txt",)) == of_text
    assert fingerprint() != first
    (tree / "a.txt").rename(tree / "A.txt")
    assert fingerprint(files=("*.txt",)) != of_text


def test_names_are_taken_as_they_are_where_names_are_asked_for(tree: Path) -> None:
    (tree / "a[1].txt").write_text("one")
    folder = Folder("tree", tree.parent)
    assert folder.fingerprint_of(["a[1].txt"]) != folder.fingerprint_of([])
    assert folder.fingerprint_of(folder.names()) == folder.fingerprint(["*"], [])
    with pytest.raises(Unfit):
        folder.fingerprint_of(["nothing"])


def test_a_file_is_hashed_once_for_all_programs_until_it_changes(
    tree: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = [tree / name for name in NAMES]
    time.sleep(0.1)
    first = content_hashes(paths)
    read: list[str] = []
    open_path = Path.open

    def watched(self: Path, *args: object, **kwargs: object) -> object:
        read.append(self.name)
        return open_path(self, *args, **kwargs)  # type: ignore[call-overload]

    monkeypatch.setattr(Path, "open", watched)
    forget()
    assert content_hashes(paths) == first
    assert "a.txt" not in read
    assert set(json.loads(cache.read_bytes())) == {str(path) for path in paths}
    about = paths[0].stat()
    paths[0].write_text("b")
    os.utime(paths[0], ns=(about.st_atime_ns, about.st_mtime_ns))
    assert content_hashes(paths) != first, "a change hidden behind the old time and size is seen"


def test_a_file_changed_a_moment_ago_is_not_remembered(
    tree: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(content_hash, "_SETTLED_NS", 3600 * 10**9)
    content_hashes([tree / "a.txt"])
    assert not cache.exists()


@pytest.mark.parametrize(
    "text", ["", "no json", "[]", '{"a": 1}', '{"PATH": [1, 2, 3, 4, 5]}', "[" * 100_000, "\udcff"]
)
def test_a_damaged_memory_is_forgotten_and_written_anew(tree: Path, cache: Path, text: str) -> None:
    time.sleep(0.1)
    cache.parent.mkdir(parents=True)
    cache.write_bytes(text.replace("PATH", str(tree / "a.txt")).encode("utf-8", "surrogateescape"))
    (digest,) = content_hashes([tree / "a.txt"])
    assert digest == "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb"
    forget()
    assert json.loads(cache.read_bytes())[str(tree / "a.txt")][-1] == digest


def test_a_memory_that_cannot_be_written_is_done_without(
    tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    time.sleep(0.1)
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert len(content_hashes([tree / "a.txt"])[0]) == 64


def test_the_memory_keeps_what_others_wrote_and_the_last_used(
    tree: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    time.sleep(0.1)
    content_hashes([tree / "a.txt"])
    (tree / "elsewhere.txt").write_text("x")
    time.sleep(0.1)
    other = "from assay.corpus import content_hash as c; import sys, pathlib; c._SETTLED_NS = 1; "
    subprocess.run(
        [sys.executable, "-c", other + "c.content_hashes([pathlib.Path(sys.argv[1])])", tree / "elsewhere.txt"],
        check=True,
    )
    content_hashes([tree / "b/two.txt"])
    assert [Path(path).name for path in json.loads(cache.read_bytes())] == ["elsewhere.txt", "a.txt", "two.txt"]
    monkeypatch.setattr(content_hash, "MOST", 2)
    content_hashes([tree / "a.txt", tree / "b/c/three.jsonl.gz"])
    assert [Path(path).name for path in json.loads(cache.read_bytes())] == ["a.txt", "three.jsonl.gz"]


@pytest.fixture
def memory() -> Iterator[str]:
    files = fsspec.filesystem("memory")
    for name, data in {
        "texts/a.txt": b"a",
        "texts/b/two.jsonl.gz": gzip.compress(b"two\n"),
        "texts/half.gz": gzip.compress(bytes(100_000))[:50],
        "texts/.git/HEAD": b"ref",
    }.items():
        files.pipe(f"/{name}", data)
    yield "memory://texts"
    files.rm("/texts", recursive=True)


def test_an_address_is_listed_read_and_known_by_what_its_file_system_says(memory: str) -> None:
    folder = Folder(memory, Path("/nowhere"))
    assert folder.root is None
    assert folder.names() == ["a.txt", "b/two.jsonl.gz", "half.gz"]
    assert folder.read("b/two.jsonl.gz") == b"two\n"
    assert folder.size("a.txt") == 1
    with pytest.raises(Unfit, match=r"^damaged compression$"):
        folder.read("half.gz")
    first = Folder(memory, Path()).fingerprint(["*"], [])
    assert first["by"] == "file system"
    assert Folder(memory, Path()).fingerprint(["*"], []) == first
    fsspec.filesystem("memory").pipe("/texts/a.txt", b"b")
    assert Folder(memory, Path()).fingerprint(["*"], []) != first
    assert Folder(f"{memory}/a.txt", Path()).names() == ["a.txt"]


def test_of_an_address_a_file_that_vanished_is_a_reason_and_nothing_at_all_an_error(memory: str) -> None:
    folder = Folder(memory, Path())
    folder.names()
    fsspec.filesystem("memory").rm("/texts/a.txt")
    with pytest.raises(Unfit, match=r"^cannot be read$"):
        folder.read("a.txt")
    with pytest.raises(StepError, match="there is nothing at memory://none"):
        Folder("memory://none", Path()).names()


def test_an_address_of_no_known_kind_or_without_its_library_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(StepError, match=r"nosuch://x cannot be used"):
        Folder("nosuch://x", Path())
    monkeypatch.setitem(sys.modules, "fsspec", None)
    with pytest.raises(StepError, match=r"pip install 'assay\[remote\]'"):
        Folder("memory://x", Path())
    assert Folder("/", Path()).root == Path("/"), "a path needs no library"


def test_listing_a_local_folder_imports_no_fsspec(tree: Path) -> None:
    script = (
        "import sys\nfrom pathlib import Path\nfrom assay.corpus.folder import Folder\n"
        "Folder(sys.argv[1], Path()).names()\nprint('fsspec' in sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", script, tree], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


def test_an_object_store_is_read_and_a_line_that_is_down_drops_nothing(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.client.create_bucket(Bucket="texts")
    for key, data in {"in/a.txt": b"a", "in/b.txt.gz": gzip.compress(b"bb"), "in/../x": b"x", "in/c//d": b"d"}.items():
        server.client.put_object(Bucket="texts", Key=key, Body=data)
    folder = Folder("s3://texts/in", Path())
    assert folder.names() == ["a.txt", "b.txt.gz", "c//d"]
    assert folder.left_out() == [("../x", "unsafe name")]
    assert folder.read("b.txt.gz") == b"bb"
    assert folder.read("c//d") == b"d"
    first = folder.fingerprint(["*"], [])
    server.client.put_object(Bucket="texts", Key="in/a.txt", Body=b"a")
    assert Folder("s3://texts/in", Path()).fingerprint(["*"], []) == first, "the same content written again"
    server.client.put_object(Bucket="texts", Key="in/a.txt", Body=b"b")
    assert Folder("s3://texts/in", Path()).fingerprint(["*"], []) != first
    with pytest.raises(StepError, match="s3://nobucket/x"):
        Folder("s3://nobucket/x", Path()).names()
    server.client.delete_object(Bucket="texts", Key="in/b.txt.gz")
    with pytest.raises(Unfit, match=r"^cannot be read$"):
        folder.read("b.txt.gz")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    with pytest.raises(StepError, match="s3://texts/in cannot be reached"):
        Folder("s3://texts/in", Path()).names()
