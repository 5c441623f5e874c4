from typing import Any

from django.apps import AppConfig


class UploadsConfig(AppConfig):
    """The app of resumable uploads."""

    default_auto_field = "django.db.models.BigAutoField"
    name = "webapp.uploads"

    def ready(self) -> None:
        """Expire uploads also where nobody begins another one."""
        from webapp.jobs.signals import tidying

        tidying.connect(_tidy, dispatch_uid="uploads")


def _tidy(**_: Any) -> None:
    from webapp.uploads.services import remove_expired

    remove_expired()
