"""Readers and cache on files made here; the real files only where SPIKELEARN_DATA names them."""
import gzip
import hashlib
import os
import struct

import numpy as np
import pytest

from spikelearn import SpikelearnError
from spikelearn.images import idx_files
from spikelearn.images.datasets import load
from spikelearn.images.idx_files import read_idx

IMAGES, LABELS = "train-images-idx3-ubyte", "train-labels-idx1-ubyte"
TEST_IMAGES, TEST_LABELS = "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"
TINY_SHAPES = {IMAGES: (6, 2, 3), LABELS: (6,), TEST_IMAGES: (4, 2, 3), TEST_LABELS: (4,)}

needs_data = pytest.mark.skipif(
    not os.environ.get("SPIKELEARN_DATA"),
    reason="SPIKELEARN_DATA names no folder with the MNIST and Fashion-MNIST files")


def idx(array):
    """The idx file of an array of bytes, written from the format's description."""
    return bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes()


@pytest.fixture
def tiny(monkeypatch):
    """Six training and four test "images" of 2 x 3 pixels in place of MNIST: a dict of idx files."""
    files = {file: idx(np.arange(np.prod(shape), dtype=np.uint8).reshape(shape))
             for file, shape in TINY_SHAPES.items()}
    sums = {file: hashlib.sha256(content).hexdigest() for file, content in files.items()}
    monkeypatch.setattr(idx_files, "SHAPES", TINY_SHAPES)
    monkeypatch.setattr(idx_files, "SHA256", {"mnist": sums, "fashion_mnist": sums})
    monkeypatch.delenv("SPIKELEARN_DATA", raising=False)
    return files


def write(folder, files, packed):
    folder.mkdir(parents=True, exist_ok=True)
    for file, content in files.items():
        (folder / f"{file}.gz" if packed else folder / file).write_bytes(
            gzip.compress(content) if packed else content)


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setattr(idx_files, "cache_folder", lambda: tmp_path / "cache")
    return tmp_path / "cache"


def files_in(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def one_sentence(caught):
    message = str(caught.value)
    assert "\n" not in message and not message.endswith(".")
    return message


def test_digits_are_split_by_class_and_never_overlap():
    from sklearn.datasets import load_digits

    data = load("digits")
    test = data.test()
    parts = (data.train, data.validation, test)
    assert [len(part.labels) for part in parts] == [1200, 237, 360]
    assert [part.images.shape for part in parts] == [(1200, 8, 8), (237, 8, 8), (360, 8, 8)]
    assert all(part.images.dtype == part.labels.dtype == np.uint8 for part in parts)
    assert data.scale == 16 and max(part.images.max() for part in parts) == 16
    assert (data.classes, data.pixels) == (10, 64)
    # together they are scikit-learn's digits, each with its own label
    ours = sorted((label, image.tobytes()) for part in parts for image, label in zip(*part, strict=True))
    source = load_digits()
    theirs = sorted((label, image.tobytes()) for image, label in
                    zip(source.images.astype(np.uint8), source.target, strict=True))
    assert ours == theirs
    # stratified: each digit's share of the test set is 360/1797 of its number, to the next whole image
    share = np.bincount(source.target) * 360 / 1797
    assert np.all(np.abs(np.bincount(test.labels) - share) < 1)


def test_digits_split_is_fixed():
    first, second = load("digits"), load("digits", validation=0)
    assert np.array_equal(first.test().images, second.test().images)
    assert np.array_equal(np.concatenate([first.train.images, first.validation.images]), second.train.images)
    assert len(second.validation.labels) == 0


@pytest.mark.parametrize("packed", [True, False])
@pytest.mark.parametrize("subfolder", ["mnist", "."])
def test_a_folder_is_read(tiny, tmp_path, packed, subfolder):
    write(tmp_path / subfolder, tiny, packed)
    data = load("mnist", data_dir=tmp_path, validation=2)
    assert np.array_equal(data.train.images, np.arange(24).reshape(4, 2, 3))
    assert np.array_equal(data.validation.images, np.arange(24, 36).reshape(2, 2, 3))
    assert list(data.train.labels) == [0, 1, 2, 3] and list(data.validation.labels) == [4, 5]
    images, labels = data.test()
    assert np.array_equal(images, np.arange(24).reshape(4, 2, 3)) and list(labels) == [0, 1, 2, 3]
    assert (data.name, data.scale, data.pixels) == ("mnist", 255, 6)


def test_the_environment_names_the_folder_and_data_dir_goes_first(tiny, tmp_path, monkeypatch):
    write(tmp_path / "here" / "mnist", tiny, True)
    monkeypatch.setenv("SPIKELEARN_DATA", str(tmp_path / "here"))
    assert len(load("mnist", validation=1).train.labels) == 5
    with pytest.raises(SpikelearnError, match="elsewhere does not exist"):
        load("mnist", data_dir=tmp_path / "elsewhere", validation=1)


def test_the_test_set_is_decoded_only_when_asked_for(tiny, tmp_path):
    tiny[TEST_IMAGES] = b"no idx file"
    write(tmp_path, tiny, False)
    data = load("mnist", data_dir=tmp_path, validation=1)
    with pytest.raises(SpikelearnError, match="not an idx file of images"):
        data.test()


def test_a_missing_test_set_is_met_before_the_training(tiny, tmp_path):
    del tiny[TEST_LABELS]
    write(tmp_path, tiny, True)
    with pytest.raises(SpikelearnError, match=f"holds no {TEST_LABELS}") as caught:
        load("mnist", data_dir=tmp_path)
    one_sentence(caught)


def test_records_cannot_be_changed(tiny, tmp_path):
    write(tmp_path, tiny, True)
    for data in (load("mnist", data_dir=tmp_path, validation=1), load("digits")):
        with pytest.raises(AttributeError):
            data.scale = 1
        for part in (data.train, data.validation, data.test()):
            for array in part:
                with pytest.raises(ValueError):
                    array[...] = 0


GOOD = idx(np.arange(12, dtype=np.uint8).reshape(2, 2, 3))
DAMAGED = {
    "empty": (b"", "truncated: it ends within its header"),
    "within the header": (GOOD[:10], "truncated: it ends within its header"),
    "within the data": (GOOD[:-1], "truncated: it holds 11 of 12 bytes"),
    "too long": (GOOD + b"\0", "too long: it holds more than 12 bytes"),
    "labels for images": (idx(np.arange(12, dtype=np.uint8)), "not an idx file of images.* 08 01.* 08 03"),
    "a web page": (b"<html>login</html>", "not an idx file of images"),
    "wrong count": (idx(np.zeros((3, 2, 3), dtype=np.uint8)), "wrong count: 3 x 2 x 3 where 2 x 2 x 3"),
    "wrong size": (idx(np.zeros((2, 3, 2), dtype=np.uint8)), "wrong count: 2 x 3 x 2 where 2 x 2 x 3"),
    "other content": (GOOD[:-1] + b"\0", "SHA-256"),
    "truncated gzip": (gzip.compress(GOOD)[:-9], "truncated: its gzip stream ends"),
    "corrupt gzip": (gzip.compress(GOOD)[:-8] + b"\0" * 8, "damaged: its gzip stream is corrupt"),
    "corrupt deflate": (gzip.compress(GOOD)[:10] + b"\xff" * 20, "damaged: its gzip stream is corrupt"),
    "other gzipped content": (gzip.compress(GOOD[:-1] + b"\0"), "SHA-256"),
}


@pytest.mark.parametrize("packed", [True, False])
def test_a_good_file_is_read_whatever_its_name(tmp_path, packed):
    path = tmp_path / "file.gz"
    path.write_bytes(gzip.compress(GOOD) if packed else GOOD)
    array = read_idx(path, (2, 2, 3), hashlib.sha256(GOOD).hexdigest())
    assert array.dtype == np.uint8 and np.array_equal(array, np.arange(12).reshape(2, 2, 3))


@pytest.mark.parametrize("damage", DAMAGED)
def test_a_damaged_file_is_refused(tmp_path, damage):
    content, message = DAMAGED[damage]
    path = tmp_path / "file"
    path.write_bytes(content)
    with pytest.raises(SpikelearnError, match=message) as caught:
        read_idx(path, (2, 2, 3), hashlib.sha256(GOOD).hexdigest())
    assert str(path) in one_sentence(caught)


def test_an_unreadable_file_is_refused(tmp_path):
    with pytest.raises(SpikelearnError, match="cannot be read") as caught:
        read_idx(tmp_path, (2,))
    one_sentence(caught)


def test_an_unknown_name_is_answered_with_the_known_ones():
    with pytest.raises(SpikelearnError, match="'cifar'.*digits, fashion_mnist, mnist") as caught:
        load("cifar")
    one_sentence(caught)


@pytest.mark.parametrize("validation", [-1, 719, 1437, 0.5, True, "10"])
def test_a_senseless_validation_part_is_refused(validation):
    with pytest.raises(SpikelearnError, match="from 0 to 718"):
        load("digits", validation=validation)


def test_downloads_once_and_silently(tiny, cache, monkeypatch, capfd):
    asked = []

    def download(url, path):
        asked.append(url)
        path.write_bytes(gzip.compress(tiny[path.name.removesuffix(".gz")]))

    monkeypatch.setattr(idx_files, "download", download)
    for _ in range(2):
        data = load("mnist", validation=1)
        assert len(data.train.labels) == 5 and len(data.test().labels) == 4
    assert asked == [f"{idx_files.MIRRORS['mnist'][0]}{file}.gz" for file in TINY_SHAPES]
    assert files_in(cache) == sorted(f"mnist/{file}.gz" for file in TINY_SHAPES)
    assert [path.name for path in (cache / "mnist").iterdir() if path.is_dir()] == []
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("name", ["mnist", "fashion_mnist"])
def test_the_second_mirror_answers_for_the_first(tiny, cache, monkeypatch, name):
    def download(url, path):
        if url.startswith(idx_files.MIRRORS[name][0]):
            path.write_bytes(b"<html>moved</html>")
        else:
            path.write_bytes(gzip.compress(tiny[path.name.removesuffix(".gz")]))

    monkeypatch.setattr(idx_files, "download", download)
    assert list(load(name, validation=1).validation.labels) == [5]
    assert files_in(cache) == sorted(f"{name}/{file}.gz" for file in TINY_SHAPES)


def no_network(url, path):
    raise ConnectionError(f"no route to {url}")


def broken_off(url, path):
    path.write_bytes(gzip.compress(GOOD)[:-4])
    raise ConnectionResetError("in the middle")


def other_content(url, path):
    path.write_bytes(gzip.compress(idx(np.full((6, 2, 3), 7, dtype=np.uint8))))


@pytest.mark.parametrize("download, reason", [
    (no_network, "ConnectionError"), (broken_off, "ConnectionResetError"), (other_content, "wrong content")])
def test_a_failed_download_leaves_nothing_behind(tiny, cache, monkeypatch, download, reason):
    monkeypatch.setattr(idx_files, "download", download)
    with pytest.raises(SpikelearnError, match=f"mnist is not on this .*{reason}.*--data-dir") as caught:
        load("mnist")
    one_sentence(caught)
    assert [path.name for path in cache.rglob("*")] == ["mnist"]


def test_an_interrupted_download_leaves_nothing_behind(tiny, cache, monkeypatch):
    def interrupted(url, path):
        path.write_bytes(b"half")
        raise KeyboardInterrupt

    monkeypatch.setattr(idx_files, "download", interrupted)
    with pytest.raises(KeyboardInterrupt):
        load("mnist")
    assert [path.name for path in cache.rglob("*")] == ["mnist"]


def test_requests_errors_are_caught(tiny, cache, monkeypatch):
    # port 9 of this machine (discard) is closed: a real refusal, with no network needed
    monkeypatch.setattr(idx_files, "MIRRORS", {"mnist": ("http://127.0.0.1:9/",)})
    with pytest.raises(SpikelearnError, match="127.0.0.1:9: ConnectionError"):
        load("mnist")
    assert files_in(cache) == []


def test_a_file_damaged_in_the_cache_is_refused_with_the_remedy(tiny, cache, monkeypatch):
    write(cache / "mnist", tiny, True)
    whole = (cache / "mnist" / f"{LABELS}.gz").read_bytes()
    (cache / "mnist" / f"{LABELS}.gz").write_bytes(whole[:-5])
    with pytest.raises(SpikelearnError, match=f"{LABELS}.gz is truncated.*; delete it") as caught:
        load("mnist")
    one_sentence(caught)


def test_a_cache_that_cannot_be_written_is_named(tiny, cache, monkeypatch):
    cache.write_text("a file where the folder should be")
    with pytest.raises(SpikelearnError, match="cache folder .* cannot be written") as caught:
        load("mnist")
    one_sentence(caught)


@needs_data
@pytest.mark.parametrize("name, first_labels", [
    ("mnist", [5, 0, 4, 1, 9, 2, 1, 3, 1, 4]),           # LeCun et al.'s first ten training labels
    ("fashion_mnist", [9, 0, 0, 3, 0, 2, 7, 2, 5, 5]),   # Xiao et al.'s: boot, T-shirt, T-shirt, dress, ...
])
def test_the_real_files(name, first_labels):
    data = load(name)
    test = data.test()
    assert data.train.images.shape == (50_000, 28, 28)
    assert data.validation.images.shape == (10_000, 28, 28) and test.images.shape == (10_000, 28, 28)
    assert list(data.train.labels[:10]) == first_labels
    assert data.train.images.min() == 0 and data.train.images.max() == data.scale == 255
    assert set(test.labels) == set(range(10))


@needs_data
def test_fashion_files_under_the_name_mnist_are_refused():
    folder = os.path.join(os.environ["SPIKELEARN_DATA"], "fashion_mnist")
    if not os.path.isdir(folder):
        pytest.skip("SPIKELEARN_DATA has no subfolder fashion_mnist")
    with pytest.raises(SpikelearnError, match="SHA-256"):
        load("mnist", data_dir=folder)
