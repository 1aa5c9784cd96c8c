"""energy.py and feedforward.py against finite differences, closed forms and a naive loop."""
import dataclasses

import numpy as np
import pytest
from brian2 import ms

from spikelearn import SpikelearnError
from spikelearn.equilibrium import feedforward
from spikelearn.equilibrium.energy import (
    HARD,
    LOGISTIC,
    Energy,
    Nudge,
    backpropagated,
    clamp,
    contrast,
    cost,
    exact_gradient,
    langevin,
    layered,
    relax,
    settle,
)
from spikelearn.equilibrium.relaxation import relaxation

RNG = np.random.default_rng(0)
TARGET = np.array([.9, .1])


def network(rho=LOGISTIC, n=7, gain=.3, shape=()):
    upper = np.triu(gain * RNG.standard_normal((*shape, n, n)), 1)
    return Energy(upper + np.swapaxes(upper, -1, -2), RNG.uniform(0, .5, (*shape, n)), rho)


def differences(f, x, h=1e-6):
    """Central differences of a scalar function of an array."""
    slope = np.zeros_like(x)
    for index in np.ndindex(x.shape):
        up, down = x.copy(), x.copy()
        up[index] += h
        down[index] -= h
        slope[index] = (f(up) - f(down)) / (2 * h)
    return slope


def test_energy_by_hand():
    """Two units, w = 2, b = (1, 0), s = (.5, 2): E = .125 + 2 - 2*.5*1 - .5."""
    energy = Energy(np.array([[0, 2.], [2, 0]]), np.array([1., 0]))
    assert energy.value(np.array([.5, 2.])) == pytest.approx(.625)
    assert energy.velocity(np.array([.5, 2.])) == pytest.approx([1 + 2 - .5, -2])     # unit 2 is saturated: no input
    assert energy.value(np.array([.5, 2.]), Nudge(.1, np.array([1.]))) == pytest.approx(.675)


@pytest.mark.parametrize("rho", [HARD, LOGISTIC])
def test_slope_and_curvature_of_rho(rho):
    s = np.array([-.7, .2, .5, .83, 1.4])
    assert rho.slope(s) == pytest.approx((rho.value(s + 1e-6) - rho.value(s - 1e-6)) / 2e-6, abs=1e-8)
    assert rho.curvature(s) == pytest.approx((rho.slope(s + 1e-6) - rho.slope(s - 1e-6)) / 2e-6, abs=1e-8)
    assert rho.slope(np.array([0., 1.])).min() > 0                    # rho' = 1 on the closed interval


@pytest.mark.parametrize("rho", [HARD, LOGISTIC])
@pytest.mark.parametrize("nudge", [None, Nudge(.3, TARGET)])
def test_gradient_and_hessian(rho, nudge):
    energy, s = network(rho), RNG.uniform(.1, .9, 7)
    assert energy.gradient(s, nudge) == pytest.approx(differences(lambda x: energy.value(x, nudge), s), abs=1e-8)
    hessian = energy.jacobian(s, *((nudge.beta, 2) if nudge else ()))
    for i in range(7):
        row = differences(lambda x, i=i: energy.gradient(x, nudge)[i], s)
        assert hessian[i] == pytest.approx(row, abs=1e-7)


def test_derivatives_by_parameters():
    energy, s = network(), RNG.uniform(.1, .9, 7)
    by_weights, by_biases = energy.by_parameters(s)

    def with_weight(w, i, j):
        weights = energy.weights.copy()
        weights[i, j] = weights[j, i] = w
        return dataclasses.replace(energy, weights=weights).value(s)

    for i, j in ((0, 1), (5, 2)):
        w = energy.weights[i, j]
        slope = (with_weight(w + 1e-5, i, j) - with_weight(w - 1e-5, i, j)) / 2e-5
        assert by_weights[i, j] == by_weights[j, i] == pytest.approx(slope)
    assert np.all(np.diagonal(by_weights) == 0)
    assert by_biases == pytest.approx(differences(lambda b: dataclasses.replace(energy, bias=b).value(s), energy.bias))


def test_exact_gradient_against_finite_differences_of_the_fixed_point():
    energy = network()
    s = settle(energy, np.full(7, .5))
    assert np.abs(energy.gradient(s)).max() < 1e-13

    def J(weights, bias):
        return cost(settle(Energy(weights, bias, LOGISTIC), s), TARGET)

    by_weights, by_biases = exact_gradient(energy, s, TARGET)
    assert by_biases == pytest.approx(differences(lambda b: J(energy.weights, b), energy.bias, 1e-5), abs=1e-8)
    for i, j in ((0, 1), (2, 6), (5, 6)):
        change = np.zeros((7, 7))
        change[i, j] = change[j, i] = 1e-5
        slope = (J(energy.weights + change, energy.bias) - J(energy.weights - change, energy.bias)) / 2e-5
        assert by_weights[i, j] == pytest.approx(slope, abs=1e-8)


def test_exact_gradient_of_many_networks_is_that_of_each():
    energy = network(shape=(3,))
    s = settle(energy, np.full((3, 7), .5))
    many = exact_gradient(energy, s, np.tile(TARGET, (3, 1)))
    for k in range(3):
        one = exact_gradient(Energy(energy.weights[k], energy.bias[k], LOGISTIC), s[k], TARGET)
        assert many[0][k] == pytest.approx(one[0], abs=1e-12) and many[1][k] == pytest.approx(one[1], abs=1e-12)


def test_relaxation_goes_down_and_settles_where_it_ends():
    energy, s = network(), RNG.uniform(0, 1, 7)
    values = [energy.value(s := relax(energy, s, steps=1)) for _ in range(200)]
    assert np.all(np.diff(values) <= 1e-15)
    assert settle(energy, s) == pytest.approx(relax(energy, s, steps=3000), abs=1e-9)


def test_contrast_of_a_linear_unit_in_closed_form():
    """One output with bias b, rho(s) = s inside: s = b free, (b + beta y)/(1 + beta) nudged."""
    energy, beta = Energy(np.zeros((1, 1)), np.array([.4])), .25
    up, free = (settle(energy, np.array([.5]), nudge) for nudge in (Nudge(beta, np.array([1.])), None))
    assert up == pytest.approx([(.4 + beta) / (1 + beta)])
    assert contrast(energy, up, free, beta)[1] == pytest.approx([(.4 - 1) / (1 + beta)])
    assert exact_gradient(energy, free, np.array([1.]))[1] == pytest.approx([-.6])


def test_clamped_inputs_act_as_a_bias():
    energy, s = network(), RNG.uniform(0, 1, 7)
    free = clamp(energy, s[:3])
    assert free.gradient(s[3:]) == pytest.approx(energy.gradient(s)[3:])


def test_backpropagated_against_finite_differences_of_the_chain():
    """R of each layer as a function of the layer below it alone, the rest of the state at its place."""
    weights = layered([RNG.standard_normal((4, 3)), RNG.standard_normal((3, 2))])
    bias, s, rho = RNG.standard_normal(9), RNG.uniform(.2, .8, 9), LOGISTIC
    slope, low, middle, top = rho.slope(s), slice(0, 4), slice(4, 7), slice(7, 9)

    def outputs(h):
        return slope[top] * (weights[top, middle] @ rho.value(h) + bias[top])

    def hidden(h):
        drive = weights[middle, low] @ rho.value(h) + weights[middle, top] @ rho.value(s[top]) + bias[middle]
        return s[middle] + slope[middle] * drive - R[middle]

    def C(y):
        return ((y - TARGET) ** 2).sum() / 2

    s[top] = outputs(s[middle])                     # their fixed point: the cost is that of R
    R = Energy(weights, bias, rho).velocity(s) + s
    found = backpropagated(Energy(weights, bias, rho), s, TARGET, [4, 3, 2])
    slope[top] = rho.slope(s[top])
    assert found[2] == pytest.approx(s[top] - TARGET)
    start = outputs(s[middle])
    shift = s[top] - start                          # the slope of the outputs is that of their new place
    assert found[1] == pytest.approx(differences(lambda h: C(outputs(h) + shift), s[middle]), abs=1e-7)
    here = hidden(s[low])
    numeric = differences(lambda h: C(outputs(s[middle] + hidden(h) - here) + shift), s[low])
    assert found[0] == pytest.approx(numeric, abs=1e-7)


def test_refusals():
    with pytest.raises(SpikelearnError, match="symmetric weights"):
        Energy(np.array([[0, 1.], [2, 0]]), np.zeros(2))
    with pytest.raises(SpikelearnError, match="diagonal must be 0"):
        Energy(np.eye(2), np.zeros(2))
    with pytest.raises(SpikelearnError, match="do not fit"):
        Energy(np.zeros((2, 2)), np.zeros(3))


def test_langevin_has_the_variance_of_its_temperature():
    """A unit that nothing drives: exp(-s^2/2T) has the variance T."""
    energy = Energy(np.zeros((1, 1)), np.zeros(1), LOGISTIC)
    end = langevin(energy, np.zeros((20_000, 1)), .2, step=.1, steps=100, rng=np.random.default_rng(1))
    assert end.var() == pytest.approx(.2, abs=4 * .2 * np.sqrt(2 / 20_000))


def test_brian2_takes_the_steps_of_energy_py():
    """Two networks of different weights and time constants side by side, nudged, asymmetric weights included."""
    weights = np.stack([network(HARD).weights, network(HARD).weights])
    weights[1, 0, 1] = .7
    bias, start = RNG.uniform(0, .4, (2, 7)), RNG.uniform(-.2, 1.2, (2, 7))
    nudge, target = np.zeros((2, 7)), np.zeros((2, 7))
    nudge[:, -2:], target[:, -2:] = .3, TARGET
    states = relaxation(weights, bias, start, duration=6 * ms, dt=1 * ms, tau=np.array([5, 20]) * ms, nudge=nudge,
                        target=target, device="numpy")
    for k, step in enumerate((.2, .05)):
        end = relax(Energy(weights[k], bias[k], asymmetric=True), start[k], Nudge(.3, TARGET), step=step, steps=5)
        assert states[k, :, 5] == pytest.approx(end, abs=1e-13)


# --- feedforward.py --------------------------------------------------------------------------------------------

def test_backpropagation_against_finite_differences():
    weights, biases = feedforward.random_layers([4, 5, 3], RNG)
    x, target = RNG.uniform(0, 1, (6, 4)), RNG.uniform(0, 1, (6, 3))

    def C(weights, biases):
        return ((feedforward.forward(weights, biases, x)[-1] - target) ** 2).sum() / 2

    by_weights, by_biases, _ = feedforward.backpropagation(weights, biases, x, target)
    for k in range(2):
        numeric = differences(lambda w, k=k: C([*weights[:k], w, *weights[k + 1:]], biases), weights[k])
        assert by_weights[k] == pytest.approx(numeric, abs=1e-7)
        numeric = differences(lambda b, k=k: C(weights, [*biases[:k], b, *biases[k + 1:]]), biases[k])
        assert by_biases[k] == pytest.approx(numeric, abs=1e-7)


def test_feedforward_energy_and_its_derivatives():
    weights, biases = feedforward.random_layers([4, 5, 3], RNG)
    x, states = RNG.uniform(0, 1, (2, 4)), [RNG.uniform(0, 1, (2, 5)), RNG.uniform(0, 1, (2, 3))]
    assert feedforward.energy(weights, biases, x, feedforward.forward(weights, biases, x)) == 0
    by_weights, by_biases = feedforward.by_parameters(weights, biases, x, states)
    numeric = differences(lambda w: feedforward.energy([weights[0], w], biases, x, states), weights[1])
    assert by_weights[1] == pytest.approx(numeric, abs=1e-7)
    numeric = differences(lambda b: feedforward.energy(weights, [b, biases[1]], x, states), biases[0])
    assert by_biases[0] == pytest.approx(numeric, abs=1e-7)
    step = feedforward.relax(weights, biases, x, states, step=1e-3, steps=1)
    for k in range(2):
        numeric = differences(lambda h, k=k: feedforward.energy(weights, biases, x, [*states[:k], h, *states[k + 1:]]),
                              states[k])
        assert (states[k] - step[k]) / 1e-3 == pytest.approx(numeric, abs=1e-6)
