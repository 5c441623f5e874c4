"""Hand files over to people."""

import os
import shutil
from pathlib import Path


def copy_whole(source: Path, target: Path) -> None:
    """Copy a file so that `target` is never half there; nothing is left behind when that fails."""
    temporary = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        shutil.copyfile(source, temporary)
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)
