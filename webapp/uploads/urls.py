"""Routes of the app."""

from django.urls import path

from webapp.uploads import tus_views, views

app_name = "uploads"
urlpatterns = [
    path("uploads/", tus_views.upload_create, name="upload-create"),
    path("uploads/files/<uuid:pk>/", tus_views.upload_file, name="upload-file"),
    path("uploads/sets/", views.set_list, name="set-list"),
    path("uploads/sets/<uuid:pk>/finish/", views.set_finish, name="set-finish"),
    path("uploads/sets/<uuid:pk>/remove/", views.set_remove, name="set-remove"),
]
