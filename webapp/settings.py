"""The one settings file; what differs between a laptop and a facility comes from the environment."""

import hashlib
import os
import secrets
import tempfile
from pathlib import Path

from csp.constants import NONE, SELF

from webapp.env import env_bool, env_choice, env_database, env_int, env_list, env_roots, env_str

BASE_DIR = Path(__file__).resolve().parent.parent
DATA_DIR = Path(env_str("FRINGE_DATA", str(BASE_DIR / "data"))).resolve()
DATA_DIR.mkdir(parents=True, exist_ok=True)


def _secret_key() -> str:
    """Return the key of the environment, or one made once and kept in the data folder."""
    if key := env_str("SECRET_KEY"):
        return key
    path = DATA_DIR / "secret_key"
    if not path.exists():
        temporary = path.with_suffix(f".{os.getpid()}")
        temporary.touch(mode=0o600)
        temporary.write_text(secrets.token_urlsafe(48))
        try:
            os.link(temporary, path)  # fails, harmlessly, where another process was first
        except FileExistsError:
            pass
        finally:
            temporary.unlink()
    return path.read_text()


def _runtime_dir() -> Path:
    """Return a short folder for sockets: a unix socket's path may have 107 characters."""
    digest = hashlib.sha256(str(DATA_DIR).encode()).hexdigest()[:10]
    return Path(tempfile.gettempdir()) / f"fringe-{os.getuid()}-{digest}"


# -- who may come in
SECRET_KEY = _secret_key()
DEBUG = env_bool("DEBUG", False)
ALLOWED_HOSTS = env_list("ALLOWED_HOSTS", ["127.0.0.1", "localhost", "[::1]"])
CSRF_TRUSTED_ORIGINS = env_list("CSRF_TRUSTED_ORIGINS")
ADDRESS = env_str("FRINGE_ADDRESS", "127.0.0.1:8000")
HTTPS = env_bool("HTTPS", False)
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if HTTPS else None
SECURE_SSL_REDIRECT = HTTPS
SECURE_HSTS_SECONDS = 31536000 if HTTPS else 0
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:", "blob:"],
        "connect-src": [SELF],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
        "base-uri": [NONE],
        "object-src": [NONE],
    }
}

# -- what is installed
INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "csp",
    "webapp.accounts",
    "webapp.jobs",
    "webapp.notices",
    "webapp.datasets",
    "webapp.uploads",
    "webapp.networks",
    "webapp.explore",
    "webapp.labels",
    "webapp.manifests",
    "webapp.live",
    "webapp.portal",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
ROOT_URLCONF = "webapp.urls"
WSGI_APPLICATION = "webapp.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "webapp.portal.context.chrome",
            ]
        },
    }
]
AUTH_USER_MODEL = "accounts.User"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator"},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "accounts:login"
LOGIN_REDIRECT_URL = "portal:home"
LOGOUT_REDIRECT_URL = "accounts:login"

# -- where things are kept
DATABASES = {"default": env_database("DATABASE_URL", DATA_DIR / "db.sqlite3")}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
RUNTIME_DIR = _runtime_dir()
(DATA_DIR / "sources").mkdir(exist_ok=True)
ALLOWED_ROOTS = env_roots("FRINGE_ROOTS", DATA_DIR)
# The frame server reads single frames for pages; a path is a unix socket, which the supervisor serves itself.
FRAME_SERVER = env_str("FRAME_SERVER") or str(RUNTIME_DIR / "frames.sock")
FRAME_SECRET = env_str("FRAME_SECRET")
STARTS_FRAME_SERVER = not env_str("FRAME_SERVER")
UPLOAD_LIMIT_BYTES = env_int("UPLOAD_LIMIT_GB", 50, minimum=1) * 10**9
UPLOAD_QUOTA_BYTES = env_int("UPLOAD_QUOTA_GB", 200, minimum=1) * 10**9
FILE_UPLOAD_HANDLERS = ["webapp.uploads.small_forms.SmallFormHandler"]
FILE_UPLOAD_TEMP_DIR = DATA_DIR / "incoming"
FILE_UPLOAD_TEMP_DIR.mkdir(exist_ok=True)

# -- the browser's files, served from where npm put them
STATIC_URL = "static/"
STATIC_ROOT = BASE_DIR / "static-root"
NODE_MODULES = BASE_DIR / "node_modules"
STATICFILES_DIRS = [
    BASE_DIR / "static",
    ("vendor/bootstrap", NODE_MODULES / "bootstrap/dist"),
    ("vendor/htmx", NODE_MODULES / "htmx.org/dist"),
    ("vendor/tus", NODE_MODULES / "tus-js-client/dist"),
    ("vendor/plotly", NODE_MODULES / "plotly.js-strict-dist-min"),
]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedStaticFilesStorage"},
}
WHITENOISE_USE_FINDERS = DEBUG
WHITENOISE_MIMETYPES = {".mjs": "text/javascript"}

# -- jobs: the row is the job, the message is a doorbell
JOB_LEASE_S = env_int("JOB_LEASE_S", 60, minimum=2)
JOB_HEARTBEAT_S = JOB_LEASE_S / 6
REAP_EVERY_S = env_int("REAP_EVERY_S", 5, minimum=1)
MAX_LOSSES = 3
CPU_WORKERS = env_int("CPU_WORKERS", min(8, os.cpu_count() or 1), minimum=1)
ACCELERATOR_THREADS = env_int("ACCELERATOR_THREADS", os.cpu_count() or 1, minimum=1)
REDIS_URL = env_str("REDIS_URL")
REDIS_SOCKET = RUNTIME_DIR / "redis.sock"
CELERY_BROKER_URL = REDIS_URL or f"redis+socket://{REDIS_SOCKET}"
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = False
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_DISABLE_PREFETCH = True
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
# A ring must not hang a page while Redis is away; the reaper rings again.
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "visibility_timeout": 43200,
    "socket_timeout": 10,
    "socket_connect_timeout": 2,
    "max_retries": 0,
    "interval_start": 0,
}
CELERY_TASK_PUBLISH_RETRY = False

# -- mails about jobs that have ended; none without a server
PUBLIC_URL = env_str("FRINGE_URL", f"{'https' if HTTPS else 'http'}://{ADDRESS}")
EMAIL_HOST = env_str("FRINGE_MAIL_HOST")
EMAIL_PORT = env_int("FRINGE_MAIL_PORT", 25, minimum=1)
EMAIL_HOST_USER = env_str("FRINGE_MAIL_USER")
EMAIL_HOST_PASSWORD = env_str("FRINGE_MAIL_PASSWORD")
_MAIL_SECURITY = env_choice("FRINGE_MAIL_SECURITY", ("none", "starttls", "ssl"))
EMAIL_USE_TLS, EMAIL_USE_SSL = _MAIL_SECURITY == "starttls", _MAIL_SECURITY == "ssl"
EMAIL_TIMEOUT = 10
DEFAULT_FROM_EMAIL = env_str("FRINGE_MAIL_FROM", "fringe@localhost")

# -- words and times
LANGUAGE_CODE = "en"
TIME_ZONE = env_str("TIME_ZONE", "UTC")
USE_TZ = True
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s %(message)s"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": env_str("LOG_LEVEL", "INFO")},
}
