"""What a user could have without training: recognisers with a model of their own, on a split.

    pip install pocketsphinx==5.1.1 faster-whisper==1.2.1
    python benchmarks/recognisers.py pocketsphinx DATA/SPLIT OUT
    python benchmarks/recognisers.py whisper DATA/SPLIT OUT [--model FOLDER] [--language zh]
    ds2kit score OUT SPLIT --decoder pocketsphinx --data DATA --normaliser plain

DATA/SPLIT is a prepared split, OUT a folder in which the hypotheses lie as those of `ds2kit decode`
do. pocketsphinx brings its model in its package. Whisper is `base` in 8 bits, greedy; without
--model faster-whisper downloads it. Speed is seconds of audio a second of one core's time.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ds2kit.audio.read import read
from ds2kit.data.index import Index
from ds2kit.data.reading import read_payloads
from ds2kit.files import whole_file

SAMPLE_RATE = 16000
"""What both of them hear."""

Recogniser = Callable[[NDArray[np.float32]], str]
"""Samples at SAMPLE_RATE, [samples], to text."""


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("recogniser", choices=["pocketsphinx", "whisper"])
    parser.add_argument("split", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--model", default="base", help="Whisper's, converted to CTranslate2")
    parser.add_argument("--language", default="en", help="which Whisper is told that it hears")
    chosen = parser.parse_args()
    if chosen.recogniser == "whisper":
        recognise = whisper(chosen.model, chosen.language)
    else:
        recognise = pocketsphinx()
    folder = chosen.out / "decode" / chosen.split.resolve().name / chosen.recogniser
    speed = hear(Index.load(chosen.split), recognise, folder / "hypotheses.jsonl")
    print(f"{folder}: {speed:.1f} s of audio a second of one core")


def hear(index: Index, recognise: Recogniser, path: Path) -> float:
    """Write what is heard of every utterance, and return the seconds of audio a second."""
    seconds = took = 0.0
    with whole_file(path) as partial, partial.open("w", encoding="utf-8") as file:
        for key, samples in recordings(index):
            begin = time.process_time()
            text = recognise(samples)
            took += time.process_time() - begin
            seconds += len(samples) / SAMPLE_RATE
            print(json.dumps({"key": key, "text": text}, ensure_ascii=False), file=file)
    return seconds / took


def recordings(index: Index) -> Iterator[tuple[str, NDArray[np.float32]]]:
    """Keys and samples, in the index's order."""
    for place, key in enumerate(index.keys):
        (data,) = read_payloads([(index.folder, index.row(place))], most_reads=1)
        yield key, read(data, SAMPLE_RATE, name=key)


def pocketsphinx() -> Recogniser:
    """The model in its package, a 3-gram of general English, as it comes."""
    from pocketsphinx import Decoder

    decoder = Decoder(samprate=SAMPLE_RATE, loglevel="FATAL")

    def recognise(samples: NDArray[np.float32]) -> str:
        decoder.start_utt()
        pcm = (samples * 32767).clip(-32768, 32767).astype("<i2")
        decoder.process_raw(pcm.tobytes(), no_search=False, full_utt=True)
        decoder.end_utt()
        found = decoder.hyp()
        return found.hypstr if found else ""

    return recognise


def whisper(model: str, language: str) -> Recogniser:
    """Greedy, each utterance by itself."""
    from faster_whisper import WhisperModel

    loaded = WhisperModel(model, device="cpu", compute_type="int8", cpu_threads=1)

    def recognise(samples: NDArray[np.float32]) -> str:
        segments, _ = loaded.transcribe(
            samples, language=language, beam_size=1, condition_on_previous_text=False
        )
        return " ".join(segment.text.strip() for segment in segments)

    return recognise


if __name__ == "__main__":
    main()
