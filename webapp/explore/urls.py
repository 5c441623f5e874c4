"""Routes of the app."""

from django.urls import path

from webapp.explore import (
    again_views,
    frame_numbers,
    frame_views,
    gallery_views,
    map_views,
    nuisance_views,
    operation_views,
    reuse_views,
    sheet_views,
    tree_views,
    views,
)

app_name = "explore"
urlpatterns = [
    path("datasets/<uuid:pk>/learn/use/", reuse_views.latents_use, name="latents-use"),
    path("datasets/<uuid:pk>/clusters/", views.dataset_clusters, name="dataset-clusters"),
    path("datasets/<uuid:pk>/clusters/frames/", map_views.frame_list, name="frame-list"),
    path("datasets/<uuid:pk>/clusters/again/", again_views.cluster_again, name="cluster-again"),
    path("datasets/<uuid:pk>/clusters/again/status/", again_views.again_status, name="again-status"),
    path("datasets/<uuid:pk>/clusters/choose/", again_views.clustering_choose, name="clustering-choose"),
    path("datasets/<uuid:pk>/clusters/patterns.png", gallery_views.cluster_patterns, name="cluster-patterns"),
    path("datasets/<uuid:pk>/clusters/tree/", tree_views.cluster_tree, name="cluster-tree"),
    path("datasets/<uuid:pk>/clusters/tree/points.bin", tree_views.tree_points, name="tree-points"),
    path("datasets/<uuid:pk>/clusters/cut/", tree_views.cluster_cut, name="cluster-cut"),
    path("datasets/<uuid:pk>/clusters/fates/", gallery_views.cluster_fates, name="cluster-fates"),
    path("datasets/<uuid:pk>/clusters/operations/", operation_views.operation_list, name="operation-list"),
    path("datasets/<uuid:pk>/clusters/operations/add/", operation_views.operation_add, name="operation-add"),
    path(
        "datasets/<uuid:pk>/clusters/operations/undo/", operation_views.operation_undo, name="operation-undo"
    ),
    path("datasets/<uuid:pk>/clusters/nuisances/", nuisance_views.nuisance_report, name="nuisance-report"),
    path(
        "datasets/<uuid:pk>/clusters/nuisances/write/", nuisance_views.nuisance_write, name="nuisance-write"
    ),
    path("datasets/<uuid:pk>/map/density.bin", map_views.map_density, name="map-density"),
    path("datasets/<uuid:pk>/map/<slug:name>.bin", map_views.map_points, name="map-points"),
    path("datasets/<uuid:pk>/map/members/", map_views.map_members, name="map-members"),
    path("datasets/<uuid:pk>/map/spread/", map_views.map_spread, name="map-spread"),
    path("products/<uuid:pk>/sheets/<int:number>.jpg", sheet_views.sheet, name="sheet"),
    path("products/<uuid:pk>/sheets/picked.jpg", sheet_views.picked_frames, name="picked-frames"),
    path("datasets/<uuid:pk>/frames/<int:index>/", frame_views.frame_detail, name="frame-detail"),
    path("datasets/<uuid:pk>/frames/<int:index>/raw.bin", frame_views.frame_raw, name="frame-raw"),
    path("datasets/<uuid:pk>/frames/<int:index>/thumb.png", frame_views.frame_thumb, name="frame-thumb"),
    path("datasets/<uuid:pk>/frames/<int:index>/counts.npy", frame_views.frame_npy, name="frame-npy"),
    path("datasets/<uuid:pk>/frames/<int:index>/full.bin", frame_numbers.frame_full, name="frame-full"),
    path(
        "datasets/<uuid:pk>/frames/<int:index>/full.npy", frame_numbers.frame_full_npy, name="frame-full-npy"
    ),
    path("datasets/<uuid:pk>/pattern.bin", frame_numbers.frame_pattern, name="frame-pattern"),
    path("datasets/<uuid:pk>/detector-mask.bin", frame_numbers.detector_mask, name="detector-mask"),
    path("products/<uuid:pk>/condensing-mask.bin", frame_numbers.condensing_mask, name="condensing-mask"),
    path("products/<uuid:pk>/mask.bin", frame_views.condensed_mask_file, name="condensed-mask"),
]
