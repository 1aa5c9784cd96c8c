"""Downloads of MNIST and Fashion-MNIST through pooch, from a server on this machine that fails in several ways."""
import gzip
import hashlib
import http.server
import threading

import numpy as np
import pytest
from test_datasets import IMAGES, TINY_SHAPES, files_in, idx, one_sentence

from spikelearn import SpikelearnError
from spikelearn.images import idx_files
from spikelearn.images.datasets import load
from spikelearn.results.locks import _locked

CONTENT = {file: idx(np.arange(np.prod(shape), dtype=np.uint8).reshape(shape)) for file, shape in TINY_SHAPES.items()}
PACKED = {f"{file}.gz": gzip.compress(content, mtime=0) for file, content in CONTENT.items()}


class Answers(http.server.BaseHTTPRequestHandler):
    """Answers as `server.how` says."""

    def do_GET(self):
        """One answer."""
        self.server.asked.append(self.path)
        name, how = self.path.rpartition("/")[2], self.server.how
        data = PACKED.get(name, b"")
        if how == "redirected" and not self.path.startswith("/moved/"):
            self.send_response(302)
            self.send_header("Location", f"/moved/{name}")
            self.end_headers()
        elif how == "redirected for ever":
            self.send_response(302)
            self.send_header("Location", self.path)
            self.end_headers()
        elif how == "not there" or not data:
            self.send_error(404)
        elif how == "broken":
            self.send_error(500)
        elif how == "closed":
            self.close_connection = True
        elif how == "a login page":
            self.whole(b"<html>log in</html>")
        elif how == "of another data set":
            self.whole(gzip.compress(idx(np.full(TINY_SHAPES[name.removesuffix(".gz")], 7, dtype=np.uint8))))
        elif how == "endless":
            self.send_response(200)
            self.end_headers()
            for _ in range(100):
                self.wfile.write(bytes(1000))
        elif how in ("interrupted", "silent"):
            self.send_response(200)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data[:-9])
            self.wfile.flush()
            if how == "silent":
                self.server.over.wait()
        else:
            self.whole(data)

    def whole(self, data):
        """An answer with its length."""
        self.send_response(200)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_):
        """Nothing on standard error."""


class Server(http.server.ThreadingHTTPServer):
    """A server on a free port of this machine; `asked` are the paths that were asked for."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Answers)
        self.how, self.asked, self.over = "whole", [], threading.Event()
        self.address = f"http://127.0.0.1:{self.server_port}/"

    def handle_error(self, *_):
        """A client that hangs up is none."""


@pytest.fixture
def mirror(tmp_path, monkeypatch):
    """A mirror with six training and four test "images", and an empty cache."""
    sums = {file: hashlib.sha256(content).hexdigest() for file, content in CONTENT.items()}
    monkeypatch.setattr(idx_files, "SHAPES", TINY_SHAPES)
    monkeypatch.setattr(idx_files, "SHA256", {"mnist": sums, "fashion_mnist": sums})
    monkeypatch.setattr(idx_files, "cache_folder", lambda: tmp_path / "cache")
    for name in ("SPIKELEARN_DATA", "http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with Server() as server:
        monkeypatch.setattr(idx_files, "MIRRORS", {name: (f"{server.address}a/", ) for name in idx_files.MIRRORS})
        thread = threading.Thread(target=server.serve_forever, kwargs=dict(poll_interval=.01))
        thread.start()
        yield server
        server.over.set()
        server.shutdown()
        thread.join()


def kept(tmp_path):
    """Every file and folder below the cache, apart from the folders of the data sets."""
    return [path.relative_to(tmp_path / "cache").as_posix() for path in (tmp_path / "cache").rglob("*")
            if path.name not in ("mnist", "fashion_mnist")]


@pytest.mark.parametrize("name", ["mnist", "fashion_mnist"])
@pytest.mark.parametrize("how", ["whole", "redirected"])
def test_a_data_set_is_downloaded_once(mirror, tmp_path, name, how, capfd):
    mirror.how = how
    for _ in range(2):
        data = load(name, validation=1)
        assert np.array_equal(data.train.images, np.arange(30).reshape(5, 2, 3))
        assert list(data.test().labels) == [0, 1, 2, 3]
    assert len(mirror.asked) == 4 * (1 + (how == "redirected"))
    assert files_in(tmp_path / "cache") == sorted(f"{name}/{file}" for file in PACKED)
    assert sorted(kept(tmp_path)) == files_in(tmp_path / "cache")
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("how, reason", [
    ("not there", "HTTPError"), ("broken", "HTTPError"), ("closed", "ConnectionError"), ("interrupted", ""),
    ("a login page", "wrong content"), ("of another data set", "wrong content"),
    ("redirected for ever", "TooManyRedirects"), ("silent", ""), ("endless", "too large")])
def test_a_mirror_that_fails_is_told_and_leaves_nothing_behind(mirror, tmp_path, monkeypatch, how, reason):
    monkeypatch.setattr(idx_files, "TIMEOUT", .3)
    monkeypatch.setattr(idx_files, "LARGEST", 50_000)
    mirror.how = how
    with pytest.raises(SpikelearnError, match=f"mnist is not on this .*127.0.0.1:{mirror.server_port}: ") as caught:
        load("mnist", validation=1)
    assert reason in one_sentence(caught) and "--data-dir" in str(caught.value)
    assert kept(tmp_path) == []
    mirror.how = "whole"
    assert len(load("mnist", validation=1).train.labels) == 5


@pytest.mark.parametrize("how", ["interrupted", "silent", "a login page", "not there"])
def test_the_next_mirror_answers_for_one_that_fails(mirror, monkeypatch, how):
    monkeypatch.setattr(idx_files, "TIMEOUT", .3)
    with Server() as other:
        thread = threading.Thread(target=other.serve_forever, kwargs=dict(poll_interval=.01))
        thread.start()
        monkeypatch.setattr(idx_files, "MIRRORS", {"mnist": (f"{mirror.address}a/", f"{other.address}b/")})
        mirror.how = how
        assert len(load("mnist", validation=1).train.labels) == 5
        assert {path.partition("/")[2][0] for path in other.asked} == {"b"} and len(other.asked) == 4
        mirror.over.set()
        other.shutdown()
        thread.join()


def test_a_mirror_that_drips_is_left(tmp_path, monkeypatch):
    """1,000 bytes after 40 seconds: fewer than 2,000 a second, after the first 30."""
    now = [0.0]
    monkeypatch.setattr(idx_files.time, "monotonic", lambda: now[0])
    with open(tmp_path / "x", "wb") as file:
        watched = idx_files._Watched(file)
        watched.write(b"1")
        now[0] = 40.0
        with pytest.raises(OSError, match="too slow"):
            watched.write(bytes(1000))
        watched.write(bytes(30_000))


def test_no_network_is_told(mirror, tmp_path, monkeypatch):
    mirror.over.set()
    monkeypatch.setattr(idx_files, "MIRRORS", {"mnist": ("http://127.0.0.1:9/", "http://no-such-host.invalid/")})
    with pytest.raises(SpikelearnError, match="127.0.0.1:9: ConnectionError; no-such-host.invalid: ConnectionError"):
        load("mnist")
    assert kept(tmp_path) == []


def test_what_a_killed_download_left_is_swept_by_the_next_and_one_under_way_is_not(mirror, tmp_path):
    folder = tmp_path / "cache" / "mnist"
    for name in (".download-1", ".download-2"):
        (folder / name).mkdir(parents=True)
        (folder / name / f"{IMAGES}.gz").write_bytes(b"half")
        (folder / f"{name}.lock").touch()
    _locked(folder / ".download-2.lock")
    load("mnist", validation=1)
    assert {path.name for path in folder.iterdir()} == {".download-2", ".download-2.lock", *PACKED}
