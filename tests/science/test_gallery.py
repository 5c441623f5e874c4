"""The gallery file stands alone."""

import json
import re

import numpy as np

from workers.science.gallery import MOST_POINTS, GalleryData, draw_map
from workers.science.steps.gallery import write_gallery


def some_data(n=60, title="run 7"):
    labels = (np.arange(n) % 3 - 1).astype(np.int32)
    clusters = [
        {
            "id": place,
            "size": n // 3,
            "persistence": 0.4,
            "exemplars": np.flatnonzero(labels == place)[:5].tolist(),
        }
        for place in (0, 1)
    ]
    rng = np.random.default_rng(0)
    frames = rng.integers(0, 256, (n, 16, 16), dtype=np.uint8)
    return GalleryData(
        title,
        frames,
        rng.normal(size=(n, 2)).astype(np.float32),
        labels,
        clusters,
        ["#999999", "#112233", "#445566"],
    )


def written(tmp_path, data):
    for name in ("condensed", "clusters", "map", "out"):
        (tmp_path / name).mkdir()
    np.save(tmp_path / "condensed" / "condensed.npy", data.condensed)
    np.save(tmp_path / "clusters" / "labels.npy", data.labels)
    (tmp_path / "clusters" / "clusters.json").write_text(json.dumps(data.clusters))
    np.save(tmp_path / "map" / "map.npy", data.positions)
    write_gallery(
        title=data.title,
        condensed_dir=str(tmp_path / "condensed"),
        cluster_dir=str(tmp_path / "clusters"),
        map_dir=str(tmp_path / "map"),
        colours=data.colours,
        out=str(tmp_path / "out"),
    )
    return (tmp_path / "out" / "gallery.html").read_text()


def test_every_frame_is_on_the_map_in_the_colour_of_its_cluster():
    data = some_data()
    figure = draw_map(data)
    assert [trace.name for trace in figure.data] == ["noise", "cluster 0", "cluster 1"]
    frames = np.concatenate([trace.customdata for trace in figure.data])
    assert sorted(frames) == list(range(60))
    for trace, cluster in zip(figure.data, (-1, 0, 1), strict=True):
        assert (data.labels[np.asarray(trace.customdata)] == cluster).all()
        assert trace.marker.color == data.colours[cluster + 1]


def test_a_large_map_is_thinned_evenly():
    n = MOST_POINTS * 3 + 5
    data = some_data(n)
    assert sum(len(trace.x) for trace in draw_map(data).data) <= MOST_POINTS


def test_the_file_has_a_picture_for_each_cluster_and_asks_nobody_for_anything(tmp_path):
    text = written(tmp_path, some_data())
    assert len(re.findall(r'<img alt="Exemplars of cluster \d" src="data:image/webp;base64,', text)) == 2
    assert not re.search(r'<(script|link|img)[^>]+(src|href)="?https?:', text)
    assert '"showSendToCloud": false' in text


def test_a_title_cannot_bring_in_a_script(tmp_path):
    text = written(tmp_path, some_data(title="<script>alert(1)</script>"))
    assert "<script>alert" not in text


def test_only_noise_is_shown_as_such(tmp_path):
    data = some_data(n=6)
    alone = GalleryData("x", data.condensed, data.positions, np.full(6, -1, np.int32), [], ["#999999"])
    assert "6 frames in 0 clusters" in written(tmp_path, alone)
