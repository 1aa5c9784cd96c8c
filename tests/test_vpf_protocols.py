"""The vpf protocols on small data sets, with numbers worked out apart from them."""
import json

import numpy as np
import pytest
from brian2 import ms
from matplotlib.figure import Figure
from spikelearn.protocols import vpf_features, vpf_generate, vpf_reconstruct, vpf_stdp

from spikelearn import SpikelearnError
from spikelearn.boltzmann.machine import Machine
from spikelearn.command import command_line as cli
from spikelearn.images.datasets import Dataset, Examples
from spikelearn.results.files import load as load_result

SIDE = 4


def bars(n, seed):
    """Images of SIDE x SIDE pixels, half of the columns or rows bright: 0 or 255."""
    rng = np.random.default_rng(seed)
    images = np.zeros((n, SIDE, SIDE), np.uint8)
    for image in images:
        lines = rng.permutation(SIDE)[:SIDE // 2]
        image[(slice(None), lines) if rng.random() < .5 else lines] = 255
    return Examples(images, np.zeros(n, np.uint8))


@pytest.fixture
def few(monkeypatch):
    """A small data set for each protocol; returns how often its test part was read."""
    readings = []

    def load(name, data_dir=None, validation=None, own=False):
        return Dataset(name, 255, bars(300, 1), bars(60, 2), lambda: readings.append(name) or bars(40, 3))

    for protocol in (vpf_features, vpf_generate, vpf_reconstruct):
        monkeypatch.setattr(protocol, "load", load)
    return readings


def drawn(protocol, result):
    figure = Figure(figsize=protocol.FIGURE_SIZE)
    protocol.plot(result, figure)
    return [axes for part in figure.subfigs or [figure] for axes in part.axes]


def test_features(few):
    result = vpf_features.run(sizes=(6, 9), epochs=3, runs=2, seed=2)
    a, h = result.arrays, result.headline
    for n in (6, 9):
        assert a[f"filters_{n}"].shape == (n, SIDE, SIDE) and len(a[f"objective_{n}"]) == 3
        w = a[f"filters_{n}"].astype(float)
        assert a[f"sparsity_{n}"][-1] == pytest.approx((w ** 2).sum() ** 2 / (w.size * (w ** 4).sum()), rel=1e-6)
        assert a[f"squared_weight_{n}"][-1] == pytest.approx((w ** 2).mean(), rel=1e-6)
        x = bars(300, 1).images.reshape(300, -1) / 255
        on = 1 / (1 + np.exp(-(x @ w.reshape(n, -1).T + a[f"biases_hidden_{n}"])))
        assert a[f"means_mean_activation_{n}"][0] == pytest.approx(on.mean(), rel=1e-4)
        assert a[f"means_share_below_0.2_{n}"][0] == np.mean(on.mean(axis=0) < .2)
        for name in ("mean_activation", "objective", "sparsity_last_over_first"):
            both = a[f"means_{name}_{n}"]
            assert h[f"{name}_{n}"] == pytest.approx(both.mean()) and both[0] != both[1]
            assert h[f"sd_{name}_{n}"] == pytest.approx(abs(np.diff(both)[0]) / np.sqrt(2))
        assert a[f"sparsity_{n}"][0] == pytest.approx(1 / 3, abs=.1)         # of a Gaussian
        assert a[f"means_sparsity_last_over_first_{n}"][0] == a[f"sparsity_{n}"][-1] / a[f"sparsity_{n}"][0]
    assert len(drawn(vpf_features, result)) == 6 and not few


def test_sparsity_of_known_weights():
    alike = Machine((np.zeros(2), np.zeros(3)), (np.full((2, 3), -.4),))
    assert vpf_features.weight_measures(alike) == pytest.approx({"sparsity": 1, "squared_weight": .16})
    one = Machine((np.zeros(2), np.zeros(3)), (np.array([[0, 0, 3], [0, 0, 0]]),))
    assert vpf_features.weight_measures(one) == pytest.approx({"sparsity": 1 / 6, "squared_weight": 1.5})


def test_reconstruct(few):
    """The error of each image again, with hidden pixels and machines taken from the result."""
    result = vpf_reconstruct.run(methods=("vpf", "pcd1"), corruptions=("top", "pixels"), hidden=8, epochs=6, runs=2,
                                 shown=50, batch=20)
    a, h = result.arrays, result.headline
    assert a["errors"].shape == (2, 2, 2) and not few
    assert h["error_pcd1_top"] == pytest.approx(a["errors"][1, 0].mean())
    assert h["sd_vpf_pixels"] == pytest.approx(abs(np.diff(a["errors"][0, 1])[0]) / np.sqrt(2))
    images = bars(60, 2).images[:10] / 255
    assert np.array_equal(a["originals"], images)
    assert a["mean_errors"].shape == (2, 2, 2) and h["mean_error_vpf_top"] < h["error_vpf_top"]
    assert h["columns_where_vpf_beats_pcd1"] == (a["errors"][0].mean(axis=1) < a["errors"][1].mean(axis=1)).sum()
    assert set(np.unique(a["examples"][:, 1:])) == {0, 1}       # the last samples are shown
    assert (a["examples"][0, 0, :, :SIDE // 2] == .5).all()
    for corrupted, *found in a["examples"]:
        known = corrupted != .5
        assert all(np.array_equal(one[known], images[known]) for one in found)
    assert len(drawn(vpf_reconstruct, result)) == 3


def test_fields_of_the_recipe_belong_to_vpf_but_for_those_of_all_methods():
    found = vpf_reconstruct.recipes_of(("vpf", "pcd1"), None, (.1, .2), dict(batch=7, rate=.5, homeostasis=0.))
    assert [found[method].batch for method in ("vpf", "pcd1")] == [7, 7]
    assert found["vpf"].rate == .5 and found["pcd1"].rate != .5 and found["vpf"].homeostasis == 0
    assert [found[method].weight_decay for method in ("vpf", "pcd1")] == [.1, .2]
    with pytest.raises(SpikelearnError, match="rate is for vpf, which is not among the methods cd1"):
        vpf_reconstruct.recipes_of(("cd1",), None, None, dict(rate=.5))


@pytest.mark.long
def test_a_machine_that_has_learnt_fills_in_better_than_chance(few):
    """Coins would be wrong in 4 of 8 pixels on average, an error near 2; upright bars are known by their half."""
    h = vpf_reconstruct.run(methods=("vpf",), corruptions=("top",), hidden=12, epochs=400, runs=1, batch=20).headline
    assert h["error_vpf_top"] < 1


def test_reconstruct_reads_the_test_images_when_asked(few, tmp_path, capsys):
    out = tmp_path / "r"
    words = ["methods=cd1", "corruptions=left", "hidden=3", "epochs=1", "runs=1", "final=true"]
    command = ["run", "vpf_reconstruct", *(part for word in words for part in ("--set", word)), "--json"]
    assert cli.main([*command, "--out", str(out)]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert few == ["mnist"] and printed["test_set_was_read"] and printed["images"] == 40
    assert {"error_cd1_left", "sd_cd1_left"} <= set(printed)
    assert (tmp_path / "r.cd1-1.checkpoint.npz").is_file() and (out / "figure.png").is_file()
    assert load_result(out).headline["error_cd1_left"] == printed["error_cd1_left"]
    assert cli.main([*command[:2], "--set", "methods=backprop", "--out", str(tmp_path / "s")]) == 2
    assert "there is no learning rule 'backprop'" in capsys.readouterr().err


def test_generate(few):
    """Keys, order of the split, and the Parzen number again by a naive loop over the saved images."""
    result = vpf_generate.run(hidden=(6, 5), epochs=2, runs=2, samples=20, shown=30, batch=50, top_steps=8)
    a, h = result.arrays, result.headline
    kinds = ["p_plain", "r_plain", "p_lateral", "r_lateral", "p_equal", "r_equal"]
    assert list(a["kinds"]) == kinds and not few
    for key in kinds:
        assert h[f"log_likelihood_{key}"] == pytest.approx(a[f"log_likelihoods_{key}"].mean())
        assert a[f"images_{key}"].shape == (20, SIDE, SIDE)
    assert h["log_likelihood"] == pytest.approx(h["log_likelihood_p_lateral"])
    x = bars(60, 2).images.reshape(60, -1)[30:] / 255
    for key, value, sigma in [("images_r_plain", a["log_likelihoods_r_plain"][0], a["sigmas_r_plain"][0]),
                              ("training_examples", h["log_likelihood_training_images"], h["sigma_training_images"])]:
        centres = a[key].reshape(20, -1).astype(float)
        density = np.exp(-((x[:, None] - centres) ** 2).sum(axis=2) / (2 * sigma ** 2)).mean(axis=1)
        density /= (2 * np.pi * sigma ** 2) ** (SIDE ** 2 / 2)
        assert value == pytest.approx(np.log(density).mean(), abs=1e-5)
    training = bars(300, 1).images.reshape(300, -1) / 255
    distances = np.linalg.norm(a["images_r_plain"].reshape(20, 1, -1) - training, axis=2)
    assert a["distances_r_plain"][0] == pytest.approx(distances.min(axis=1).mean(), abs=1e-4)
    assert np.abs(a["nearest_r_plain"].reshape(20, -1) - training[distances.argmin(axis=1)]).max() < 1e-6
    assert list(a["marks"]) == [5, 8] and a["early_r_plain"].shape == (2, 2)
    assert (a["best_r_plain"] == a["log_likelihoods_r_plain"])[a["best_steps_r_plain"] == 8].all()
    assert h["lateral_minus_plain_equal_redraws"] == pytest.approx(
        h["log_likelihood_p_lateral"] - h["log_likelihood_p_equal"])
    assert h["p_minus_r_plain"] == pytest.approx(h["log_likelihood_p_plain"] - h["log_likelihood_r_plain"])
    assert h["rarest_class_percent_p_plain"] == h["most_frequent_class_percent_p_plain"] == 100     # one class only
    assert h["published_gan"] == 225 and "annealed" not in h
    assert len(drawn(vpf_generate, result)) == 3


def test_generate_by_a_restricted_machine(few):
    """Its likelihood is annealed both ways; with one draw for each minibatch, walk-back and homeostasis."""
    result = vpf_generate.run(hidden=20, lateral=False, epochs=2, runs=2, samples=20, shown=30, top_steps=8)
    a, h = result.arrays, result.headline
    assert list(a["kinds"]) == ["p_plain", "r_plain"] and h["log_likelihood"] == h["log_likelihood_p_plain"]
    assert h["annealed"] <= min(h["annealed_forward"], h["annealed_backward"]) + 1e-9
    # 16 independent fair pixels have 16 log 2 nats; the machine has hardly learnt
    assert -14 < h["annealed"] < -8 and h["log_partition_se"] < .1


def test_generate_takes_fields_of_the_recipe_and_refuses_earlier_ones(few, tmp_path, capsys):
    command = ["run", "vpf_generate", *(part for word in ("hidden=4", "epochs=1", "runs=1", "samples=20", "shown=10",
                                                          "lateral=false", "top_steps=2")
                                        for part in ("--set", word))]
    assert cli.main([*command, "--set", "walk_back=0", "--set", "redraw=2", "--out", str(tmp_path / "a")]) == 0
    capsys.readouterr()
    assert cli.main([*command, "--set", "rounds=10", "--out", str(tmp_path / "b")]) == 2
    err = capsys.readouterr().err
    assert "rounds" in err and err.count("\n") == 1
    assert cli.main([*command, "--set", "walk_back=.5", "--resume", str(tmp_path / "a"), "--out",
                     str(tmp_path / "c")]) == 2
    assert "was made with" in capsys.readouterr().err


def test_generate_of_one_kind_on_clothes(few):
    result = vpf_generate.run(hidden=4, lateral=False, epochs=1, runs=1, samples=20, shown=10, dataset="fashion_mnist",
                              final=True)
    assert few == ["fashion_mnist"] and "published_gan" not in result.headline
    assert result.headline["log_likelihood"] == result.headline["log_likelihood_p_plain"]
    drawn(vpf_generate, result)


@pytest.mark.long
def test_stdp_readings_follow_their_closed_forms():
    result = vpf_stdp.run(delta_t=np.array([-20, -3, 4, 30]) * ms, trials=100, device="numpy", quick=True)
    h, a = result.headline, result.arrays
    for name, accepted in vpf_stdp.ACCEPTED.items():
        assert accepted.met(h[name]), name
    # by hand, in units of A_plus: the chance that post falls first is 16.8 / 50.5
    law = [-np.exp(-20 / 33.7), -np.exp(-3 / 33.7), (50.5 / 16.8 - 1) * np.exp(-4 / 16.8),
           (50.5 / 16.8 - 1) * np.exp(-30 / 16.8)]
    assert a["closed_form_spikes"] == pytest.approx(np.array(law) * 16.8 / 50.5 / 120)
    up = np.exp(-np.array([4, 30]) / 16.8) / 120
    assert a["closed_form_rate"][2:] == pytest.approx(a["closed_form_spikes"][2:] + up * (33.7 / np.array([5, 31]) - 1))
    assert h["tau_plus_ms_spikes"] == pytest.approx(16.8) and h["tau_minus_ms_spikes"] == pytest.approx(33.7)
    assert len(drawn(vpf_stdp, result)) == 2
    with pytest.raises(SpikelearnError, match="closed forms of"):
        vpf_stdp.run("synapses/stdp_pair")
