from django.apps import AppConfig


class PortalConfig(AppConfig):
    """The app of home, data set pages and the line."""

    default_auto_field = "django.db.models.BigAutoField"
    name = "webapp.portal"
