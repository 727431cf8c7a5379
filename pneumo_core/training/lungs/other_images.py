"""Images that show no pair of lungs: synthetic ones, parts of photographs, films taken apart.

What the finder must not take for a frontal chest film: lateral views, sections, limbs, pages,
photographs, noise, several films in one image, a film cut up or far enlarged.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import cv2
import numpy as np

from pneumo_core.imaging.lungs import SIDE

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from pneumo_core.imaging.film import Grey

    Maker = Callable[[np.random.Generator, Grey], Grey]
    Field = NDArray[np.floating]


def other_image(rng: np.random.Generator, film: Grey) -> Grey:
    """One image uint8 (128, 128) without a pair of lungs; some kinds are made of `film` (S, S)."""
    kind = int(rng.choice(len(_KINDS), p=[share for share, _ in _KINDS]))
    return _KINDS[kind][1](rng, film)


def stretched(values: NDArray[np.floating], rng: np.random.Generator) -> Grey:
    """Values (H, W) as grey levels between their 1st and 99th percentile, with a random gamma."""
    low, high = np.quantile(values, [0.01, 0.99])
    scaled = np.clip((values - low) / max(high - low, 1e-6), 0, 1) ** np.exp(rng.uniform(-0.6, 0.6))
    return np.asarray(scaled * 255, np.uint8)


def cloud(rng: np.random.Generator, cells: int) -> NDArray[np.float32]:
    """A smooth random field (128, 128) with that many cells a side, about 0..1."""
    grid = rng.random((cells, cells), np.float32)
    return np.asarray(cv2.resize(grid, (SIDE, SIDE), interpolation=cv2.INTER_CUBIC), np.float32)


@cache
def _photographs() -> tuple[Grey, ...]:
    """The two sample photographs of scikit-learn, grey."""
    from sklearn.datasets import load_sample_images

    images = load_sample_images().images
    return tuple(np.asarray(cv2.cvtColor(one, cv2.COLOR_RGB2GRAY), np.uint8) for one in images)


def _photograph(rng: np.random.Generator, _: Grey) -> Grey:
    photographs = _photographs()
    whole = photographs[rng.integers(len(photographs))]
    height, width = (int(side * rng.uniform(0.2, 1.0)) for side in whole.shape)
    y, x = rng.integers(whole.shape[0] - height + 1), rng.integers(whole.shape[1] - width + 1)
    part = whole[y : y + height, x : x + width]
    seen = np.asarray(cv2.resize(part, (SIDE, SIDE), interpolation=cv2.INTER_AREA), np.uint8)
    seen = np.rot90(seen, int(rng.integers(4)))
    return np.ascontiguousarray(255 - seen if rng.random() < 0.2 else seen, np.uint8)


def _noise(rng: np.random.Generator, _: Grey) -> Grey:
    scales = (3, 5, 9, 17, 40, 128)
    return stretched(np.sum([cloud(rng, n) * rng.random() for n in scales], axis=0), rng)


def _shapes(rng: np.random.Generator, _: Grey) -> Grey:
    image = np.full((SIDE, SIDE), rng.random() * 0.5, np.float32)
    for _i in range(rng.integers(2, 14)):
        centre = tuple(int(v) for v in rng.integers(SIDE // 5, SIDE * 4 // 5, 2))
        axes = tuple(int(v) for v in rng.uniform(0.02, 0.4, 2) * SIDE)
        turn, grey = float(rng.uniform(0, 180)), float(rng.random())
        cv2.ellipse(image, centre, axes, turn, 0, 360, grey, -1, cv2.LINE_AA)
    soft = cv2.GaussianBlur(image, (0, 0), float(rng.uniform(0.4, 6)))
    return stretched(soft + 0.2 * rng.random() * cloud(rng, 30), rng)


def _ramp(rng: np.random.Generator, _: Grey) -> Grey:
    y, x = np.mgrid[:SIDE, :SIDE] / SIDE
    a = rng.uniform(-1, 1, 5)
    return stretched(a[0] * x + a[1] * y + a[2] * x * y + a[3] * x**2 + a[4] * y**2, rng)


def _page(rng: np.random.Generator, _: Grey) -> Grey:
    """Lines of strokes, dark on white or white on black, like a page of text."""
    image = np.full((SIDE, SIDE), 235, np.uint8)
    for y in range(8, SIDE - 4, int(rng.integers(6, 14))):
        x = 6
        while x < SIDE - 20:
            end = x + int(rng.integers(4, 22))
            cv2.line(image, (x, y), (end, y), int(rng.integers(0, 90)), int(rng.integers(1, 4)))
            x = end + 4
    return np.asarray(255 - image if rng.random() < 0.4 else image, np.uint8)


def _limb(rng: np.random.Generator, _: Grey) -> Grey:
    """Bright bones in grey soft tissue on black, like a hand or a leg."""
    tissue, bones = np.zeros((2, SIDE, SIDE), np.float32)
    for _i in range(rng.integers(1, 6)):
        a, b = rng.integers(5, SIDE - 5, (2, 2))
        width = int(rng.integers(10, 34))
        cv2.line(tissue, a.tolist(), b.tolist(), 0.4, width)
        for t in np.linspace(0, 1, int(rng.integers(1, 4)), endpoint=False):
            start, end = ((a + step * (b - a)).astype(int).tolist() for step in (t, t + 0.25))
            cv2.line(bones, start, end, 0.4, max(3, width // 3))
    seen = cv2.GaussianBlur(tissue, (0, 0), 2) + cv2.GaussianBlur(bones, (0, 0), 1)
    return stretched(seen + 0.05 * cloud(rng, 60), rng)


def _section(rng: np.random.Generator, _: Grey) -> Grey:
    """An axial section: an oval with a bright rim on black; a chest, a head or an abdomen."""
    image = np.zeros((SIDE, SIDE), np.float32)
    middle = SIDE // 2
    if rng.random() < 0.5:
        a, b = int(rng.uniform(0.36, 0.49) * SIDE), int(rng.uniform(0.26, 0.42) * SIDE)
        _oval(image, (middle, middle), (a, b), 0.75)
        _oval(image, (middle, middle), (a - 6, b - 6), float(rng.uniform(0.4, 0.6)))
        dark = float(rng.uniform(0.03, 0.3))
        for side in (-1, 1) if rng.random() < 0.7 else ():
            x = middle + side * int(a * rng.uniform(0.4, 0.5))
            axes = (int(a * rng.uniform(0.25, 0.4)), int(b * rng.uniform(0.55, 0.75)))
            turn = float(side * rng.uniform(-15, 20))
            _oval(image, (x, middle + int(rng.integers(-6, 6))), axes, dark, turn)
        _oval(image, (middle, middle + int(b * 0.7)), (int(rng.integers(5, 12)),) * 2, 0.95)
    else:
        _draw_head(image, rng)
    for _i in range(rng.integers(0, 25)):
        at = tuple(int(v) for v in rng.integers(SIDE // 5, SIDE * 4 // 5, 2))
        cv2.circle(image, at, int(rng.integers(1, 3)), 0.8, -1, cv2.LINE_AA)
    soft = cv2.GaussianBlur(image, (0, 0), 0.8)
    seen = stretched(soft + 0.1 * rng.random() * cloud(rng, 50), rng)
    return np.ascontiguousarray(
        np.rot90(seen, int(rng.integers(4))) if rng.random() < 0.3 else seen
    )


def _draw_head(image: NDArray[np.float32], rng: np.random.Generator) -> None:
    """Scalp and skull as rings, brain with folds, ventricles beside the midline."""
    middle = SIDE // 2
    a, b = int(rng.uniform(0.28, 0.44) * SIDE), int(rng.uniform(0.36, 0.48) * SIDE)
    ring = int(rng.integers(2, 6))
    _oval(image, (middle, middle), (a, b), float(rng.uniform(0.5, 1.0)))
    _oval(image, (middle, middle), (a - ring, b - ring), float(rng.uniform(0.0, 0.2)))
    brain = np.zeros_like(image)
    _oval(brain, (middle, middle), (a - 2 * ring, b - 2 * ring), 1.0)
    folds = np.abs(cloud(rng, int(rng.integers(12, 30))) - 0.5)
    image += brain * (np.float32(rng.uniform(0.3, 0.6)) + folds * np.float32(rng.uniform(0, 0.6)))
    cv2.line(image, (middle, middle - b + 8), (middle, middle + b - 8), 0.2, 1)
    grey = float(rng.choice([rng.uniform(0.0, 0.2), rng.uniform(0.8, 1.0)]))
    for side in (-1, 1):
        x = middle + side * int(a * rng.uniform(0.12, 0.4))
        axes = (int(a * rng.uniform(0.06, 0.25)), int(b * rng.uniform(0.15, 0.45)))
        at = (x, middle + int(rng.integers(-12, 8)))
        _oval(image, at, axes, grey, float(side * rng.uniform(-10, 25)))
    if rng.random() < 0.5:
        at = (middle + int(rng.integers(-a // 2, a // 2 + 1)), middle + int(rng.integers(-20, 20)))
        _oval(image, at, (int(rng.integers(4, 14)), int(rng.integers(4, 14))), float(rng.random()))


def _oval(
    image: NDArray[np.float32],
    at: tuple[int, int],
    axes: tuple[int, ...],
    grey: float,
    turn: float = 0.0,
) -> None:
    cv2.ellipse(image, at, axes, turn, 0, 360, grey, -1, cv2.LINE_AA)


def _lateral(rng: np.random.Generator, film: Grey) -> Grey:
    return stretched(side_view(rng, film), rng)


def _tiles(rng: np.random.Generator, film: Grey) -> Grey:
    """Several copies of a film in a grid, or its parts in the wrong order."""
    if rng.random() < 0.4:
        n = int(rng.integers(2, 5))
        tile = cv2.resize(film, (SIDE // n, SIDE // n), interpolation=cv2.INTER_AREA)
        return np.asarray(cv2.resize(np.tile(tile, (n, n)), (SIDE, SIDE)), np.uint8)
    n = int(rng.choice([3, 4, 6]))
    step = SIDE // n
    small = cv2.resize(film, (n * step, n * step), interpolation=cv2.INTER_AREA)
    parts = small.reshape(n, step, n, step).swapaxes(1, 2).reshape(n * n, step, step)
    mixed = parts[rng.permutation(n * n)].reshape(n, n, step, step).swapaxes(1, 2)
    return np.asarray(cv2.resize(mixed.reshape(n * step, n * step), (SIDE, SIDE)), np.uint8)


def _distorted(rng: np.random.Generator, film: Grey) -> Grey:
    """A small part of a film, far enlarged, or a film warped beyond recognition."""
    side = len(film)
    if rng.random() < 0.5:
        part = int(side * rng.uniform(0.12, 0.28))
        y, x = rng.integers(side - part + 1, size=2)
        return np.asarray(cv2.resize(film[y : y + part, x : x + part], (SIDE, SIDE)), np.uint8)
    y, x = np.mgrid[:SIDE, :SIDE].astype(np.float32)
    dx, dy = (cloud(rng, 5) - 0.5) * 320, (cloud(rng, 5) - 0.5) * 320
    small = cv2.resize(film, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    warped = cv2.remap(small, x + dx, y + dy, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
    return np.asarray(warped, np.uint8)


# Share and maker of each kind; lateral views are the hardest, so they are the most.
_KINDS: tuple[tuple[float, Maker], ...] = (
    (0.15, _photograph),
    (0.05, _noise),
    (0.08, _shapes),
    (0.03, _ramp),
    (0.05, _page),
    (0.05, _limb),
    (0.12, _section),
    (0.35, _lateral),
    (0.06, _tiles),
    (0.06, _distorted),
)


def side_view(rng: np.random.Generator, film: Grey) -> Field:
    """A field (128, 128) of grey values like a lateral view; `film` (S, S) serves for half of them.

    The heart lies low in front and leaves a dark area before and one behind it, the spine runs down
    the back, and a dome closes the field below.
    """
    return _drawn(rng) if rng.random() < 0.5 else _superimposed(rng, film)


def _superimposed(rng: np.random.Generator, film: Grey) -> Field:
    """Both halves of a film laid over each other, with heart, spine, diaphragm and soft tissue."""
    grey = film.astype(np.float32)
    cut = int(len(grey) * rng.uniform(0.44, 0.56))
    halves = [cv2.resize(half, (SIDE, SIDE)) for half in (grey[:, :cut], grey[:, :cut:-1])]
    if rng.random() < 0.6:  # ribs that cross, or hardly any ribs
        halves = [cv2.GaussianBlur(half, (0, 0), float(rng.uniform(0.5, 5))) for half in halves]
    amount = rng.uniform(0.3, 0.7)
    field: Field = np.asarray(amount * halves[0] + (1 - amount) * halves[1])
    low, high = np.quantile(field, [0.05, 0.95])
    if rng.random() < 0.85:
        field = _with_heart_and_spine(field, float(high), rng)
    y, x = np.mgrid[:SIDE, :SIDE] / SIDE
    if rng.random() < 0.7:  # the dome of the diaphragm, higher in front
        dome = rng.uniform(0.7, 0.95) - rng.uniform(0, 0.15) * np.sin(x * np.pi)
        below = _inside(dome + rng.uniform(-0.1, 0.25) * (x - 0.5) - y, 40)
        field = field + rng.uniform(0.6, 1.0) * below * (high - field)
    if rng.random() < 0.7:  # soft tissue in front and behind, arched
        bow = rng.uniform(-0.15, 0.15) * np.cos((y - 0.5) * np.pi)
        outside = _inside(rng.uniform(0.3, 0.48) - np.abs(x - 0.5 + bow), 40)
        field = field + outside * (low + (high - low) * rng.uniform(-0.3, 0.9) - field)
    return _placed(field, rng)


def _with_heart_and_spine(field: Field, high: float, rng: np.random.Generator) -> Field:
    y, x = np.mgrid[:SIDE, :SIDE] / SIDE
    tilt = rng.uniform(-0.9, 0.9)
    at = (rng.uniform(0.3, 0.6), rng.uniform(0.5, 0.72))
    heart = _inside(
        _oval_distance(x, y, at, (rng.uniform(0.15, 0.4), rng.uniform(0.1, 0.2)), tilt), 6
    )
    column = x - rng.uniform(0.72, 0.95) - rng.uniform(-0.2, 0.2) * (y - 0.5)
    spine = np.exp(-((column / 0.07) ** 2))
    for bright, where in ((rng.uniform(0.2, 0.9), heart), (rng.uniform(0, 0.7), spine)):
        field = field + bright * where * (high - field)
    return field


def _placed(field: Field, rng: np.random.Generator) -> Field:
    """The field somewhere on a dark canvas, mirrored, tilted, with noise."""
    width, height = int(SIDE * rng.uniform(0.55, 1.0)), int(SIDE * rng.uniform(0.8, 1.0))
    canvas = np.full((SIDE, SIDE), np.float32(rng.uniform(0, 40)))
    x, y = rng.integers(SIDE - width + 1), rng.integers(SIDE - height + 1)
    canvas[y : y + height, x : x + width] = cv2.resize(field.astype(np.float32), (width, height))
    if rng.random() < 0.5:
        canvas = np.ascontiguousarray(canvas[:, ::-1])
    if rng.random() < 0.3:
        turn = cv2.getRotationMatrix2D((SIDE / 2, SIDE / 2), float(rng.uniform(-20, 20)), 1.0)
        turned = cv2.warpAffine(canvas, turn, (SIDE, SIDE), borderMode=cv2.BORDER_REPLICATE)
        canvas = np.asarray(turned, np.float32)
    return np.asarray(canvas + 4 * rng.standard_normal(canvas.shape))


def _drawn(rng: np.random.Generator) -> Field:
    """A lateral view from its parts: body, field, dome, heart, hilum, spine, ribs, arms."""
    u = rng.uniform
    y, x = np.mgrid[:SIDE, :SIDE].astype(np.float32) / SIDE
    if rng.random() < 0.4:
        y = y + np.float32(u(-0.15, 0.15)) * (x - 0.5)
    wide = u(0.34, 0.55)  # half the body
    bow = u(-0.12, 0.12) * np.cos((y - 0.5) * np.pi)
    body = _inside(np.abs(x - 0.5 - bow) - wide, 60) if rng.random() < 0.7 else np.ones_like(x)
    at, axes = (0.5 + u(-0.05, 0.05), u(0.4, 0.5)), (wide * u(0.75, 0.98), u(0.36, 0.5))
    lung = _inside(_oval_distance(x, y, at, axes, u(-0.25, 0.25)), u(8, 25))
    dome = u(0.62, 0.85) + u(-0.05, 0.3) * (x - 0.5) + u(0, 0.35) * (x - u(0.3, 0.6)) ** 2
    air = lung * _inside(y - dome, u(40, 120))
    at, axes = (u(0.52, 0.72), u(0.48, 0.68)), (u(0.16, 0.3), u(0.09, 0.17))
    heart = _inside(_oval_distance(x, y, at, axes, u(-1.2, 1.2)), u(4, 14))
    at, axes = (u(0.42, 0.58), u(0.35, 0.5)), (u(0.05, 0.14), u(0.05, 0.14))
    hilum = _inside(_oval_distance(x, y, at, axes, 0), 4)
    spine = np.exp(-(((x - u(0.08, 0.28) - u(-0.2, 0.2) * y) / u(0.04, 0.08)) ** 2))
    discs = 0.75 + 0.25 * np.sign(np.sin(y * u(40, 70)))
    ribs = np.sin((y + u(0.2, 0.7) * (x - 0.5) ** 2 + u(-0.6, 0.6) * x) * u(50, 90))
    arms = _inside(y - u(0.08, 0.3) - u(-0.3, 0.3) * (x - 0.5), u(8, 30))
    vessels = cv2.GaussianBlur(rng.standard_normal(x.shape).astype(np.float32), (0, 0), 1.2)
    uneven = cv2.resize(rng.random((9, 9), np.float32), (SIDE, SIDE), interpolation=cv2.INTER_CUBIC)
    field = body * u(0.45, 0.75) - air * u(0.25, 0.5) + air * heart * u(0.1, 0.4)
    field = field + u(0.05, 0.3) * hilum + u(0, 0.3) * spine * discs + u(0, 0.3) * arms
    field = field + u(0, 0.1) * lung * np.maximum(ribs, 0) ** 2 + u(0.02, 0.14) * air * vessels
    field = field + 0.08 * (uneven - 0.5)
    field = field[:, ::-1] if rng.random() < 0.5 else field
    return np.asarray(cv2.GaussianBlur(np.ascontiguousarray(field), (0, 0), float(u(0.3, 1.0))))


def _inside(distance: Field, sharpness: float) -> Field:
    """1 where the signed distance is negative, 0 where positive, with a soft edge."""
    return np.asarray(1 / (1 + np.exp(np.clip(distance * sharpness, -40, 40))))


def _oval_distance(
    x: Field, y: Field, at: tuple[float, float], axes: tuple[float, float], turn: float
) -> Field:
    """Signed distance from an ellipse, in its own radii: -1 at the centre, 0 on it."""
    u, v = x - at[0], y - at[1]
    p, q = u * np.cos(turn) + v * np.sin(turn), -u * np.sin(turn) + v * np.cos(turn)
    return np.asarray(np.hypot(p / axes[0], q / axes[1]) - 1)
