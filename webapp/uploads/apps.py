from typing import Any

from django.apps import AppConfig


class UploadsConfig(AppConfig):
    """The app of resumable uploads."""

    default_auto_field = "django.db.models.BigAutoField"
    name = "webapp.uploads"

    def ready(self) -> None:
        """Finish and expire uploads also where nobody looks at them any more."""
        from webapp.jobs.signals import tidying

        tidying.connect(_tidy, dispatch_uid="uploads")


def _tidy(**_: Any) -> None:
    from webapp.uploads.finish import finish_idle
    from webapp.uploads.services import remove_expired

    finish_idle()
    remove_expired()
