from django.apps import AppConfig


class LiveConfig(AppConfig):
    """The app of live sessions."""

    default_auto_field = "django.db.models.BigAutoField"
    name = "webapp.live"
