from typing import Any

from django.apps import AppConfig


class NoticesConfig(AppConfig):
    """The app of notices in the page and by mail."""

    default_auto_field = "django.db.models.BigAutoField"
    name = "webapp.notices"

    def ready(self) -> None:
        """Listen to the ends of jobs, and send mails with each sweep of the reaper."""
        from webapp.jobs.signals import job_ended, swept

        job_ended.connect(_tell, dispatch_uid="notices")
        swept.connect(_send, dispatch_uid="notices")


def _tell(job: Any, **_: Any) -> None:
    from webapp.notices.services import tell_end

    tell_end(job=job)


def _send(**_: Any) -> None:
    from webapp.notices.mailer import send_in_background

    send_in_background()
