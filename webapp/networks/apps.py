from django.apps import AppConfig


class NetworksConfig(AppConfig):
    """The app of networks."""

    default_auto_field = "django.db.models.BigAutoField"
    name = "webapp.networks"
