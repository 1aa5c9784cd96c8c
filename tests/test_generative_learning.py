"""Learning, corruption and drawing of the deep generative model, against naive loops and closed forms."""
import numpy as np
import pytest
from brian2 import Hz, ms
from test_generative import linear_model, literal_inference, random_model, random_states, slope

from spikelearn import SpikelearnError
from spikelearn.generative import train as generative_training
from spikelearn.generative.denoising import backpropagated_gradients, generated_by_chain
from spikelearn.generative.inference import by_target_propagation
from spikelearn.generative.model import Prior, feedforward, new_model, top_down
from spikelearn.generative.sampling import (
    filled_in,
    generated,
    generated_by_joint_chain,
    generated_top_down,
    joint_step,
    reconstructed,
)
from spikelearn.generative.train import local_gradients, prior_of, train, train_cached
from spikelearn.images.masks import bernoulli_mean, gaussian, none, spike_counts

# --- learning ----------------------------------------------------------------------------------------------------

def test_every_entry_of_the_gradients_by_finite_differences():
    model = random_model((5, 4, 3), noise=("gaussian", "gaussian", "bernoulli"), scale=.6)
    states, corrupted = random_states(model, 6), random_states(model, 6, seed=9)
    _, gradients = local_gradients(model, states, corrupted)
    assert set(gradients) == set(model.arrays())

    def loss():
        up = sum(f.log_probability(states[k + 1], corrupted[k]).mean() for k, f in enumerate(model.f))
        return -up - sum(g.log_probability(states[k], corrupted[k + 1]).mean() for k, g in enumerate(model.g))

    for name, array in model.arrays().items():
        assert gradients[name] == pytest.approx(slope(loss, array), abs=1e-7)


@pytest.mark.parametrize("way, k", [(way, k) for way in "fg" for k in (1, 2, 3)])
def test_a_layer_learns_from_its_own_and_its_neighbours_activity_alone(way, k):
    """All that is not the layer, its input and its target is spoilt: the update is the same to the last bit."""
    model = random_model((6, 5, 4, 3))
    states, corrupted = random_states(model, 7), random_states(model, 7, seed=2)
    names = [f"weights_{way}{k}", f"biases_{way}{k}"]
    _, before = local_gradients(model, states, corrupted)
    arrays = {name: a if name in names else np.full_like(a, np.nan) for name, a in model.arrays().items()}
    source, target = (k - 1, k) if way == "f" else (k, k - 1)
    spoilt = [h if layer == target else np.full_like(h, np.nan) for layer, h in enumerate(states)]
    unread = [h if layer == source else np.full_like(h, np.nan) for layer, h in enumerate(corrupted)]
    _, after = local_gradients(model.with_arrays(arrays), spoilt, unread)
    for name in names:
        assert np.array_equal(before[name], after[name])
    states[target] = states[target] + .1
    assert not np.array_equal(local_gradients(model, states, corrupted)[1][names[0]], before[names[0]])


@pytest.mark.parametrize("k", [1, 2, 3])
def test_a_layer_infers_from_its_own_and_its_neighbours_activity_alone(k):
    """One step of layer k by itself, worked out with f_k, g_k and g_{k+1} only, as the whole network gives it."""
    model = random_model((6, 5, 4, 3), scale=.5)
    x = random_states(model, 4)[0]
    path = []
    by_target_propagation(model, x, steps=1, alpha=.2, watch=lambda states: path.append([h.copy() for h in states]))
    (old, new), f, g = path, model.f[k - 1], model.g[k - 1]
    alone = old[k] + .1 * (f(old[k - 1]) - f(g(old[k])))
    if k < 3:
        alone += .2 * (model.g[k](new[k + 1]) - old[k])
    assert new[k] == pytest.approx(alone, rel=1e-12)


def test_back_propagation_by_finite_differences():
    model = random_model((5, 4, 3), noise=("bernoulli", "gaussian", "gaussian"), scale=.8)
    (x, *_), (noisy, *_) = random_states(model, 6), random_states(model, 6, seed=3)
    error, gradients = backpropagated_gradients(model, [x], [noisy])

    def loss():
        return -model.g[0].log_probability(x, model.g[1](feedforward(model, noisy)[-1])).mean()

    for name, array in model.arrays().items():
        assert gradients[name] == pytest.approx(slope(loss, array), abs=1e-7)
    assert error == pytest.approx(((reconstructed(model, noisy) - x) ** 2).sum() / 6)


def patterns(n, seed=1):
    """Images of 4 x 4 pixels with one bright row or column, 8 kinds, single precision."""
    rng = np.random.default_rng(seed)
    kinds = [np.eye(4)[row][:, None] * np.ones(4) for row in range(4)]
    kinds = np.array([kind.ravel() for kind in [*kinds, *(kind.T for kind in kinds)]])
    return (.1 + .8 * kinds[rng.integers(0, 8, n)]).astype(np.float32)


SETTINGS = dict(epochs=3, batch=20, rates=(1e-3, 3e-3))
NOISES = [gaussian(.1), gaussian(.1), bernoulli_mean(3)]


def test_training_learns_to_reconstruct_patterns():
    x = patterns(400)
    start = new_model((16, 30, 12), mean=x.mean(axis=0))
    first = start.arrays()["weights_f1"].copy()
    trained = train(start, x, NOISES, epochs=30, batch=20, rates=(1e-3, 5e-3),
                    watch=lambda model: {"mse": ((model.g[0](model.f[0](x)) - x) ** 2).mean()})
    assert np.array_equal(first, start.arrays()["weights_f1"])
    assert trained.curve["mse"][-1] < .2 * x.var(axis=0).mean()
    assert len(trained.curve["error"]) == 30 and trained.model.dtype == np.float32


def test_killed_and_resumed_gives_the_same_weights(tmp_path):
    x, start = patterns(100), new_model((16, 8, 5))
    whole = train(start, x, NOISES, **SETTINGS)
    file = tmp_path / "kept.npz"

    def die(model):
        if file.is_file():
            raise KeyboardInterrupt
        return {}

    with pytest.raises(KeyboardInterrupt):
        train(start, x, NOISES, checkpoint=file, watch=die, **SETTINGS)
    resumed = train(start, x, NOISES, checkpoint=file, resume=file, **SETTINGS)
    for name, array in whole.model.arrays().items():
        assert np.array_equal(array, resumed.model.arrays()[name]), name
    assert np.array_equal(whole.curve["error"], resumed.curve["error"])
    with pytest.raises(SpikelearnError, match="rates"):
        train(start, x, NOISES, resume=file, **{**SETTINGS, "rates": (1., 1.)})


def test_a_trained_model_is_found_again_in_the_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("SPIKELEARN_CACHE", str(tmp_path))
    x, start, batches = patterns(100), new_model((16, 8, 5)), []

    def counted(model, x):
        batches.append(len(x))
        return by_target_propagation(model, x)

    first = train_cached(start, x, NOISES, name=None, about={"noise": .1}, infer=counted, **SETTINGS)
    again = train_cached(start, x, NOISES, name=None, about={"noise": .1}, infer=counted, **SETTINGS)
    assert len(batches) == 15 and np.array_equal(first.model.f[0].weights, again.model.f[0].weights)
    other = train_cached(start, x, NOISES, name=None, about={"noise": .2}, infer=counted, **SETTINGS)
    assert len(batches) == 30 and np.array_equal(first.model.f[0].weights, other.model.f[0].weights)
    assert len(list((tmp_path / "generative").glob("*.npz"))) == 2


def test_training_that_is_refused():
    x, start = patterns(20), new_model((16, 4))
    with pytest.raises(SpikelearnError, match="2 layers need as many corruptions, not 3"):
        train(start, x, NOISES, **SETTINGS)
    with pytest.raises(SpikelearnError, match="diverged; choose smaller rates"):
        train(start, x * np.float32(np.nan), [none, none], **SETTINGS)


def test_the_prior_has_four_times_the_variance():
    model, x = new_model((16, 8, 5)), patterns(2100)
    prior = prior_of(model, x, infer=feedforward)
    top = feedforward(model, x)[-1]
    assert prior.mean == pytest.approx(top.mean(axis=0, dtype=float), rel=1e-5)
    assert prior.variance == pytest.approx(4 * top.var(axis=0), rel=1e-4)


# --- corruption --------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("corrupt, variance", [
    (gaussian(.3), lambda h: .09 + 0 * h), (bernoulli_mean(3), lambda h: h * (1 - h) / 3),
    (spike_counts(200 * ms, 50 * Hz), lambda h: h / 10), (none, lambda h: 0 * h),
])
def test_mean_and_variance_of_corruptions(corrupt, variance):
    h = np.repeat(np.array([[.1, .5, .9]], np.float32), 40_000, axis=0)
    corrupted = corrupt(h, np.random.default_rng(1))
    assert corrupted.dtype == h.dtype and corrupted.shape == h.shape
    expected = variance(h[0].astype(float))
    assert corrupted.mean(axis=0, dtype=float) == pytest.approx(h[0], abs=5 * np.sqrt(expected.max() / 40_000) + 1e-5)
    assert corrupted.var(axis=0, dtype=float) == pytest.approx(expected, rel=.05, abs=1e-12)


def test_corruptions_have_the_values_of_counts():
    h = np.linspace(-.5, 1.5, 3000).reshape(30, 100)
    found = bernoulli_mean(3)(h, np.random.default_rng(2))
    assert set(np.unique(np.round(3 * found, 6))) == {0, 1, 2, 3}
    assert (found[h < 0] == 0).all() and (found[h > 1] == 1).all()
    counts = spike_counts(40 * ms, 100 * Hz)(h, np.random.default_rng(3)) * 4
    assert np.array_equal(counts, np.round(counts)) and (counts[h <= 0] == 0).all()


def test_corruptions_that_are_refused():
    for make in (lambda: gaussian(0), lambda: bernoulli_mean(0), lambda: spike_counts(0 * ms, 50 * Hz)):
        with pytest.raises(SpikelearnError):
            make()


# --- drawing -----------------------------------------------------------------------------------------------------

def test_generate_is_algorithm_2():
    model = random_model((6, 5, 4), scale=.5)
    prior = Prior(np.full(4, .5), np.full(4, .1))
    images = generated(model, prior, 7, np.random.default_rng(3))
    x = top_down(model, prior.drawn(7, np.random.default_rng(3)))
    assert generated_top_down(model, prior, 7, np.random.default_rng(3)) == pytest.approx(x)
    for _ in range(3):
        h1, _ = literal_inference(model, x, 15, .1, .3)
        x = model.g[0](h1)
    assert images == pytest.approx(x, rel=1e-10)


def test_a_step_of_the_joint_chain_takes_middle_layers_from_both_sides():
    model = random_model((5, 4, 3, 2), scale=.5)
    states = random_states(model, 4000)
    new = joint_step(model, states, [none] * 4, np.random.default_rng(1))
    assert new[0] == pytest.approx(model.g[0](states[1])) and new[3] == pytest.approx(model.f[2](states[2]))
    for k in (1, 2):
        above, below = model.g[k](states[k + 1]), model.f[k - 1](states[k - 1])
        from_above, from_below = (np.isclose(new[k], side).all(axis=1) for side in (above, below))
        assert (from_above ^ from_below).all()
        assert from_above.mean() == pytest.approx(.5, abs=5 * .5 / np.sqrt(4000))


def test_the_joint_chain_of_linear_layers_forgets_its_start():
    """x' = h~/2, h' = x~/2 with noise s: variances settle at s^2/3 (v = (v + s^2)/4)."""
    half = np.full((1, 1), .5)
    model = linear_model(half, half)
    prior = Prior(np.array([100.]), np.array([1.]))
    x = generated_by_joint_chain(model, prior, 20_000, np.random.default_rng(2), [gaussian(.6)] * 2, steps=40)
    assert x.mean() == pytest.approx(0, abs=5 * .35 / np.sqrt(20_000))
    assert x.var() == pytest.approx(.36 / 3, rel=5 * np.sqrt(2 / 20_000))


def test_filling_in_solves_for_the_hidden_pixels_of_a_linear_model():
    """x = h u with known u: from half of the pixels h is known, and with it all of x. The known ones stay."""
    u = np.array([[.5, .5, .5, .5]])
    model, h = linear_model(u.T, u), np.array([[1.], [-2.], [.5]])
    x = h @ u
    hidden = np.array([[1, 1, 0, 0], [0, 0, 1, 1], [1, 0, 1, 0]], bool)
    begun = np.where(hidden, 3., x)
    path = []
    found = filled_in(model, begun, hidden, watch=path.append)
    assert found == pytest.approx(x, abs=1e-4) and np.array_equal(found[~hidden], x[~hidden]) and len(path) == 21
    assert filled_in(model, begun, hidden) == pytest.approx(found)


def test_the_chain_of_an_auto_encoder_without_noise():
    model = random_model((5, 4, 3), scale=.5)
    prior = Prior(np.full(3, .5), np.full(3, .1))
    x = generated_by_chain(model, prior, 6, np.random.default_rng(4), none, rounds=3)
    expected = top_down(model, prior.drawn(6, np.random.default_rng(4)))
    for _ in range(2):
        expected = reconstructed(model, expected)
    assert x == pytest.approx(expected)


def test_the_cache_says_where_it_cannot_write(tmp_path, monkeypatch):
    blocked = tmp_path / "file"
    blocked.write_text("")
    monkeypatch.setattr(generative_training, "cache_folder", lambda: blocked)
    with pytest.raises(SpikelearnError, match="could not be kept in"):
        train_cached(new_model((16, 4)), patterns(20), [none, none], name=None, about={}, **SETTINGS)


@pytest.mark.parametrize("factor", [0, -4, float("nan")])
def test_a_prior_without_width_is_refused(factor):
    with pytest.raises(SpikelearnError, match="must be positive"):
        prior_of(random_model((5, 4, 3)), np.zeros((2, 5)), factor=factor)
