"""What this distribution brings to ds2kit."""

from collections.abc import Iterator

from ds2kit.hooks import hookimpl


@hookimpl
def ds2kit_components() -> Iterator[tuple[str, str, str]]:
    yield "tokenizer", "mandarin", "ds2kit_mandarin.tokenizer:Mandarin"
