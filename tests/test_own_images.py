"""Images of one's own: what a .npz file may hold, what is refused, and that networks learn them."""
import numpy as np
import pytest

from spikelearn import SpikelearnError
from spikelearn.command import command_line as cli
from spikelearn.images.datasets import load
from spikelearn.images.encoding import pixels_and_labels
from spikelearn.results import load as load_result

N, CLASSES = 60, 3


def good():
    """60 images of 6 x 4 pixels in three classes, each with a row of its own white."""
    rng = np.random.default_rng(1)
    labels = np.arange(N) % CLASSES
    images = rng.integers(0, 60, (N, 6, 4), dtype=np.uint8)
    images[np.arange(N), 2 * labels] = 255
    return dict(images=images, labels=labels)


def written(path, **arrays):
    np.savez(path, **{**good(), **arrays})
    return str(path)


def own(path, **keywords):
    return load(path, own=True, **keywords)


def test_without_a_split_a_fifth_of_each_class_is_for_the_test(tmp_path):
    path = written(tmp_path / "mine.npz")
    data = own(path)
    parts = [data.train, data.validation, data.test()]
    assert [len(part.labels) for part in parts] == [40, 8, 12]
    assert (data.classes, data.pixels, data.scale) == (3, 24, 255) and data.name.startswith("mine.npz ")
    assert np.bincount(parts[2].labels).tolist() == [4, 4, 4]
    mine = good()
    pairs = sorted((int(label), image.tobytes()) for part in parts for image, label in zip(*part, strict=True))
    assert pairs == sorted((int(label), image.tobytes()) for image, label in
                           zip(mine["images"], mine["labels"], strict=True))
    again = own(path)
    assert np.array_equal(again.train.images, data.train.images) and again.name == data.name
    assert own(written(tmp_path / "mine.npz", labels=np.arange(N)[::-1] % 3)).name != data.name


def test_a_split_is_followed_and_validation_can_be_chosen(tmp_path):
    split = np.array(["train"] * 40 + ["test"] * 5 + ["validation"] * 15)
    path = written(tmp_path / "mine.npz", split=split)
    data = own(path)
    assert sorted(data.test().labels) == sorted(good()["labels"][40:45])
    assert sorted(map(bytes, data.validation.images)) == sorted(map(bytes, good()["images"][45:]))
    with pytest.raises(SpikelearnError, match="leave validation= out"):
        own(path, validation=3)
    path = written(tmp_path / "other.npz", split=np.where(split == "validation", "train", split).astype("S"))
    assert len(own(path).validation.labels) == 55 // 6 and len(own(path, validation=0).validation.labels) == 0
    data = own(path, validation=10)
    assert np.bincount(data.validation.labels).max() == 4 and len(data.train.labels) == 45
    assert data.name != own(path, validation=9).name
    for wrong in (28, -1, 2.5, True):
        with pytest.raises(SpikelearnError, match="validation must be a whole number from 0 to 27"):
            own(path, validation=wrong)


@pytest.mark.parametrize("split", [None, np.repeat(["test", "train"], [1, 2 * N - 1])], ids=["drawn", "test only"])
@pytest.mark.parametrize("validation", [None, 2, 25])
def test_of_images_sorted_by_class_each_class_has_its_share_for_validation(tmp_path, split, validation):
    """60 images of class 0, 40 of class 1, 20 of class 2, one class after the other; nothing twice, nothing lost."""
    labels = np.repeat([0, 1, 2], [60, 40, 20])
    images = np.arange(1, 2 * N + 1, dtype=np.uint8)[:, None, None] * np.ones((1, 2, 2), dtype=np.uint8)
    arrays = dict(images=images, labels=labels) | ({} if split is None else {"split": split})
    np.savez(tmp_path / "mine.npz", **arrays)
    data = own(str(tmp_path / "mine.npz"), validation=validation)
    left = np.concatenate([data.train.labels, data.validation.labels])
    held_out = len(data.validation.labels)
    assert held_out == (validation or len(left) // 6)
    assert np.abs(np.bincount(data.validation.labels, minlength=3) - held_out * np.bincount(left) / len(left)).max() < 1
    parts = [data.train, data.validation, data.test()]
    assert sorted(int(image[0, 0]) for part in parts for image in part.images) == list(range(1, 2 * N + 1))
    for part in parts:      # the first few of a part, which images=N and shown=N take, are of all classes
        assert np.array_equal(labels[part.images[:, 0, 0] - 1], part.labels)
        assert len(part.labels) < 25 or set(part.labels[:25]) == {0, 1, 2}
    assert all(labels[image[0, 0] - 1] == label for part in parts for image, label in zip(*part, strict=True))
    if validation is None:      # quick runs measure the first of them
        assert len(set(data.validation.labels[:held_out // 2])) > 1
    again = own(str(tmp_path / "mine.npz"), validation=validation)
    assert np.array_equal(again.validation.images, data.validation.images) and again.name == data.name


@pytest.mark.parametrize("images, scale", [
    (good()["images"] / 255, 1), ((good()["images"] / 255).astype(np.float32), 1), (good()["images"] > 100, 1),
    (good()["images"] // 16, 15), (good()["images"].astype(np.int64) * 4, 1020),
], ids=["fractions", "float32", "black and white", "four bits", "sixteen bits"])
def test_grey_values_of_every_kind_reach_from_black_to_white(tmp_path, images, scale):
    data = own(written(tmp_path / "mine.npz", images=images))
    x, labels = pixels_and_labels(data.train, data.scale)
    assert data.scale == scale and x.max() == 1 and x.min() >= 0 and x.shape == (40, 24)
    assert labels.dtype.kind == "i"


FLOATS = good()["images"] / 255
MISTAKES = {
    "colour": (dict(images=np.zeros((N, 6, 4, 3))), "without a channel of colour"),
    "rows": (dict(images=np.zeros((N, 24))), "must have the shape (n, height, width)"),
    "no images": (dict(images=np.zeros((0, 6, 4))), "must have the shape"),
    "no pixels": (dict(images=np.zeros((N, 0, 4))), "must have the shape"),
    "words": (dict(images=np.full((N, 6, 4), "a")), "must be numbers"),
    "complex": (dict(images=FLOATS * 1j), "must be numbers"),
    "nan": (dict(images=np.where(FLOATS > .9, np.nan, FLOATS)), "not a number or infinite"),
    "inf": (dict(images=np.where(FLOATS > .9, np.inf, FLOATS)), "not a number or infinite"),
    "negative": (dict(images=FLOATS - .5), "must not be below 0 (black), but hold -0.5"),
    "negative integers": (dict(images=good()["images"].astype(int) - 1), "must not be below 0"),
    "0 to 255 as floats": (dict(images=FLOATS * 255), "must lie from 0 (black) to 1 (white), but hold 255"),
    "black": (dict(images=np.zeros((N, 6, 4), dtype=np.uint8)), "all black"),
    "objects": (dict(images=np.array([None] * N)), "holds Python objects"),
    "too few labels": (dict(labels=np.arange(N - 1) % 3), "must have the shape (60,)"),
    "one-hot labels": (dict(labels=np.eye(3)[np.arange(N) % 3]), "must have the shape (60,)"),
    "half labels": (dict(labels=np.arange(N) / 2), "whole numbers from 0"),
    "nan labels": (dict(labels=np.full(N, np.nan)), "whole numbers from 0"),
    "word labels": (dict(labels=np.array(["cat"] * N)), "whole numbers from 0"),
    "negative labels": (dict(labels=np.arange(N) % 3 - 1), "whole numbers from 0, but hold -1"),
    "one class": (dict(labels=np.ones(N, dtype=int)), "2 classes or more, but all are 1"),
    "labels from 1": (dict(labels=np.arange(N) % 3 + 1), "no training image has the label 0"),
    "gap": (dict(labels=np.arange(N) % 3 * 2), "no training image has the label 1"),
    "enormous labels": (dict(labels=np.arange(N) * 1000), "must be below 1000"),
    "few of a class": (dict(labels=np.r_[2, np.arange(N - 1) % 2]), "class 2 has 1"),
    "short split": (dict(split=np.array(["train", "test"])), "must be (60,) words"),
    "split in numbers": (dict(split=np.zeros(N)), "must be (60,) words"),
    "unknown part": (dict(split=np.array(["train"] * 59 + ["tset"])), "did you mean 'test'?"),
    "no test": (dict(split=np.array(["train"] * N)), "leaves no image for test"),
    "no training": (dict(split=np.array(["test"] * N)), "leaves no image for train"),
    "class only in the test": (dict(split=np.where(good()["labels"] == 1, "test", "train")),
                               "no training image has the label 1"),
    "unknown array": (dict(lables=np.zeros(N)), "did you mean 'labels'?"),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_what_is_off_is_told_in_one_sentence(tmp_path, name):
    arrays, words = MISTAKES[name]
    with pytest.raises(SpikelearnError) as caught:
        own(written(tmp_path / "mine.npz", **arrays))
    said = str(caught.value)
    assert words in said and "mine.npz" in said and "\n" not in said and not said.endswith(".")
    assert said[0].islower() or said[0] == "'"


def test_a_file_that_is_none_is_told_in_one_sentence(tmp_path):
    path = tmp_path / "mine.npz"
    for content, words in ((None, "there is no file"), (b"", "cannot be read"), (b"PK\x03\x04 and no more", "damaged"),
                           (b"text", "damaged")):
        if content is not None:
            path.write_bytes(content)
        with pytest.raises(SpikelearnError, match=words):
            own(str(path))
    whole = tmp_path / "whole.npz"
    written(whole)
    path.write_bytes(whole.read_bytes()[:-40])
    with pytest.raises(SpikelearnError, match="damaged"):
        own(str(path))
    np.savez(path, pictures=np.zeros(3))
    with pytest.raises(SpikelearnError, match="holds no array 'images', but pictures"):
        own(str(path))
    with open(path, "wb") as file:
        np.save(file, np.zeros(3))
    with pytest.raises(SpikelearnError, match="is one array"):
        own(str(path))
    with pytest.raises(SpikelearnError, match="cannot be read"):
        (tmp_path / "folder.npz").mkdir()
        own(str(tmp_path / "folder.npz"))


def test_protocols_that_need_digits_do_not_take_them(tmp_path):
    with pytest.raises(SpikelearnError, match="no dataset"):
        load(written(tmp_path / "mine.npz"))


SMALL = ["hidden=4", "epochs=1", "free_steps=24", "nudged_steps=12"]


@pytest.mark.long
@pytest.mark.parametrize("protocol, more, headline", [
    ("learn_mnist", ["chunk=20", "final=true"], "test_error_percent"),
    pytest.param("learn_digits", ["seeds=1"], "validation_accuracy_percent", marks=pytest.mark.slow),
])
def test_networks_learn_images_of_any_size_and_number_of_classes(tmp_path, monkeypatch, capsys, protocol, more,
                                                                 headline):
    monkeypatch.chdir(tmp_path)
    written("mine.npz")
    settings = [word for setting in [*SMALL, *more, "dataset=mine.npz"] for word in ("--set", setting)]
    given = ["--synapse", "voltage_derivative_temporal", "--device", "numpy", "--out", "out"]
    assert cli.main(["run", protocol, *settings, *given]) == 0, capsys.readouterr().err
    result = load_result("out")
    assert 0 <= result.headline[headline] <= 100
    assert result.arrays["sizes"].tolist() == [24, 4, 3]
    shown = result.arrays["fields" if protocol == "learn_mnist" else "shown_images"]
    assert shown.shape[1:] == (6, 4)
    if protocol == "learn_mnist":
        assert result.arrays["confusion"].shape == (3, 3) and result.arrays["confusion"].sum() == 12
        assert result.provenance["dataset"].startswith("mine.npz ")
    np.savez("wide.npz", images=good()["images"].reshape(N, 2, 12)[..., :8], labels=good()["labels"])
    if protocol == "learn_mnist":       # 2 x 8 pixels are as many as 4 x 4
        for more in ("shift=1", "glances=5"):
            assert cli.main(["run", protocol, "--set", "dataset=wide.npz", "--set", more, "--out", "wide"]) == 2
            assert "only square images can be moved, not those of 2 x 8 pixels" in capsys.readouterr().err
        unscored = ["--set", "dataset=wide.npz", "--set", "validation=0", "--set", "glances=5"]
        assert cli.main(["run", protocol, *unscored, "--out", "wide"]) == 2
        assert "glances=5 is a way to score images" in capsys.readouterr().err
    np.savez("mine.npz", **{**good(), "labels": -good()["labels"]})
    assert cli.main(["run", protocol, *settings, "--out", "other"]) == 2
    err = capsys.readouterr().err.splitlines()
    assert "whole numbers from 0" in err[-1]
