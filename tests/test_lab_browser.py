"""The page of the laboratory as marimo serves it: its token, and load, slide, edit, break, save in Chromium."""
import http.client
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import spikelearn as sl
from spikelearn.command import lab as command
from spikelearn.equations.files import shipped_models
from spikelearn.lab import page as page_of
from spikelearn.lab import rule

pytest.importorskip("marimo", reason="needs the extra [lab]")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
PATIENT = 300_000       # ms: however busy the machine is
LINE = "w = clip(w - o1*("


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    """(address with the token, port, folder) of the page, served from a folder of its own."""
    folder = tmp_path_factory.mktemp("lab")
    (folder / "random.py").write_text("raise SystemExit('a file of the user was taken for a module')")
    program = [sys.executable, "-m", "spikelearn", "lab", "--no-browser", "--port", str(command.free_port(None))]
    with open(folder / "errors.txt", "w") as errors:
        server = subprocess.Popen([program[0], "-P", *program[1:]], cwd=folder, stdout=subprocess.PIPE, stderr=errors,
                                  text=True)
    try:
        said = server.stdout.readline() + server.stdout.readline()
        assert "runs Python" in said, (folder / "errors.txt").read_text()
        address = re.search(r"http://\S+", said)[0]
        yield address, int(re.search(r":(\d+)/", address)[1]), folder
    finally:
        server.terminate()
        assert server.wait() in (0, 143)
        server.stdout.close()


def status(port, path, method="GET", **headers):
    connection = http.client.HTTPConnection(command.HOST, port)
    connection.request(method, path, headers=headers, body="{}" if method == "POST" else None)
    answer = connection.getresponse()
    answer.read()
    connection.close()
    return answer.status


@pytest.mark.long
def test_a_request_without_the_token_is_refused(served):
    address, port, _ = served
    token = address.partition("access_token=")[2]
    assert len(token) >= 32 and status(port, f"/?access_token={token}") in (200, 303)
    refused = (302, 303, 307, 401, 403)
    for path in ("/", "/?access_token=", f"/?access_token={token[:-1]}", "/api/status"):
        assert status(port, path) in refused, path
    assert status(port, "/api/kernel/set_ui_element_value", "POST", **{"Content-Type": "application/json"}) in refused
    socket_headers = {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13",
                      "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ=="}
    assert status(port, "/ws?session_id=s_123456", **socket_headers) != 101


@pytest.mark.long
@pytest.mark.skipif(not Path("/proc/net/tcp").exists(), reason="needs Linux")
def test_the_page_listens_on_the_loopback_only(served):
    listening = [line.split()[1] for name in ("tcp", "tcp6") if (table := Path(f"/proc/net/{name}")).exists()
                 for line in table.read_text().splitlines()[1:] if line.split()[3] == "0A"]
    hosts = {host for host, _, port in (one.rpartition(":") for one in listening) if int(port, 16) == served[1]}
    assert hosts == {"0100007F"}


def test_a_panel_shows_a_picture_or_one_sentence():
    session, rules = page_of.Session(), [sl.load_model("stdp_voltage")]

    def fails():
        raise ZeroDivisionError("of this rule")

    assert 'press "compute"' in page_of.panel(session, rules, fails, "window", "compute").text
    assert "of this rule" in page_of.panel(session, rules, fails, "window").text
    assert "data:image/png;base64,AA==" in page_of.panel(session, rules, lambda: b"\0", "window").text
    assert page_of.panel(session, [], fails, "window").text == ""


# ---- in a browser

@pytest.fixture(scope="module")
def browser():
    playwright = pytest.importorskip("playwright.sync_api")
    if CHROMIUM is None:
        pytest.skip("needs Chromium")
    with playwright.sync_playwright() as started:
        opened = started.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield opened
        opened.close()


@pytest.fixture
def loaded(served, browser):
    """The page, once its figure is drawn; it shows no traceback, then or later."""
    page = browser.new_page(viewport={"width": 1500, "height": 2200})
    page.set_default_timeout(PATIENT)
    page.goto(served[0])
    page.wait_for_selector("img[alt^=window]")
    page.wait_for_selector("img[alt^=traces]")
    yield page
    assert "Traceback" not in page.inner_text("body")
    page.close()


def curves(page):
    return page.get_attribute("img[alt^=window]", "src")


def wait_for_other_curves(page, before):
    page.wait_for_function("before => document.querySelector('img[alt^=window]')?.src != before", arg=before)
    page.wait_for_selector("img[alt^=window]")


def type_into(page, text, after):
    """Type into the line of the depression, after some of its characters."""
    page.get_by_text(LINE).first.click()
    page.keyboard.press("Home")
    for _ in range(after):
        page.keyboard.press("ArrowRight")
    page.keyboard.type(text)


@pytest.mark.slow
def test_load_slide_edit_break_save(served, loaded):
    page, folder = loaded, served[2]
    table = page.inner_text("table.battery")
    assert "sjostrom_frequency" in table and "0.356" in table           # E of Pfister & Gerstner (2006)

    before = curves(page)                                               # slide
    page.locator("[role=slider]").nth(2).focus()                        # tau_plus
    page.keyboard.press("ArrowRight")
    wait_for_other_curves(page, before)

    before = curves(page)                                               # edit
    type_into(page, "w*", after=len(LINE))
    wait_for_other_curves(page, before)
    page.wait_for_function("old => document.querySelector('table.battery')?.innerText != old", arg=table)

    type_into(page, "Q", after=len("w = clip("))                        # break
    page.wait_for_selector(".lab-mistake")
    number = 1 + shipped_models()["synapses/stdp_triplet"].read_text().partition(LINE)[0].count("\n")
    said = page.inner_text(".lab-mistake")
    assert said.startswith(f"line {number}: unknown name 'Qw' in on_pre")
    beside = """number => getComputedStyle(document.querySelector('marimo-code-editor').shadowRoot
                           .querySelectorAll('.cm-line')[number - 1], '::after').content"""
    assert "unknown name 'Qw'" in page.evaluate(beside, number)
    assert "none" == page.evaluate(beside, number + 1)
    page.get_by_role("button", name="save", exact=True).click()
    page.wait_for_selector("text=a rule with a mistake is not saved")
    assert not (folder / "my_rule.py").exists()
    page.get_by_text(LINE[:9]).first.click()
    page.keyboard.press("Home")
    for _ in range(len("w = clip(Q")):
        page.keyboard.press("ArrowRight")
    page.keyboard.press("Backspace")
    page.wait_for_selector("text=The rule can be read")

    page.get_by_role("button", name="save", exact=True).click()         # save
    page.wait_for_selector("text=my_rule.py is saved")
    saved = sl.load_model(folder / "my_rule.py")
    assert "w - o1*(w*A2_minus" in saved.on_pre
    numbers = rule.numbers_of(saved.text)
    assert numbers["tau_plus"].value > 16.8 and numbers["tau_minus"].value == 33.7
    page.get_by_role("button", name="save", exact=True).click()
    page.wait_for_selector("text=/my_rule.py.* exists/")
    commands = page.locator("marimo-accordion")
    commands.get_by_text("the commands").click()
    page.wait_for_selector("text=spikelearn run stdp_window --synapse my_rule.py")


@pytest.mark.slow
def test_open_another_rule_and_own_measurements(served, loaded):
    page, folder = loaded, served[2]
    text = shipped_models()["synapses/stdp_pair"].read_text(encoding="utf-8")
    (folder / "own.py").write_text(text, encoding="utf-8")
    (folder / "own.csv").write_text(sl.experiment("bi_poo_window").file.read_text(encoding="utf-8"), encoding="utf-8")
    field = page.get_by_placeholder("folder/my_rule.py")
    before, experiment = curves(page), page.get_attribute("img[alt^=experiment]", "src")
    field.fill("own.py")
    field.press("Enter")
    wait_for_other_curves(page, before)
    page.wait_for_selector("text=Pair-based STDP, all-to-all")
    page.wait_for_selector("th:has-text('E own')")
    before = curves(page)
    field = page.get_by_placeholder("folder/mine.csv")
    field.fill("own.csv")
    field.press("Enter")
    page.wait_for_function("before => document.querySelector('img[alt^=experiment]')?.src != before", arg=experiment)
    assert curves(page) == before
    page.wait_for_selector("text=Pair-based STDP, all-to-all")          # the editor keeps what it holds
    with page.expect_download() as download:
        page.get_by_text("numbers (CSV)").click()
    assert "bi_poo_window" in Path(download.value.path()).read_text(encoding="utf-8")
    with page.expect_download() as download:
        page.get_by_text("figure (PNG)").click()
    assert Path(download.value.path()).read_bytes().startswith(b"\x89PNG")
