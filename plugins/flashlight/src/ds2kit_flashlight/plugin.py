"""What this distribution brings to ds2kit."""

from collections.abc import Iterator

from ds2kit.hooks import hookimpl


@hookimpl
def ds2kit_components() -> Iterator[tuple[str, str, str]]:
    yield "decoder", "flashlight", "ds2kit_flashlight.decoder:Flashlight"
    yield "language_model", "kenlm", "ds2kit_flashlight.kenlm:KenLM"
