"""The account PostgreSQL runs as when we are root, which it refuses to be."""

import os
import pwd
import shutil
import stat
import subprocess
import time
from pathlib import Path

from crier.local.errors import ServerFailed

NAME = "crier"


def needed() -> bool:
    return os.geteuid() == 0


def prepare(folder: Path, programs: Path) -> None:
    """Make the account, let it write in `folder` and reach `programs`.

    Folders above get no more than the right to pass through (x), not to be listed: one may be root's home.
    """
    _create()
    for path in (folder, programs):
        for above in (path, *path.parents):
            mode = above.stat().st_mode
            if not mode & stat.S_IXOTH:
                above.chmod(mode | stat.S_IXOTH)
    data = folder / "data"
    if data.exists() and data.stat().st_uid == 0:
        shutil.chown(data, NAME)


def _create() -> None:
    deadline = time.monotonic() + 10
    while not _exists():
        result = subprocess.run(
            ["useradd", "--system", "--user-group", "--no-create-home", "--shell", "/usr/sbin/nologin", NAME],
            capture_output=True,
            text=True,
            check=False,
        )
        # Another process may be making it at this moment, and holds the lock of /etc/passwd.
        if result.returncode != 0 and time.monotonic() > deadline:
            raise ServerFailed(
                "PostgreSQL",
                f"it does not run as root, and no account `{NAME}` could be made: {result.stderr.strip()}",
            )
        time.sleep(0.05)


def _exists() -> bool:
    try:
        pwd.getpwnam(NAME)
    except KeyError:
        return False
    return True
