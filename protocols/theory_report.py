"""The theory on one page: runs every theory protocol and compares each claim with its accepted range.

Bengio et al. (2015), Bengio & Fischer (2015), Bengio et al. (2016) and Bengio's slides at NIPS 2016 make the claims;
the protocols name the figures and equations. Each claim is the accepted range of a protocol's headline
number. One page (report.html, with all figures) and the list `claims` of --json say which hold; the exit code is 1
when one does not. With --seeds N each protocol runs with N seeds and each claim says how often it held.
learn_mnist_rates takes hours: its claims are read from finished results, where there are any. Those of a short form
or of other parameters are left out, with a line that says so.
"""
import base64
import html
import json
import os
import sys
import time
import traceback
from concurrent.futures import ProcessPoolExecutor
from inspect import signature
from multiprocessing import get_context
from pathlib import Path

import numpy as np

from spikelearn import SpikelearnError
from spikelearn.command import run as running
from spikelearn.command.command_line import run_protocol
from spikelearn.command.output import picture
from spikelearn.ranges.check import checked
from spikelearn.results.archives import damage_told
from spikelearn.results.files import read_run
from spikelearn.results.plain import plain
from spikelearn.results.result import Accepted, Result

FIGURE_SIZE = (11.5, 10)
PROTOCOLS = ("early_inference", "equilibrium_gradient", "feedforward_energy", "contrastive_faults", "langevin",
             "feedforward_start", "dendritic_prediction", "weight_symmetry", "walkback", "langevin_ep_spikes",
             "reward")
FINISHED = ("learn_mnist_rates",)       # too long to be run here
ALLOWED = 10        # of so many runs with other seeds one may miss its range: 99.9 % ranges; chosen here
FREE = ("networks", "final", "hours", "seed", "resume", "data_dir", "device", "jobs", "out")    # change no recipe
ACCEPTED = {"claims_that_fail": Accepted(0, 0, "every claim has its own range and source")}


@checked
def run(*, protocols=PROTOCOLS, results="results", jobs=2, seeds=1, seed=1, data_dir="", quick=False):
    """Run the protocols, `jobs` at once. results : folder with the finished results of learn_mnist_rates; seeds : how
    many seeds each protocol is run with, from `seed` on.

    Returns a Result whose headline holds `claims`, a list of dicts: claim, source, expected, measured (the median of
    the runs), tolerance (lowest and highest accepted number), quick, runs, held (in how many of them), holds.
    """
    if seeds < 1:
        raise SpikelearnError(f"seeds must be at least 1, not {seeds}")
    known = running.shipped_protocols()
    for name in protocols:
        if name not in PROTOCOLS:
            raise SpikelearnError(f"protocols has no '{name}'; known: {', '.join(PROTOCOLS)}")
    names = [name for name in protocols if name in known]
    pages = []
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn"), initializer=single_threaded) as pool:
        started = [[pool.submit(page_of, name, seed + k, data_dir, quick, k == 0) for k in range(seeds)]
                   for name in names]
        for name, futures in zip(names, started, strict=True):
            pages.append(together([future.result() for future in futures]))
            print(f"{name}: {pages[-1]['seconds']:.0f} s", file=sys.stderr)
    if tuple(protocols) == PROTOCOLS:
        pages += [page for name in FINISHED for page in finished(name, Path(results))]
    claims = [claim for page in pages for claim in page["claims"]]
    if not claims:
        raise SpikelearnError("none of the protocols of theory_report is there")
    return _result(pages, claims, quick)


def _result(pages, claims, quick):
    failed, runs = [claim for claim in claims if not claim["holds"]], sum(claim["runs"] for claim in claims)
    headline = {"claims_that_fail": len(failed), "claims_that_hold": len(claims) - len(failed),
                "claim_seed_pairs_that_fail_percent": 100 * (1 - sum(claim["held"] for claim in claims) / runs),
                "claims": claims}
    left_out = [note for page in pages for note in page.get("left_out", ())]
    headline |= {"results_left_out": left_out} if left_out else {}
    arrays = {"holds": np.array([claim["holds"] for claim in claims]),
              "claim": np.array([claim["claim"] for claim in claims]),
              "page": np.array(page_text(pages, failed, quick))}
    return Result("theory_report", arrays, headline)


def single_threaded():
    """One thread for each process: the matrices are small."""
    for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ.setdefault(name, "1")


def page_of(name, seed, data_dir, quick, with_figure=True):
    """One protocol: its claims, its figure as PNG, its summary; a protocol that stops is a claim that fails."""
    module, start = running.load_protocol(name), time.monotonic()
    page = {"name": name, "summary": module.__doc__.split("\n")[0], "figure": b"", "trouble": "", "claims": [],
            "left_out": []}
    given = {"seed": seed, "quick": quick, "data_dir": data_dir}
    try:
        result = module.run(**{key: value for key, value in given.items() if key in signature(module.run).parameters})
        page["claims"] = claims_of(module, result.headline, quick)
        page["figure"] = picture(module, result, 110) if with_figure else b""
    except Exception as error:
        page["trouble"] = "".join(traceback.format_exception_only(error)).strip()
        page["claims"] = [{"claim": f"{name} runs to its end", "protocol": name, "number": None, "source": name,
                           "expected": "a result", "measured": page["trouble"], "tolerance": None, "quick": quick,
                           "runs": 1, "held": 0, "holds": False}]
    return page | {"seconds": time.monotonic() - start}


def together(pages):
    """One page out of those of one protocol with several seeds; each claim says in how many runs it held."""
    found = {}
    for claim in (claim for page in pages for claim in page["claims"]):
        found.setdefault(claim["number"], []).append(claim)
    return pages[0] | {"claims": [joined(claims, len(pages)) for claims in found.values()],
                       "seconds": sum(page["seconds"] for page in pages)}


def joined(claims, runs):
    """One claim out of those of several runs; it holds if it fails in no more than one of ten."""
    first = claims[0]
    if first["number"] is None:                         # a protocol that stopped in some runs: in the others it held
        held = runs - len(claims)
        return first | {"runs": runs, "held": held, "holds": False}
    runs, held = len(claims), sum(claim["holds"] for claim in claims)
    return first | {"measured": float(np.median([claim["measured"] for claim in claims])), "runs": runs, "held": held,
                    "holds": runs - held <= runs // ALLOWED}


def claims_of(module, headline, quick=False):
    """The accepted ranges of a protocol as claims. A number that the run did not give is no claim."""
    words, name = getattr(module, "CLAIMS", {}), running.protocol_name(module)
    return [{"claim": words.get(key, key.replace("_", " ")), "protocol": name, "number": key,
             "source": accepted.source, "expected": range_text(accepted), "measured": float(headline[key]),
             "tolerance": [accepted.low, accepted.high], "quick": quick, "runs": 1,
             "held": int(accepted.met(headline[key])), "holds": accepted.met(headline[key])}
            for key, accepted in module.ACCEPTED.items() if key in headline]


def range_text(accepted):
    """The range in words: a bound that stands for "none" is left out."""
    if accepted.low == accepted.high:
        return f"{accepted.low:g}"
    return f"at least {accepted.low:g}" if accepted.high >= 1e6 else f"{accepted.low:g} to {accepted.high:g}"


def finished(name, folder):
    """A page for the finished results of a protocol, claims judged by their numbers; none, no page.

    The claims are about the protocol's own parameters: results of --quick or of others are named and left out."""
    module, headline, figures, left_out = running.load_protocol(name), {}, [b""], []
    for found in sorted(folder.glob(f"{name}*/run.json")):
        with damage_told(f"the results in '{found.parent}' are damaged: no page can be made of them"):
            told = read_run(found.parent)
            changed = changed_parameters(module, told["provenance"]["parameters"], told["headline"])
            numbers = {key: value for key, value in told["headline"].items() if key in module.ACCEPTED}
            figure = found.with_name("figure.png").read_bytes()
        if changed:
            left_out.append(f"the results in '{found.parent}' are left out: they were made with {changed}")
            print(left_out[-1], file=sys.stderr)
        else:
            headline |= numbers
            figures.append(figure)
    if not (headline or left_out):
        return []
    return [{"name": name, "summary": module.__doc__.split("\n")[0], "figure": figures[-1], "trouble": "",
             "left_out": left_out, "claims": claims_of(module, headline), "seconds": 0.0}]


def changed_parameters(module, parameters, headline):
    """What was not the protocol's own in a saved run, in words; "" if all of it was."""
    if parameters.get("quick"):
        return "--quick"
    if any(headline.get(f"epochs_{name.replace('-', '_')}", recipe.epochs) < recipe.epochs
           for name, recipe in getattr(module, "RECIPES", {}).items()):
        return "fewer epochs than the recipe's"
    own = {key: plain(value) for key, value in running.signature(module).items() if key not in FREE}
    if own.get("validation", 0) is None:        # the data set's own number, which older results name: that of MNIST
        parameters = parameters | {"validation": None} if parameters.get("validation") == 10_000 else parameters
    return ", ".join(f"{key}={parameters[key]}" for key in own if key in parameters and parameters[key] != own[key])


# --- the page --------------------------------------------------------------------------------------------------

STYLE = ("body{font:15px/1.5 sans-serif;max-width:1100px;margin:2em auto;padding:0 1em;color:#222}"
         "table{border-collapse:collapse;width:100%}td,th{text-align:left;padding:.3em .6em;border-bottom:1px solid "
         "#ddd;vertical-align:top}.no{color:#b00;font-weight:bold}.yes{color:#070}img{max-width:100%}")


def page_text(pages, failed, quick):
    """The HTML page, figures and all."""
    count = sum(len(page["claims"]) for page in pages)
    lines = ["<!doctype html><html lang=en><head><meta charset=utf-8><title>spikelearn: theory</title>",
             f"<style>{STYLE}</style></head><body><h1>The theory, demonstrated</h1>",
             f"<p>{count - len(failed)} of {count} claims hold{' (quick run: reduced sizes)' if quick else ''}.</p>"]
    for page in pages:
        lines.append(f"<h2>{html.escape(page['name'])}</h2><p>{html.escape(page['summary'])}</p>")
        lines += [f"<p class=no>{html.escape(note)}</p>" for note in page.get("left_out", ())]
        lines.append("<table><tr><th>claim<th>measured<th>expected<th>source<th>holds</tr>")
        for claim in page["claims"]:
            measured = claim["measured"] if isinstance(claim["measured"], str) else f"{claim['measured']:.4g}"
            cells = (claim["claim"], measured, claim["expected"], claim["source"])
            lines.append("<tr>" + "".join(f"<td>{html.escape(str(cell))}" for cell in cells)
                         + ("<td class=yes>yes" if claim["holds"] else "<td class=no>NO") + held_text(claim) + "</tr>")
        lines.append("</table>")
        if page["figure"]:
            image = base64.b64encode(page["figure"]).decode()
            lines.append(f'<p><img alt="figure of {page["name"]}" src="data:image/png;base64,{image}"></p>')
    return "\n".join([*lines, "</body></html>\n"])


def held_text(claim):
    """In how many of its runs a claim held; nothing for a single one."""
    return f", in {claim['held']} of {claim['runs']} runs" if claim["runs"] > 1 else ""


def tables(result):
    """Files beside the result: the page, and the claims as JSON."""
    claims = plain({"claims": result.headline["claims"]})
    return {"report.html": str(result.arrays["page"]), "claims.json": json.dumps(claims, indent=2) + "\n"}


def plot(result, figure):
    """Every claim with its measured number: green holds, red does not."""
    axes, claims = figure.subplots(), result.headline["claims"]
    axes.axis("off")
    axes.set(xlim=(0, 1), ylim=(len(claims), -1))
    for row, claim in enumerate(claims):
        measured = claim["measured"] if isinstance(claim["measured"], str) else f"{claim['measured']:.4g}"
        words, colour = claim["claim"], "C2" if claim["holds"] else "C3"
        held = f" ({claim['held']}/{claim['runs']})" if claim["runs"] > 1 else ""
        axes.plot(.01, row, "o", color=colour, ms=6)
        axes.text(.03, row, words if len(words) < 92 else words[:90] + "…", fontsize=8, va="center")
        axes.text(.80, row, measured[:9] + held, fontsize=8, va="center", color=colour)
        axes.text(.89, row, claim["expected"], fontsize=8, va="center", color="0.4")
    axes.text(.80, -1, "measured", fontsize=8, va="center")
    axes.text(.89, -1, "accepted", fontsize=8, va="center")
    axes.set_title(f"{result.headline['claims_that_hold']} of {len(claims)} claims hold", fontsize=11)


if __name__ == "__main__":
    run_protocol()
