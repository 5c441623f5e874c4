"""Routes of the app."""

from django.urls import path

from webapp.explore import frame_views, views

app_name = "explore"
urlpatterns = [
    path("datasets/<uuid:pk>/clusters/", views.dataset_clusters, name="dataset-clusters"),
    path("datasets/<uuid:pk>/clusters/frames/", views.frame_list, name="frame-list"),
    path("datasets/<uuid:pk>/map/<slug:name>.bin", views.map_points, name="map-points"),
    path("products/<uuid:pk>/sheets/<int:number>.webp", views.sheet, name="sheet"),
    path("datasets/<uuid:pk>/frames/<int:index>/", frame_views.frame_detail, name="frame-detail"),
    path("datasets/<uuid:pk>/frames/<int:index>/raw.bin", frame_views.frame_raw, name="frame-raw"),
    path("datasets/<uuid:pk>/frames/<int:index>/thumb.png", frame_views.frame_thumb, name="frame-thumb"),
    path("datasets/<uuid:pk>/frames/<int:index>/counts.npy", frame_views.frame_npy, name="frame-npy"),
    path("products/<uuid:pk>/mask.bin", frame_views.condensed_mask_file, name="condensed-mask"),
]
