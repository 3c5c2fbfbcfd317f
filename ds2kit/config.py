"""One yaml, everything that a result depends on: read, checked as a whole, and written again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

from ds2kit.errors import Problems, UserError, close_name
from ds2kit.options import Chosen, Typed, check, options_of
from ds2kit.registry import Toolkit
from ds2kit.settings import Augment, Config, Corpus, Data, Optimizer, Schedule, Trainer

FORMAT = 1
"""The version of the yaml's format; a file of a later one is refused."""


SECTIONS: dict[str, type[Any]] = {
    "corpus": Corpus,
    "augment": Augment,
    "data": Data,
    "optimizer": Optimizer,
    "schedule": Schedule,
    "trainer": Trainer,
}
DEFAULT_COMPONENTS = {
    "frontend": "log_spectrogram",
    "tokenizer": "char",
    "encoder": "deepspeech2",
    "decoder": "greedy",
}
_AUGMENTATIONS = {"waveform": "waveform_augmentation", "features": "feature_augmentation"}
_MODEL_SECTIONS = ("data", *DEFAULT_COMPONENTS)


def load(path: Path, toolkit: Toolkit, overrides: Sequence[str] = ()) -> Config:
    """The config of a yaml, with `KEY=VALUE` overrides.

    Paths in the yaml are relative to its folder, those of overrides to the working directory.
    Raises Problems with everything that is wrong in it, or UserError where it cannot be read.
    """
    return check_config(_read(path, overrides), toolkit, str(path), path.parent.resolve())


def check_config(tree: Mapping[str, Any], toolkit: Toolkit, place: str, folder: Path) -> Config:
    """The config of a tree of plain values; `place` names it in the messages."""
    problems: list[str] = []
    known = [*SECTIONS, *DEFAULT_COMPONENTS, "seed", "format", "makers"]
    for name in tree:
        if name not in known:
            hint = close_name(str(name), known)
            problems.append(f"{name} is not a section{hint} (sections: {', '.join(known)})")
    version = tree.get("format", FORMAT)
    if not isinstance(version, int) or version > FORMAT:
        problems.append(f"format is {version!r}; this ds2kit reads up to {FORMAT}: update it")
    seed = tree.get("seed", 1)
    if not isinstance(seed, int) or isinstance(seed, bool) or not 0 <= seed < 2**63:
        problems.append(f"seed is {seed!r}; expected a whole number of at least 0")
    sections: dict[str, Any] = {
        name: _section(kind, tree.get(name), name, folder, problems)
        for name, kind in SECTIONS.items()
        if name not in ("corpus", "augment")
    }
    makers = tree.get("makers") or {}
    if not isinstance(makers, dict):
        problems.append(f"makers is {makers!r}; leave it out, it is written by ds2kit")
        makers = {}
    chosen: dict[str, Chosen] = {
        kind: _component(kind, tree.get(kind), makers, toolkit, folder, problems)
        for kind in DEFAULT_COMPONENTS
    }
    corpus = (
        _section(Corpus, tree["corpus"], "corpus", folder, problems) if tree.get("corpus") else None
    )
    augment = _augment(tree.get("augment"), toolkit, folder, problems)
    if problems:
        raise Problems(place, problems)
    named = [*chosen.values(), *augment.waveform, *augment.features]
    made = {f"{c.kind}/{c.name}": _maker(c, toolkit) for n in named for c in n.parts()}
    sections |= chosen | {"augment": augment, "corpus": corpus, "seed": seed, "makers": made}
    config = Config(**sections)
    problems = list(_impossible(config))
    if problems:
        raise Problems(place, problems)
    return config


def to_tree(config: Config, *, model_only: bool = False) -> dict[str, Any]:
    """The config as plain values, everything resolved; `model_only`: what a model folder keeps."""
    names = ("corpus", *DEFAULT_COMPONENTS, "augment", "data", "optimizer", "schedule", "trainer")
    tree: dict[str, Any] = {"format": FORMAT}
    for name in (*names, "seed"):
        if model_only and name not in _MODEL_SECTIONS:
            continue
        value = getattr(config, name)
        if value is not None:
            tree[name] = plain(value)
    if model_only:
        tree["data"] = {"sample_rate": config.data.sample_rate}
    kinds = (*DEFAULT_COMPONENTS, "language_model")
    tree["makers"] = {
        key: maker
        for key, maker in config.makers.items()
        if not model_only or key.startswith(kinds)
    }
    return tree


def to_yaml(config: Config, *, model_only: bool = False) -> str:
    """The resolved yaml: `load` of it gives the config again."""
    from omegaconf import OmegaConf

    return OmegaConf.to_yaml(OmegaConf.create(to_tree(config, model_only=model_only)))


def differences(old: Config, new: Config, ignored: Iterable[str] = ()) -> list[str]:
    """Each setting in which two configs differ, as `path: old -> new`, but for ignored paths."""
    before, after = _leaves(to_tree(old)), _leaves(to_tree(new))
    skipped = tuple(ignored)
    return [
        f"{path}: {before.get(path, 'nothing')} -> {after.get(path, 'nothing')}"
        for path in dict.fromkeys([*before, *after])
        if before.get(path) != after.get(path) and not path.startswith(skipped)
    ]


def _read(path: Path, overrides: Sequence[str]) -> dict[str, Any]:
    from omegaconf import OmegaConf
    from omegaconf.errors import OmegaConfBaseException
    from yaml import YAMLError

    if not path.is_file():
        raise UserError(f"{path} is not there; expected a yaml file")
    for override in overrides:
        if "=" not in override:
            raise UserError(f"{override!r} is no override; expected KEY=VALUE")
    try:
        tree = OmegaConf.load(path)
        if not OmegaConf.is_dict(tree):
            raise UserError(f"{path} holds no sections; expected a mapping such as 'encoder: ...'")
        here = OmegaConf.from_dotlist(list(overrides))
        for kind in DEFAULT_COMPONENTS:
            if _is_another(kind, OmegaConf.select(tree, kind), OmegaConf.select(here, kind)):
                OmegaConf.update(tree, kind, {}, merge=False)
        merged = OmegaConf.to_container(OmegaConf.merge(tree, here), resolve=True)
    except (YAMLError, OmegaConfBaseException, UnicodeDecodeError, ValueError) as error:
        told = " ".join(str(error).split())
        raise UserError(f"{path} cannot be read as yaml: {told}") from None
    assert isinstance(merged, dict), "a mapping merged with a mapping is one"
    for override in overrides:
        _mark_typed(merged, override.partition("=")[0].split("."))
    return {str(name): value for name, value in merged.items()}


def _is_another(kind: str, written: Any, typed: Any) -> bool:
    """Whether what is typed names another component, which has other options."""
    before, now = (
        section.get("name") if isinstance(section, Mapping) else section
        for section in (written, typed)
    )
    return now is not None and now != (before or DEFAULT_COMPONENTS[kind])


def _mark_typed(tree: Any, keys: Sequence[str]) -> None:
    """What is typed is relative to where it is typed, not to the yaml."""
    *outer, last = keys
    for key in outer:
        tree = tree.get(key) if isinstance(tree, dict) else None
    if isinstance(tree, dict) and isinstance(tree.get(last), str):
        tree[last] = Typed(tree[last])


def _section(kind: type[Any], given: Any, path: str, folder: Path, problems: list[str]) -> Any:
    if given is None:
        given = {}
    if not isinstance(given, dict):
        problems.append(f"{path} is {given!r}; expected a mapping of options")
        return None
    before = len(problems)
    values = check(given, options_of(kind), path, folder, problems)
    return kind(**values) if len(problems) == before else None


def _component(
    kind: str,
    given: Any,
    makers: Mapping[str, str],
    toolkit: Toolkit,
    folder: Path,
    problems: list[str],
) -> Chosen:
    section = {"name": given} if isinstance(given, str) else given
    if section is None or isinstance(section, dict):
        section = {"name": DEFAULT_COMPONENTS[kind], **(section or {})}
    else:
        problems.append(f"{kind} is {given!r}; expected a mapping such as {{name: ...}}")
        return Chosen(kind, "")
    before = len(problems)
    chosen = toolkit.choose(kind, section, kind, folder, problems)
    maker = makers.get(f"{kind}/{chosen.name}")
    if maker and len(problems) > before and chosen.name not in toolkit.names(kind):
        problems[-1] += f"; this config was made with {maker}"
    return chosen


def _augment(given: Any, toolkit: Toolkit, folder: Path, problems: list[str]) -> Augment:
    given = given or {}
    if not isinstance(given, dict):
        problems.append(f"augment is {given!r}; expected a mapping of options")
        return Augment()
    lists: dict[str, Any] = {}
    for name, kind in _AUGMENTATIONS.items():
        sections = given.get(name) or []
        if not isinstance(sections, list) or not all(isinstance(s, dict) for s in sections):
            problems.append(f"augment.{name} is {sections!r}; expected a list of {{name: ...}}")
            sections = []
        lists[name] = tuple(
            toolkit.choose(kind, section, f"augment.{name}[{i}]", folder, problems)
            for i, section in enumerate(sections)
        )
    rest = {name: value for name, value in given.items() if name not in _AUGMENTATIONS}
    options = {n: o for n, o in options_of(Augment).items() if n not in _AUGMENTATIONS}
    values = check(rest, options, "augment", folder, problems)
    return Augment(**values | lists)


def _impossible(config: Config) -> Iterable[str]:
    """What each option allows by itself, and all together do not."""
    data, trainer = config.data, config.trainer
    positive = {
        "data.sample_rate": data.sample_rate,
        "data.seconds_per_step": data.seconds_per_step,
        "data.reads_per_batch": data.reads_per_batch,
        "optimizer.learning_rate": config.optimizer.learning_rate,
        "schedule.factor": config.schedule.factor,
        "trainer.epochs": trainer.epochs,
        "trainer.devices": trainer.devices,
        "trainer.num_nodes": trainer.num_nodes,
        "trainer.checkpoint_minutes": trainer.checkpoint_minutes,
    }
    for path, value in positive.items():
        if not value > 0:
            yield f"{path} is {value}; expected more than 0"
    if data.workers < 0:
        yield f"data.workers is {data.workers}; expected 0 or more"
    if trainer.keep_epochs < 0:
        yield f"trainer.keep_epochs is {trainer.keep_epochs}; expected 0 or more"
    if not 0 <= config.schedule.warmup < 1:
        yield f"schedule.warmup is {config.schedule.warmup}; expected at least 0 and less than 1"
    if data.min_seconds > data.max_seconds:
        yield f"data.min_seconds is {data.min_seconds}; expected at most data.max_seconds"
    speed = list(config.augment.speed)
    if not speed or not all(0.1 <= s <= 10 for s in speed):
        yield f"augment.speed is {speed}; expected numbers such as [0.9, 1.0, 1.1]"
    if config.corpus and not all(w > 0 for w in config.corpus.weights.values()):
        yield f"corpus.train is {config.corpus.train}; expected weights above 0"


def _maker(chosen: Chosen, toolkit: Toolkit) -> str:
    offer = toolkit.find(chosen.kind, chosen.name)
    return f"{offer.distribution} {offer.version}"


def plain(value: Any) -> Any:
    """Settings as YAML and JSON can hold them."""
    if isinstance(value, Chosen):
        return {"name": value.name} | {k: plain(v) for k, v in value.options.items()}
    if is_dataclass(value):
        return {f.name: plain(getattr(value, f.name)) for f in fields(value)}
    if isinstance(value, Mapping):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [plain(v) for v in value]
    return str(value) if isinstance(value, Path) else value


def _leaves(tree: Any, path: str = "") -> dict[str, Any]:
    if isinstance(tree, dict) and tree:
        joined: dict[str, Any] = {}
        for name, value in tree.items():
            joined |= _leaves(value, f"{path}.{name}" if path else name)
        return joined
    return {path: tree}
