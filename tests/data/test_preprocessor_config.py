"""Hugging Face preprocessor configurations, as they are published with models."""

from __future__ import annotations

import json

import pytest

from onnxinv.data.preprocess import Preprocess
from onnxinv.errors import DataError

HALF = {"image_mean": [0.5, 0.5, 0.5], "image_std": [0.5, 0.5, 0.5]}


@pytest.fixture
def write(tmp_path):
    def write(content):
        path = tmp_path / "preprocessor_config.json"
        path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
        return path

    return write


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        pytest.param(
            {
                "do_normalize": True,
                "do_rescale": True,
                "do_resize": True,
                "image_processor_type": "ViTImageProcessor",
                **HALF,
                "resample": 2,
                "rescale_factor": 0.00392156862745098,
                "size": {"height": 224, "width": 256},
            },
            Preprocess(resize=(224, 256), rescale=1 / 255, mean=(0.5,) * 3, std=(0.5,) * 3),
            id="ViT: height and width",
        ),
        pytest.param(
            {
                "do_normalize": True,
                "do_resize": True,
                "feature_extractor_type": "ViTFeatureExtractor",
                **HALF,
                "resample": 2,
                "size": 224,
            },
            Preprocess(resize=(224, 224), mean=(0.5,) * 3, std=(0.5,) * 3),
            id="old ViT: a number is a square",
        ),
        pytest.param(
            {
                "crop_pct": 0.875,
                "do_normalize": True,
                "do_resize": True,
                "resample": 3,
                "size": 224,
                "feature_extractor_type": "ConvNextFeatureExtractor",
                **HALF,
            },
            Preprocess(resize=256, crop=(224, 224), resample="bicubic", mean=(0.5,) * 3, std=(0.5,) * 3),
            id="ResNet-50: crop_pct",
        ),
        pytest.param(
            {
                "crop_pct": None,
                "do_resize": True,
                "image_processor_type": "ConvNextImageProcessor",
                "size": {"shortest_edge": 224},
            },
            Preprocess(resize=256, crop=(224, 224)),
            id="ConvNeXT: crop_pct by default",
        ),
        pytest.param(
            {
                "crop_pct": 0.95,
                "do_resize": True,
                "image_processor_type": "ConvNextImageProcessor",
                "size": {"shortest_edge": 384},
            },
            Preprocess(resize=(384, 384)),
            id="ConvNeXT at 384: a square without a crop",
        ),
        pytest.param(
            {
                "crop_pct": 0.9,
                "do_center_crop": True,
                "crop_size": {"height": 224, "width": 224},
                "size": {"shortest_edge": 224},
                "image_processor_type": "PoolFormerImageProcessor",
            },
            Preprocess(resize=248, crop=(224, 224)),
            id="PoolFormer: crop_pct with a crop",
        ),
        pytest.param(
            {
                "do_resize": True,
                "size": {"shortest_edge": 256},
                "do_center_crop": True,
                "crop_size": {"height": 224, "width": 200},
            },
            Preprocess(resize=256, crop=(224, 200)),
            id="MobileNet: shortest edge and crop",
        ),
        pytest.param(
            {
                "crop_size": 224,
                "do_center_crop": True,
                "do_resize": True,
                "size": 224,
                "resample": 3,
                "do_convert_rgb": True,
            },
            Preprocess(resize=224, crop=(224, 224), resample="bicubic"),
            id="old CLIP: numbers",
        ),
        pytest.param(
            {
                "do_resize": False,
                "size": 224,
                "do_center_crop": False,
                "crop_size": 200,
                "do_rescale": False,
                "rescale_factor": 0.1,
                "do_normalize": False,
                **HALF,
            },
            Preprocess(rescale=1.0),
            id="everything switched off",
        ),
        pytest.param({"image_mean": 0.1307, "image_std": 0.3081}, Preprocess(mean=0.1307, std=0.3081), id="one mean"),
        pytest.param({"image_mean": [0], "image_std": [1]}, Preprocess(mean=0, std=1), id="whole numbers"),
        pytest.param(
            {"resample": 0, "size": {"height": 8, "width": 8}},
            Preprocess(resize=(8, 8), resample="nearest"),
            id="nearest",
        ),
        pytest.param({"anything": {"else": [1]}}, Preprocess(), id="unknown keys are ignored"),
    ],
)
def test_a_published_configuration_is_understood(write, content, expected):
    assert Preprocess.from_file(write(content)) == expected


@pytest.mark.parametrize(
    ("content", "message"),
    [
        pytest.param({"size": "224"}, "'size': expected a number", id="size as text"),
        pytest.param({"size": {"longest_edge": 800, "shortest_edge": 600}}, "'size': expected", id="longest edge"),
        pytest.param({"size": {"height": 224, "width": 1.5}}, "'size': lengths must be whole", id="fractional width"),
        pytest.param({"size": -1}, "'size': lengths must be whole numbers from 1", id="negative size"),
        pytest.param({"size": True}, "'size': expected", id="size true"),
        pytest.param({"crop_size": [224, 224]}, "'crop_size': expected", id="crop as a list"),
        pytest.param({"do_resize": "yes"}, "'do_resize'", id="switch as text"),
        pytest.param({"resample": 1}, "'resample': 1 is none of 0", id="Lanczos"),
        pytest.param({"resample": "bilinear"}, "'resample'", id="resample as text"),
        pytest.param({"image_mean": ["a"]}, "'image_mean'", id="mean as text"),
        pytest.param({"image_mean": []}, "mean", id="empty mean"),
        pytest.param({"image_std": [0, 1, 1]}, "std must be above zero", id="std 0"),
        pytest.param({"rescale_factor": "1/255"}, "'rescale_factor'", id="factor as text"),
        pytest.param({"rescale_factor": 0}, "rescale", id="factor 0"),
        pytest.param({"crop_pct": 1e-300, "size": 8}, "'crop_pct'", id="crop_pct next to 0"),
        pytest.param({"size": 10**400}, "lengths must be whole numbers from 1", id="a size beyond all measure"),
        pytest.param({"crop_pct": 0}, "'crop_pct'", id="crop_pct 0"),
        pytest.param({"do_resize": True}, "sets 'do_resize' but lacks 'size'", id="no size"),
        pytest.param({"do_center_crop": True}, "lacks 'crop_size'", id="no crop size"),
        pytest.param({"do_normalize": True, "image_mean": [0.5]}, "lacks 'image_std'", id="no std"),
        pytest.param([1], "holds no JSON object", id="a list"),
        pytest.param("{", "cannot be read as JSON", id="broken JSON"),
        pytest.param("[" * 100_000, "cannot be read as JSON", id="nested too deep"),
        pytest.param("", "cannot be read as JSON", id="empty"),
    ],
)
def test_a_configuration_that_cannot_be_used_is_refused_by_key(write, content, message):
    path = write(content)
    with pytest.raises(DataError) as caught:
        Preprocess.from_file(path)
    assert message in str(caught.value)
    assert str(path) in caught.value.message


def test_a_file_that_is_not_text_is_refused(tmp_path):
    (tmp_path / "a.json").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(DataError, match="cannot be read as JSON"):
        Preprocess.from_file(tmp_path / "a.json")


def test_a_missing_file_is_refused_with_a_close_name(tmp_path):
    (tmp_path / "preprocessor_config.json").write_text("{}")
    with pytest.raises(DataError, match="no such file") as caught:
        Preprocess.from_file(tmp_path / "preprocessor.json")
    assert "preprocessor_config.json" in caught.value.hint
