import keras
import numpy as np
import pytest

from pneumo_core.errors import TrainingError
from pneumo_core.training.network import BACKBONES, build_network, freeze, weights_kept

pytestmark = pytest.mark.keras


def films(n=2, size=64):
    return np.random.default_rng(0).uniform(0, 255, (n, size, size, 1)).astype("float32")


@pytest.mark.parametrize("backbone", ["cnn", "resnet50v2", "mobilenetv2", "efficientnetv2b0"])
def test_logits_are_the_pooled_features_through_a_linear_head(backbone):
    network = build_network(backbone, size=64, classes=3, weights="none")
    both = keras.Model(
        network.input, [network.get_layer("features").output, network.get_layer("logits").output]
    )
    features, logits = (np.asarray(x) for x in both(films(), training=False))
    kernel, bias = network.get_layer("logits").get_weights()
    np.testing.assert_allclose(features.mean(axis=(1, 2)) @ kernel + bias, logits, atol=1e-4)
    assert features.dtype == np.float32
    assert logits.shape == (2, 3)


def test_from_scratch_everything_is_trained():
    network = build_network("cnn", size=64, classes=2, weights="none")
    assert all(layer.trainable for layer in network.layers)


@pytest.fixture(scope="module")
def local_weights(tmp_path_factory):
    path = tmp_path_factory.mktemp("weights") / "v2.weights.h5"
    full = keras.applications.ResNet50V2(weights=None, include_top=False, input_shape=(64, 64, 3))
    base = keras.Model(full.input, full.get_layer("conv5_block1_preact_relu").output)
    base.save_weights(path)
    return path, base


def test_local_weights_reach_the_network_and_what_lies_below_stays_frozen(local_weights):
    path, base = local_weights
    network = build_network("resnet50v2", size=64, classes=3, weights=str(path))
    np.testing.assert_array_equal(
        network.get_layer("conv2_block1_1_conv").get_weights()[0],
        base.get_layer("conv2_block1_1_conv").get_weights()[0],
    )
    assert not network.get_layer("conv3_block1_1_conv").trainable
    assert network.get_layer("conv4_block1_1_conv").trainable
    assert not network.get_layer("conv4_block1_1_bn").trainable
    assert network.get_layer("logits").trainable
    freeze(network, "head")
    assert [w.path.split("/")[0] for w in network.trainable_weights] == ["logits", "logits"]


def test_weights_of_another_network_are_refused(local_weights):
    with pytest.raises(TrainingError, match=r"Expected weights of MobileNetV2 .* do not fit"):
        build_network("mobilenetv2", size=64, classes=3, weights=str(local_weights[0]))


def test_a_missing_weights_file_is_named(tmp_path):
    with pytest.raises(TrainingError, match=r"a weights file or a model.*gone.h5' is none of"):
        build_network("resnet50v2", size=64, classes=3, weights=str(tmp_path / "gone.h5"))


def test_a_failed_download_names_both_ways_out(monkeypatch):
    def fail(*_, **__):
        raise Exception("URL fetch failure")  # noqa: TRY002 - what Keras itself raises

    monkeypatch.setattr("keras.src.utils.file_utils.get_file", fail)
    with pytest.raises(TrainingError, match=r"--weights PATH .* or --weights none"):
        build_network("resnet50", size=64, classes=3, weights="imagenet")


@pytest.mark.parametrize(
    ("file", "kept"),
    [
        ("resnet50v2_weights_tf_dim_ordering_tf_kernels_notop.h5", ["resnet50v2"]),
        ("resnet50_weights_tf_dim_ordering_tf_kernels_notop.h5", ["resnet50"]),
        ("resnet50_weights_tf_dim_ordering_tf_kernels.h5", []),  # with its top
        ("mobilenet_v2_weights_tf_dim_ordering_tf_kernels_1.0_224_no_top.h5", ["mobilenetv2"]),
        ("efficientnetv2-b0_notop.h5", ["efficientnetv2b0"]),
    ],
)
def test_weights_kept_by_keras_are_known_by_the_names_it_gives(file, kept, tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / file).touch()
    assert [name for name in BACKBONES if weights_kept(name)] == kept
