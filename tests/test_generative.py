"""The deep generative model against closed forms, finite differences and a literal second INFERENCE."""
import numpy as np
import pytest

from spikelearn import SpikelearnError
from spikelearn.generative.inference import by_gradient, by_langevin, by_target_propagation, cosines, gradient
from spikelearn.generative.model import (
    Conditional,
    Model,
    Prior,
    feedforward,
    log_joint,
    log_posterior_start,
    new_model,
    sigmoid,
    softplus,
    top_down,
)

KINDS = [("sigmoid", "gaussian"), ("sigmoid", "bernoulli"), ("softplus", "gaussian"), ("linear", "gaussian")]


def random_model(sizes, units=None, noise=None, seed=0, scale=1.0):
    """Every weight and bias drawn, double precision."""
    rng = np.random.default_rng(seed)
    model = new_model(sizes, units, noise, dtype=float)
    return model.with_arrays({name: rng.normal(0, scale, a.shape) for name, a in model.arrays().items()})


def random_states(model, n, seed=1):
    """Pixels and sigmoid layers between 0 and 1, others positive."""
    rng = np.random.default_rng(seed)
    return [rng.uniform(.05, .95, (n, size)) for size in model.sizes]


def slope(function, x, step=1e-6):
    """Derivative of function, which gives one number, by the entries of x: central differences."""
    found = np.zeros_like(x)
    for place in np.ndindex(x.shape):
        old = x[place]
        x[place] = old + step
        up = function()
        x[place] = old - step
        found[place] = (up - function()) / (2 * step)
        x[place] = old
    return found


# --- units and conditionals --------------------------------------------------------------------------------------

@pytest.mark.parametrize("dtype, tolerance", [(float, 1e-12), (np.float32, 2e-6)])
def test_units_from_far_below_to_far_above(dtype, tolerance):
    z = np.array([-500, -30, -2, 0, .5, 30, 500], dtype)
    exact = np.logaddexp(0, z.astype(float))
    assert softplus(z.copy()) == pytest.approx(exact, rel=tolerance, abs=tolerance)
    assert sigmoid(z.copy()) == pytest.approx(np.exp(z.astype(float) - exact), rel=tolerance, abs=tolerance)
    assert softplus(z.copy()).dtype == sigmoid(z.copy()).dtype == dtype


@pytest.mark.parametrize("unit, noise", KINDS)
def test_log_probability_and_its_derivatives(unit, noise):
    rng = np.random.default_rng(3)
    layer = Conditional(rng.normal(size=(4, 3)), rng.normal(size=3), unit, noise)
    source, y = rng.normal(size=(5, 4)), rng.uniform(.1, .9, (5, 3))
    mean = layer(source)
    if noise == "bernoulli":
        naive = [sum(t * np.log(m) + (1 - t) * np.log(1 - m) for t, m in zip(*row, strict=True))
                 for row in zip(y, mean, strict=True)]
    else:
        naive = [sum(-(t - m) ** 2 / 2 - np.log(np.sqrt(2 * np.pi)) for t, m in zip(*row, strict=True))
                 for row in zip(y, mean, strict=True)]
    assert layer.log_probability(y, source) == pytest.approx(np.array(naive), rel=1e-10)

    def total():
        return layer.log_probability(y, source).sum()

    assert layer.by_value(y, source) == pytest.approx(slope(total, y), abs=1e-7)
    assert layer.by_source(y, source) == pytest.approx(slope(total, source), abs=1e-7)
    error, weights, biases = layer.by_parameters(y, source)
    assert error == pytest.approx(((y - mean) ** 2).sum() / 5)
    assert weights == pytest.approx(slope(total, layer.weights) / 5, abs=1e-7)
    assert biases == pytest.approx(slope(total, layer.biases) / 5, abs=1e-7)


def test_log_joint_of_a_model_without_weights():
    """Two layers, all means known: pixels 1/2, hidden units log 2; the Gaussians' constants by hand."""
    model = random_model((3, 2, 1), scale=0)
    x, h, top = np.array([[0, .5, 1]]), np.array([[1, 0]]), np.array([[.7]])
    expected = -(.25 + 0 + .25) / 2 - ((1 - np.log(2)) ** 2 + np.log(2) ** 2) / 2 - 2.5 * np.log(2 * np.pi)
    assert log_joint(model, [x, h, top]) == pytest.approx(expected)
    prior = Prior(np.array([.2]), np.array([4.]))
    assert log_joint(model, [x, h, top], prior) == pytest.approx(
        expected - .25 / 8 - .5 * np.log(8 * np.pi))
    up = -((1 - np.log(2)) ** 2 + np.log(2) ** 2 + .2 ** 2) / 2 - 1.5 * np.log(2 * np.pi)
    assert log_posterior_start(model, [x, h, top]) == pytest.approx(up)


def test_the_prior_gives_samples_of_its_mean_and_variance():
    prior = Prior(np.array([.5, -1]), np.array([.04, 9]))
    drawn = prior.drawn(40_000, np.random.default_rng(1))
    assert drawn.mean(axis=0) == pytest.approx(prior.mean, abs=5 * 3 / 200)
    assert drawn.var(axis=0) == pytest.approx(prior.variance, rel=.04)


@pytest.mark.parametrize("given, sentence", [
    (dict(sizes=(4,)), "at least one layer"), (dict(sizes=(4, 3), units=("sigmoid",)), "as many names of their unit"),
    (dict(sizes=(4, 3), units=("sigmoid", "relu")), "no unit 'relu'; known: softplus, sigmoid, linear"),
    (dict(sizes=(4, 3), noise=("gaussian", "poisson")), "no noise 'poisson'"),
    (dict(sizes=(4, 3, 2), noise=("gaussian", "bernoulli", "gaussian")), "Bernoulli noise is for sigmoid units"),
])
def test_models_that_are_refused(given, sentence):
    with pytest.raises(SpikelearnError, match=sentence):
        new_model(**given)


def test_pixels_start_at_the_mean_image():
    mean = np.array([.2, .5, .9, 0])
    model = new_model((4, 3), mean=mean, scale=0)
    assert top_down(model, np.ones((1, 3), np.float32))[0] == pytest.approx(np.array([.2, .5, .9, .01]), abs=1e-6)


# --- inference ---------------------------------------------------------------------------------------------------

def literal_inference(model, x, N, delta, alpha):
    """Algorithm 2 for two hidden layers, one image at a time, units written out again."""
    def f(k, h):
        z = h @ model.f[k - 1].weights + model.f[k - 1].biases
        return np.log1p(np.exp(z)) if k == 1 else 1 / (1 + np.exp(-z))

    def g(k, h):
        z = h @ model.g[k - 1].weights + model.g[k - 1].biases
        return 1 / (1 + np.exp(-z)) if k == 1 else np.log1p(np.exp(z))

    found = []
    for image in x:
        h1 = f(1, image)
        h2 = f(2, h1)
        for _ in range(N):
            h2 = h2 + delta * (f(2, h1) - f(2, g(2, h2)))
            h1 = h1 + delta * (f(1, image) - f(1, g(1, h1))) + alpha * (g(2, h2) - h1)
        found.append((h1, h2))
    return [np.array(layer) for layer in zip(*found, strict=True)]


def test_target_propagation_is_algorithm_2():
    model = random_model((6, 5, 4), scale=.5)
    x = random_states(model, 3)[0]
    h1, h2 = literal_inference(model, x, 15, .1, .3)
    path = []
    states = by_target_propagation(model, x, alpha=.3, watch=lambda states: path.append([h.copy() for h in states]))
    assert states[0] is x and states[1] == pytest.approx(h1, rel=1e-12) and states[2] == pytest.approx(h2, rel=1e-12)
    assert len(path) == 16 and path[0][2] == pytest.approx(feedforward(model, x)[2])
    single = by_target_propagation(model._replace(units=model.units, f=model.f, g=model.g), x.astype(np.float32),
                                   alpha=.3)
    assert single[1] == pytest.approx(h1, rel=1e-4)


def linear_model(f, g):
    """One hidden layer, linear, without biases. f : (pixels, hidden), g : (hidden, pixels)."""
    return Model(("linear", "linear"), (Conditional(f, np.zeros(f.shape[1]), "linear"),),
                 (Conditional(g, np.zeros(g.shape[1]), "linear"),))


def test_target_propagation_converges_geometrically_where_f_and_g_are_inverse_up_to_a_factor():
    """f(g(h)) = h/2: h goes to 2 f(x), the rest shrinking by 1 - delta/2 a step."""
    g = np.linalg.qr(np.random.default_rng(1).normal(size=(5, 3)))[0].T
    model, x = linear_model(g.T / 2, g), np.random.default_rng(2).normal(size=(4, 5))
    h = by_target_propagation(model, x, steps=10, delta=.2)[1]
    assert h == pytest.approx(2 * (x @ g.T / 2) * (1 - .5 * .9 ** 10))


def test_gradient_of_the_objective_by_finite_differences():
    model = random_model((5, 4, 4, 3), ("sigmoid", "softplus", "sigmoid", "linear"),
                         ("bernoulli", "gaussian", "bernoulli", "gaussian"), scale=.7)
    states, alpha = random_states(model, 2), .4

    def objective():
        return (log_joint(model, states) + alpha * log_posterior_start(model, states)).sum()

    for k in (1, 2, 3):
        assert gradient(model, states, k, alpha) == pytest.approx(slope(objective, states[k]), abs=1e-7)


def test_map_reaches_the_mode_of_a_linear_model():
    """(g g' + alpha) h = (g' + alpha f) x."""
    rng = np.random.default_rng(4)
    f, g, alpha = rng.normal(size=(5, 3)) / 2, rng.normal(size=(3, 5)) / 2, .3
    x = rng.normal(size=(4, 5))
    h = by_gradient(linear_model(f, g), x, steps=2000, delta=.1, alpha=alpha)[1]
    assert h == pytest.approx(np.linalg.solve(g @ g.T + alpha * np.eye(3), (x @ g.T + alpha * x @ f).T).T, abs=1e-6)


def test_langevin_samples_the_posterior_of_a_linear_model():
    """One hidden unit, g of length 1, flat prior: mean g'x, variance 1 / (1 - delta/2) of the discrete chain."""
    g = np.array([[.6, .8]])
    x = np.tile([[1., 2.]], (20_000, 1))
    h = by_langevin(linear_model(np.zeros((2, 1)), g), x, rng=np.random.default_rng(5), steps=60, delta=.2, alpha=0)[1]
    assert h.mean() == pytest.approx(2.2, abs=5 * 1.06 / np.sqrt(20_000))
    assert h.var() == pytest.approx(1 / .9, rel=5 * np.sqrt(2 / 20_000))


def test_gradient_steps_raise_the_joint_probability():
    model = random_model((8, 6, 4), scale=.5)
    values = []
    by_gradient(model, random_states(model, 5)[0], delta=.02, alpha=0,
                watch=lambda states: values.append(log_joint(model, states)))
    assert (np.diff(values, axis=0) > 0).all()


def test_cosine_is_one_where_target_propagation_is_exact():
    """g = f' with orthonormal columns: f(x) - f(g(h)) = g'(x - g(h)), the gradient itself; its negative gives -1."""
    f = np.linalg.qr(np.random.default_rng(6).normal(size=(5, 3)))[0]
    x = np.random.default_rng(7).normal(size=(4, 5))
    look = dict(offset=.5, rng=np.random.default_rng(8))
    assert cosines(linear_model(f, f.T), x, **look) == pytest.approx([1])
    assert cosines(linear_model(-f, f.T), x, **look) == pytest.approx([-1])
