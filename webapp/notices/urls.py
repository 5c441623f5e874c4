"""Routes of the app."""

from django.urls import path

from webapp.notices import views

app_name = "notices"
urlpatterns = [
    path("notices/", views.notice_list, name="list"),
    path("notices/state.json", views.notice_state, name="state"),
    path("notices/read/", views.notice_read, name="read"),
    path("notices/settings/", views.notice_settings, name="settings"),
]
