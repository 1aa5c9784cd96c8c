"""Every notebook by being there: it runs from its first cell to its last, and is kept without outputs."""
import os
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

ROOT = Path(__file__).parent.parent
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
LONG = ("02", "03", "04")       # they fit or train


def test_there_is_a_notebook():
    assert "01_change_an_equation" in [path.stem for path in NOTEBOOKS]


@pytest.mark.long
@pytest.mark.parametrize("path", [pytest.param(path, marks=[pytest.mark.slow] * (path.stem[:2] in LONG))
                                  for path in NOTEBOOKS], ids=lambda path: path.stem)
def test_runs_without_a_compiler_and_draws(path, tmp_path, monkeypatch):
    """A cell that raises fails the test: the notebook itself compares its last curve with the closed form."""
    monkeypatch.setenv("PATH", str(tmp_path))           # no compiler
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]))
    notebook = nbformat.read(path, as_version=4)
    patient = dict(timeout=None, startup_timeout=86_400)       # however busy the machine is
    NotebookClient(notebook, resources={"metadata": {"path": str(tmp_path)}}, **patient).execute()
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    assert sum("image/png" in output.get("data", {}) for output in outputs) >= 2
    assert not [output for output in outputs if output.get("name") == "stderr"]
    assert {entry.name for entry in tmp_path.iterdir()} <= {"ipython"}


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_is_kept_without_outputs(path):
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    for cell in notebook.cells:
        assert cell.cell_type != "code" or cell.outputs == [] and cell.execution_count is None
    assert set(notebook.metadata) <= {"kernelspec", "language_info"}
