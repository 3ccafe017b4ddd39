"""Old files in a folder. No symbolic link is followed, and no file is removed that is not a plain one."""

import os
import pwd
import stat
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import structlog

from services.cleanup.declared.cleaner import FEW, Preview, Tell, walk
from services.cleanup.declared.policy import FilesPolicy
from services.cleanup.pace import Pace
from shared.errors import InvalidInput

_OF_THE_SYSTEM = ("/bin", "/boot", "/dev", "/etc", "/lib", "/lib64", "/proc", "/run", "/sbin", "/sys", "/usr")
# What is in them may be meant, they themselves never are.
_SHARED = ("/var", "/var/lib", "/opt", "/srv", "/mnt", "/home")

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Files:
    """A policy on a folder.

    Parameters:
        now: seconds since 1970, by which a file's age is told; None for this machine's clock.
    """

    policy: FilesPolicy
    path: str
    now: float | None = None

    def check(self) -> None:
        """See `Cleaner`."""
        if problem := _folder_problem(self.policy.folder):
            raise InvalidInput({f"{self.path}.folder": [problem]})

    def preview(self) -> Preview:
        """See `Cleaner`."""
        self.check()
        old, total = self._census()
        written = [moment for moment, _ in old]
        oldest, newest = (_iso(min(written)), _iso(max(written))) if old else (None, None)
        return Preview(len(old), oldest, newest, sum(size for _, size in old), self._emptied(len(old), total))

    def run(self, pace: Pace, tell: Tell) -> Mapping[str, Any]:
        """See `Cleaner`."""
        self.check()
        old, total = self._census()
        if refusal := self._emptied(len(old), total):
            raise InvalidInput({f"{self.path}.may_empty": [refusal]})
        refused: list[str] = []
        done = asdict(walk(pace, self._removed(pace.size, refused), tell))
        if refused:
            log.warning(
                "some files or folders were not allowed to be removed", policy=self.policy.name, names=refused[:10]
            )
        return {**done, "refused": len(refused)} if refused else done

    def _census(self) -> tuple[list[tuple[float, int]], int]:
        """When each old file was written and its size; and how many files there are."""
        before, old, total = self._before(), [], 0
        for _, _, status in self._files([], every=True):
            total += 1
            if status is not None and status.st_mtime < before:
                old.append((status.st_mtime, status.st_size))
        return old, total

    def _removed(self, size: int, refused: list[str]) -> Iterator[int]:
        before, count = self._before(), 0
        for folder, name, status in self._files(refused):
            if status is not None and status.st_mtime < before:
                try:
                    os.unlink(name, dir_fd=folder)  # by the folder that was opened, wherever it is now
                except FileNotFoundError:
                    continue
                except PermissionError:
                    refused.append(name)
                    continue
                count += 1
                if count == size:
                    yield count
                    count = 0
        if count:
            yield count

    def _emptied(self, old: int, total: int) -> str | None:
        if self.policy.may_empty or old <= FEW or old < total:
            return None
        return f"Every file in {self.policy.folder} would go. If that can happen, say `may_empty = true`."

    def _files(self, refused: list[str], *, every: bool = False) -> Iterator[tuple[int, str, os.stat_result | None]]:
        """The plain files whose name matches, each with its open folder; with `every`, the others without a status.

        Parameters:
            refused: gets the names of what may not be looked at.
        """

        def passed_over(error: OSError) -> None:
            if isinstance(error, PermissionError):
                refused.append(str(error.filename))
            elif not isinstance(error, FileNotFoundError | NotADirectoryError):  # gone since it was listed
                raise error

        device = self.policy.folder.stat().st_dev
        for _, folders, names, opened in os.fwalk(self.policy.folder, follow_symlinks=False, onerror=passed_over):
            # What is mounted there is another file system's, and not meant.
            folders[:] = [one for one in folders if self.policy.recursive and _device(one, opened, refused) == device]
            for name in names:
                if fnmatchcase(name, self.policy.match):
                    status = _status(name, opened, refused)
                    if status is not None and stat.S_ISREG(status.st_mode):
                        yield opened, name, status
                        continue
                if every:
                    yield opened, name, None

    def _before(self) -> float:
        return (time.time() if self.now is None else self.now) - self.policy.older_than.total_seconds()


def _folder_problem(folder: Path) -> str | None:
    if not folder.exists():
        return f"There is no folder {folder}."
    real = folder.resolve()
    if real != folder:
        return f"{folder} leads elsewhere through a symbolic link or dots. If that is meant, write {str(real)!r}."
    if not folder.is_dir():
        return f"{folder} is no folder."
    if any(home == folder or folder in home.parents for home in _homes()):
        return f"{folder} is a home or has homes in it: name a folder of temporary files."
    if (
        str(folder) in _SHARED
        or any(folder.is_relative_to(one) for one in _OF_THE_SYSTEM)
        or any(folder in Path(one).parents for one in _OF_THE_SYSTEM)
    ):
        return f"{folder} belongs to the system: name a folder of temporary files."
    if not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
        return f"{folder} cannot be read and written: give it to whoever runs cleanup."
    return None


def _iso(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).isoformat()


def _homes() -> Iterator[Path]:
    yield Path.home()
    for one in pwd.getpwall():
        if one.pw_uid == 0 or one.pw_uid >= 1000:
            yield Path(one.pw_dir)


def _status(name: str, folder: int, refused: list[str]) -> os.stat_result | None:
    try:
        return os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return None
    except PermissionError:
        refused.append(name)
        return None


def _device(name: str, folder: int, refused: list[str]) -> int | None:
    status = _status(name, folder, refused)
    return status.st_dev if status else None
