"""Films turned by a few degrees, cropped or zoomed are found to be one film; others are not."""

import cv2
import numpy as np
import pytest

from pneumo_core.dataset import near_copies
from pneumo_core.dataset.folds import joined_groups
from pneumo_core.dataset.index import index_folder
from pneumo_core.dataset.near_copies import Window, detail_agreement, turned_pairs
from pneumo_core.dataset.similarity import near_pairs, perceptual_hash
from pneumo_core.imaging.decode import resize
from pneumo_core.synthetic.appearance import synthetic_film


@pytest.fixture(scope="module")
def films():
    return [synthetic_film(("normal", "viral")[seed % 2], seed, size=224) for seed in range(8)]


def turned(film, degrees, zoom=1.0):
    side = len(film)
    warp = cv2.getRotationMatrix2D(((side - 1) / 2, (side - 1) / 2), degrees, zoom)
    return cv2.warpAffine(film, warp, (side, side))


def cropped(film, left, top, right, bottom):
    side = len(film)
    rows, columns = slice(int(top * side), side - int(bottom * side)), slice(int(left * side), None)
    return np.ascontiguousarray(film[rows, columns][:, : side - int((left + right) * side)])


COPIES = {
    "turned by 2": lambda film: turned(film, 2),
    "turned by -6": lambda film: turned(film, -6),
    "zoomed out, turned by 3": lambda film: turned(film, 3, 0.95),
    "cropped by 5 %": lambda film: cropped(film, 0.05, 0.05, 0.05, 0.05),
    "cropped at one corner": lambda film: cropped(film, 0.05, 0, 0, 0.05),
    "turned by 4, cropped by 3 %": lambda film: cropped(turned(film, 4), *[0.03] * 4),
    "mirrored, turned, brighter": lambda film: cv2.convertScaleAbs(
        turned(np.ascontiguousarray(film[:, ::-1]), 5), alpha=1.1, beta=8
    ),
}


@pytest.mark.parametrize("made", COPIES)
def test_a_copy_turned_or_cropped_is_found_and_no_other_film(films, made):
    copy = COPIES[made](films[5])
    found = turned_pairs([resize(one, 96) for one in [*films, copy]])
    assert found.tolist() == [[5, 8]]
    hashes = [perceptual_hash(films[5]), perceptual_hash(copy)]
    assert len(near_pairs(hashes)) == 0  # which is why it is looked for


def test_every_film_is_looked_at_by_parts_too(films, monkeypatch):
    monkeypatch.setattr(near_copies, "_ROWS", 2)
    pictures = [resize(one, 96) for one in films]
    pictures += [resize(turned(films[at], 3), 96) for at in (6, 0)]
    assert turned_pairs(pictures).tolist() == [[0, 9], [6, 8]]


def test_nothing_is_found_among_few_or_flat_or_too_many(films, monkeypatch):
    one = resize(films[0], 96)
    assert turned_pairs([]).shape == turned_pairs([one]).shape == (0, 2)
    flat = np.full((96, 96), 7, np.uint8)
    assert turned_pairs([flat, flat, one]).tolist() == []
    monkeypatch.setattr(near_copies, "MOST_FILMS", 2)
    assert turned_pairs([one, one, one]).tolist() == []


def test_a_window_maps_its_pixels_to_those_of_the_film():
    window = Window(zoom=2.0, angle=90.0, x=0.5, y=0.0)
    warp = window.to_film(101)  # its centre is pixel 50, a half side 50.5 pixels
    np.testing.assert_allclose(warp @ [50, 50, 1], [75.25, 50], atol=1e-4)
    np.testing.assert_allclose(warp @ [60, 50, 1], [75.25, 55], atol=1e-4)
    x, y = window.shows(np.float32(0.5), np.float32(0.1))
    np.testing.assert_allclose([x, y], [0.2, 0.0], atol=1e-6)


def test_detail_agrees_in_one_film_and_not_in_two(films):
    first, second = (resize(one, 96) for one in films[:2])
    assert detail_agreement(first, first) == pytest.approx(1.0, abs=1e-3)
    assert detail_agreement(first, second) < 0.75
    assert detail_agreement(first, np.zeros_like(first)) == -1.0


def test_copies_share_a_group_in_the_index(films, tmp_path):
    named = {"b7": films[0], "q2": films[1], "k9": turned(films[0], 3), "a1": films[3]}
    for name, film in named.items():
        folder = tmp_path / ("NORMAL" if name in {"b7", "k9"} else "PNEUMONIA")
        folder.mkdir(exist_ok=True)
        cv2.imwrite(str(folder / f"{name}.png"), film)
    (tmp_path / "NORMAL" / "c3.png").write_bytes(b"\x89PNG\r\n\x1a\n")  # unreadable, before k9
    index = index_folder(tmp_path).set_index("film")
    copies = index["copies"].to_dict()
    assert (
        copies["NORMAL/b7.png"] == copies["NORMAL/k9.png"] == index.loc["NORMAL/b7.png", "pixels"]
    )
    assert copies["NORMAL/c3.png"] == ""
    assert index["copies"].nunique() == 4
    assert "picture" not in index
    group = joined_groups(index.reset_index())
    assert group[0] == group[list(index.index).index("NORMAL/k9.png")]
    assert len(set(group)) == 4
