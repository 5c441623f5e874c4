"""Routes of the app."""

from django.urls import URLPattern

app_name = "manifests"
urlpatterns: list[URLPattern] = []
