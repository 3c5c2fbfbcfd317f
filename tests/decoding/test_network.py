"""The network over a split: every utterance once, as it is alone."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from ds2kit import config as configs
from ds2kit import model_folder
from ds2kit.audio.read import read
from ds2kit.data.index import Index
from ds2kit.data.reading import read_payloads
from ds2kit.decoding.network import Network, run
from ds2kit.registry import Toolkit
from ds2kit.types import Padded


@pytest.fixture
def network(tiny_experiment: Path) -> Network:
    toolkit = Toolkit.installed()
    config = configs.load(tiny_experiment / "config.yaml", toolkit)
    index = Index.load(config.speech.data / "test")
    return Network(tiny_experiment / "model", toolkit, config, index)


def test_an_utterance_is_heard_as_if_it_were_alone(network: Network) -> None:
    model, _ = model_folder.load(network.folder, network.toolkit)
    rows = np.array([0, 3, 7])

    heard = {one.key: one for batch in network.hear(rows) for one in batch}

    assert list(heard) == [network.index.keys[row] for row in (7, 3, 0)]
    for row in rows:
        about = network.index.row(int(row))
        [audio] = read_payloads([(network.index.folder, about)], most_reads=1)
        waveform = torch.from_numpy(read(audio, model.sample_rate))
        with torch.inference_mode():
            alone = model(Padded(waveform[None], torch.tensor([len(waveform)])))
        found = heard[about.key]
        assert found.log_probs.dtype == np.float32
        assert found.log_probs.shape == (int(alone.lengths[0]), network.tokenizer.size)
        np.testing.assert_allclose(found.log_probs, alone.values[0], atol=1e-4)
        assert found.seconds == len(waveform) / model.sample_rate
        assert found.frame_seconds == model.frame_seconds


@pytest.mark.parametrize("seconds", [0.1, 2.0, 1000.0])
def test_batches_change_nothing(network: Network, seconds: float) -> None:
    model, _ = model_folder.load(network.folder, network.toolkit)
    everything = np.arange(len(network.index))
    settings = replace(network.config.data, seconds_per_step=seconds)

    batches = list(run(model, network.index, everything, settings))

    heard = [one for batch in batches for one in batch]
    assert sorted(one.key for one in heard) == sorted(network.index.keys)
    lengths = [one.seconds for one in heard]
    assert lengths == sorted(lengths, reverse=True)
    assert (len(batches) == 1) == (seconds == 1000.0)


def test_digests_are_of_the_model_and_the_index(network: Network) -> None:
    assert network.digests["index_digest"] == network.index.digest
    assert len(network.digests["model_digest"]) == 64
    assert network.tokenizer.size > 4
