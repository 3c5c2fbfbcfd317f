"""What tests share: real speech, a tiny corpus, a model that learned it, a server, the commands."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import threading
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, settings

ROOT = Path(__file__).resolve().parents[1]
CORPORA = Path(os.environ.get("DS2KIT_CORPORA", ROOT.parent / "shared" / "corpora"))

HERTZ = {"a": 400.0, "b": 700.0, "c": 1100.0, "d": 1600.0}
"""The words of the tiny corpus, and the tone that each of them is."""

SPLITS = {"train": 48, "dev": 9, "test": 12}

CONFIG = """
corpus: {data: DATA}
encoder: {name: deepspeech2, convolutions: 1x2d, channels: [4], width: 24, layers: 1}
data: {sample_rate: 8000, seconds_per_step: 4, workers: 0}
optimizer: {name: adamw, learning_rate: 1e-2}
trainer: {epochs: 3, accelerator: cpu}
"""


# How fast a machine is that has other work too is no matter of a test.
settings.register_profile("ds2kit", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("ds2kit")

# Whoever runs the tests in the background has told them, and all that they start, to ignore Ctrl-C.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Where the corpora are, a test that misses one of them fails instead of being skipped."""
    report = yield
    if report.skipped and CORPORA.is_dir() and "DS2KIT_CORPORA" in str(report.longrepr):
        report.outcome = "failed"
        report.longrepr = f"{item.nodeid} was skipped: {report.longrepr[-1]}"
    return report


@pytest.fixture(scope="session")
def corpora() -> Path:
    """The folder of real recordings; skips, with the reason, where it is absent."""
    if not CORPORA.is_dir():
        pytest.skip(f"{CORPORA} is not there; set DS2KIT_CORPORA")
    return CORPORA.resolve()


@pytest.fixture(scope="session")
def tiny_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Prepared splits `train`, `dev`, `test` of 1 to 4 tones each, at 8 kHz: to read, not to
    write."""
    from ds2kit.data.shards import write_split
    from ds2kit.types import Utterance

    data = tmp_path_factory.mktemp("tiny")
    draw = np.random.default_rng(0)
    for split, count in SPLITS.items():
        utterances = [
            Utterance(f"{split}/{i:03d}", *tones(draw), speaker=f"s{i % 3}") for i in range(count)
        ]
        write_split(data / split, utterances, made_from={})
    return data


def tones(draw: np.random.Generator, longest: int = 1400) -> tuple[bytes, str]:
    """A wav file, and what is said in it. `longest`: samples of a word."""
    from ds2kit.audio.write import wav

    said = draw.choice(list(HERTZ), size=draw.integers(1, 5))
    parts = []
    for word in said:
        time = np.arange(draw.integers(800, longest)) / 8000
        parts += [0.3 * np.sin(2 * np.pi * HERTZ[word] * time), np.zeros(400)]
    sound = np.concatenate(parts)
    return wav(sound + 0.003 * draw.standard_normal(len(sound)), 8000), " ".join(said)


@pytest.fixture(scope="session")
def tiny_yaml(tiny_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A config of a tiny model for the tiny corpus."""
    path = tmp_path_factory.mktemp("config") / "tiny.yaml"
    path.write_text(CONFIG.replace("DATA", str(tiny_data)))
    return path


@pytest.fixture(scope="session")
def tiny_experiment(tiny_yaml: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """config.yaml, model/ and log.jsonl as `ds2kit train` leaves them: to read, not to write.

    The model hears the tones right; a plain loop trained it, so that what uses a model is tested
    without what makes one.
    """
    from ds2kit import config as configs
    from ds2kit import model_folder
    from ds2kit.registry import Toolkit

    toolkit = Toolkit.installed()
    config = configs.load(tiny_yaml, toolkit)
    folder = tmp_path_factory.mktemp("experiment")
    model, losses = _trained(config, toolkit)
    (folder / "config.yaml").write_text(configs.to_yaml(config))
    model_folder.save(folder / "model", model, config, "# A tiny model\n")
    shutil.copy(folder / "model" / model_folder.TOKENIZER, folder)
    lines = [json.dumps(event) + "\n" for event in _events(losses)]
    (folder / "log.jsonl").write_text("".join(lines))
    return folder


@pytest.fixture(scope="session")
def tiny_streaming(tiny_yaml: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model folder, to read: a tiny model that hears forward only, a few frames late."""
    from ds2kit import config as configs
    from ds2kit import model_folder
    from ds2kit.registry import Toolkit

    toolkit = Toolkit.installed()
    forward_only = ["encoder.bidirectional=false", "encoder.lookahead=4"]
    config = configs.load(tiny_yaml, toolkit, forward_only)
    folder = tmp_path_factory.mktemp("streaming")
    model, _ = _trained(config, toolkit)
    model_folder.save(folder, model, config, "# A tiny model that streams\n")
    return folder


def _trained(config, toolkit):
    """A model that heard so many sounds that it hears the fixture `tone` right, at any rate."""
    import torch

    from ds2kit import model as models
    from ds2kit.audio.read import read
    from ds2kit.text.char import Char
    from ds2kit.types import Padded

    draw = np.random.default_rng(1)
    sounds, texts = zip(*(tones(draw, longest=2000) for _ in range(96)), strict=True)
    waveforms = joined([torch.from_numpy(read(sound, 8000)) for sound in sounds], Padded)
    torch.manual_seed(1)
    model = models.build(config, Char.learn(texts), toolkit)
    tokens = joined([torch.tensor(model.tokenizer.encode(text)) for text in texts], Padded)
    model.frontend.learn([waveforms])
    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-2)
    losses = []
    for _ in range(48):
        log_probs = model(waveforms)
        loss = torch.nn.functional.ctc_loss(
            log_probs.values.transpose(0, 1),
            tokens.values,
            log_probs.lengths,
            tokens.lengths,
            reduction="sum",
        )
        losses.append(loss.item() / len(texts))
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 10.0)
        optimizer.step()
    return model.eval(), losses


def joined(parts, padded):
    import torch

    values = torch.nn.utils.rnn.pad_sequence(parts, batch_first=True)
    return padded(values, torch.tensor([len(part) for part in parts]))


def _events(losses: list[float]) -> Iterator[dict[str, object]]:
    yield {"event": "start", "at": [0, 0], "ranks": 1, "precision": "32", "threads": 1}
    for i, loss in enumerate(losses):
        yield {
            "event": "step",
            "epoch": i // 24,
            "step": i % 24,
            "update": i + 1,
            "loss": loss,
            "learning_rate": 2e-2,
            "gradient_norm": 1.0 + loss,
            "utterances": 48,
            "audio_seconds": 30.0,
            "seconds": 0.05 if i % 24 else 0.5,
            "waited": 0.001 if i % 24 else 0.4,
            "unalignable": [],
            "skipped": [],
        }
        if i % 24 == 23:
            yield {
                "event": "epoch",
                "epoch": i // 24,
                "update": i + 1,
                "dev_loss": loss,
                "dev_wer": 0.5,
                "dev_cer": 0.25,
            }


@pytest.fixture
def experiment(tiny_experiment: Path, tmp_path: Path) -> Path:
    """A copy of the tiny experiment, to write in."""
    return Path(shutil.copytree(tiny_experiment, tmp_path / "exp"))


@pytest.fixture
def tone(tmp_path: Path) -> Callable[..., Path]:
    """Makes a wav file in which such words are said."""
    from ds2kit.audio.write import wav

    def make(said: str = "a b", name: str = "said.wav", rate: int = 8000) -> Path:
        parts = []
        for word in said.split():
            time = np.arange(rate // 5) / rate
            parts += [0.3 * np.sin(2 * np.pi * HERTZ[word] * time), np.zeros(rate // 20)]
        path = tmp_path / name
        # As loud in the model's band at any rate.
        noise = 0.003 * (rate / 8000) ** 0.5
        drawn = np.random.default_rng(1).standard_normal(sum(map(len, parts)))
        path.write_bytes(wav(np.concatenate(parts) + noise * drawn, rate))
        return path

    return make


@pytest.fixture
def toy(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[str]:
    """A decoder with a language model, installed: the overrides that name it."""
    path = ROOT / "tests" / "toy"
    monkeypatch.syspath_prepend(path)
    monkeypatch.setenv("PYTHONPATH", str(path), prepend=os.pathsep)
    (tmp_path / "lm.toy").write_text("a\t0.2\nb\t0.2\nc\t0.2\nd\t0.2\n</s>\t0.2\n")
    return [
        "decoder.name=rescoring",
        "decoder.language_model.name=probabilities",
        f"decoder.language_model.path={tmp_path / 'lm.toy'}",
    ]


@pytest.fixture
def blurred(experiment: Path) -> Path:
    """The tiny experiment, with log-probabilities of dev and test in which much is misheard."""
    from ds2kit import config as configs
    from ds2kit.data.index import Index
    from ds2kit.decoding import log_probs
    from ds2kit.decoding.network import Network
    from ds2kit.registry import Toolkit

    toolkit = Toolkit.installed()
    config = configs.load(experiment / "config.yaml", toolkit)
    for split in ("dev", "test"):
        index = Index.load(config.speech.data / split)
        network = Network(experiment / "model", toolkit, config, index)
        kept = log_probs.keep(experiment / "decode" / split / log_probs.FOLDER, network)
        _blur(kept.folder / log_probs.VALUES, network.tokenizer.size)
    return experiment


def _blur(path: Path, vocabulary: int) -> None:
    values = np.fromfile(path, "<f4").reshape(-1, vocabulary)
    noise = np.random.default_rng(3).standard_normal(values.shape)
    blurred = np.clip(values, -6, 0) + 2.2 * noise
    blurred -= np.log(np.exp(blurred).sum(axis=1, keepdims=True))
    blurred.astype("<f4").tofile(path)


@dataclass(frozen=True)
class Ran:
    """How a command ended, and what it wrote."""

    status: int
    out: str
    err: str


@pytest.fixture
def ds2kit(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Ran]:
    """Runs `ds2kit ARGUMENTS...` in this process, from the same door as the shell's."""
    from ds2kit.cli.main import main

    def run(*arguments: object) -> Ran:
        monkeypatch.setattr("sys.argv", ["ds2kit", *map(str, arguments)])
        capsys.readouterr()
        try:
            main()
        except SystemExit as ended:
            status = ended.code if isinstance(ended.code, int) else 1
        else:
            status = 0
        return Ran(status, *capsys.readouterr())

    return run


@dataclass
class Server:
    """A local server of one file, with moods; `asked` lists the Range header of every request."""

    url: str = ""
    content: bytes = b""
    ranges: bool = True
    break_after: list[int] = field(default_factory=list)
    """Bytes after which each of the next answers breaks off."""
    wrong_range: bool = False
    status: int = 0
    location: str = ""
    tells_length: bool = True
    asked: list[str | None] = field(default_factory=list)

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        asked = request.headers.get("Range")
        self.asked.append(asked)
        if self.status:
            request.send_response(self.status)
            if self.location:
                request.send_header("Location", self.location)
            request.send_header("Content-Length", "0")
            request.end_headers()
            return
        first = 0
        if asked and self.ranges:
            first = int(re.fullmatch(r"bytes=(\d+)-", asked)[1])  # type: ignore[index]
            if first >= len(self.content):
                request.send_response(416)
                request.send_header("Content-Range", f"bytes */{len(self.content)}")
                request.send_header("Content-Length", "0")
                request.end_headers()
                return
            said = first + 7 if self.wrong_range else first
            request.send_response(206)
            request.send_header(
                "Content-Range", f"bytes {said}-{len(self.content) - 1}/{len(self.content)}"
            )
        else:
            request.send_response(200)
        if self.tells_length:
            request.send_header("Content-Length", str(len(self.content) - first))
        request.end_headers()
        body = self.content[first:]
        if self.break_after:
            body = body[: self.break_after.pop(0)]
        request.wfile.write(body)


class _QuietServer(ThreadingHTTPServer):
    """A client that hangs up in the middle is what some of these tests are about."""

    def handle_error(self, request: object, client_address: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[Server]:
    mood = Server()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            mood.answer(self)

        def log_message(self, format: str, *args: object) -> None:
            pass

    running = _QuietServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=running.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    mood.url = f"http://127.0.0.1:{running.server_address[1]}/corpus.tar"
    yield mood
    running.shutdown()
    running.server_close()
