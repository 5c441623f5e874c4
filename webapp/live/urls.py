"""Routes of the app."""

from django.urls import path

from webapp.live import views

app_name = "live"
urlpatterns = [
    path("live/", views.session_list, name="session-list"),
    path("live/<uuid:pk>/", views.session_detail, name="session-detail"),
    path("live/<uuid:pk>/stop/", views.session_stop, name="session-stop"),
    path("live/<uuid:pk>/resume/", views.session_resume, name="session-resume"),
    path("live/<uuid:pk>/ledger.jsonl", views.session_ledger, name="session-ledger"),
    path("live/<uuid:pk>/thumbnails/<int:number>.webp", views.session_thumbnail, name="session-thumbnail"),
]
