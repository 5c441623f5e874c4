"""Routes of the app."""

from django.urls import path

from webapp.labels import api_views, purity_views, views

app_name = "labels"
urlpatterns = [
    path("datasets/<uuid:pk>/label/", views.dataset_label, name="dataset-label"),
    path("datasets/<uuid:pk>/label/classes/", views.scheme_create, name="scheme-create"),
    path("datasets/<uuid:pk>/label/classes/add/", views.class_add, name="class-add"),
    path("datasets/<uuid:pk>/label/import/", views.label_import, name="label-import"),
    path("datasets/<uuid:pk>/label/files/", views.label_read_files, name="label-read-files"),
    path("datasets/<uuid:pk>/label/bar/", views.label_bar, name="label-bar"),
    path("datasets/<uuid:pk>/label/frames/<int:index>/", views.frame_labels, name="frame-labels"),
    path("datasets/<uuid:pk>/label/apply/", api_views.label_apply, name="label-apply"),
    path("datasets/<uuid:pk>/label/undo/", api_views.label_undo, name="label-undo"),
    path("datasets/<uuid:pk>/label/state/", api_views.label_state, name="label-state"),
    path("datasets/<uuid:pk>/label/queue/", api_views.label_queue, name="label-queue"),
    path("datasets/<uuid:pk>/label/column.bin", api_views.label_column, name="label-column"),
    path("datasets/<uuid:pk>/label/purity/", purity_views.cluster_purity, name="cluster-purity"),
    path("datasets/<uuid:pk>/label/promote/", purity_views.cluster_promote, name="cluster-promote"),
    path("datasets/<uuid:pk>/label/promote/undo/", purity_views.promotion_undo, name="promotion-undo"),
]
