"""Encoders: rate, regularity of the intervals (CV) and error of the mean, against closed forms."""
import numpy as np
import pytest
from brian2 import Hz, Quantity, ms
from hypothesis import given, settings
from hypothesis import strategies as st

from spikelearn import SpikelearnError
from spikelearn.images.encoding import fire_spikes, glances, moved, poisson_spikes, probabilities, rates, scaled


def interval_cv(train):
    """Standard deviation over mean of the intervals of one spike train."""
    intervals = np.diff(np.flatnonzero(train))
    return intervals.std() / intervals.mean()


def test_scaled_images_are_rows_from_0_to_1():
    images = np.array([[[0, 16], [8, 4]], [[1, 2], [3, 12]]], dtype=np.uint8)
    assert scaled(images, 16).tolist() == [[0, 1, 0.5, 0.25], [1 / 16, 0.125, 3 / 16, 0.75]]


def test_images_are_moved_in_every_direction_and_what_leaves_is_lost():
    x = np.zeros((900, 9))
    x[:, 4] = 1                                                     # a dot in the middle of 3 x 3
    once = moved(x, 1, np.random.default_rng(1))
    assert np.all(once.sum(axis=1) == 1)
    counts = once.sum(axis=0)                                       # 100 expected in each of the nine places
    assert np.all(np.abs(counts - 100) < 5 * np.sqrt(100 * 8 / 9))
    corner = np.zeros((900, 9))
    corner[:, 0] = 1
    assert 0 < moved(corner, 1, np.random.default_rng(2)).sum() < 900       # stays in 4 of 9 cases
    assert np.array_equal(moved(x, 0, np.random.default_rng(3)), x)
    ramp = np.arange(9.0)[None]
    assert {tuple(moved(ramp, 1, np.random.default_rng(s))[0]) for s in range(60)} >= {
        (4, 5, 0, 7, 8, 0, 0, 0, 0), (0, 0, 0, 0, 0, 1, 0, 3, 4)}


def test_glances_are_at_the_image_in_place_and_moved_by_a_pixel_to_each_side():
    x = np.zeros((2, 9))
    x[0, 4] = x[1, 0] = 1       # dots in the middle of 3 x 3 and in a corner
    for number, seen in ((1, {4}), (5, {4, 1, 3, 5, 7}), (9, set(range(9)))):
        found = glances(x, number)
        assert len(found) == number and np.array_equal(found[0], x)
        assert {int(np.argmax(one[0])) for one in found} == seen and all(one[0].sum() == 1 for one in found)
    assert sorted(int(np.flatnonzero(one[1])[0]) for one in found if one[1].any()) == [0, 1, 3, 4]
    for number in (0, 2, 10, True + 1):
        with pytest.raises(SpikelearnError, match="glances must be 1, 5 or 9"):
            glances(x, number)
    with pytest.raises(SpikelearnError, match="only square"):
        glances(np.zeros((2, 6)), 5)


@pytest.mark.parametrize("x, shift, said", [(np.zeros((2, 6)), 1, "only square"),
                                            (np.zeros((2, 9)), 3, "0 to 2 pixels")])
def test_images_that_cannot_be_moved_are_refused(x, shift, said):
    with pytest.raises(SpikelearnError, match=said):
        moved(x, shift, np.random.default_rng(1))


def test_rates_carry_their_unit_and_probabilities_none():
    x = np.array([[0, 0.25], [0.5, 1]])
    rate = rates(x, 200 * Hz)
    assert isinstance(rate, Quantity) and (rate / Hz).tolist() == [[0, 50], [100, 200]]
    p = probabilities(rate, 1 * ms)
    assert not isinstance(p, Quantity) and p == pytest.approx(0.2 * x)


@pytest.mark.parametrize("p", [0.02, 0.2, 0.5, 0.9])
def test_poisson_rate_and_cv(p):
    steps = 200_000
    train = poisson_spikes(p, steps, np.random.default_rng(1))
    assert train.shape == (steps,) and train.dtype == bool
    assert abs(train.mean() - p) < 5 * np.sqrt(p * (1 - p) / steps)
    # Geometric intervals. Five standard errors of a CV over n intervals, with the moments of the exponential
    # law as a bound: sd of the sample CV is at most 1 / sqrt(n).
    assert abs(interval_cv(train) - np.sqrt(1 - p)) < 5 / np.sqrt(train.sum())


def test_poisson_trains_are_independent():
    p, steps = np.array([0.3, 0.3, 0.6]), 100_000
    trains = poisson_spikes(p, steps, 2)
    correlations = np.corrcoef(trains.T)[np.triu_indices(3, 1)]
    assert np.all(np.abs(correlations) < 5 / np.sqrt(steps))
    serial = np.corrcoef(trains[:-1, 0], trains[1:, 0])[0, 1]
    assert abs(serial) < 5 / np.sqrt(steps)


def test_one_seed_one_train():
    p = np.full((2, 3), 0.4)
    first, second = (poisson_spikes(p, 50, seed) for seed in (3, 3))
    assert np.array_equal(first, second) and first.shape == (50, 2, 3)
    assert not np.array_equal(first, poisson_spikes(p, 50, 4))


def test_the_extremes_are_exact():
    p = np.array([0.0, 1.0])
    for spikes in (poisson_spikes(p, 100, 5), fire_spikes(p, 100)):
        assert spikes.sum(axis=0).tolist() == [0, 100]


def test_fire_by_hand():
    # phases after each step: .375 .75 1.125>.125 .5 .875 1.25>.25 .625 1.0>0
    assert fire_spikes(0.375, 8).tolist() == [False, False, True, False, False, True, False, True]
    # from phase .5: .875 1.25>.25 .625 1.0>0 .375 .75 1.125>.125 .5
    assert fire_spikes(0.375, 8, phase=0.5).tolist() == [False, True, False, True, False, False, True, False]


@pytest.mark.parametrize("p", [1.0, 0.5, 0.25, 0.0625])
def test_fire_is_perfectly_regular_where_1_over_p_is_whole(p):
    train = fire_spikes(p, 1600)
    assert train.sum() == 1600 * p
    assert interval_cv(train) == 0


@pytest.mark.parametrize("p", [0.3, 0.07, 0.4321, 0.011])
def test_fire_intervals_take_the_two_whole_numbers_about_1_over_p(p):
    train = fire_spikes(p, 100_000)
    intervals = np.diff(np.flatnonzero(train))
    assert set(intervals) == {np.floor(1 / p), np.ceil(1 / p)}
    fraction = 1 / p % 1  # of intervals that are the longer ones, so that their mean is 1 / p
    # the closed form holds for endless trains: over n intervals the fraction is right to 1 / n
    assert interval_cv(train) == pytest.approx(p * np.sqrt(fraction * (1 - fraction)), abs=2 / len(intervals))
    assert interval_cv(train) < p / 2 + 2 / len(intervals)  # Poisson's would be sqrt(1 - p)


@settings(max_examples=100, deadline=None)
@given(p=st.floats(0, 1), phase=st.floats(0, 0.999), steps=st.integers(1, 300))
def test_fire_mean_is_right_to_one_spike_in_the_whole_train(p, phase, steps):
    count = fire_spikes(p, steps, phase).sum(axis=0)
    # count = phase + p steps - (phase at the end), and both phases lie in [0, 1); 1e-9 for rounding
    assert -1 - 1e-9 < count - p * steps < 1 + 1e-9


def test_error_of_the_mean_falls_as_1_over_t_against_1_over_root_t():
    p = np.random.default_rng(6).uniform(0.05, 0.95, 2000)
    lengths = np.array([25, 100, 400, 1600])
    poisson = [np.abs(poisson_spikes(p, t, 7).mean(axis=0) - p).mean() for t in lengths]
    fire = [np.abs(fire_spikes(p, t).mean(axis=0) - p).mean() for t in lengths]
    slope = [np.polyfit(np.log(lengths), np.log(error), 1)[0] for error in (poisson, fire)]
    assert slope == pytest.approx([-0.5, -1], abs=0.03)
    # started at phase 0, the phase at the end is uniform: it averages 1/2 spike
    assert fire == pytest.approx(0.5 / lengths, rel=0.05)


def test_fire_leaves_the_given_phase_alone():
    phase = np.array([0.25, 0.5])
    fire_spikes(np.array([0.3, 0.3]), 10, phase)
    assert phase.tolist() == [0.25, 0.5]


@pytest.mark.parametrize("encode", [
    lambda p: poisson_spikes(p, 10, 0), lambda p: fire_spikes(p, 10), lambda p: rates(p, 10 * Hz)])
@pytest.mark.parametrize("p", [-0.1, 1.1, np.nan, [0.5, np.nan]])
def test_what_is_no_probability_is_refused(encode, p):
    with pytest.raises(SpikelearnError, match="from 0 to 1"):
        encode(p)


@pytest.mark.parametrize("mistake, message", [
    (lambda: rates(0.5, 10), "rate such as 100"),
    (lambda: rates(0.5, 10 * ms), "rate such as 100"),
    (lambda: rates(0.5, -10 * Hz), "zero or more"),
    (lambda: probabilities(10 * Hz, 0.001), "dt a time such as 1"),
    (lambda: probabilities(2000 * Hz, 1 * ms), "from 0 to 1"),
    (lambda: scaled(np.full((1, 2, 2), 17), 16), "from 0 to 1"),
    (lambda: scaled(np.zeros((2, 2)), 16), "height, width"),
    (lambda: scaled(np.zeros((1, 2, 2)), 0), "scale"),
    (lambda: poisson_spikes(0.5, 0, 0), "at least 1"),
    (lambda: fire_spikes(0.5, 2.5), "at least 1"),
    (lambda: fire_spikes([0.5, 0.5], 5, phase=[0.1]), "shape"),
    (lambda: fire_spikes(0.5, 5, phase=1.0), "below 1"),
    (lambda: fire_spikes(0.5, 5, phase=np.nan), "below 1"),
])
def test_mistakes_are_refused_in_one_sentence(mistake, message):
    with pytest.raises(SpikelearnError, match=message) as caught:
        mistake()
    assert "\n" not in str(caught.value) and not str(caught.value).endswith(".")
