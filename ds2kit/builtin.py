"""The reference components and commands: what ds2kit itself registers, by the door of plugins."""

from __future__ import annotations

from collections.abc import Iterator

from ds2kit.hooks import hookimpl


@hookimpl
def ds2kit_kinds() -> Iterator[tuple[str, str]]:
    yield "frontend", "ds2kit.components:Frontend"
    yield "encoder", "ds2kit.components:Encoder"
    yield "tokenizer", "ds2kit.components:Tokenizer"
    yield "decoder", "ds2kit.components:Decoder"
    yield "language_model", "ds2kit.components:LanguageModel"
    yield "waveform_augmentation", "ds2kit.components:WaveformAugmentation"
    yield "feature_augmentation", "ds2kit.components:FeatureAugmentation"


@hookimpl
def ds2kit_components() -> Iterator[tuple[str, str, str]]:
    yield "frontend", "log_spectrogram", "ds2kit.frontends.log_spectrogram:LogSpectrogram"
    yield "encoder", "deepspeech2", "ds2kit.encoders.deepspeech2:DeepSpeech2"
    yield "tokenizer", "char", "ds2kit.text.char:Char"
    yield "decoder", "greedy", "ds2kit.decoding.greedy:Greedy"
    yield "decoder", "beam", "ds2kit.decoding.beam:Beam"
    yield "language_model", "ngram", "ds2kit.lm.ngram:NGram"
    yield "waveform_augmentation", "gain", "ds2kit.data.augment:Gain"
    yield "waveform_augmentation", "noise", "ds2kit.data.augment:Noise"
    yield "feature_augmentation", "spec_augment", "ds2kit.data.augment:SpecAugment"


@hookimpl
def ds2kit_commands() -> Iterator[tuple[str, str]]:
    for name in (
        "prepare",
        "train",
        "average",
        "decode",
        "tune",
        "score",
        "compare",
        "transcribe",
        "tokens",
        "lm",
        "perplexity",
        "lexicon",
        "describe",
        "plot",
        "export",
        "plugins",
        "new",
    ):
        yield name, f"ds2kit.cli.{name}:command"
