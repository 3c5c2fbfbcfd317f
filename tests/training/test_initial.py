"""--init: what is taken of another model, and what is new."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch

from ds2kit import model as models
from ds2kit import model_folder
from ds2kit.registry import Toolkit
from ds2kit.settings import Config
from ds2kit.text.char import Char
from ds2kit.training.data import Speech
from ds2kit.training.initial import initial_model, initial_tokenizer


def test_the_same_tokenizer_takes_everything(
    tiny_config: Callable[..., Config], tiny_experiment: Path
) -> None:
    toolkit, config, init = Toolkit.installed(), tiny_config(), tiny_experiment / "model"
    speech, said = Speech(config), []
    tokenizer = initial_tokenizer(config, speech, toolkit, init)
    model = models.build(config, tokenizer, toolkit)

    initial_model(model, config, speech, toolkit, init, said.append)

    other, _ = model_folder.load(init, toolkit)
    assert all(torch.equal(model.state_dict()[n], w) for n, w in other.state_dict().items())
    assert said[0].endswith("new: none")


def test_another_tokenizer_gets_a_new_output_layer(
    tiny_config: Callable[..., Config], tiny_experiment: Path
) -> None:
    toolkit, config, init = Toolkit.installed(), tiny_config(), tiny_experiment / "model"
    speech, said = Speech(config), []
    torch.manual_seed(3)
    model = models.build(config, Char.learn(["abcdefgh "]), toolkit)
    drawn = model.output.weight.detach().clone()

    initial_model(model, config, speech, toolkit, init, said.append)

    other, _ = model_folder.load(init, toolkit)
    for name, weight in other.state_dict().items():
        if not name.startswith("output."):
            assert torch.equal(model.state_dict()[name], weight), name
    assert torch.equal(model.output.weight, drawn)
    assert said[0].endswith("new: output.weight, output.bias")


def test_without_another_the_frontend_learns(tiny_config: Callable[..., Config]) -> None:
    toolkit, config = Toolkit.installed(), tiny_config()
    speech = Speech(config)
    model = models.build(config, initial_tokenizer(config, speech, toolkit, None), toolkit)
    speech.check(model.tokenizer, model.output_lengths)

    initial_model(model, config, speech, toolkit, None, print)

    frames = torch.cat(
        [
            normal.values[normal.mask()]
            for batch in speech.sample(model.tokenizer)
            for normal in [model.frontend(batch)]
        ]
    )
    assert torch.allclose(frames.mean(dim=0), torch.zeros(frames.shape[1]), atol=1e-3)
