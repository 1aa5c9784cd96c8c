"""The site under docs/: links and anchors lead somewhere, code blocks run, everything shipped has its page."""
import importlib.util
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import test_code_blocks as guide
from test_code_blocks import elsewhere  # noqa: F401  (a fixture)

import spikelearn as sl
from spikelearn.command import command_line as cli
from spikelearn.command import run as running
from spikelearn.equations.files import load_model, shipped_models
from spikelearn.stdp.shipped import shipped_experiments

DOCS = Path(__file__).parent.parent / "docs"
BY_HAND = sorted(path.name for path in DOCS.glob("*.md"))
FENCE = re.compile(r"^```.*?^```$", flags=re.M | re.S)
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")

# Lines of the site's shell blocks that are not run: why not. Their options are parsed.
NOT_RUN = {
    "spikelearn run learn_": "trains for minutes, also with --quick; test_learn_protocols trains smaller networks",
    "spikelearn run stdp_battery": "tens of seconds; test_stdp_protocols runs it",
    "spikelearn fit --synapse synapses/stdp_triplet --to sjostrom_frequency": "the same line of README.md is run",
    "spikelearn lab": "a server, which does not end; test_lab_page starts it",
    "dask ": "servers, which do not end",
    "spikelearn sweep learn_mnist": "trains on a cluster",
    "spikelearn again my_sweep/": "repeats a point of a sweep of another page",
}


@pytest.fixture(scope="module")
def pages():
    """The generator docs/pages.py, which needs no Sphinx."""
    sys.path.insert(0, str(DOCS))
    try:
        yield importlib.import_module("pages")
    finally:
        sys.path.remove(str(DOCS))


@pytest.fixture(scope="module")
def generated(pages, tmp_path_factory):
    """Name below the folder -> text of all generated pages."""
    folder = tmp_path_factory.mktemp("site")
    return {path.relative_to(folder).as_posix(): path.read_text(encoding="utf-8") for path in pages.write(folder)}


def text_of(name):
    return (DOCS / name).read_text(encoding="utf-8")


def anchors(text):
    """Anchors of the headings of a page, as Sphinx makes them."""
    headings = re.findall(r"^#{1,3} (.+)$", FENCE.sub("", text), flags=re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


# ---- links

@pytest.mark.long
@pytest.mark.parametrize("name", BY_HAND)
def test_links_and_anchors_of_a_page_lead_somewhere(name, generated):
    for target in LINK.findall(FENCE.sub("", text_of(name))):
        if target.startswith(("https://", "http://")):
            continue
        file, _, anchor = target.partition("#")
        file = file or name
        if file.startswith("generated/"):
            assert file.removeprefix("generated/") in generated, target
        else:
            assert (DOCS / file).exists(), target
            assert not anchor or anchor in anchors(text_of(file)), target


def test_links_of_generated_pages_lead_somewhere(generated):
    inside = {name: text for name, text in generated.items() if not name.startswith("tables/")}
    for name, text in inside.items():
        for target in LINK.findall(FENCE.sub("", text)):
            if not target.startswith(("https://", "http://")):
                path = (DOCS / "generated" / name).parent / target
                relative = Path(*path.parts).resolve()
                known = relative.is_relative_to(DOCS / "generated") and (
                    relative.relative_to(DOCS / "generated").as_posix() in generated)
                assert known or relative.exists(), f"{name}: {target}"


def test_every_page_is_in_the_table_of_contents():
    listed = re.findall(r"^[\w/*]+$", "\n".join(FENCE.findall(text_of("index.md"))), flags=re.M)
    for name in BY_HAND:
        assert name == "index.md" or any(Path(name).match(f"{entry}.md") for entry in listed), name


def test_included_tables_are_generated(generated):
    for name in BY_HAND:
        for included in re.findall(r"^```\{include\} generated/(\S+)", text_of(name), flags=re.M):
            assert generated[included].startswith("| "), included


# ---- what is shipped has a page

def test_every_model_protocol_experiment_and_public_name_has_a_page(generated):
    for name in shipped_models():
        kind, _, title = name.partition("/")
        assert f"{'rules' if kind == 'synapses' else kind}/{title}.md" in generated
    assert {f"protocols/{name}.md" for name in running.shipped_protocols()} <= set(generated)
    assert {f"experiments/{name}.md" for name in shipped_experiments()} <= set(generated)
    assert {f"api/{name}.rst" for name in sl.PUBLIC} <= set(generated)


@pytest.mark.parametrize("name", ["synapses/stdp_triplet", "synapses/btsp", "neurons/lif"])
def test_a_model_page_shows_equations_parameters_and_source(name, generated):
    model = load_model(name)
    page = generated[name.replace("synapses", "rules") + ".md"]
    assert page.count("$$") >= 4 and page.count("$$") % 2 == 0
    for parameter in model.parameters:
        assert f"| `{parameter}` |" in page
    assert model.source.split(" (")[0] in page and "literalinclude" in page


def test_a_rule_page_shows_its_rows_of_the_scoreboard(pages, generated):
    rows = [row for row in pages.committed.scoreboard_rows() if row["rule"] == "stdp_pair"]
    assert len(rows) >= 8
    for row in rows:
        assert f"| {float(row['E_published']):.3g} | {float(row['E_fitted']):.3g} |" in generated["rules/stdp_pair.md"]


def test_a_protocol_page_shows_accepted_ranges_and_committed_numbers(pages, generated):
    page = generated["protocols/stdp_window.md"]
    for key, accepted in running.load_protocol("stdp_window").ACCEPTED.items():
        assert f"| `{key}` | {accepted.low:g} | {accepted.high:g} |" in page
    assert "results/stdp_window/figure.png" in page and "| E_bi_poo_window | 0.9496 |" in page
    assert "No result is committed" in generated["protocols/stdp_experiment.md"]
    claims = [one for one in pages.committed.claims() if one["protocol"] == "early_inference"]
    assert len(claims) >= 4
    for one in claims:
        assert f"| {one['number']} | {one['measured']:.3g} |" in generated["protocols/early_inference.md"]


def test_no_generated_page_names_the_machine(generated):
    home = re.compile(r"(?<![\w.])/(?:home|root|work|Users|tmp|mnt)/\w")
    assert not [name for name, text in generated.items() if home.search(text)]


# ---- equations as formulas

@pytest.mark.parametrize("code, wanted", [
    ("-x / tau_plus", r"\frac{-x}{\tau_{+}}"),
    ("w - A2_minus*(y + 1)", r"w - A_{2, -} \, \left(y + 1\right)"),
    ("a - (b - c)", r"a - \left(b - c\right)"),
    ("(a + b)**2", r"\left(a + b\right)^{2}"),
    ("a*(b/c)", r"a \, \frac{b}{c}"),
    ("-gamma*(a - b)", r"-\gamma \, \left(a - b\right)"),
    ("exp(-t/tau)", r"\exp\left(\frac{-t}{\tau}\right)"),
    ("not (a > b and c > d)", r"\mathrm{not}\ \left(a > b\ \mathrm{and}\ c > d\right)"),
    ("int(u_post > theta) and x <= 1", r"\mathrm{int}\left(u_{\mathrm{post}} > \theta\right)\ \mathrm{and}\ x \leq 1"),
])
def test_an_expression_keeps_its_order_and_its_parentheses(pages, code, wanted):
    assert pages.latex.expression(code) == wanted


def test_statements_become_assignments(pages):
    assert pages.latex.statements("x += 1\nw = clip(w - y, 0, w_max)") == [
        r"x \leftarrow x + 1", r"w \leftarrow \mathrm{clip}\left(w - y,\ 0,\ w_{\mathrm{max}}\right)"]
    assert pages.latex.statements("w *= a + b") == [r"w \leftarrow w \, \left(a + b\right)"]


# ---- code blocks

TESTED_ELSEWHERE = ("reliability.md", "release.md", "formats.md")      # test_faults_*.py, by hand, test_formats
DIRECTIVE = re.compile(r"^```\{.*?^```$", flags=re.M | re.S)      # such as a table of contents
BLOCKS = [(name, k, language, block) for name in BY_HAND if name not in TESTED_ELSEWHERE
          for k, (language, block) in enumerate(guide.FENCED.findall(DIRECTIVE.sub("", text_of(name))), 1)]
SHELL = [case for case in BLOCKS if case[2] in ("sh", "") and "#SBATCH" not in case[3]]
PYTHON = [case for case in BLOCKS if case[2] == "python" and "dask_jobqueue" not in case[3]]


def test_each_block_is_of_a_language_that_is_run_or_only_shown():
    assert {language for _, _, language, _ in BLOCKS} <= {"", "sh", "python", "text"}
    assert len(SHELL) >= 12 and len(PYTHON) >= 4


def not_run(line):
    return next((start for start in NOT_RUN if line.startswith(start)), None)


@pytest.mark.slow
@pytest.mark.parametrize("case", SHELL, ids=guide.named)
def test_every_line_of_a_shell_block_of_the_site_runs(case, elsewhere):  # noqa: F811
    lines = [line for line in case[3].splitlines() if line.strip() and not line.startswith("#")]
    for line in lines:
        if guide.exception_of(line) == "nano ":
            guide.edit(case[3], elsewhere / shlex.split(line)[1])
        elif not_run(line):
            if line.startswith("spikelearn"):
                cli.parsed(shlex.split(line)[1:])
        elif guide.replaced(line):
            guide.run(guide.replaced(line), elsewhere if guide.exception_of(line) is None else guide.ROOT)


@pytest.mark.slow
@pytest.mark.parametrize("case", PYTHON, ids=guide.named)
def test_every_python_block_of_the_site_runs(case, elsewhere):  # noqa: F811
    guide.run([sys.executable, "-c", case[3]], elsewhere)


def test_every_line_that_is_not_run_is_on_a_page():
    lines = [line for case in SHELL for line in case[3].splitlines()]
    assert {not_run(line) for line in lines} - {None} == set(NOT_RUN)


# ---- the site itself

@pytest.mark.slow
@pytest.mark.skipif(not all(map(importlib.util.find_spec, ["sphinx", "furo", "myst_parser", "numpydoc"])),
                    reason="needs the extra [docs]")
def test_the_site_is_built_without_warnings(tmp_path):
    done = subprocess.run([sys.executable, "-m", "sphinx", "-W", "--keep-going", "-q", str(DOCS), str(tmp_path)],
                          capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    html = (tmp_path / "generated" / "rules" / "stdp_pair.html").read_text(encoding="utf-8")
    assert "<math" in html and "_images/stdp_pair.png" in html
    assert "https://cdn" not in html        # it is read without the network
