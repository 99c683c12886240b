"""Check the home: who can enter and read it, its disk, and its files."""

import os
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path

from models.i18n import _
from models.private_files import foreign_path, is_open_to_others, why_unwritable
from models.settings import Settings
from scripts.service.check_result import GOOD, PROBLEM, CheckResult

_MIN_FREE_BYTES, _MIN_FREE_SHARE = 1 << 30, 0.05


def check_home(settings: Settings) -> Iterator[CheckResult]:
    """Check that this user can use the home, and that nobody else can."""
    home = settings.home
    try:
        mode = home.stat().st_mode
    except FileNotFoundError:
        text = _("there is no {path} yet").format(path=home)
        yield CheckResult("home", PROBLEM, text, _("run `hotline db upgrade`"))
        return
    except OSError:
        mode = 0
    if not os.access(home, os.R_OK | os.W_OK | os.X_OK):
        if (why := why_unwritable(home)) and why != foreign_path(home):
            yield CheckResult("home", PROBLEM, why)
            return
        text = _("this user cannot use {path}").format(path=home)
        advice = _("run it as the service's user (sudo -u hotline ...), or set HOTLINE_HOME")
        yield CheckResult("home", PROBLEM, text, advice)
        return
    if mode & (stat.S_IRWXO | stat.S_IWGRP):
        text = _("{path} is open to others").format(path=home)
        yield CheckResult("home", PROBLEM, text, _("chmod 700 it"))
    yield from _check_files(settings)
    yield _check_disk(home)
    if settings.key is None and settings.key_path.exists():
        yield _check_key_file(settings.key_path)


def _check_files(settings: Settings) -> Iterator[CheckResult]:
    """Check that others can read no file: tickets' titles and much else stand there in clear."""
    files = {path for path in settings.home.iterdir() if path.is_file()}
    if settings.sqlite_path is not None and settings.sqlite_path.exists():
        files.add(settings.sqlite_path)
    names = sorted(str(path) for path in files - {settings.key_path} if is_open_to_others(path))
    if names:
        text = _("others can read {files}").format(files=", ".join(names))
        yield CheckResult("files", PROBLEM, text, _("chmod 600 them"))


def _check_disk(home: Path) -> CheckResult:
    disk = shutil.disk_usage(home)
    free = _("{free:.1f} GiB of {total:.1f} GiB are free")
    text = free.format(free=disk.free / (1 << 30), total=disk.total / (1 << 30))
    if disk.free < _MIN_FREE_BYTES or disk.free < disk.total * _MIN_FREE_SHARE:
        return CheckResult("disk", PROBLEM, text, _("make room, or move HOTLINE_HOME"))
    return CheckResult("disk", GOOD, text)


def _check_key_file(path: Path) -> CheckResult:
    mode = stat.S_IMODE(path.stat().st_mode)
    text = f"{path} {mode:o}"
    if is_open_to_others(path):
        return CheckResult("key file", PROBLEM, text, _("chmod 600 it"))
    return CheckResult("key file", GOOD, text)
