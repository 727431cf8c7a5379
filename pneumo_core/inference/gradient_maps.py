"""Maps that need the Keras network: Grad-CAM, Grad-CAM++, Score-CAM, SmoothGrad, by tf-keras-vis.

Loads TensorFlow: the server never imports this, `explain_worker` does in a process of its own.
"""

from __future__ import annotations

import contextlib
import functools
import io
import os
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np

from pneumo_core.bundle.keras_network import load_network
from pneumo_core.errors import PneumoError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import keras
    from numpy.typing import NDArray

    from pneumo_core.bundle import Bundle


GRADIENT_METHODS = ("gradcam", "gradcam++", "scorecam", "smoothgrad")
SCORECAM_CHANNELS = 64  # those that vary most; each costs a pass of the network
SMOOTHGRAD_SAMPLES = 16


def gradient_map(
    network: keras.Model, film: NDArray[np.uint8], method: str, target: Sequence[int]
) -> NDArray[np.float32]:
    """Map of `method` for one film uint8 (S,S), float32 (h,w), scaled to its own range 0..1.

    gradcam, gradcam++ (Selvaraju et al. 2017, arXiv 1610.02391; Chattopadhay et al. 2018, arXiv
    1710.11063) and smoothgrad (Smilkov et al. 2017, arXiv 1706.03825) explain the log odds of the
    classes `target` against all others, scorecam (Wang et al. 2020, arXiv 1910.01279) their
    probability. Smoothgrad is as large as the film and draws new noise each time; the others are
    as large as the feature map. A map without any value is 0 everywhere.
    """
    scene = film[np.newaxis, ..., np.newaxis].astype(np.float32)
    with _quiet():
        found = _explain(network, scene, method, list(target))
    return np.nan_to_num(np.array(found[0], dtype=np.float32))


def logits_and_features(
    network: keras.Model, film: NDArray[np.uint8]
) -> tuple[NDArray[np.float64], NDArray[np.float32]]:
    """Logits (C,) and feature map (h,w,K) of one film uint8 (S,S)."""
    import keras

    both = keras.Model(network.input, [network.output, network.get_layer("features").output])
    logits, features = both(film[np.newaxis, ..., np.newaxis].astype(np.float32), training=False)
    return np.array(logits[0], np.float64), np.array(features[0], np.float32)


def randomised(network: keras.Model, seed: int = 0) -> keras.Model:
    """The network with the weights of every layer shuffled, so that nothing it learnt is left.

    Biases and the statistics of batch normalisation stay: shuffled, they would divide by the
    variance of another channel. The network given is unchanged (Adebayo et al. 2018, arXiv
    1810.03292, re-initialise instead; shuffling keeps the scale of each layer).
    """
    import keras

    copy = keras.models.clone_model(network)
    random = np.random.default_rng(seed)
    copy.set_weights(
        [
            random.permutation(weights.ravel()).reshape(weights.shape)
            if weights.ndim > 1
            else weights
            for weights in network.get_weights()
        ]
    )
    return copy


def keras_network(bundle: Bundle) -> keras.Model:
    """The Keras network of a bundle, the last one kept. Raises PneumoError without TensorFlow."""
    # Before its first import: TensorFlow's messages about GPUs are of no use to the user.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    with warnings.catch_warnings():
        # tf-keras-vis imports scipy.ndimage.interpolation, an old name of scipy.ndimage.
        warnings.filterwarnings("ignore", "Please import `zoom`", DeprecationWarning)
        try:
            import tf_keras_vis.gradcam
            import tf_keras_vis.scorecam  # noqa: F401
        except ImportError as error:
            raise PneumoError(
                "Expected TensorFlow and tf-keras-vis for this method, but they cannot be "
                "imported. Install requirements.txt, or use the method cam."
            ) from error
    import keras

    if keras.backend.backend() != "tensorflow":
        raise PneumoError(
            f"Expected Keras to run on TensorFlow, got {keras.backend.backend()}. "
            "Unset KERAS_BACKEND, or use the method cam."
        )
    return _load_once(bundle.path, bundle.digest)


@functools.lru_cache(maxsize=1)
def _load_once(path: Any, digest: str) -> keras.Model:  # noqa: ARG001 - the digest is part of the key
    return load_network(path / "model.keras")


def _explain(
    network: keras.Model, scene: NDArray[np.float32], method: str, target: list[int]
) -> Any:
    """The map by tf-keras-vis, (1,h,w). The head is linear, so no ReplaceToLinear is needed."""
    from tf_keras_vis.gradcam import Gradcam
    from tf_keras_vis.gradcam_plus_plus import GradcamPlusPlus
    from tf_keras_vis.saliency import Saliency
    from tf_keras_vis.scorecam import Scorecam

    others = [k for k in range(network.output_shape[-1]) if k not in target]
    layer = {
        "penultimate_layer": "features",
        "seek_penultimate_conv_layer": False,
        "expand_cam": False,
    }

    def log_odds(logits: Any) -> Any:  # (N,) from logits (N,C)
        import keras

        return keras.ops.logsumexp(
            keras.ops.take(logits, target, axis=1), axis=1
        ) - keras.ops.logsumexp(keras.ops.take(logits, others, axis=1), axis=1)

    def probability(chances: Any) -> Any:  # Score-CAM applies the softmax itself
        return sum(chances[:, k] for k in target)

    if method == "smoothgrad":
        return Saliency(network)(log_odds, scene, smooth_samples=SMOOTHGRAD_SAMPLES)
    if method == "scorecam":
        channels = min(SCORECAM_CHANNELS, network.get_layer("features").output.shape[-1])
        return Scorecam(network)(probability, scene, max_N=channels, **layer)
    return {"gradcam": Gradcam, "gradcam++": GradcamPlusPlus}[method](network)(
        log_odds, scene, **layer
    )


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Suppress Score-CAM's progress bar and the warning about a one-item input list."""
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.filterwarnings("ignore", "The structure of `inputs` doesn't match", UserWarning)
        yield
