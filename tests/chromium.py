"""Find a Chromium for the browser tests, or install one where that is possible."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
ADVICE = "No Chromium was found. Install one (Debian: apt-get install chromium), or set CHROMIUM to its path."


class NoChromiumError(RuntimeError):
    """No browser can be had."""


def find_chromium() -> str:
    """Return $CHROMIUM, else one on PATH, else Debian's package, else Playwright's download."""
    given = os.environ.get("CHROMIUM")
    if given:
        if not os.access(given, os.X_OK):
            raise NoChromiumError(f"CHROMIUM={given} is not a program. {ADVICE}")
        return given
    for find in (_on_path, _from_debian, _from_playwright):
        if found := find():
            return found
    raise NoChromiumError(ADVICE)


def _on_path() -> str | None:
    return next((found for name in NAMES if (found := shutil.which(name))), None)


def _from_debian() -> str | None:
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        return None
    print("Installing Debian's chromium for the browser tests …", flush=True)
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    install = ["apt-get", "install", "-y", "-q", "--no-install-recommends", "chromium"]
    for command in (install, ["apt-get", "update", "-q"], install):
        done = subprocess.run(command, env=environment, capture_output=True, check=False)
        if command is install and done.returncode == 0:
            return _on_path()
    return None


def _from_playwright() -> str | None:
    print("Asking Playwright for a Chromium …", flush=True)
    command = [sys.executable, "-m", "playwright", "install", "chromium"]
    if subprocess.run(command, capture_output=True, check=False).returncode:
        return None
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        path = Path(playwright.chromium.executable_path)
    return str(path) if path.exists() else None
