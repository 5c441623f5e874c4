"""Settings of the tests: a data folder of their own, and the database that the run asks for."""

import atexit
import os
import shutil
import tempfile

if "FRINGE_DATA" not in os.environ or os.environ.get("FRINGE_TEST_OWNER") != str(os.getpid()):
    os.environ["FRINGE_DATA"] = tempfile.mkdtemp(prefix="fringe-test-")
    os.environ["FRINGE_TEST_OWNER"] = str(os.getpid())
    atexit.register(shutil.rmtree, os.environ["FRINGE_DATA"], ignore_errors=True)
os.environ.setdefault("JOB_LEASE_S", "4")

if os.environ.get("FRINGE_TEST_DATABASE", "sqlite") == "postgresql" and not os.environ.get("DATABASE_URL"):
    from tests.servers import start_postgresql

    os.environ["DATABASE_URL"] = start_postgresql()

from webapp.settings import *  # noqa: F403
from webapp.settings import DATA_DIR, DATABASES

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = False
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
if DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    # A file, not memory: workers and the web server are processes of their own.
    DATABASES["default"]["TEST"] = {"NAME": DATA_DIR / "db.sqlite3"}
