"""What is installed, found by kind and name, and what is broken."""

from __future__ import annotations

import importlib
import math
import sys
from collections.abc import Callable, Hashable, Iterable, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from ds2kit.components import BLANK, Decoder, LanguageModel, Tokenizer
from ds2kit.errors import UserError
from ds2kit.hooks import hookimpl
from ds2kit.registry import IN_THE_REPOSITORY, Chosen, Plugin, Toolkit
from ds2kit.types import Hypothesis, Padded

HERE = Path("/somewhere")


class Silent(Decoder):
    def __init__(self, tokenizer: Tokenizer, *, times: int = 1) -> None:
        self.tokenizer, self.times = tokenizer, times

    def decode(self, log_probs: Padded) -> list[list[Hypothesis]]:
        return [[Hypothesis("", (), 0.0)] * self.times for _ in log_probs.lengths]


class Even(LanguageModel):
    unit = "word"

    def __init__(self, path: Path, *, words: int = 2) -> None:
        self.path, self.words = path, words

    def initial_state(self) -> Hashable:
        return None

    def score(
        self, states: Sequence[Any], units: Sequence[str]
    ) -> tuple[Sequence[float], Sequence[Hashable]]:
        return [-math.log(self.words)] * len(units), list(states)


class Searching(Silent):
    def __init__(
        self, tokenizer: Tokenizer, *, language_model: LanguageModel | None = None, beam: int = 8
    ) -> None:
        super().__init__(tokenizer)
        self.language_model, self.beam = language_model, beam


class NoDecoder:
    pass


def module(hooks: dict[str, Iterable[Any]]) -> ModuleType:
    """A hook module whose hooks give those."""
    made = ModuleType("made")
    for name, given in hooks.items():

        def hook(given: Iterable[Any] = given) -> Iterable[Any]:
            return given

        hook.__name__ = name
        setattr(made, name, hookimpl(hook))
    return made


def plugin(load: Callable[[], ModuleType], distribution: str = "ds2kit-other") -> Plugin:
    return Plugin("other", distribution, "1.2", load)


def offering(*components: tuple[str, str, str], distribution: str = "ds2kit-other") -> Plugin:
    return plugin(lambda: module({"ds2kit_components": components}), distribution)


CORE = Plugin("core", "ds2kit", "0.1.0", lambda: importlib.import_module("ds2kit.builtin"))
SILENT = ("decoder", "silent", "test_registry_made:Silent")


@pytest.fixture(autouse=True)
def importable(monkeypatch: pytest.MonkeyPatch) -> None:
    """The classes above, to be found by dotted path."""
    made = ModuleType("test_registry_made")
    made.__dict__.update(Silent=Silent, NoDecoder=NoDecoder, Searching=Searching, Even=Even)
    monkeypatch.setitem(sys.modules, "test_registry_made", made)


def test_what_is_installed_has_the_core() -> None:
    toolkit = Toolkit.installed()

    assert "deepspeech2" in toolkit.names("encoder")
    assert toolkit.find("tokenizer", "char").distribution == "ds2kit"
    assert {"prepare", "train", "decode", "score", "plugins", "new"} <= set(toolkit.commands)


def test_every_component_of_the_core_is_what_it_says() -> None:
    toolkit = Toolkit([CORE])

    assert not toolkit.broken
    for offer in toolkit.components:
        toolkit.options(offer.kind, offer.name)
    for name in toolkit.commands:
        assert toolkit.command(name).name == name


def test_a_component_is_made_of_its_options() -> None:
    toolkit = Toolkit([CORE, offering(SILENT)])
    problems: list[str] = []

    chosen = toolkit.choose("decoder", {"name": "silent", "times": 2}, "decoder", HERE, problems)
    decoder = toolkit.make(chosen, "a tokenizer")

    assert not problems
    assert chosen == Chosen("decoder", "silent", {"times": 2})
    assert (decoder.tokenizer, decoder.times) == ("a tokenizer", 2)


def test_problems_have_their_path() -> None:
    toolkit = Toolkit([CORE, offering(SILENT)])
    problems: list[str] = []

    toolkit.choose("decoder", {"name": "silent", "time": 2}, "decoder", HERE, problems)
    toolkit.choose("decoder", {"name": "silnt"}, "decoder", HERE, problems)
    toolkit.choose("decoder", {}, "decoder", HERE, problems)

    assert problems == [
        "decoder.time is not an option; did you mean 'times'? (options: times)",
        "decoder.name: no decoder is called 'silnt'; did you mean 'silent'? "
        "(installed: beam, greedy, silent)",
        "decoder.name is missing; expected one of beam, greedy, silent",
    ]


def test_two_offers_of_a_name_are_refused_both_named() -> None:
    toolkit = Toolkit([CORE, offering(SILENT), offering(SILENT, distribution="ds2kit-third")])

    with pytest.raises(UserError, match=r"ds2kit-other 1\.2 and ds2kit-third 1\.2.*uninstall"):
        toolkit.find("decoder", "silent")
    # Who does not name it is not stopped by it.
    assert toolkit.component("decoder", "greedy")


def failing(error: BaseException) -> Callable[[], ModuleType]:
    def load() -> ModuleType:
        raise error

    return load


@pytest.mark.parametrize("error", [ImportError("no such"), SystemExit(3), RuntimeError("a\nb")])
def test_a_module_that_raises_stops_nobody(error: BaseException) -> None:
    toolkit = Toolkit([CORE, plugin(failing(error)), offering(SILENT)])

    [broken] = toolkit.broken
    assert broken.distribution == "ds2kit-other"
    assert type(error).__name__ in broken.reason
    assert "\n" not in broken.reason
    assert toolkit.component("decoder", "silent")
    with pytest.raises(UserError, match="might, but it failed"):
        toolkit.find("encoder", "conformer")


def test_ctrl_c_is_no_fault_of_a_plugin() -> None:
    with pytest.raises(KeyboardInterrupt):
        Toolkit([CORE, plugin(failing(KeyboardInterrupt()))])


@pytest.mark.parametrize(
    ("hooks", "said"),
    [
        ({"ds2kit_components": [("decodr", "a", "b:C")]}, "did you mean 'decoder'"),
        ({"ds2kit_components": [("decoder", "a", "b.C")]}, "package.module:Name"),
        ({"ds2kit_components": ["decoder"]}, "expected (kind, name"),
        ({"ds2kit_components": [("decoder", "a")]}, "expected (kind, name"),
        ({"ds2kit_kinds": [("decoder", "mine:Decoder")]}, "kind 'decoder' is already"),
        ({"ds2kit_commands": [("serve", 3)]}, "ds2kit_commands gave"),
        ({"ds2kit_component": []}, "ds2kit_component"),
    ],
)
def test_what_a_hook_gives_is_checked(hooks: dict[str, list[Any]], said: str) -> None:
    toolkit = Toolkit([CORE, plugin(lambda: module(hooks))])

    [broken] = toolkit.broken
    assert said in broken.reason


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("test_registry_made:NoDecoder", "is no Decoder; its class must derive"),
        ("test_registry_made:Nothing", "cannot be imported: AttributeError"),
        ("ds2kit_nowhere:Silent", "cannot be imported: ModuleNotFoundError"),
    ],
)
def test_a_component_is_checked_when_it_is_asked_for(path: str, said: str) -> None:
    toolkit = Toolkit([CORE, offering(("decoder", "silent", path))])

    assert not toolkit.broken
    with pytest.raises(UserError, match=said):
        toolkit.component("decoder", "silent")


def test_what_is_missing_has_a_remedy_that_works() -> None:
    toolkit = Toolkit([CORE])

    with pytest.raises(UserError) as missed:
        toolkit.find("tokenizer", "bigram")

    assert "pip install ./plugins/bigram" in str(missed.value)
    root = Path(__file__).resolve().parents[1]
    for remedy in IN_THE_REPOSITORY.values():
        assert (root / remedy.split()[-1] / "pyproject.toml").is_file()


def test_a_new_kind_and_its_component() -> None:
    hooks = {
        "ds2kit_kinds": [("muffler", "test_registry_made:Silent")],
        "ds2kit_components": [("muffler", "thick", "test_registry_made:Silent")],
    }
    # The kind may come from a plugin that is looked at later.
    late = plugin(lambda: module({"ds2kit_kinds": hooks["ds2kit_kinds"]}), "ds2kit-kinds")
    early = plugin(lambda: module({"ds2kit_components": hooks["ds2kit_components"]}))

    toolkit = Toolkit([early, late])

    assert not toolkit.broken
    assert toolkit.component("muffler", "thick") is Silent


def test_callbacks_of_all_plugins() -> None:
    made = ModuleType("made")

    @hookimpl
    def ds2kit_callbacks(config: Any) -> list[Any]:
        return [config, BLANK]

    made.__dict__["ds2kit_callbacks"] = ds2kit_callbacks

    assert Toolkit([CORE, plugin(lambda: made)]).callbacks("config") == ["config", BLANK]


SEARCHING = (
    ("decoder", "searching", "test_registry_made:Searching"),
    ("language_model", "even", "test_registry_made:Even"),
)


def test_a_component_may_be_an_option_of_another() -> None:
    toolkit, problems = Toolkit([CORE, offering(*SEARCHING)]), list[str]()
    section = {"name": "searching", "language_model": {"name": "even", "path": "a.arpa"}}

    chosen = toolkit.choose("decoder", section, "decoder", HERE, problems)
    decoder = toolkit.make(chosen, "the tokenizer")

    assert problems == []
    assert [part.kind for part in chosen.parts()] == ["decoder", "language_model"]
    assert decoder.language_model.path == HERE / "a.arpa"
    assert (decoder.language_model.words, decoder.beam, decoder.tokenizer) == (
        2,
        8,
        "the tokenizer",
    )


def test_a_component_that_is_an_option_may_be_left_out() -> None:
    toolkit, problems = Toolkit([CORE, offering(*SEARCHING)]), list[str]()

    chosen = toolkit.choose("decoder", {"name": "searching"}, "decoder", HERE, problems)

    assert problems == []
    assert toolkit.make(chosen, None).language_model is None


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"name": "even"}, "decoder.language_model.path is missing; expected a path"),
        ({"name": "evne", "path": "a"}, "did you mean 'even'?"),
        ({"name": "even", "path": "a", "word": 3}, "decoder.language_model.word is not an option"),
        (3, "expected a mapping such as {name: ...} of a LanguageModel"),
    ],
)
def test_what_is_wrong_in_a_component_that_is_an_option(given: object, told: str) -> None:
    toolkit, problems = Toolkit([CORE, offering(*SEARCHING)]), list[str]()

    toolkit.choose(
        "decoder", {"name": "searching", "language_model": given}, "decoder", HERE, problems
    )

    assert len(problems) == 1
    assert told in problems[0]
