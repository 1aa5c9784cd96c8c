import dataclasses

import numpy as np
import pytest
from brian2 import Hz, Quantity, ms, mV, second

from spikelearn.errors import SpikelearnError
from spikelearn.simulation.spike_tables import NEVER, spike_table
from spikelearn.stdp.spike_times import LEAD_IN, Pairing, duration, motifs, pairs
from spikelearn.stdp.trains import bursts, poisson, trains


def in_ms(times):
    return list(np.asarray(times / ms).round(9))


def test_lead_in_is_the_time_of_the_first_spike():
    for pairing in (pairs(10 * ms, 2, 1 * Hz), pairs(-10 * ms, 2, 1 * Hz), bursts(-30 * ms, 2, 50 * Hz),
                    motifs([-39.5, 39.5] * ms, [-44.5, 44.5] * ms, 2)):
        first = min(float(pairing.pre[0]), float(pairing.post[0]))
        assert first == float(LEAD_IN) == 0.1


def test_pre_before_post_pairs():
    pairing = pairs(10 * ms, 3, 20 * Hz, label="x")
    assert in_ms(pairing.pre) == [100, 150, 200]
    assert in_ms(pairing.post) == [110, 160, 210]
    assert pairing.label == "x"


def test_post_before_pre_pairs():
    pairing = pairs(-10 * ms, 3, 20 * Hz)
    assert in_ms(pairing.pre) == [110, 160, 210]
    assert in_ms(pairing.post) == [100, 150, 200]


def test_coincident_pairs():
    pairing = pairs(0 * ms, 2, 20 * Hz, lead_in=0 * ms)
    assert in_ms(pairing.pre) == in_ms(pairing.post) == [0, 50]


def test_whole_milliseconds_are_exact():
    """On the 1 ms grid a time is the float nearest to k/1000, without the noise of sums."""
    pairing = motifs([-39.5, 39.5] * ms, [-44.5, 44.5] * ms, 60, 1 * Hz)
    k = np.add.outer(1000 * np.arange(60), [105, 184]).ravel()
    assert np.array_equal(np.asarray(pairing.pre), k / 1000)
    assert in_ms(pairing.post[:2]) == [100, 189]
    for rate in (0.1, 10, 20, 40, 50):
        times = np.asarray(pairs(-10 * ms, 60, rate * Hz).pre)
        assert np.array_equal(times, np.round(times * 1000) / 1000)


def test_rate_off_the_grid_keeps_delta_t():
    pairing = pairs(5 * ms, 60, 30 * Hz)
    assert np.allclose(np.asarray(pairing.post - pairing.pre), 0.005, rtol=0, atol=1e-12)
    assert float(pairing.pre[3]) == 0.2 and float(pairing.pre[59]) == pytest.approx(0.1 + 59 / 30, abs=1e-9)


def test_triplet_motif():
    pairing = motifs([0] * ms, [-5, 15] * ms, 2, 1 * Hz)
    assert in_ms(pairing.pre) == [105, 1105]
    assert in_ms(pairing.post) == [100, 120, 1100, 1120]


def test_trains():
    pairing = trains(-10 * ms, 3, 50 * Hz, 2, 10 * second)
    assert in_ms(pairing.post) == [100, 120, 140, 10100, 10120, 10140]
    assert in_ms(pairing.pre) == [110, 130, 150, 10110, 10130, 10150]


def test_one_train_is_pairs():
    train, paired = trains(10 * ms, 5, 40 * Hz, 1, 10 * second), pairs(10 * ms, 5, 40 * Hz)
    assert np.array_equal(train.pre, paired.pre) and np.array_equal(train.post, paired.post)


def test_burst_delta_t_is_to_the_first_action_potential():
    pairing = bursts(-30 * ms, 3, 50 * Hz, 2, 0.1 * Hz)
    assert in_ms(pairing.pre) == [130, 10130]
    assert in_ms(pairing.post) == [100, 120, 140, 10100, 10120, 10140]


def test_controls_have_one_side_only():
    pre_only, post_only = motifs([0] * ms, [] * ms, 2), motifs([] * ms, [0, 20] * ms, 2)
    assert in_ms(pre_only.pre) == [100, 1100] and len(pre_only.post) == 0
    assert in_ms(post_only.post) == [100, 120, 1100, 1120] and len(post_only.pre) == 0


def test_pairing_is_frozen():
    given = np.array([1.0, 2.0]) * ms
    pairing = Pairing(given, given)
    with pytest.raises(dataclasses.FrozenInstanceError):
        pairing.label = "other"
    with pytest.raises(ValueError):
        pairing.pre[0] = 5 * ms
    given[0] = 0.5 * ms
    assert in_ms(pairing.pre) == [1, 2]
    assert isinstance(pairing.pre, Quantity) and pairing.pre.dtype == np.float64


@pytest.mark.parametrize("make, word", [
    (lambda: pairs(10 * ms, 0), "n must"),
    (lambda: pairs(10 * ms, -3), "n must"),
    (lambda: pairs(10 * ms, 2.5), "n must"),
    (lambda: pairs(10 * ms, np.nan), "n must"),
    (lambda: pairs(10 * ms, True), "n must"),
    (lambda: pairs(10 * ms, "many"), "n must"),
    (lambda: pairs(10 * ms, 5, -1 * Hz), "rate"),
    (lambda: pairs(10 * ms, 5, 0 * Hz), "rate"),
    (lambda: pairs(10 * ms, 5, np.inf * Hz), "rate"),
    (lambda: pairs(10 * ms, 5, 10), "rate"),
    (lambda: pairs(10 * ms, 5, 10 * ms), "rate"),
    (lambda: pairs(10, 5), "delta_t"),
    (lambda: pairs(10 * mV, 5), "delta_t"),
    (lambda: pairs("10*ms", 5), "delta_t"),
    (lambda: pairs(np.nan * ms, 5), "delta_t"),
    (lambda: pairs([10, 20] * ms, 5), "delta_t"),
    (lambda: pairs(10 * ms, 5, lead_in=-1 * ms), "lead_in"),
    (lambda: pairs(10 * ms, 5, 100 * Hz), "overlap"),
    (lambda: pairs(-30 * ms, 5, 50 * Hz), "overlap"),
    (lambda: motifs([0] * ms, [0, 25] * ms, 2, 40 * Hz), "overlap"),
    (lambda: motifs([] * ms, [] * ms), "at least one"),
    (lambda: motifs([5, 0] * ms, [1] * ms), "increasing"),
    (lambda: motifs([0, 0] * ms, [1] * ms), "increasing"),
    (lambda: motifs([0, np.nan] * ms, [1] * ms), "finite"),
    (lambda: motifs([0], [1] * ms), "time"),
    (lambda: motifs(0 * ms, [1] * ms), "list"),
    (lambda: trains(10 * ms, 5, 100 * Hz, 2, 10 * second), "overlap"),
    (lambda: trains(10 * ms, 5, 0.1 * Hz, 2, 10 * second), "overlap"),
    (lambda: trains(10 * ms, 0, 10 * Hz, 2, 10 * second), "spikes"),
    (lambda: trains(10 * ms, 5, 10 * Hz, 2, -10 * second), "interval"),
    (lambda: bursts(10 * ms, 0, 50 * Hz), "n_ap"),
    (lambda: bursts(10 * ms, 3, 0 * Hz), "burst_rate"),
    (lambda: poisson(-1 * Hz, 1 * Hz, 1 * second, np.random.default_rng(1)), "rate_pre"),
    (lambda: poisson(1 * Hz, 1, 1 * second, np.random.default_rng(1)), "rate_post"),
    (lambda: poisson(1 * Hz, 1 * Hz, 0 * second, np.random.default_rng(1)), "duration"),
    (lambda: poisson(2000 * Hz, 1 * Hz, 1 * second, np.random.default_rng(1), dt=1 * ms), "dt"),
    (lambda: Pairing([-1, 2] * ms, [1] * ms), "negative"),
    (lambda: Pairing([1, 2] * mV, [1] * ms), "time"),
    (lambda: Pairing([1] * ms, [1e9] * second), "post spike times must not be later than 1,000,000 s"),
    (lambda: Pairing([1.1e6] * second, [1] * ms), "pre spike times must not be later"),
    (lambda: Pairing([1] * ms, [1] * ms, third=[2e9] * second), "third spike times must not be later"),
    (lambda: Pairing([1] * ms, [1] * ms, read_after=1e9 * second), "read_after must be a time"),
    (lambda: pairs(10 * ms, 1000, 1e-4 * Hz), "must not be later"),
    (lambda: duration([]), "pairing"),
    (lambda: duration(pairs(10 * ms), tail=5), "tail"),
    (lambda: spike_table([[1, 2]]), "time"),
])
def test_nonsense_is_refused_in_one_sentence(make, word):
    with pytest.raises(SpikelearnError) as refusal:
        make()
    assert word in str(refusal.value) and "\n" not in str(refusal.value)


def test_wide_motif_is_fine_when_it_is_not_repeated():
    assert in_ms(pairs(500 * ms, 1, 50 * Hz).post) == [600]


@pytest.mark.parametrize("dt", [None, 1 * ms])
def test_poisson_rate_and_irregularity(dt):
    """20,000 and 4,000 spikes expected, counts within 4 sd; CV of the intervals 1, sqrt(1 - p) on a grid."""
    pairing = poisson(100 * Hz, 20 * Hz, 200 * second, np.random.default_rng(7), dt=dt)
    for times, rate in ((pairing.pre, 100), (pairing.post, 20)):
        expected, p = rate * 200, 0 if dt is None else rate * 1e-3
        assert abs(len(times) - expected) < 4 * np.sqrt(expected)
        isi = np.diff(np.asarray(times))
        assert isi.std() / isi.mean() == pytest.approx(np.sqrt(1 - p), abs=4 / np.sqrt(expected))
        assert 0.1 <= float(times[0]) and float(times[-1]) <= 200.1


def test_poisson_on_a_grid_stays_on_it():
    times = np.asarray(poisson(300 * Hz, 0 * Hz, 2 * second, np.random.default_rng(3), dt=1 * ms).pre)
    assert np.array_equal(times, np.round(times * 1000) / 1000)
    assert np.diff(times).min() > 0.0009


def test_poisson_seed_and_silence():
    one, two, other = (poisson(50 * Hz, 0 * Hz, 1 * second, np.random.default_rng(s)) for s in (1, 1, 2))
    assert np.array_equal(one.pre, two.pre) and not np.array_equal(one.pre, other.pre)
    assert len(one.post) == 0


def test_poisson_trains_are_independent():
    """Coincidences on the grid: 20,000 steps, p = 0.1 * 0.05, 100 expected, sd 10."""
    pairing = poisson(100 * Hz, 50 * Hz, 20 * second, np.random.default_rng(11), dt=1 * ms)
    assert abs(len(set(in_ms(pairing.pre)) & set(in_ms(pairing.post))) - 100) < 40


def test_duration():
    one, longer = pairs(10 * ms, 2, 1 * Hz), pairs(-10 * ms, 3, 1 * Hz)
    assert float(duration(one, tail=50 * ms)) == pytest.approx(1.16)
    assert float(duration([one, longer], tail=50 * ms)) == pytest.approx(2.16)
    assert float(duration(pairs(0.4 * ms, 1), tail=0 * ms)) == pytest.approx(0.101)
    assert float(duration(one)) == pytest.approx(1.61)
    assert float(duration(Pairing([] * ms, [] * ms), tail=10 * ms)) == pytest.approx(0.01)


def test_spike_table():
    table = spike_table([[1, 3] * ms, [] * ms, [2] * ms])
    assert table.dtype == np.float64
    assert np.array_equal(table, [[0.001, NEVER, 0.002], [0.003, NEVER, NEVER], [NEVER, NEVER, NEVER]])
    assert NEVER == 1e9
    assert spike_table([]).shape == (1, 0) and spike_table([[] * ms]).shape == (1, 1)
