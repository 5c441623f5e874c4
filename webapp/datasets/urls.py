"""Routes of the app."""

from django.urls import path

from webapp.datasets import views

app_name = "datasets"
urlpatterns = [
    path("datasets/register/", views.dataset_register, name="dataset-register"),
    path("datasets/browse/", views.folder_browse, name="folder-browse"),
    path("datasets/upload/", views.dataset_upload, name="dataset-upload"),
    path("datasets/<uuid:pk>/draft/", views.dataset_draft, name="dataset-draft"),
    path("datasets/<uuid:pk>/choose/", views.dataset_choose, name="dataset-choose"),
    path("datasets/<uuid:pk>/confirm/", views.dataset_confirm, name="dataset-confirm"),
    path("datasets/<uuid:pk>/discard/", views.dataset_discard, name="dataset-discard"),
]
