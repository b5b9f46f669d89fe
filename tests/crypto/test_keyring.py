"""Where a ring comes from: file modes, links, mounted secrets, inline texts; and that writing its file never loses a
key.
"""

from __future__ import annotations

import base64
import os
import stat
import threading
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pytest

from maskservice.crypto import KeyRing, create_keyring_file, read_keyring, replace_keyring_file
from maskservice.domain.errors import KeyRingInvalid

Carried = Callable[[BaseException], str]
Shapes = Callable[[KeyRing], list[str]]
NOBODY = 65534
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")


@pytest.fixture
def path(tmp_path: Path, ring: KeyRing) -> Path:
    path = tmp_path / "keyring.json"
    create_keyring_file(path, ring)
    return path


def refusal(source: str) -> KeyRingInvalid:
    with pytest.raises(KeyRingInvalid) as caught:
        read_keyring(source)
    return caught.value


def test_a_created_file_is_ours_alone_and_reads_back(path: Path, ring: KeyRing) -> None:
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert path.stat().st_nlink == 1
    assert [found.name for found in path.parent.iterdir()] == ["keyring.json"], "no draft is left behind"
    assert read_keyring(str(path)) == ring
    assert read_keyring(f"  {path}\n") == ring


def test_the_mode_does_not_depend_on_the_umask(tmp_path: Path, ring: KeyRing) -> None:
    before = os.umask(0o277)
    try:
        create_keyring_file(tmp_path / "keyring.json", ring)
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "keyring.json").stat().st_mode) == 0o600


@pytest.mark.parametrize("mode", [0o600, 0o400])
def test_modes_that_are_read(path: Path, ring: KeyRing, mode: int) -> None:
    path.chmod(mode)
    assert read_keyring(str(path)) == ring


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o660, 0o666, 0o601, 0o610, 0o700, 0o4600])
def test_a_file_that_is_open_to_others_is_refused_with_the_command(path: Path, mode: int) -> None:
    path.chmod(mode)
    error = refusal(str(path))
    assert f"`chmod 600 {path}`" in error.detail
    assert f"{mode:04o}" in error.detail


@as_root
def test_a_file_of_somebody_else_is_refused(path: Path) -> None:
    os.chown(path, NOBODY, NOBODY)
    assert f"belongs to the user id {NOBODY}" in refusal(str(path)).detail


def test_a_symbolic_link_is_refused_and_a_mounted_secret_may_be_one(path: Path, ring: KeyRing) -> None:
    link = path.with_name("link.json")
    link.symlink_to(path)
    assert "symbolic link" in refusal(str(link)).detail
    assert read_keyring(f"mounted:{link}") == ring


def test_a_mounted_secret_may_have_any_mode(path: Path, ring: KeyRing) -> None:
    path.chmod(0o444)
    assert read_keyring(f"mounted:{path}") == ring


@pytest.mark.parametrize("scheme", ["", "mounted:"])
def test_what_is_no_readable_file_is_refused(tmp_path: Path, scheme: str) -> None:
    missing = tmp_path / "none.json"
    assert f"There is no key ring at {missing}; run `maskservice init`" in refusal(f"{scheme}{missing}").detail
    assert "not a regular file" in refusal(f"{scheme}{tmp_path}").detail
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe, 0o600)
    assert "not a regular file" in refusal(f"{scheme}{pipe}").detail
    large = tmp_path / "large.json"
    large.write_bytes(b" " * (1 << 20) + b"{}")
    large.chmod(0o600)
    assert "larger than 1 MiB" in refusal(f"{scheme}{large}").detail
    latin = tmp_path / "latin.json"
    latin.write_bytes(b'{"format": "\xe9"}')
    latin.chmod(0o600)
    assert "not UTF-8" in refusal(f"{scheme}{latin}").detail
    empty = tmp_path / "empty.json"
    empty.touch(0o600)
    assert f"In {empty}: The key ring is not a JSON object" in refusal(f"{scheme}{empty}").detail
    assert "not a directory" in refusal(f"{scheme}{empty}/keyring.json").detail
    assert "not valid" in refusal(f"{scheme}a\0b").detail


def test_refusals_leave_no_file_open(tmp_path: Path, path: Path) -> None:
    path.chmod(0o644)
    before = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(20):
        refusal(str(path))
        refusal(str(tmp_path))
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_a_byte_order_mark_is_no_harm(path: Path, ring: KeyRing) -> None:
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert read_keyring(str(path)) == ring


def test_inline_and_base64_sources(ring: KeyRing) -> None:
    text = ring.dump()
    wrapped = base64.encodebytes(text.encode()).decode()
    assert "\n" in wrapped.strip()
    for source in (text, f"  {text}", f"env:{text}", f"env: {text}", f"base64:{wrapped}", f"base64: {wrapped}"):
        assert read_keyring(source) == ring


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("", "No key ring is named"),
        (" \n", "No key ring is named"),
        ("env:", "In the inline key ring"),
        ("env:/run/secrets/keyring", "In the inline key ring"),
        ("{}", "In the inline key ring: The 'format'"),
        ("base64:", "In the base64 key ring"),
        ("base64:%%", "is not base64"),
        ("base64:/w==", "not UTF-8"),
        ("base64:e30=", "In the base64 key ring: The 'format'"),
    ],
)
def test_broken_inline_sources_say_what_to_do(source: str, says: str) -> None:
    assert says in refusal(source).detail


def test_no_refusal_repeats_a_key(ring: KeyRing, carried: Carried, shapes_of: Shapes, tmp_path: Path) -> None:
    text = ring.dump()
    encoded = base64.b64encode(text.encode()).decode()
    file = tmp_path / "broken.json"
    file.write_text(text[:-4], encoding="utf-8")
    file.chmod(0o600)
    latin = tmp_path / "latin.json"
    latin.write_bytes(text.encode() + b"\xff")
    latin.chmod(0o600)
    sources = [
        text[:-4],
        "'" + text + "'",
        "[" + text,
        "env:" + text + "}",
        "base64:" + encoded[:-1] + "!",
        "base64:" + base64.b64encode(text.encode() + b"\xff").decode(),
        encoded,
        "Base64:" + encoded,
        "mounted:" + encoded,
        "key=" + encoded,
        str(file),
        str(latin),
        "mounted:" + str(latin),
    ]
    for key in ring.keys:
        alone = base64.b64encode(key.secret).decode()
        sources += [alone, key.secret.hex(), "mounted:" + alone, "base64:" + alone, "env:" + alone, f"{key.id}:{alone}"]
    shapes = [*shapes_of(ring), encoded[:24], encoded[200:224]]
    for source in sources:
        said = carried(refusal(source))
        assert not [shape for shape in shapes if shape in said]


def test_a_path_that_may_hold_a_password_is_not_repeated(carried: Carried) -> None:
    said = carried(refusal("postgresql://owner:opensesame@db/masks"))
    assert "opensesame" not in said


def test_an_existing_file_is_never_overwritten(path: Path, now: datetime) -> None:
    other = KeyRing.generate(now, os.urandom)
    before = path.read_bytes()
    with pytest.raises(KeyRingInvalid, match="exists already"):
        create_keyring_file(path, other)
    dangling = path.with_name("dangling")
    dangling.symlink_to(path.with_name("elsewhere"))
    with pytest.raises(KeyRingInvalid, match="exists already"):
        create_keyring_file(dangling, other)
    assert path.read_bytes() == before
    assert sorted(found.name for found in path.parent.iterdir()) == ["dangling", "keyring.json"]


def test_of_many_that_create_one_file_a_single_one_succeeds(tmp_path: Path, now: datetime) -> None:
    path = tmp_path / "keyring.json"
    rings = [KeyRing.generate(now, os.urandom) for _ in range(8)]
    start = threading.Barrier(len(rings))
    won: list[KeyRing] = []
    lost: list[KeyRing] = []

    def create(ring: KeyRing) -> None:
        start.wait()
        try:
            create_keyring_file(path, ring)
        except KeyRingInvalid:
            lost.append(ring)
        else:
            won.append(ring)

    threads = [threading.Thread(target=create, args=(ring,)) for ring in rings]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(won) == 1
    assert len(lost) == len(rings) - 1
    assert read_keyring(str(path)) == won[0]
    assert [found.name for found in tmp_path.iterdir()] == ["keyring.json"]


def test_what_cannot_be_written_is_said_and_leaves_nothing(tmp_path: Path, ring: KeyRing) -> None:
    for path, says in (
        (tmp_path / "none" / "keyring.json", "no such file or directory"),
        (str(tmp_path / "a\0b"), "not valid"),
        ("", "exists already"),
    ):
        with pytest.raises(KeyRingInvalid, match=says):
            create_keyring_file(path, ring)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("mode", [0o600, 0o400])
def test_rotation_replaces_the_file_in_one_step(path: Path, ring: KeyRing, now: datetime, mode: int) -> None:
    path.chmod(mode)
    before = path.stat().st_ino
    two = ring.with_new_wrap_key(now, os.urandom)
    with path.open("rb") as reader:
        replace_keyring_file(path, two)
        assert KeyRing.parse(reader.read().decode()) == ring, "who has the file open reads the old one to its end"
    assert path.stat().st_ino != before
    assert stat.S_IMODE(path.stat().st_mode) == mode
    assert read_keyring(str(path)) == two
    assert [found.name for found in path.parent.iterdir()] == ["keyring.json"]


def test_rotation_does_not_lose_a_key_unless_it_is_named(path: Path, ring: KeyRing, now: datetime) -> None:
    two = ring.with_new_wrap_key(now, os.urandom)
    replace_keyring_file(path, two)
    other = ring.with_new_wrap_key(now, os.urandom)
    with pytest.raises(KeyRingInvalid, match=two.keys[3].id):
        replace_keyring_file(path, other)
    assert read_keyring(str(path)) == two

    one = two.promoted(two.keys[3].id).without_wrap_key(ring.primary)
    with pytest.raises(KeyRingInvalid, match=ring.primary):
        replace_keyring_file(path, one)
    replace_keyring_file(path, one, retired=[ring.primary])
    assert read_keyring(str(path)) == one


def test_rotation_wants_a_file_that_can_be_read(path: Path, ring: KeyRing) -> None:
    link = path.with_name("link.json")
    link.symlink_to(path)
    for broken in (path.with_name("none.json"), link):
        with pytest.raises(KeyRingInvalid):
            replace_keyring_file(broken, ring)
    assert link.is_symlink()
    path.chmod(0o644)
    with pytest.raises(KeyRingInvalid, match="chmod 600"):
        replace_keyring_file(path, ring)
