"""Naive second implementations of further learning rules, from their papers' equations; no code of the package.

As in reference.py: times are seconds or Brian2 quantities, coincident spikes count as pre before post. Sums go over all
earlier spikes instead of traces, and time is cut into small steps instead of being solved, wherever that is possible.
"""
from math import exp

import numpy as np
from reference import events
from scipy.linalg import expm


def seconds(times):
    return np.sort(np.asarray(times, dtype=float))


def trace(times, t, tau, own=False):
    """Sum of exp(-(t - t_k)/tau) over the spikes before t; own : those at t count too."""
    times = seconds(times)
    times = times[times <= t] if own else times[times < t]
    return float(np.sum(np.exp(-(t - times) / tau)))


def weight_dependent(pre, post, eta, alpha, mu_plus, mu_minus, tau_plus, tau_minus, w0=.5):
    """Pair STDP with steps (1 - w)^mu_plus and alpha w^mu_minus; weight from 0 to 1."""
    w = w0
    for t, side in events(pre, post):
        if side == "pre":
            w -= eta * alpha * w**mu_minus * trace(post, t, tau_minus)
        else:
            w += eta * (1 - w)**mu_plus * trace(pre, t, tau_plus, own=True)
        w = min(max(w, 0), 1)
    return w


def inhibitory(pre, post, eta, rho_0, tau, w0, w_min, w_max):
    """Vogels et al. (2011): each pair by exp(-|delta_t|/tau), each pre spike by -2 rho_0 tau."""
    w = w0
    for t, side in events(pre, post):
        if side == "pre":
            w += eta * (trace(post, t, tau) - 2 * rho_0 * tau)
        else:
            w += eta * trace(pre, t, tau, own=True)
        w = min(max(w, w_min), w_max)
    return w


def releases(pre, U, tau_r, tau_f=None, tau_I=None):
    """Release u x at each pre spike, Tsodyks & Markram (1997, 1998). Rest at U, u read before it is raised.

    tau_f : None is no facilitation. tau_I : None has no active state; else y and z follow the matrix exponential.
    """
    u, x, y, z, last, found = U, 1.0, 0.0, 0.0, None, []
    for t in seconds(pre):
        if last is not None:
            gap = t - last
            u = U if tau_f is None else U + (u + U * (1 - u) - U) * exp(-gap / tau_f)
            if tau_I is None:
                x = 1 + (x - 1) * exp(-gap / tau_r)
            else:
                y, z = expm(gap * np.array([[-1 / tau_I, 0], [1 / tau_I, -1 / tau_r]])) @ [y, z]
                x = 1 - y - z
        found.append(u * x)
        x, y, last = x - u * x, y + u * x, t
    return found


def pre_post_expression(pre, post, d_minus, d_plus, c_plus, tau_x_plus, tau_y_minus, tau_y_plus, scale=1.0, P=.5, q=1.0,
                        q_max=2.0):
    """Costa et al. (2015) equations 3-8: (P, q) after the spikes."""
    for t, side in events(pre, post):
        if side == "pre":
            slow = trace(post, t, tau_y_plus)
            P += scale * (d_plus * trace(pre, t, tau_x_plus) - d_minus * trace(post, t, tau_y_minus)) * slow
            P = min(max(P, 0), 1)
        else:
            q += scale * c_plus * trace(pre, t, tau_x_plus, own=True) * trace(post, t, tau_y_minus)
            q = min(max(q, 0), q_max)
    return P, q


def suppression_pairs(pre, post, A_plus, A_minus, tau_plus, tau_minus, tau_s_x, tau_s_y):
    """Froemke & Dan (2002): the change of every pair, F(delta_t) eps_pre eps_post."""
    pre, post = seconds(pre), seconds(post)
    eps = [1 - np.exp(-np.diff(times, prepend=-np.inf) / tau) for times, tau in ((pre, tau_s_x), (post, tau_s_y))]
    changes = []
    for t_pre, e_pre in zip(pre, eps[0], strict=True):
        for t_post, e_post in zip(post, eps[1], strict=True):
            d = t_post - t_pre
            changes.append((A_plus * exp(-d / tau_plus) if d >= 0 else -A_minus * exp(d / tau_minus)) * e_pre * e_post)
    return changes


def diehl_cook(pre, post, eta_minus, eta_plus, tau_x, tau_y1, tau_y2, w0, w_min=0.0, w_max=1.0):
    """Diehl & Cook (2015): the time since the last spike of either side decides."""
    w, last_pre, last_post = w0, -np.inf, -np.inf
    for t, side in events(pre, post):
        if side == "pre":
            w -= eta_minus * np.exp(-(t - last_post) / tau_y1)
            last_pre = t
        else:
            w += eta_plus * np.exp(-(t - last_pre) / tau_x) * np.exp(-(t - last_post) / tau_y2)
            last_post = t
        w = min(max(w, w_min), w_max)
    return w


def eligibility(pre, post, A_plus, A_minus, tau_plus, tau_minus):
    """Jumps of Izhikevich's eligibility trace: [(time, size), ...]."""
    return [(t, -A_minus * trace(post, t, tau_minus) if side == "pre" else
             A_plus * trace(pre, t, tau_plus, own=True)) for t, side in events(pre, post)]


def dopamine(jumps, rewards, until, tau_c, tau_d, tonic, w0=1.0):
    """Izhikevich (2007): dw/dt = c (d + tonic), each jump of c with each jump of d, integrated by hand; no bounds.

    jumps, rewards : [(time, size), ...]; until : when the weight is read
    """
    w, rate = w0, 1 / tau_c + 1 / tau_d
    for t, size in jumps:
        if t <= until:
            w += size * tonic * tau_c * (1 - exp(-(until - t) / tau_c))
        for s, amount in rewards:
            both = max(t, s)
            if both <= until:
                at_start = size * exp(-(both - t) / tau_c) * amount * exp(-(both - s) / tau_d)
                w += at_start * (1 - exp(-rate * (until - both))) / rate
    return w


def calcium_times(pre, post, tau_Ca, C_pre, C_post, theta_d, theta_p, until, step=2e-6):
    """Graupner & Brunel (2012): the time that calcium spends above theta_d and above theta_p, in small steps."""
    t = np.arange(0, until, step) + step / 2
    c = np.zeros_like(t)
    for times, size in ((pre, C_pre), (post, C_post)):
        for spike in seconds(times):
            later = t > spike
            c[later] += size * np.exp(-(t[later] - spike) / tau_Ca)
    return step * np.count_nonzero(c > theta_d), step * np.count_nonzero(c > theta_p)


def calcium(pre, post, tau_Ca, C_pre, C_post, theta_d, theta_p, gamma_d, gamma_p, tau, until, rho=.5, rho_star=None,
            step=1e-5):
    """Graupner & Brunel (2012): efficacy at `until`, in small steps; rho_star : None is without the cubic drift."""
    jumps = sorted([(t, C_pre) for t in seconds(pre)] + [(t, C_post) for t in seconds(post)])
    c, k = 0.0, 0
    for n in range(round(until / step)):
        while k < len(jumps) and jumps[k][0] <= (n + .5) * step:
            c, k = c + jumps[k][1], k + 1
        drift = gamma_p * (1 - rho) * (c > theta_p) - gamma_d * rho * (c > theta_d)
        if rho_star is not None:
            drift -= rho * (1 - rho) * (rho_star - rho)
        rho += step * drift / tau
        c *= exp(-step / tau_Ca)
    return rho


def btsp(spike_minus_plateau, w0, tau_ET, tau_IS, t_plateau, alpha_plus, beta_plus, alpha_minus, beta_minus, k_plus,
         k_minus, w_max, hold=False, linear=False, until=30.0, step=1e-3):
    """Milstein et al. (2021): weights after one spike and one plateau, (n,); signals in closed form, at mid-steps.

    hold : the weight at which potentiation and depression cancel over the lap, W held fixed. linear : q(x) = x.
    """
    lag = np.asarray(spike_minus_plateau, dtype=float)
    t = np.minimum(lag.min(), 0) + np.arange(0, until, step)[:, None] + step / 2
    full = 1 - exp(-t_plateau / tau_IS)
    instructive = np.where(t < 0, 0, np.where(t < t_plateau, 1 - np.exp(-np.maximum(t, 0) / tau_IS),
                                              full * np.exp(-(t - t_plateau) / tau_IS))) / full
    overlap = instructive * np.where(t >= lag, np.exp(-np.maximum(t - lag, 0) / tau_ET), 0)

    def q(x, alpha, beta):
        s = [1 / (1 + np.exp(-beta * (value - alpha))) for value in (x, 0, 1)]
        return (s[0] - s[1]) / (s[2] - s[1])

    up = k_plus * (overlap if linear else q(overlap, alpha_plus, beta_plus))
    down = k_minus * (overlap if linear else q(overlap, alpha_minus, beta_minus))
    if hold:
        return w_max * up.sum(axis=0) / (up + down).sum(axis=0)
    w = np.full(lag.shape, float(w0))
    for a, b in zip(up, down, strict=True):
        rest = np.divide(w_max * a, a + b, out=np.zeros_like(w), where=a + b > 0)
        w = rest + (w - rest) * np.exp(-step * (a + b))
    return w


def bistable(pre, post, u, X, a, b, theta_V, up_low, up_high, down_low, down_high, alpha, beta, theta_X, tau_C, J_C,
             C=0.0):
    """Brader, Senn & Fusi (2007): X right after each pre spike. u, C : potential, and C at the start."""
    found, last_pre, last = [], 0.0, 0.0
    for t, side in events(pre, post):
        C *= exp(-(t - last) / tau_C)
        last = t
        if side == "post":
            C += J_C
            continue
        X = min(X + alpha * (t - last_pre), 1) if X > theta_X else max(X - beta * (t - last_pre), 0)
        if u > theta_V and up_low < C < up_high:
            X += a
        elif u <= theta_V and down_low < C < down_high:
            X -= b
        X, last_pre = min(max(X, 0), 1), t
        found.append(X)
    return found


def symmetric_pairs(pre, post, tau):
    """Sum of exp(-|delta_t|/tau) over all pairs: what contrastive Hebbian learning adds up in one phase."""
    return sum(exp(-abs(t - s) / tau) for t in seconds(pre) for s in seconds(post))
