"""Routes of the app."""

from django.urls import path

from webapp.labels import act_views, api_views, file_views, people_views, purity_views, scheme_views, views

app_name = "labels"
urlpatterns = [
    path("datasets/<uuid:pk>/label/", views.dataset_label, name="dataset-label"),
    path("datasets/<uuid:pk>/label/classes/edit/", scheme_views.scheme_edit, name="scheme-edit"),
    path("datasets/<uuid:pk>/label/progress/", people_views.label_board, name="label-board"),
    path("datasets/<uuid:pk>/label/agreement/", people_views.label_agreement, name="label-agreement"),
    path("datasets/<uuid:pk>/label/classes/", scheme_views.scheme_create, name="scheme-create"),
    path("datasets/<uuid:pk>/label/classes/add/", scheme_views.class_add, name="class-add"),
    path("datasets/<uuid:pk>/label/import/", views.label_import, name="label-import"),
    path("label-files/<uuid:pk>/", file_views.label_file, name="label-file"),
    path("label-files/<uuid:pk>/take/", file_views.label_file_take, name="label-file-take"),
    path("label-files/<uuid:pk>/back/", file_views.label_file_back, name="label-file-back"),
    path("datasets/<uuid:pk>/label/files/", views.label_read_files, name="label-read-files"),
    path("datasets/<uuid:pk>/label/bar/", views.label_bar, name="label-bar"),
    path("datasets/<uuid:pk>/label/frames/<int:index>/", views.frame_labels, name="frame-labels"),
    path("datasets/<uuid:pk>/label/apply/", act_views.label_apply, name="label-apply"),
    path("datasets/<uuid:pk>/label/undo/", act_views.label_undo, name="label-undo"),
    path("datasets/<uuid:pk>/label/redo/", act_views.label_redo, name="label-redo"),
    path("datasets/<uuid:pk>/label/acts/", act_views.label_acts, name="label-acts"),
    path("datasets/<uuid:pk>/label/state/", api_views.label_state, name="label-state"),
    path("datasets/<uuid:pk>/label/queue/", api_views.label_queue, name="label-queue"),
    path("datasets/<uuid:pk>/label/column.bin", api_views.label_column, name="label-column"),
    path("datasets/<uuid:pk>/label/purity/", purity_views.cluster_purity, name="cluster-purity"),
    path("datasets/<uuid:pk>/label/promote/", purity_views.cluster_promote, name="cluster-promote"),
    path("datasets/<uuid:pk>/label/promote/undo/", purity_views.promotion_undo, name="promotion-undo"),
]
