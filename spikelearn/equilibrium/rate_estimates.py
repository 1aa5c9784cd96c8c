"""References for the changes accumulated on spikes: a layered rate network, pixels-hidden-outputs, in NumPy.

Three deterministic numbers for one presentation: the exact gradient of the cost at the free equilibrium, the contrast
of two equilibria at a finite nudge (Scellier & Bengio 2017), and what the rule collects in phases of finite length if
each spike is replaced by its chance. Parameters are flat, in the order of copies.Collected.flat: weights and biases
of layer 1, then of layer 2. Weights: [(pixels, hidden), (hidden, outputs)];
patterns x (k, pixels), targets (k, outputs).
"""
import numpy as np

TAU = 10        # time constant of the potential in steps, as in the shipped leaky integrators


def drives(weights, biases, x, h, o):
    """Input of the hidden and of the output units at given activities, (k, hidden) and (k, outputs)."""
    return x @ weights[0] + biases[0] + o @ weights[1].T, h @ weights[1] + biases[1]


def equilibrium(weights, biases, x, targets, beta=0.0, steps=20_000, step=.2):
    """Activities (k, hidden), (k, outputs) where ds/dt = 0, by relaxation."""
    h, o = np.zeros((len(x), len(biases[0]))), np.zeros((len(x), len(biases[1])))
    for _ in range(steps):
        to_h, to_o = drives(weights, biases, x, h, o)
        new = np.clip(h + step * (to_h - h), 0, 1), np.clip(o + step * (to_o + beta * (targets - o) - o), 0, 1)
        moved = max(np.abs(new[0] - h).max(), np.abs(new[1] - o).max())
        h, o = new
        if moved < 1e-15:
            break
    return h, o


def products(x, h, o):
    """rho_i rho_j of every synapse, biases as weights from a unit that is always 1: (k, parameters)."""
    k, one = len(x), np.ones((len(x), 1))
    parts = [np.einsum("ki,kj->kij", pre, post).reshape(k, -1) for pre, post in ((x, h), (one, h), (h, o), (one, o))]
    return np.concatenate(parts, axis=1)


def exact_gradient(weights, biases, x, targets):
    """-dC/dw for C = |target - o|^2 / 2 at the free equilibrium, by implicit differentiation: (k, parameters)."""
    h, o = equilibrium(weights, biases, x, targets)
    n, found = len(biases[0]), []
    units = n + len(biases[1])
    coupling = np.zeros((units, units))
    coupling[:n, n:], coupling[n:, :n] = weights[1], weights[1].T
    for k in range(len(x)):
        s = np.concatenate([h[k], o[k]])
        inside = np.diag(((s > 0) & (s < 1)).astype(float))
        pull = np.concatenate([np.zeros(n), targets[k] - o[k]])
        # s = D (coupling s + input), so ds = (1 - D coupling)^-1 D dinput, and -dC = pull . ds
        back = inside @ np.linalg.solve((np.eye(units) - inside @ coupling).T, pull)
        found.append(np.concatenate([np.outer(x[k], back[:n]).ravel(), back[:n],
                                     (np.outer(h[k], back[n:]) + np.outer(back[:n], o[k])).ravel(), back[n:]]))
    return np.array(found)


def finite_beta(weights, biases, x, targets, betas):
    """(rho rho at betas[0] - rho rho at betas[1]) / (difference), both phases endless: (k, parameters)."""
    first, second = (products(x, *equilibrium(weights, biases, x, targets, beta)) for beta in betas)
    return (first - second) / (betas[0] - betas[1])


def mean_field(weights, biases, x, targets, beta, phases, tau_syn, tau_d, spikes_from_new):
    """Mean change if each spike is replaced by its probability, times beta: (k, parameters).

    phases : copies.Phases; with several nudged phases, what they collect together is divided by phases.signal.

    One step as in the models: Euler, clip, the change low-passed (tau_d; 0 = none), then spikes and their arrival.
    spikes_from_new : the chance of a spike is that of the potential after the step (Poisson) or before it (phase).
    """
    k = len(x)
    s = [np.zeros((k, len(b))) for b in biases]
    current = [np.zeros_like(part) for part in s]         # low-passed input, on average sum w s
    ds = [np.zeros_like(part) for part in s]
    total, one = 0, np.ones((k, 1))
    for counts, sign in zip(*phases.signs()):
        nudge = beta * sign
        new = [np.clip(s[0] + (current[0] - s[0]) / TAU, 0, 1),
               np.clip(s[1] + (current[1] + nudge * (targets - s[1]) - s[1]) / TAU, 0, 1)]
        ds = [d + (a - b - d) / (1 + tau_d) for d, a, b in zip(ds, new, s)]
        sent = new if spikes_from_new else s
        s = new
        arriving = drives(weights, biases, x, *sent)
        current = [old * (1 - 1 / tau_syn) + more / tau_syn for old, more in zip(current, arriving)]
        if counts:
            both = np.einsum("ki,kj->kij", sent[0], ds[1]) + np.einsum("ki,kj->kij", ds[0], sent[1])
            parts = [np.einsum("ki,kj->kij", np.hstack([x, one]), ds[0]).reshape(k, -1), both.reshape(k, -1), ds[1]]
            total += counts * np.concatenate(parts, axis=1)
    return total / phases.signal


def bias_and_spread(samples, truth, groups=25):
    """How far the mean of independent estimates is from `truth`. samples : (n, k, parameters); truth : (k, parameters).

    Returns a dict. gain and gain_se: the part of the mean along the truth, and its standard error. square and
    square_se: squared length of the bias, freed of the noise's own share (mean product of the deviations of different
    groups of repeats; jackknife), so that it is 0 on average if there is none. sd: root of the summed variances of
    one estimate.
    """
    n, size = len(samples), float((truth**2).sum())
    along = (samples * truth).sum(axis=(1, 2)) / size
    groups = min(groups, n)
    off = np.array([part.mean(axis=0).ravel() for part in np.array_split(samples - truth, groups)])
    products_ = off @ off.T
    np.fill_diagonal(products_, 0)
    square = products_.sum() / (groups * (groups - 1))
    without = (products_.sum() - 2 * products_.sum(axis=0)) / ((groups - 1) * (groups - 2))
    square_se = np.sqrt((groups - 1) / groups * ((without - without.mean())**2).sum())
    return dict(gain=along.mean(), gain_se=along.std(ddof=1) / np.sqrt(n), square=square, square_se=square_se,
                sd=np.sqrt(samples.var(axis=0, ddof=1).sum()))
