"""Maps by gradients and by masking, from tf-keras-vis: slower, need TensorFlow, for comparison."""

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
    from collections.abc import Iterator

    import keras
    from numpy.typing import NDArray

    from pneumo_core.bundle import Bundle

GRADIENT_METHODS = ("gradcam", "gradcam++", "scorecam", "smoothgrad")
SCORECAM_CHANNELS = 64  # those that vary most; each costs a pass of the network
SMOOTHGRAD_SAMPLES = 16


def gradient_map(bundle: Bundle, film: NDArray[np.uint8], method: str) -> NDArray[np.float32]:
    """Map of `method` for one film uint8 (S,S), float32 (h,w) in 0..1, stretched to its own range.

    gradcam, gradcam++ (Selvaraju et al. 2017, arXiv 1610.02391; Chattopadhay et al. 2018, arXiv
    1710.11063) and smoothgrad (Smilkov et al. 2017, arXiv 1706.03825) explain the log odds of
    pneumonia, scorecam (Wang et al. 2020, arXiv 1910.01279) its probability. Smoothgrad is as
    large as the film and draws new noise each time; the others are as large as the feature map.
    """
    network = _network(bundle)
    scene = film[np.newaxis, ..., np.newaxis].astype(np.float32)
    with _quiet():
        found = _explain(network, scene, method)
    return np.array(found[0], dtype=np.float32)


def _explain(network: keras.Model, scene: NDArray[np.float32], method: str) -> Any:
    """The library's answer (1,h,w). The head is linear, so no ReplaceToLinear is needed."""
    from tf_keras_vis.gradcam import Gradcam
    from tf_keras_vis.gradcam_plus_plus import GradcamPlusPlus
    from tf_keras_vis.saliency import Saliency
    from tf_keras_vis.scorecam import Scorecam

    layer = {
        "penultimate_layer": "features",
        "seek_penultimate_conv_layer": False,
        "expand_cam": False,
    }
    if method == "smoothgrad":
        return Saliency(network)(_log_odds, scene, smooth_samples=SMOOTHGRAD_SAMPLES)
    if method == "scorecam":
        channels = min(SCORECAM_CHANNELS, network.get_layer("features").output.shape[-1])
        return Scorecam(network)(_probability, scene, max_N=channels, **layer)
    return {"gradcam": Gradcam, "gradcam++": GradcamPlusPlus}[method](network)(
        _log_odds, scene, **layer
    )


def _log_odds(logits: Any) -> Any:
    """Log odds of pneumonia (N,) from logits (N,C), class 0 normal."""
    import keras

    return keras.ops.logsumexp(logits[:, 1:], axis=1) - logits[:, 0]


def _probability(chances: Any) -> Any:
    """P(pneumonia) (N,) from probabilities (N,C): Score-CAM applies the softmax itself."""
    return 1.0 - chances[:, 0]


def _network(bundle: Bundle) -> keras.Model:
    # Before its first import: what TensorFlow tells of GPUs is no answer to a person.
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


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """No progress bar of Score-CAM on standard output, no warning of a one-item input list."""
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.filterwarnings("ignore", "The structure of `inputs` doesn't match", UserWarning)
        yield
