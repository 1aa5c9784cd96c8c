import dataclasses

import numpy as np
import pytest
from brian2 import Hz, ms

from spikelearn.errors import SpikelearnError
from spikelearn.stdp.experiments import experiment, null_score, score, table
from spikelearn.stdp.shipped import shipped_experiments
from spikelearn.stdp.spike_times import duration
from spikelearn.stdp.trains import bursts

TABLES = {"pfister_gerstner2006_parameters": 8, "bi_wang2002_fit": 2}
EXPERIMENTS = tuple(shipped_experiments())
PAIRS = ("sjostrom_frequency", "sjostrom_trains", "markram_frequency", "bi_poo_window")


def pair_of(pairing):
    return len(pairing.pre), len(pairing.post)


def gaps_ms(times):
    return np.diff(np.asarray(times / ms)).round(6)


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_rows_and_pairings_are_aligned(name):
    it = experiment(name)
    n = len(it.pairings)
    assert it.name == name and it.citation and "\n" not in it.protocol
    assert it.mean.shape == it.sem.shape == it.scored.shape == (n,) and np.all(it.sem[it.scored] > 0)
    assert np.isfinite(it.mean).all() and (it.scored.any() or "not checked" in it.comments["note"])
    assert all(len(column) == n for column in it.columns.values())
    assert len({pairing.label for pairing in it.pairings}) == n


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_experiments_are_frozen(name):
    it = experiment(name)
    with pytest.raises(dataclasses.FrozenInstanceError):
        it.name = "mine"
    with pytest.raises(TypeError):
        it.columns["mine"] = it.mean
    for array in (it.mean, it.sem):
        with pytest.raises(ValueError):
            array[0] = 1


@pytest.mark.parametrize("name", PAIRS)
def test_sign_and_size_of_delta_t(name):
    """Pairs: every delta_t of the table is t_post - t_pre of the spike times."""
    it = experiment(name)
    for pairing, delta_t in zip(it.pairings, it.columns["delta_t_ms"], strict=True):
        assert np.allclose(np.asarray((pairing.post - pairing.pre) / ms), delta_t, rtol=0, atol=1e-6)


def test_sjostrom_continuous():
    for pairing, rho in zip(*map_of("sjostrom_frequency", "repeat_hz"), strict=True):
        assert pair_of(pairing) == (60, 60)
        assert np.allclose(gaps_ms(pairing.pre), 1000 / rho)


def test_sjostrom_trains():
    """15 trains of 5, 10 s from onset to onset; 50 single pairs each 10 s at 0.1 Hz."""
    for pairing, rho in zip(*map_of("sjostrom_trains", "repeat_hz"), strict=True):
        if rho == 0.1:
            assert pair_of(pairing) == (50, 50) and np.all(gaps_ms(pairing.pre) == 10000)
        else:
            onsets = np.asarray(pairing.pre / ms).reshape(15, 5)
            assert np.allclose(np.diff(onsets, axis=1), 1000 / rho)
            assert np.allclose(np.diff(onsets[:, 0]), 10000)


def test_markram_trains():
    for pairing, rho in zip(*map_of("markram_frequency", "repeat_hz"), strict=True):
        onsets = np.asarray(pairing.pre / ms).reshape(10, 5)
        assert np.allclose(np.diff(onsets, axis=1), 1000 / rho) and np.allclose(np.diff(onsets[:, 0]), 4000)


def test_hippocampal_motifs():
    """The label's intervals against the spike times; quadruplets: |T| between the centres of 5 ms pairs."""
    it = experiment("wang_hippocampus")
    for pairing, motif in zip(it.pairings, it.columns["motif"], strict=True):
        pre, post = (np.asarray(t / ms).reshape(60, -1) for t in (pairing.pre, pairing.post))
        assert np.allclose(np.diff(pre, axis=0), 1000) and np.allclose(np.diff(post, axis=0), 1000)
        pre, post = pre[0], post[0]
        label = pairing.label
        if motif == "pair":
            assert post[0] - pre[0] == pytest.approx(float(label))
        elif motif == "quadruplet":
            T = float(label.split("=")[1])
            assert post - pre == pytest.approx([-5, 5] if T > 0 else [5, -5])
            assert np.diff((pre + post) / 2) == pytest.approx(abs(T))
        else:
            assert {"pre-post-pre": (2, 1), "post-pre-post": (1, 2)}[motif] == (len(pre), len(post))
            assert post - pre == pytest.approx([float(word) for word in label.strip("()").split(",")])
    grid = np.concatenate([np.concatenate([p.pre, p.post]) for p in it.pairings]) * 1000
    assert np.allclose(grid, grid.round(), rtol=0, atol=1e-6)


def test_bursts_and_their_controls():
    it = experiment("nevian_bursts")
    assert list(it.control) == [True, True] + [False] * 14
    assert [pair_of(p) for p in it.pairings[:2]] == [(60, 0), (0, 180)]
    assert it.mean[0] == pytest.approx(-0.03) and it.mean[10] == pytest.approx(1.01)
    for k, pairing in enumerate(it.pairings):
        if not it.control[k]:
            pre, post = np.asarray(pairing.pre / ms), np.asarray(pairing.post / ms).reshape(60, -1)
            assert post.shape[1] == it.columns["n_ap"][k]
            assert np.allclose(post[:, 0] - pre, it.columns["first_ms"][k])
            assert np.allclose(np.abs(post - pre[:, None]).min(axis=1), abs(it.columns["nearest_ms"][k]))
            assert np.allclose(np.diff(pre), 10000)
    row, by_hand = it.pairings[5], bursts(-30 * ms, 2, 50 * Hz)
    assert np.array_equal(row.post, by_hand.post) and np.array_equal(row.pre, by_hand.pre)


def test_null_scores():
    """Worked out once from the tables of Pfister & Gerstner (2006), apart from this code."""
    assert f"{null(experiment('wang_hippocampus')):.3g}" == "20.4"
    assert f"{null(experiment('sjostrom_frequency')):.2g}" == "9.2"
    assert null(experiment("sjostrom_frequency")) == null(experiment("sjostrom_trains"))


def test_score_by_hand():
    assert score([1.0, 0.0], [0.8, 0.3], [0.1, 0.1]) == pytest.approx((4 + 9) / 2)
    assert score([0.8, 0.3], [0.8, 0.3], [0.1, 0.1]) == 0
    assert null_score([0.2, -0.3], [0.1, 0.1]) == pytest.approx((4 + 9) / 2)


@pytest.mark.parametrize("wrong", [
    lambda: score([1.0], [1.0, 2.0], [0.1, 0.1]),
    lambda: score([1.0], [1.0], [0.0]),
    lambda: score([1.0], [1.0], [np.nan]),
    lambda: score([], [], []),
])
def test_score_refuses(wrong):
    with pytest.raises(SpikelearnError):
        wrong()


def test_unknown_names():
    with pytest.raises(SpikelearnError, match="sjostrom_trains"):
        experiment("sjostrom_train")
    with pytest.raises(SpikelearnError, match="bi_wang2002_fit"):
        table("bi_wang")


@pytest.mark.parametrize("name", TABLES)
def test_tables(name):
    columns = table(name)
    assert {len(column) for column in columns.values()} == {TABLES[name]}


def test_window_bins_hold_their_middle():
    data = experiment("bi_poo_window").columns
    middle = (data["from_ms"] + data["to_ms"]) / 2
    assert np.all(np.abs(middle - data["delta_t_ms"]) <= 0.5)
    assert np.all(data["to_ms"][:-1] <= data["from_ms"][1:])


def test_published_fit():
    data = table("bi_wang2002_fit")
    assert list(data["side"]) == ["ltp", "ltd"]
    assert list(data["amplitude"]) == [0.777, -0.273] and list(data["tau_ms"]) == [16.8, 33.7]


def test_minimal_models_leave_out_two_terms():
    data = table("pfister_gerstner2006_parameters")
    minimal = data["model"] == "minimal"
    assert minimal.sum() == 4
    assert np.all(data["A3_minus"][minimal] == 0) and np.all(np.isnan(data["tau_x_ms"][minimal]))
    assert np.all(data["A2_plus"][minimal & (data["dataset"] == "visual_cortex")] == 0)
    assert np.all(data["tau_plus_ms"] == 16.8) and np.all(data["tau_minus_ms"] == 33.7)


def test_length_of_a_run():
    """60 pairs at 0.1 Hz: the last begins 590 s after the lead-in."""
    assert float(duration(experiment("sjostrom_frequency").pairings, tail=0 * ms)) == pytest.approx(590.11)


def map_of(name, column):
    it = experiment(name)
    return it.pairings, it.columns[column]


def null(it):
    return null_score(it.mean, it.sem)
