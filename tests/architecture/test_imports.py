"""Who imports whom, seen from fresh interpreters and by import-linter."""

import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
HEAVY = ("torch", "h5py", "hdf5plugin", "hdbscan", "umap", "sklearn", "scipy", "numba", "workers.science")

IMPORT_ALL = """
import importlib, json, pkgutil, sys

def import_all(name):
    package = importlib.import_module(name)
    for found in pkgutil.walk_packages(package.__path__, name + "."):
        importlib.import_module(found.name)

{what}
print(json.dumps(sorted(sys.modules)), file=sys.stdout)
"""
THE_PORTAL = """
import django
django.setup()
import webapp.urls, webapp.wsgi, workers.celery
import_all("webapp")
import_all("workers.tasks")
"""
THE_SCIENCE = """
import_all("workers.science")
import_all("workers.live")
import_all("workers.frames")
import workers.child
"""


def modules_after(what: str, **environment: str) -> set[str]:
    """Return what a fresh interpreter has loaded after it ran `what`."""
    passed = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TMPDIR") if name in os.environ}
    done = subprocess.run(
        [sys.executable, "-c", IMPORT_ALL.format(what=what)],
        cwd=ROOT,
        env=passed | environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stdout.splitlines()[-1]))


def of_packages(modules: set[str], names: tuple[str, ...]) -> list[str]:
    """Return the modules that are one of the packages `names`, or lie in one."""
    return sorted(
        module for module in modules if any((module + ".").startswith(f"{name}.") for name in names)
    )


def test_the_portal_and_the_seam_load_nothing_heavy():
    # The settings of the tests make a data folder of their own in each process.
    modules = modules_after(THE_PORTAL, DJANGO_SETTINGS_MODULE="tests.settings")
    assert {"webapp.portal.services", "webapp.labels.views", "workers.tasks.guard"} <= modules
    assert of_packages(modules, HEAVY) == []


def test_the_science_loads_neither_django_nor_celery_nor_the_portal():
    modules = modules_after(THE_SCIENCE)
    assert {"torch", "workers.science.steps.classify", "workers.live.watch"} <= modules
    assert of_packages(modules, ("django", "celery", "redis", "webapp", "workers.tasks")) == []


def test_imports_go_downwards_only():
    linter = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run([linter, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
