"""Boltzmann machines against enumeration, finite differences, naive loops and closed forms."""
import numpy as np
import pytest
from scipy.linalg import expm
from scipy.special import logsumexp

from spikelearn import SpikelearnError
from spikelearn.boltzmann import annealing
from spikelearn.boltzmann.exact import all_states, log_likelihood, log_partition, split
from spikelearn.boltzmann.flow import flow, pair_flow
from spikelearn.boltzmann.machine import Machine, bottom_up, energy, new_machine, resampled, sigmoid, sweep
from spikelearn.boltzmann.sampling import mean_activation
from spikelearn.boltzmann.train import train


def random_machine(sizes, lateral=(), seed=0, scale=1.0):
    """Every parameter drawn; lateral weights symmetric."""
    rng = np.random.default_rng(seed)

    def draw(name, array):
        new = rng.normal(0, scale, array.shape)
        return np.triu(new, 1) + np.triu(new, 1).T if name.startswith("lateral") else new

    return new_machine(sizes, lateral=lateral).mapped(draw)


def random_states(machine, n, seed=1):
    rng = np.random.default_rng(seed)
    return [rng.integers(0, 2, (n, size)).astype(float) for size in machine.sizes]


def all_weights(machine):
    """One symmetric matrix over all units, and one vector of biases."""
    edges = np.cumsum([0, *machine.sizes])
    W = np.zeros((edges[-1], edges[-1]))
    for k, w in enumerate(machine.weights):
        W[edges[k]:edges[k + 1], edges[k + 1]:edges[k + 2]] = w
        W[edges[k + 1]:edges[k + 2], edges[k]:edges[k + 1]] = w.T
    for k, J in enumerate(machine.lateral):
        if J is not None:
            W[edges[k]:edges[k + 1], edges[k]:edges[k + 1]] = J
    return W, np.concatenate(machine.biases)


def boltzmann_law(machine):
    """P of every joint state, by loops over pairs of units."""
    W, b = all_weights(machine)
    y = all_states(len(b))
    E = np.zeros(len(y))
    for i in range(len(b)):
        E -= b[i] * y[:, i]
        for j in range(i):
            E -= W[i, j] * y[:, i] * y[:, j]
    return y, np.exp(-E - logsumexp(-E))


def chain(machine):
    """Rates of the continuous-time chain over all states, by naive loops: (states, states)."""
    W, b = all_weights(machine)
    y = all_states(len(b))
    Q = np.zeros((len(y), len(y)))
    for s, state in enumerate(y):
        for j in range(len(b)):
            t = s ^ 1 << len(b) - 1 - j
            Q[s, t] = np.exp((.5 - state[j]) * (sum(W[i, j] * state[i] for i in range(len(b))) + b[j]))
        Q[s, s] = -Q[s].sum()
    return Q


MACHINES = [((6,), (0,)), ((4, 3), ()), ((4, 3), (1,)), ((3, 3, 2), (1, 2)), ((3, 2, 2, 2), ()), ((3, 3), (0, 1))]


@pytest.mark.parametrize("flow", [flow, pair_flow])
@pytest.mark.parametrize("sizes, lateral", MACHINES)
def test_gradient_of_the_flow_is_that_of_finite_differences(sizes, lateral, flow):
    machine = random_machine(sizes, lateral)
    states = random_states(machine, 7)
    _, gradient = flow(machine, states)
    h, found = 1e-5, gradient.arrays()
    for name, array in machine.arrays().items():
        for place in np.ndindex(array.shape):
            if name.startswith("lateral") and place[0] == place[1]:
                assert found[name][place] == 0
                continue
            K = []
            for sign in (1, -1):
                moved = {key: value.copy() for key, value in machine.arrays().items()}
                moved[name][place] += sign * h
                if name.startswith("lateral"):
                    moved[name][place[::-1]] += sign * h
                K.append(flow(machine.mapped(lambda key, _, moved=moved: moved[key]), states)[0])
            assert found[name][place] == pytest.approx((K[0] - K[1]) / (2 * h), rel=1e-7, abs=1e-7), (name, place)


@pytest.mark.parametrize("sizes, lateral", MACHINES)
def test_flow_is_the_sum_of_the_rates_of_the_chain(sizes, lateral):
    machine = random_machine(sizes, lateral)
    Q = chain(machine)
    data = np.array([3, 17, 17, 40]) % len(Q)
    K, _ = flow(machine, split(machine, all_states(sum(sizes))[data]))
    assert K == pytest.approx(-Q[data, data].mean(), rel=1e-12)


def test_flow_of_pairs_by_hand():
    """Two states of a 1-1-1 machine: the middle unit flips under the lower weight alone and under the upper alone."""
    machine = Machine((np.array([.1]), np.array([.2]), np.array([.3])), (np.array([[2.]]), np.array([[-1.]])))
    K, _ = pair_flow(machine, [np.array([[1.], [0]]), np.array([[1.], [1]]), np.array([[1.], [0]])])
    first = np.exp(-.5 * np.array([2.1, 2.2, -.8, -.7])).sum()
    second = np.exp([.5 * 2.1, -.5 * .2, -.5 * .2, .5 * -.7]).sum()
    assert K == pytest.approx((first + second) / 2)


@pytest.mark.parametrize("sizes, lateral", MACHINES)
def test_detailed_balance_of_the_chain(sizes, lateral):
    """exp(-E) of the module and the naive rates: no net flow between any two states."""
    machine = random_machine(sizes, lateral)
    y, known = boltzmann_law(machine)
    P = np.exp(-energy(machine, split(machine, y)) - log_partition(machine))
    flux = P[:, None] * chain(machine)
    assert P == pytest.approx(known, rel=1e-12)
    assert np.abs(flux - flux.T).max() < 1e-12


def test_bound_of_the_visible_divergence_on_three_and_three_units():
    """KL(p0(v) || p_t(v)) <= KL(p0(v) q(h|v) || p_t(v, h)) for every t, q the posterior; K bounds the slope at 0."""
    machine = random_machine((3, 3), seed=5)
    y, P = boltzmann_law(machine)
    data = np.array([.5, 0, 0, .3, 0, .2, 0, 0])       # of the visible states
    posterior = P.reshape(8, 8) / P.reshape(8, 8).sum(axis=1, keepdims=True)
    start = data[:, None] * posterior
    Q, previous = chain(machine), 0
    for t in (1e-3, .01, .1, .5, 2, 10):
        now = (start.ravel() @ expm(Q * t)).reshape(8, 8)
        visible, joint = divergence(data, now.sum(axis=1)), divergence(start.ravel(), now.ravel())
        assert 0 <= visible <= joint
        assert previous < joint
        previous = joint
    K = sum(start.ravel()[s] * flow(machine, split(machine, y[[s]]))[0] for s in range(64))
    support = start.ravel() > 0
    slope = -(start.ravel() @ Q)[support].sum()
    assert 0 < slope <= K
    assert divergence(start.ravel(), start.ravel() @ expm(Q * 1e-7)) / 1e-7 == pytest.approx(slope, rel=1e-4)
    # what K counts beyond the slope are flips of hidden units, among states of the data themselves
    hidden = sum(start.ravel()[s] * Q[s, s ^ 1 << j] for s in range(64) for j in range(3))
    assert K - hidden == pytest.approx(slope, rel=1e-12)


def divergence(p, q):
    on = p > 0
    return float(np.sum(p[on] * np.log(p[on] / q[on])))


def test_flow_is_the_slope_of_the_divergence_where_no_data_are_neighbours():
    machine = random_machine((5,), (0,), seed=2)
    p0 = np.zeros(32)
    p0[[0, 3, 12, 29]] = .25
    K, _ = flow(machine, [all_states(5)[p0 > 0]])
    assert K == pytest.approx(-(p0 @ chain(machine))[p0 > 0].sum(), rel=1e-12)


def test_a_fully_visible_machine_finds_the_weights_it_was_drawn_from():
    true = random_machine((10,), (0,), seed=3, scale=.7)
    y, P = boltzmann_law(true)
    samples = y[np.random.default_rng(4).choice(len(y), 100_000, p=P)]
    found, curve = train(new_machine((10,), lateral=(0,)), samples, epochs=12, batch=500, rate=.02, last_rate=.05,
                         weight_decay=0)
    pairs = np.triu_indices(10, 1)
    assert np.corrcoef(found.lateral[0][pairs], true.lateral[0][pairs])[0, 1] >= .99
    assert np.abs(found.lateral[0] - true.lateral[0]).max() < .15
    assert np.array_equal(found.lateral[0], found.lateral[0].T)
    assert curve["objective"][-1] < curve["objective"][0]


def test_likelihood_of_a_restricted_machine_is_that_of_its_joint_law():
    for sizes in ((4, 3), (3, 4)):
        machine = random_machine(sizes)
        y, P = boltzmann_law(machine)
        visible = P.reshape(2 ** sizes[0], -1).sum(axis=1)
        assert np.exp(log_likelihood(machine, all_states(sizes[0]))) == pytest.approx(visible, rel=1e-12)
        with_layer = Machine((*machine.biases, np.zeros(1)), (*machine.weights, np.zeros((sizes[1], 1))))
        assert np.exp(log_likelihood(with_layer, all_states(sizes[0]))) == pytest.approx(visible, rel=1e-12)
    with pytest.raises(SpikelearnError, match="too many states"):
        log_partition(new_machine((784, 30)))


def test_annealing_finds_log_z():
    machine = random_machine((10, 8), seed=6, scale=.8)
    found, error = annealing.log_partition(machine, np.full(10, .4), chains=300, betas=300, seed=1)
    assert error < .1
    assert abs(found - log_partition(machine)) < 3 * error
    empty = Machine((machine.biases[0], np.zeros(8)), (np.zeros((10, 8)),))
    mean = sigmoid(machine.biases[0])
    assert annealing.log_partition(empty, mean, chains=3, betas=2) == pytest.approx(
        (np.log1p(np.exp(machine.biases[0])).sum() + 8 * np.log(2), 0), abs=1e-9)
    with pytest.raises(SpikelearnError, match="restricted"):
        annealing.log_partition(new_machine((3, 2, 2)), np.full(3, .5))


def test_sweep_is_one_unit_after_the_other():
    """Blocks of any size: the naive loop with the same random numbers, drawn block by block."""
    machine = random_machine((7,), (0,), seed=8)
    y = random_states(machine, 50)[0]
    for block in (1, 3, 32):
        rng, naive = np.random.default_rng(2), y.copy()
        for first in range(0, 7, block):
            u = rng.random((50, min(block, 7 - first)))
            for j in range(u.shape[1]):
                z = naive @ machine.lateral[0][:, first + j] + machine.biases[0][first + j]
                naive[:, first + j] = u[:, j] < 1 / (1 + np.exp(-z))
        z = np.tile(machine.biases[0], (50, 1))
        swept = sweep(z, y.copy(), machine.lateral[0], np.random.default_rng(2), block)
        assert np.array_equal(swept, naive), block


def test_gibbs_sampling_of_all_layers_keeps_the_boltzmann_law():
    machine = random_machine((3, 2, 2), (1,), seed=9)
    y, P = boltzmann_law(machine)
    rng = np.random.default_rng(3)
    states = split(machine, y[rng.choice(len(y), 40_000, p=P)])
    for k in (0, 1, 2, 1):
        states[k] = resampled(machine, states, k, rng)
    share = np.bincount(codes(np.hstack(states)), minlength=len(y)) / 40_000
    assert np.max(np.abs(share - P) / np.sqrt(P * (1 - P) / 40_000)) < 4.5       # 128 states


def codes(y):
    return (y @ 2 ** np.arange(y.shape[1])[::-1]).astype(int)


def test_bottom_up_draws_the_posterior_of_a_restricted_machine_and_ignores_what_is_above():
    machine = random_machine((3, 2, 2), seed=4)
    v = np.tile([1., 0, 1], (20_000, 1))
    h = bottom_up(machine, v, np.random.default_rng(1))
    for k in (1, 2):
        expected = sigmoid(h[k - 1] @ machine.weights[k - 1] + machine.biases[k])
        assert np.abs(h[k].mean(axis=0) - expected.mean(axis=0)).max() < 4 * .5 / np.sqrt(20_000)
    assert mean_activation(machine, v, np.random.default_rng(2)) == pytest.approx(h[2].mean(axis=0), abs=.02)
