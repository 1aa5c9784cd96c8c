"""The adversarial pair: its gradients, its measures, and training on a toy budget."""
import numpy as np
import pytest
from spikelearn.protocols import adversarial as protocol

import spikelearn as sl
from spikelearn import SpikelearnError
from spikelearn.deviations import energy_distance


def small(seed=3, inputs=2, outputs=2):
    """A network in double precision, points and targets."""
    rng = np.random.default_rng(seed)
    net = protocol.network(inputs, 6, outputs, rng)
    net.weights = [w.astype(float) for w in net.weights]
    net.biases = [b.astype(float) for b in net.biases]
    return net, rng.random((5, inputs)), rng.random((5, outputs))


def settled_cost(net, x, target):
    """C at the equilibrium, by plain iteration until nothing moves, mean over the points."""
    h, o = np.zeros((len(x), 6)), np.zeros_like(target)
    for _ in range(400):
        h = np.clip(x @ net.weights[0] + net.biases[0] + o @ net.weights[1].T, 0, 1)
        o = h @ net.weights[1] + net.biases[1]
    return ((o - target)**2).sum() / 2 / len(x)


def forward_cost(net, x, target):
    """C of the feedforward pass, mean over the points."""
    h = np.clip(x @ net.weights[0] + net.biases[0], 0, 1)
    return ((h @ net.weights[1] + net.biases[1] - target)**2).sum() / 2 / len(x)


@pytest.mark.parametrize("gradients, cost, precision", [(protocol.equilibrium, settled_cost, 2e-3),
                                                        (protocol.backprop, forward_cost, 1e-5)])
def test_gradients_are_those_of_the_cost(gradients, cost, precision):
    """Central differences of the cost, by every weight and bias, and by the clamped input."""
    net, x, target = small()
    _, found, message = gradients(net, x, target, 1e-3, 300)
    arrays, size = net.parameters(), 1e-5
    assert set(found) == set(arrays)
    for name, array in (*arrays.items(), ("x", x)):
        exact = np.empty(array.shape)
        for place in np.ndindex(array.shape):
            before, costs = array[place], []
            for sign in (1, -1):
                array[place] = before + sign * size
                costs.append(cost(net, x, target))
            array[place] = before
            exact[place] = (costs[0] - costs[1]) / (2 * size)
        it = -message / len(x) if name == "x" else found[name]
        assert np.abs(exact).max() > 1e-3
        assert it == pytest.approx(exact, abs=precision * np.abs(exact).max())


def test_coverage_counts_modes_and_points():
    """Seven modes hit exactly, and as many points far from all: 7 modes, half of the points."""
    points = np.vstack([protocol.centres()[:7], np.full((7, 2), .5)])
    assert protocol.coverage(points) == (7, .5)
    rng = np.random.default_rng(1)
    modes, near = protocol.coverage(protocol.data(rng, 4000))
    assert modes == 8 and near == pytest.approx(1 - np.exp(-4.5), abs=.01)      # 3 s.d. in the plane


def test_the_distance_to_more_data_is_none():
    """The unbiased estimate of 0, and a case worked by hand: pairs of points at 0 and 1, at distance 3."""
    rng = np.random.default_rng(2)
    apart = [energy_distance(protocol.data(rng, 400), protocol.data(rng, 400)) for _ in range(20)]
    assert abs(np.mean(apart)) < 4 * np.std(apart, ddof=1) / np.sqrt(20)
    a, b = np.array([[0., 0.], [1., 0.]]), np.array([[3., 0.], [4., 0.]])
    assert energy_distance(a, b) == pytest.approx(2 * 3 - 1 - 1)


@pytest.mark.long
def test_a_short_training_comes_nearer_to_the_data_and_is_drawn():
    result = sl.run("adversarial", rounds=150, seeds=1, measurements=2, batch=50)
    for method in protocol.METHODS:
        first, last = result.arrays[f"distance_{method}"][0]
        assert last < .8 * first
    assert len(result.plot()) >= 5


@pytest.mark.parametrize("settings", [dict(beta=1.0), dict(rounds=0), dict(g_rate=0), dict(measurements=1)])
def test_values_out_of_range_are_refused(settings):
    with pytest.raises(SpikelearnError, match=next(iter(settings))):
        sl.run("adversarial", **settings)
