from typing import Any

from django.apps import AppConfig


class LabelsConfig(AppConfig):
    """The app of classes and labels."""

    default_auto_field = "django.db.models.BigAutoField"
    name = "webapp.labels"

    def ready(self) -> None:
        """Let other pages name frames by their label."""
        from webapp.jobs.signals import tidying
        from webapp.labels.scopes import register

        register()
        tidying.connect(_tidy, dispatch_uid="label-files")


def _tidy(**_: Any) -> None:
    from webapp.labels.label_files import remove_old

    remove_old()
