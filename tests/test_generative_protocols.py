"""The protocols of the generative model on small data sets, with numbers worked out apart from them."""
import json

import numpy as np
import pytest
from brian2 import Hz, ms
from matplotlib.figure import Figure
from spikelearn.protocols import generate_levers, generate_mnist, inpaint, likelihood_ascent, spike_noise

from spikelearn import SpikelearnError
from spikelearn.command import command_line as cli
from spikelearn.generative.inference import by_target_propagation
from spikelearn.generative.model import feedforward, log_joint, top_down
from spikelearn.generative.recipe import Recipe, gaussian_view
from spikelearn.images.datasets import Dataset, Examples
from spikelearn.likelihood import parzen

SIDE = 4
SMALL = dict(hidden=(12, 6), epochs=2, batch=20)


def bars(n, seed):
    """Images of SIDE x SIDE pixels, one row or column bright: 0 or 255."""
    rng = np.random.default_rng(seed)
    images = np.zeros((n, SIDE, SIDE), np.uint8)
    for image in images:
        line = rng.integers(SIDE)
        image[(slice(None), line) if rng.random() < .5 else line] = 255
    return Examples(images, np.zeros(n, np.uint8))


@pytest.fixture
def few(monkeypatch, tmp_path):
    """A small data set for each protocol and a cache of its own; returns how often the test part was read."""
    readings = []

    def load(name, data_dir=None, validation=None, own=False):
        return Dataset(name, 255, bars(200, 1), bars(6000, 2), lambda: readings.append(name) or bars(40, 3))

    for protocol in (generate_levers, generate_mnist, likelihood_ascent, inpaint, spike_noise):
        monkeypatch.setattr(protocol, "load", load)
    monkeypatch.setenv("SPIKELEARN_CACHE", str(tmp_path / "cache"))
    return readings


def drawn(protocol, result):
    figure = Figure(figsize=protocol.FIGURE_SIZE)
    protocol.plot(result, figure)
    return [axes for part in figure.subfigs or [figure] for axes in part.get_axes()]


def test_generate(few):
    """Keys, means over seeds, and the Parzen number of a way again from the images of the result."""
    result = generate_mnist.run(**SMALL, runs=2, samples=50, shown=30, centres=5)
    a, h = result.arrays, result.headline
    assert not few and {"log_likelihood_joint_chain", "log_likelihood_training_images", "sigma"} <= set(h)
    for way in ("top_down", "backprop", "backprop_chain"):
        assert h[f"log_likelihood_{way}"] == pytest.approx(a[f"log_likelihoods_{way}"].mean())
    two = a["log_likelihoods_generate"]
    assert h["log_likelihood"] == pytest.approx(two.mean())
    assert h["log_likelihood_se"] == pytest.approx(abs(two[0] - two[1]) / 2)
    assert h["generate_minus_top_down"] == pytest.approx(h["log_likelihood"] - h["log_likelihood_top_down"])
    x = bars(6000, 2).images.reshape(-1, 16) / 255
    again = parzen(x[3000:3030], a["images_generate"].reshape(-1, 16), validation=x[:30])
    assert a["log_likelihoods_generate"][0] == pytest.approx(again.log_likelihood)
    assert a["images_k_means"].shape == (5, SIDE, SIDE) and a["curve_cosine_1"].shape == (2, 2)
    assert len(drawn(generate_mnist, result)) == 3


@pytest.mark.long
def test_levers_are_changed_one_at_a_time(few):
    small = dict(recipe={**SMALL, "epochs": 10, "batch": 5, "decoder_rate": .03}, samples=50, shown=30)
    result = generate_levers.run(levers=("rounds", "pixel_noise", "loss", "upwards"), **small)
    a, h = result.arrays, result.headline
    assert a["lever"].tolist() == ["as in generate_mnist", *["rounds"] * 4, *["pixel_noise"] * 2, "loss", "upwards",
                                   "together"] and not few
    assert a["value"].tolist()[1:5] == ["0", "1", "6", "12"] and a["value"][7] == "bernoulli"
    assert h["log_likelihood"] == a["nats"][0]
    assert len(set(np.delete(a["nats"][:9], 4))) == 8       # 12 rounds may end where 6 do, to the last bit
    found = a["nats"][a["lever"] == "rounds"].max()
    assert ("best_rounds" in h) == (found > h["log_likelihood"]) and h["best_lever_alone"] >= found
    again = generate_levers.run(levers=("rounds",), together=False, **small).arrays
    assert again["nats"].tolist() == a["nats"][:5].tolist() and "together" not in again["lever"]
    assert len(drawn(generate_levers, result)) == 1
    with pytest.raises(SpikelearnError, match="levers has no 'round'; did you mean 'rounds'"):
        generate_levers.run(levers=("round",), **small)


def test_images_are_drawn_as_by_generate_and_with_the_noise_that_is_left_over():
    x = bars(60, 2).images.reshape(-1, 16).astype(np.float32) / 255
    model, rng = Recipe(**SMALL).start(x, 1), np.random.default_rng(1)
    top, plain = feedforward(model, x)[-1], dict(rounds=2, steps=4, delta=.1, alpha=.3, upwards=0)
    spread = generate_levers.left_over(model, x)
    h1 = feedforward(model, x)[1]
    assert spread[0] == pytest.approx((x - model.g[0](h1)).std(axis=0)) and [len(one) for one in spread] == [16, 12]
    none = [0 * one for one in spread]
    images = generate_levers.generated(model, top, none, rng, **plain)
    expected = top_down(model, top)
    for _ in range(2):
        expected = model.g[0](by_target_propagation(model, expected, steps=4, alpha=.3)[1])
    assert np.array_equal(images, expected)
    assert not np.array_equal(images, generate_levers.generated(model, top, none, rng, **plain | dict(upwards=1)))
    noise = np.array([generate_levers.generated(model, top, [spread[0], none[1]], rng, **plain | dict(rounds=0))
                      for _ in range(400)]) - top_down(model, top)
    assert noise.std(axis=(0, 1)) == pytest.approx(spread[0], rel=.05) and abs(noise.mean()) < .01


def test_generate_goes_on_from_the_cache(few):
    settings = dict(**SMALL, runs=1, samples=20, shown=10, centres=4)
    first, again = (generate_mnist.run(**settings) for _ in range(2))
    assert np.array_equal(first.arrays["first_weights_f1"], again.arrays["first_weights_f1"])
    assert first.headline == again.headline         # the seconds of training too: they come out of the cache


def test_the_centres_of_two_clouds():
    rng = np.random.default_rng(1)
    clouds = np.concatenate([rng.normal(.2, .01, (300, 3)), rng.normal(.8, .01, (300, 3))]).astype(np.float32)
    found = generate_mnist.k_means(clouds, 2, seed=1)
    assert np.sort(found[:, 0]) == pytest.approx(np.array([.2, .8]), abs=.01)


def test_fashion_reads_the_other_images(few, tmp_path, capsys):
    words = ["hidden=6,4", "epochs=1", "runs=1", "samples=20", "final=true"]
    command = ["run", "generate_fashion", *(part for word in words for part in ("--set", word)), "--quick", "--json"]
    assert cli.main([*command, "--out", str(tmp_path / "r")]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert few == ["fashion_mnist"] and printed["test_set_was_read"] and "log_likelihood" in printed
    assert (tmp_path / "r" / "figure.png").is_file()


def test_ascent(few):
    """The curve's ends again from the model in the cache, with Gaussian conditionals."""
    result = likelihood_ascent.run(**SMALL, shown=1500)
    a, h = result.arrays, result.headline
    assert a["log_p_targets"].shape == (21, 1500) and not few
    x = (bars(200, 1).images.reshape(-1, 16) / 255).astype(np.float32)
    valid = (bars(6000, 2).images.reshape(-1, 16) / 255).astype(np.float32)
    model = Recipe().changed(SMALL).trained(x, valid, dataset="mnist", seed=1, name=None).model
    start = log_joint(gaussian_view(model), feedforward(model, valid[:1500]))
    assert h["log_p_before"] == pytest.approx(start.mean(), rel=1e-6)
    gain = a["log_p_targets"][-1] - a["log_p_targets"][0]
    assert h["share_of_digits_that_rise"] == (gain > 0).sum() / 1500
    assert h["log_p_after"] - h["log_p_before"] == pytest.approx(gain.mean(), abs=1e-6)
    assert (np.diff(a["log_p_gradient"].mean(axis=1)) > 0).all()
    assert len(drawn(likelihood_ascent, result)) == 3


def test_inpaint(few):
    """Known pixels stay; the error of the mean image by hand: 1/4 of the pixels are bright."""
    result = inpaint.run(masks=("pixels", "left"), **SMALL, shown=300, rounds=3)
    a, h = result.arrays, result.headline
    assert np.array_equal(a["filled_left"][:, :, 2:], a["originals"][:, :, 2:])
    mean, whole = (bars(200, 1).images / 255).mean(axis=0), bars(6000, 2).images[:300] / 255
    assert h["mse_mean_image_left"] == pytest.approx(((whole - mean)[:, :, :2] ** 2).mean(), rel=1e-5)
    assert h["mse_ratio_left"] == pytest.approx(h["mse_left"] / h["mse_mean_image_left"])
    assert 0 < h["mse_nearest_left"] < h["mse_mean_image_left"]
    assert a["hidden_pixels"].sum(axis=(1, 2)).tolist() == [8] * 12
    assert len(a["error_pixels"]) == 4 and a["error_pixels"][0] > h["mse_pixels"]
    assert len(drawn(inpaint, result)) == 4


def test_the_nearest_images_in_the_known_pixels():
    """By hand: known are the first two pixels; nearest to (0, 0) are the first two images, to (1, 1) the last two."""
    training = np.array([[0, 0, .2], [.1, 0, .4], [1, 1, .9], [1, .9, .7]], np.float32)
    whole, known = np.array([[0, 0, 9], [1, 1, 9]], np.float32), np.array([[True, True, False]] * 2)
    assert inpaint.of_nearest(whole, known, training, count=2)[:, 2] == pytest.approx([.3, .8])


@pytest.mark.long
def test_spike_noise(few):
    """More spikes, better reconstruction of what is learnt; spikes of each window by hand."""
    result = spike_noise.run(windows=(10, 1000) * ms, r_max=50 * Hz, hidden=(20, 8), epochs=10, images=200, batch=10,
                             samples=50, shown=100)
    a, h = result.arrays, result.headline
    assert a["spikes"].tolist() == [.5, 50] and not few
    assert h["mse_1000_ms"] < h["mse_10_ms"] and {"log_likelihood_10_ms", "mse_algorithm_2"} <= set(h)
    assert a["reconstructed_1000_ms"].shape == (8, SIDE, SIDE)
    assert len(drawn(spike_noise, result)) == 4


def test_without_noise_the_way_up_and_down_is_the_reconstruction(few):
    from spikelearn.generative.model import new_model
    from spikelearn.generative.sampling import reconstructed
    from spikelearn.images.masks import none

    model, x = new_model((16, 5, 4, 3)), bars(9, 4).images.reshape(9, 16).astype(np.float32) / 255
    assert spike_noise.through_noise(model, x, [none] * 4, None) == pytest.approx(reconstructed(model, x))
