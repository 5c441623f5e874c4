"""Routes of the app."""

from django.urls import path

from webapp.manifests import comparison_views, promise_views, reuse_views, views, write_views

app_name = "manifests"
urlpatterns = [
    path("datasets/<uuid:pk>/classify/", views.dataset_classify, name="dataset-classify"),
    path("datasets/<uuid:pk>/classify/train/", views.dataset_train, name="dataset-train"),
    path("datasets/<uuid:pk>/classify/networks/", reuse_views.dataset_networks, name="dataset-networks"),
    path("datasets/<uuid:pk>/classify/networks/look/", reuse_views.networks_look, name="networks-look"),
    path("datasets/<uuid:pk>/classify/networks/use/", reuse_views.network_use, name="network-use"),
    path("datasets/<uuid:pk>/classify/choose/", reuse_views.classifier_choose, name="classifier-choose"),
    path("datasets/<uuid:pk>/classify/undo/", reuse_views.classifier_undo, name="classifier-undo"),
    path(
        "datasets/<uuid:pk>/classifiers/compare/", comparison_views.networks_compare, name="networks-compare"
    ),
    path("datasets/<uuid:pk>/classifiers/judge/", comparison_views.networks_judge, name="networks-judge"),
    path("datasets/<uuid:pk>/classes/", views.dataset_class, name="dataset-class"),
    path("datasets/<uuid:pk>/download/", views.dataset_download, name="dataset-download"),
    path("datasets/<uuid:pk>/download/write/", write_views.dataset_write, name="dataset-write"),
    path("datasets/<uuid:pk>/download/meant/", write_views.frames_meant, name="frames-meant"),
    path("datasets/<uuid:pk>/download/promise/", promise_views.promise_rows, name="promise-rows"),
    path("datasets/<uuid:pk>/download/promise/ask/", promise_views.promise_ask, name="promise-ask"),
    path("datasets/<uuid:pk>/download/audit/", promise_views.audit_start, name="audit-start"),
    path("manifests/<uuid:pk>/<str:name>", views.manifest_file, name="manifest-file"),
]
