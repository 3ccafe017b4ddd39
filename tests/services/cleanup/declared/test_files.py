"""Old files go; nothing outside of the folder is ever touched."""

import os
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from services.cleanup.declared.files import Files
from services.cleanup.declared.policy import FilesPolicy
from services.cleanup.pace import Pace
from shared.errors import InvalidInput
from tests.services.cleanup.declared.conftest import tell

NOW = 1_900_000_000.0
HOUR = 3600.0
PACE = Pace(3, 0.0, float("inf"))


@pytest.fixture
def folder(tmp_path):
    made = tmp_path.resolve() / "temporary"
    made.mkdir()
    return made


@pytest.fixture
def cleaner(folder):
    said = FilesPolicy(name="tmp", schedule="", folder=folder, older_than=timedelta(hours=24), recursive=True)
    return Files(said, "files.tmp", NOW)


def write(path, hours, content=b"x"):
    """A file last written so many hours ago."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    os.utime(path, (NOW - hours * HOUR,) * 2)


def names(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if not path.is_dir())


def saying(cleaner, **fields):
    return replace(cleaner, policy=replace(cleaner.policy, **fields))


def refused(cleaner, field):
    for doing in (cleaner.preview, lambda: cleaner.run(PACE, tell)):
        with pytest.raises(InvalidInput) as raised:
            doing()
        assert list(raised.value.fields) == [f"files.tmp.{field}"]
    return raised.value.fields[f"files.tmp.{field}"][0]


@pytest.mark.parametrize(
    ("fields", "left"),
    [
        ({}, ["new.tmp", "sub/new.tmp"]),
        ({"recursive": False}, ["new.tmp", "sub/deep/old.tmp", "sub/new.tmp", "sub/old.log"]),
        ({"match": "*.tmp"}, ["new.tmp", "old.log", "sub/new.tmp", "sub/old.log"]),
        ({"match": "[o]ld.l?g"}, ["new.tmp", "old.tmp", "sub/deep/old.tmp", "sub/new.tmp"]),
    ],
)
def test_old_files_that_match_go(folder, cleaner, fields, left):
    for name, hours in {
        "old.tmp": 25, "old.log": 25, "new.tmp": 23, "sub/new.tmp": 1, "sub/old.log": 100, "sub/deep/old.tmp": 100,
    }.items():  # fmt: skip
        write(folder / name, hours)
    shown = saying(cleaner, **fields).preview()
    assert len(names(folder)) == 6
    assert shown.count == shown.size == 6 - len(left)
    assert saying(cleaner, **fields).run(PACE, tell) == {"rows": 6 - len(left), "complete": True}
    assert names(folder) == left


def test_symbolic_links_are_neither_followed_nor_removed(folder, cleaner, tmp_path):
    outside = tmp_path.resolve() / "outside"
    write(outside / "precious", 1000)
    (folder / "folder").symlink_to(outside)
    (folder / "file").symlink_to(outside / "precious")
    os.utime(folder / "file", (0, 0), follow_symlinks=False)
    assert cleaner.run(PACE, tell)["rows"] == 0
    assert (outside / "precious").exists() and (folder / "file").is_symlink()


def test_what_is_no_plain_file_stays(folder, cleaner):
    os.mkfifo(folder / "pipe")
    os.utime(folder / "pipe", (0, 0))
    (folder / "empty").mkdir()
    os.utime(folder / "empty", (0, 0))
    assert cleaner.run(PACE, tell)["rows"] == 0
    assert (folder / "pipe").exists() and (folder / "empty").exists()


def test_what_may_not_be_removed_is_counted_and_the_rest_goes(folder, cleaner, monkeypatch):
    for name in ("a", "b", "sub/c", "shut/d"):
        write(folder / name, 100)
    unlink, opened = os.unlink, os.open

    def unlinking(name, **options):
        if name == "b":
            raise PermissionError(1, "Operation not permitted", name)
        unlink(name, **options)

    def opening(name, *arguments, **options):
        if name == "shut":
            raise PermissionError(13, "Permission denied", name)
        return opened(name, *arguments, **options)

    monkeypatch.setattr(os, "unlink", unlinking)
    monkeypatch.setattr(os, "open", opening)
    assert cleaner.run(PACE, tell) == {"rows": 2, "complete": True, "refused": 2}
    assert names(folder) == ["b", "shut/d"]


def test_a_folder_that_is_gone_before_it_is_looked_into_is_passed_over(folder, cleaner, monkeypatch):
    for name in ("a", "sub/b", "gone/c"):
        write(folder / name, 100)
    opened = os.open

    def opening(name, *arguments, **options):
        if name == "gone":
            raise FileNotFoundError(2, "No such file or directory", name)
        return opened(name, *arguments, **options)

    monkeypatch.setattr(os, "open", opening)
    assert cleaner.run(PACE, tell) == {"rows": 2, "complete": True}


def test_a_folder_behind_a_symbolic_link_is_refused_with_where_it_leads(folder, cleaner, tmp_path):
    link = tmp_path.resolve() / "link"
    link.symlink_to(folder)
    for name in (link, link / ".." / "temporary"):
        assert f"write {str(folder)!r}" in refused(saying(cleaner, folder=name), "folder")


@pytest.mark.parametrize(
    "name",
    [
        "/",
        "/etc",
        "/usr",
        "/usr/lib",
        "/proc",
        "/root",
        str(Path.home()),
        "/home",
        "/var",
        "/var/lib",
        "/opt",
        "/srv",
        "/mnt",
    ],
)
def test_a_folder_that_nobody_can_mean_is_refused(cleaner, name):
    assert refused(saying(cleaner, folder=Path(name)), "folder")


def test_a_folder_that_is_not_there_or_is_a_file_is_refused(folder, cleaner):
    write(folder / "file", 0)
    assert "There is no folder" in refused(saying(cleaner, folder=folder / "none"), "folder")
    assert "is no folder" in refused(saying(cleaner, folder=folder / "file"), "folder")


def test_a_folder_that_would_be_emptied_is_refused_unless_that_is_said(folder, cleaner):
    for number in range(101):
        write(folder / str(number), 100)
    assert "`may_empty = true`" in cleaner.preview().refusal
    with pytest.raises(InvalidInput, match="Every file in"):
        cleaner.run(PACE, tell)
    assert len(names(folder)) == 101
    write(folder / "new", 0)
    assert cleaner.preview().refusal is None
    (folder / "new").unlink()
    assert saying(cleaner, may_empty=True).run(PACE, tell) == {"rows": 101, "complete": True}
