"""The page shows what was kept to be looked at, in words too, within its size, and says what it leaves out."""

from __future__ import annotations

import base64
import io
import re
from time import perf_counter

import numpy as np
import pytest
from PIL import Image

from onnxinv.errors import OutputError
from onnxinv.reports.html import HtmlReport
from onnxinv.reports.page.bitmap import LEVELS, few_colours, many_colours, steps
from onnxinv.reports.page.picture import Picture, fitting
from onnxinv.result import Result, units_key
from tests.reports.pictured import pictured, with_pictures
from tests.reports.results import NV, layer, small, summary
from tests.reports.test_html import HOSTILE, Page, page


def images(shown: Page) -> list[dict[str, str | None]]:
    return [attributes for name, attributes in shown.elements if name == "img"]


def decoded(address: str | None) -> np.ndarray:
    found = re.fullmatch(r"data:image/(png|jpeg);base64,([A-Za-z0-9+/=]+)", address or "")
    assert found is not None
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(found[2]))).convert("RGB"))


def grown(layers: int, keys: int) -> Result:
    """Return a result with as many layers and numbers as those of large networks, its pictures of mere noise."""
    names = [NV, *(f"measure-{number}" for number in range(keys - 1))]
    made = [
        layer(at, f"/layer{at // 9}/block.{at % 9}/conv/Conv_output_0", dict.fromkeys(names, summary(0.5)))
        for at in range(layers)
    ]
    result = with_pictures(made, transforms=24, samples=16, size=(74, 74), colours=3, side=48)
    generator = np.random.default_rng(0)
    units = {units_key(name, each.index): generator.random(4 if name == NV else 150) for name in names for each in made}
    return Result(result.document, units, result.stored)


def test_every_picture_says_in_words_what_it_shows():
    alts = [each["alt"] for each in images(page(pictured()))]
    assert alts == [
        "Sample 10 under 2 transforms, as fed",
        "Sample 11 under 2 transforms, as fed",
        "Unit 5 of a, most invariant: channel 1, 0.250",
        "Unit 14 of a, least invariant: channel 3, 1.250",
        "Unit 5 of b, most invariant: channel 1, 0.250",
        "Unit 14 of b, least invariant: channel 3, 1.250",
        *(
            f"Maps of {name}, sample {sample}, {word} invariant: channel {channel}"
            for name in "ab"
            for sample in (10, 11)
            for word, channel in (("most", 1), ("least", 3))
        ),
    ]
    assert "From rotation 0 to rotation 1." in page(pictured()).text
    assert "2 layers" in page(pictured()).text
    assert "Samples 10, 11, 12, 13, 14, downwards; 14 inferences in 0.5 s" in page(pictured()).text


def test_a_matrix_has_a_row_for_each_sample_and_a_column_for_each_transform():
    result = pictured()
    assert result.pictures is not None
    picture = decoded(images(page(result))[2]["src"])
    assert picture.shape == (5, 2, 3)
    rows = result.pictures.layers[0].rows[:, :, 0]
    lowest, highest = np.unravel_index(rows.argmin(), rows.shape), np.unravel_index(rows.argmax(), rows.shape)
    assert picture[lowest].tolist() == [68, 1, 84]
    assert picture[highest].tolist() == [253, 231, 37]
    # Viridis grows lighter all the way, so that what is higher is nowhere darker.
    light = picture.sum(2).ravel()[np.argsort(rows, axis=None)]
    assert (np.diff(light.astype(int)) >= 0).all()


def test_variants_and_maps_stand_beside_each_other_in_the_order_of_the_transforms():
    result = pictured()
    assert result.pictures is not None
    variants, maps = result.pictures.variants, result.pictures.layers[1].maps
    assert variants is not None
    assert maps is not None
    shown = images(page(result))
    row = decoded(shown[1]["src"])[..., 0]
    # Tiny pictures are enlarged: 8 x 6 pixels three times, 2 x 2 pixels twelve times; between two of them are 2 pixels.
    np.testing.assert_array_equal(row[::3, :18:3], variants[1, 0, ..., 0])
    np.testing.assert_array_equal(row[2::3, 22::3], variants[1, 1, ..., 0])
    assert set(row[:, 18:20].ravel()) == {128}
    last = decoded(shown[-1]["src"])[..., 0].astype(int)
    assert last.shape == (24, 50)
    assert np.abs(last[::12, :24:12] - maps[1, 1, 0]).max() <= 255 / (LEVELS - 1) / 2 + 1
    assert np.abs(last[11::12, 37::12] - maps[1, 1, 1]).max() <= 255 / (LEVELS - 1) / 2 + 1


def test_without_pictures_the_page_has_none():
    shown = page(small())
    assert images(shown) == []
    for title in ("What was fed", "Single units", "Feature maps"):
        assert title not in shown.text
        assert title in page(pictured()).text


def test_the_input_is_shown_once_as_it_was_fed():
    result = with_pictures([layer(0, "x", {NV: summary(0.9)}, op="Input"), layer(1, "b", {NV: summary(0.2)})])
    assert not any("Maps of x" in str(each["alt"]) for each in images(page(result)))
    assert any("Unit 5 of x" in str(each["alt"]) for each in images(page(result)))


def test_a_measure_without_a_direction_names_the_ends_otherwise():
    result = pictured()
    assert result.meta.pictures is not None
    told = result.meta.pictures.model_copy(update={"by": "gone", "direction": "neither"})
    meta = result.meta.model_copy(update={"pictures": told})
    shown = page(Result(result.document.model_copy(update={"meta": meta}), result.units, result.stored))
    assert images(shown)[2]["alt"] == "Unit 5 of a, lowest: channel 1, -"


@pytest.mark.parametrize("name", HOSTILE)
def test_names_are_inert_in_the_gallery(name):
    def made(text: str) -> Result:
        return with_pictures([layer(0, text, {NV: summary(0.5)}, label=text)])

    plain, shown = page(made("name")), page(made(name))
    assert [tag for tag, _ in shown.elements] == [tag for tag, _ in plain.elements]
    assert not any(attribute.startswith("on") for _, attributes in shown.elements for attribute in attributes)
    text = HtmlReport().render(made(name))
    assert not re.search(r"[\x00-\x08\x0b-\x1f\u202a-\u202e\u2066-\u2069]", text)
    assert all(str(each["src"]).startswith("data:image/png;base64,") for each in images(shown))


@pytest.mark.parametrize(("layers", "keys"), [(1, 1), (18, 7), (176, 7), (176, 8)])
def test_the_page_stays_small_and_says_what_it_leaves_out(layers, keys):
    begin = perf_counter()
    result = grown(layers, keys)
    text = HtmlReport().render(result)
    assert len(text.encode()) < 1_000_000
    assert perf_counter() - begin < 60, "not a timing: something is quadratic"
    shown = Page(text)
    matrices = sum("Unit " in str(each["alt"]) for each in images(shown)) // 2
    told = f"{matrices} of {layers} layers, evenly chosen to keep the page small"
    assert told in shown.text if layers == 176 else matrices == layers


def test_of_many_layers_some_are_shown():
    text = HtmlReport().render(grown(1500, 1))
    assert len(text.encode()) < 2_000_000
    assert "of 1500 layers" in text


def test_where_the_values_of_channels_are_not_at_hand_there_are_none():
    result = pictured()
    told = result.meta.pictures.model_copy(update={"by": "gone"})
    meta = result.meta.model_copy(update={"pictures": told})
    lacking = Result(result.document.model_copy(update={"meta": meta}), result.units, result.stored)
    assert images(page(lacking))[2]["alt"] == "Unit 5 of a, most invariant: channel 1, -"


def test_damaged_pictures_are_an_error_of_the_page(tmp_path):
    pictured().save(tmp_path / "out")
    (tmp_path / "out" / "pictures.npz").write_bytes(b"broken")
    with pytest.raises(OutputError, match=r"pictures\.npz"):
        HtmlReport().render(Result.load(tmp_path / "out"))


def test_what_is_not_finite_has_a_colour_of_its_own():
    found = steps(np.array([[0.0, np.nan], [np.inf, 2.0]]))
    assert found.tolist() == [[0, LEVELS], [LEVELS, LEVELS - 1]]
    assert decoded(few_colours(found, grey=False))[0, 1].tolist() == [128, 128, 128]
    assert steps(np.full((2, 2), np.nan)).tolist() == [[LEVELS] * 2] * 2
    assert steps(np.full((2, 2), 7.0)).tolist() == [[0] * 2] * 2


def test_what_would_be_long_is_not_kept_exactly():
    noise = np.random.default_rng(0).integers(0, 256, (96, 400, 3), dtype=np.uint8)
    assert many_colours(noise).startswith("data:image/jpeg")
    assert len(many_colours(noise)) < noise.size
    np.testing.assert_array_equal(decoded(many_colours(noise[:20, :20])), noise[:20, :20])


@pytest.mark.parametrize(
    ("room", "expected"),
    [
        pytest.param(10_000, ("fine", [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]), id="room for all"),
        pytest.param(2_500, ("coarse", [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]), id="room for all, coarser"),
        pytest.param(640, ("coarse", [0, 4, 9]), id="room for three"),
        pytest.param(100, ("coarse", []), id="no room"),
    ],
)
def test_what_fits_is_shown(room, expected):
    sizes = {"fine": 700, "coarse": 80}
    made = fitting(room, list(sizes), lambda level: [Picture("x" * sizes[level], level, str(at)) for at in range(10)])
    assert sum(each.size for each in made) <= room
    assert [int(each.caption) for each in made] == expected[1]
    assert {each.alt for each in made} <= {expected[0]}
