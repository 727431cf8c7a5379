"""Stored values to what is seen, on toy values worked by hand: both polarities, every step."""

import numpy as np
import pytest
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from pneumo_core.imaging.dicom_display import as_seen
from pneumo_core.imaging.dicom_values import numbers


@pytest.fixture
def seen(dataset):
    """A function: the 8-bit values of a row of stored ones, and the notes."""

    def show(values, dtype=np.uint16, bits=12, **tags):
        stored = np.array([values], dtype=dtype)
        pixels, notes = as_seen(stored, dataset(stored, bits=bits, **tags))
        return pixels[0].tolist(), notes

    return show


def lut(entries, first=0, bits=8, packed=None):
    item = Dataset()
    item.LUTDescriptor = [len(entries), first, bits]
    item.LUTData = packed or list(entries)
    item["LUTData"].VR = "OW" if packed else "US"
    return Sequence([item])


WINDOW = {"WindowCenter": 1000, "WindowWidth": 201}


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        (None, [0, 0, 128, 191, 255, 255]),  # (x - 999.5) / 200 + 0.5
        ("LINEAR_EXACT", [0, 1, 128, 191, 254, 255]),  # (x - 1000) / 201 + 0.5
        ("SIGMOID", [0, 31, 128, 186, 224, 255]),  # 1 / (1 + exp(-4 (x - 1000) / 201))
    ],
)
def test_window(seen, function, expected):
    tags = WINDOW | ({"VOILUTFunction": function} if function else {})
    values, notes = seen([0, 900, 1000, 1050, 1100, 4095], **tags)
    assert np.abs(np.subtract(values, expected)).max() <= 1
    assert values[0] == 0
    assert values[-1] == 255
    assert notes == ()


def test_of_several_windows_the_first(seen):
    one = seen([900, 1000, 1050], **WINDOW)
    several = seen([900, 1000, 1050], WindowCenter=[1000, 5], WindowWidth=[201, 2])
    assert one == several


@pytest.mark.parametrize("first", [("", ""), (0, 0), (1000, 1), (9000, 10)])
def test_of_several_windows_the_first_that_can_be_used(seen, first):
    tags = {"WindowCenter": [first[0], 1000], "WindowWidth": [first[1], 201]}
    values, notes = seen([899, 1000, 1100], **tags)
    assert values == seen([899, 1000, 1100], **WINDOW)[0]
    assert notes == ("window 2 used, the first cannot be",)


@pytest.mark.parametrize(
    ("text", "value"),
    [("2048,0", 2048), ("1,5", 1.5), ("1.024,5", 1024.5), ("1,024.5", 1024.5), (" -3,5 ", -3.5)],
)
def test_a_decimal_comma_is_a_point(text, value):
    item = Dataset()
    item.add(DataElement("WindowCenter", "DS", ""))
    item["WindowCenter"]._value = text
    assert numbers(item, "WindowCenter") == [value]
    item["WindowCenter"]._value = f"{text}\\7,5"
    assert numbers(item, "WindowCenter") == [value, 7.5]


@pytest.mark.parametrize("text", ["", "NaN", "inf", "1,2,3", "a lot"])
def test_what_is_no_number_is_none(text):
    item = Dataset()
    item.add(DataElement("WindowCenter", "DS", ""))
    item["WindowCenter"]._value = text
    assert [value for value in numbers(item, "WindowCenter") if value is not None] == []


def test_monochrome1_is_inverted_last(seen):
    plain, _ = seen([899, 950, 1000, 1100], **WINDOW)
    inverted, notes = seen(
        [899, 950, 1000, 1100], PhotometricInterpretation="MONOCHROME1", **WINDOW
    )
    assert np.abs(255 - np.add(plain, inverted)).max() <= 1
    assert inverted[0] == 255
    assert notes == ("inverted MONOCHROME1",)


def test_rescale_comes_before_the_window(seen):
    assert seen([450, 500, 525], RescaleSlope=2, RescaleIntercept=0, **WINDOW) == seen(
        [900, 1000, 1050], **WINDOW
    )


def test_a_negative_slope(seen):
    values, _ = seen([0, 50, 100], RescaleSlope=-1, RescaleIntercept=1100, **WINDOW)
    assert values == seen([1100, 1050, 1000], **WINDOW)[0]


def test_signed_values(seen):
    values, _ = seen([-100, 0, 100], dtype=np.int16, WindowCenter=0.5, WindowWidth=201)
    assert values == [0, 128, 255]


@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
def test_padding_is_black_and_sets_no_scale(seen, photometric):
    values, notes = seen(
        [4095, 100, 200, 300, 4095], PixelPaddingValue=4095, PhotometricInterpretation=photometric
    )
    ends = (0, 255) if photometric == "MONOCHROME2" else (255, 0)
    assert (values[0], values[4]) == (0, 0)
    assert (values[1], values[3]) == ends
    assert abs(values[2] - 127.5) <= 0.5
    assert notes[-1] == "padding shown black"


def test_a_range_of_padding(seen):
    values, _ = seen([0, 5, 10, 100, 200], PixelPaddingValue=0, PixelPaddingRangeLimit=10)
    assert values == [0, 0, 0, 0, 255]
    values, notes = seen([7, 7, 7], PixelPaddingValue=7)
    assert values == [0, 0, 0]
    assert "padding shown black" in notes


@pytest.mark.parametrize("padding", [-3000, 62536, b"\x48\xf4", "-3000"])
def test_padding_beside_signed_pixels_may_be_unsigned(seen, padding):
    values, notes = seen([-3000, 0, 100, 200], dtype=np.int16, bits=16, PixelPaddingValue=padding)
    assert values == [0, 0, 128, 255]
    assert notes[-1] == "padding shown black"


def test_padding_beside_unsigned_pixels_may_be_signed(seen):
    values, _ = seen([65535, 0, 100, 200], bits=16, PixelPaddingValue=-1)
    assert values == [0, 0, 128, 255]
    values, _ = seen([4095, 0, 100, 200], bits=12, PixelPaddingValue=65535)  # above the stored bits
    assert values == [0, 0, 128, 255]


def test_padding_is_told_by_stored_values_not_by_rescaled_ones(seen):
    tags = {"RescaleSlope": 2, "RescaleIntercept": 0, "PixelPaddingValue": 100}
    values, _ = seen([50, 60, 100], **tags)  # 50 becomes 100, and is no padding
    assert values == [0, 255, 0]


def test_without_a_window_the_range_without_its_tails(seen):
    stored = [0] + [1000] * 2000 + [1500] * 2000 + [2000] * 2000 + [4095]
    values, notes = seen(stored)
    assert (values[0], values[1], values[-2], values[-1]) == (0, 0, 255, 255)
    assert abs(values[3000] - 127.5) <= 0.5
    assert notes == ("no window: range of the pixels shown",)


def test_eight_bits_without_a_window_are_shown_as_stored(seen):
    values, notes = seen([0, 10, 200], dtype=np.uint8, bits=8)
    assert values == [0, 10, 200]
    assert notes == ("no window: shown as stored",)


@pytest.mark.parametrize("window", [(9000, 10), (-5, 2)])
def test_a_window_beside_all_values_is_not_used(seen, window):
    values, notes = seen([1000, 2000, 3000], WindowCenter=window[0], WindowWidth=window[1])
    assert (values[0], values[2]) == (0, 255)
    assert notes == ("window outside all values: range of the pixels shown",)


@pytest.mark.parametrize("width", [1, 0, -5])
def test_a_window_that_leaves_two_tones_is_none(seen, width):
    assert seen([0, 50, 100], WindowCenter=50, WindowWidth=width) == seen([0, 50, 100])


def test_a_narrow_window_of_real_values_is_one(seen):
    tags = {"RescaleSlope": 0.001, "WindowCenter": 0.5, "WindowWidth": 1}
    values, notes = seen([0, 500, 1000], VOILUTFunction="LINEAR_EXACT", **tags)
    assert (values, notes) == ([0, 128, 255], ())


def test_a_slope_of_nothing_leaves_the_film(seen):
    assert seen([0, 50, 100], RescaleSlope=0, RescaleIntercept=0) == seen([0, 50, 100])


def test_an_empty_window_is_none(seen):
    assert seen([0, 100], WindowCenter="", WindowWidth="") == seen([0, 100])


def test_voi_lut(seen):
    entries = [0, 10, 20, 255]
    values, notes = seen([5, 100, 101, 102, 103, 4000], VOILUTSequence=lut(entries, first=100))
    assert values == [0, 0, 10, 20, 255, 255]
    assert notes == ()


def test_voi_lut_of_8_bits_and_many_entries(seen):
    entries = [n // 16 for n in range(4096)]
    values, _ = seen([0, 1600, 4095], VOILUTSequence=lut(entries))
    assert values == [0, 100, 255]


def test_voi_lut_whose_bits_are_overstated(seen):
    values, _ = seen([0, 1, 2], VOILUTSequence=lut([0, 2048, 4095], bits=16))
    assert values == [0, 128, 255]


def test_voi_lut_of_packed_bytes(seen):
    table = lut([0, 0, 0, 0], packed=bytes([0, 50, 150, 255]))
    assert seen([0, 1, 2, 3], VOILUTSequence=table)[0] == [0, 50, 150, 255]


@pytest.mark.parametrize(
    "empty",
    [Dataset(), lut([0, 1, 2, 3])[0], lut([5], packed=b"")[0], lut([7, 7])[0]],
    ids=["no element", "no data", "empty data", "one grey"],
)
def test_a_lut_that_cannot_be_used_leaves_the_window(seen, empty):
    if empty and len(empty.LUTDescriptor) and empty.LUTDescriptor[0] == 4:
        del empty.LUTData
    values = seen([899, 1000, 1100], **WINDOW)[0]
    assert seen([899, 1000, 1100], VOILUTSequence=Sequence([empty]), **WINDOW)[0] == values
    second = Sequence([Dataset(), *lut([0, 255, 255], first=899)])
    assert seen([899, 1000, 1100], VOILUTSequence=second, **WINDOW)[0] == [0, 255, 255]
    assert seen([100, 200], ModalityLUTSequence=Sequence([Dataset()])) == seen([100, 200])


def test_lut_entries_in_the_other_byte_order(seen):
    entries = [0, 2048, 4095]
    swapped = [value >> 8 | (value & 255) << 8 for value in entries]
    tags = {"VOILUTSequence": lut(swapped, bits=12)}
    assert seen([0, 1, 2], **tags)[0] == [0, 128, 255]
    packed = lut(entries, bits=12, packed=np.array(entries, ">u2").tobytes())
    assert seen([0, 1, 2], VOILUTSequence=packed)[0] == [0, 128, 255]


def test_modality_lut_comes_before_the_window(seen):
    table = lut([1100, 1000, 900], first=10, bits=16)
    values, _ = seen([10, 11, 12], ModalityLUTSequence=table, **WINDOW)
    assert values == seen([1100, 1000, 900], **WINDOW)[0]


def test_lut_from_a_negative_first_value(seen):
    table = lut([0, 100, 255], first=65535)  # -1 in two's complement
    values, _ = seen([-1, 0, 1], dtype=np.int16, VOILUTSequence=table)
    assert values == [0, 100, 255]
