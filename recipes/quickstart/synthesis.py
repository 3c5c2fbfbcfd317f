"""Speech by espeak-ng: the library of the package espeakng-loader, through ctypes.

What the library says depends a little on what it said before: it goes on in its own noise, flutter
and echo. So a small process of its own starts the library once, and each utterance is spoken by a
fork of that process, which then ends: the same utterance has the same samples, in any order.
"""

from __future__ import annotations

import ctypes
import json
import os
import signal
import subprocess
import sys
from dataclasses import asdict, dataclass
from types import TracebackType
from typing import IO, Any, Self

from ds2kit.errors import UserError

RATE, VOLUME, PITCH, RANGE = 1, 2, 3, 4
"""espeak_PARAMETER, from espeak-ng's speak_lib.h."""

SYNCHRONOUS, UTF8 = 2, 1
LOUDNESS = 45
"""Less than half of the usual volume, at which a third of the voices is clipped."""

LENGTH_BYTES = 8
_ON_SOUND = ctypes.CFUNCTYPE(
    ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p
)


@dataclass(frozen=True)
class Voice:
    """Somebody to speak.

    language:          en-us, cmn-latn-pinyin
    variant:           f2, m3, ...: the speaker
    words_per_minute:  175 is espeak's usual rate
    pitch, liveliness: 0 to 99, usually 50; liveliness is the range of the intonation
    """

    language: str
    variant: str
    words_per_minute: int = 175
    pitch: int = 50
    liveliness: int = 50


class Synthesiser:
    """The process that speaks, for as long as the `with` lasts."""

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            [sys.executable, __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        told = _end(self._process.stdout).readline().decode().strip()
        if not told.isdecimal():
            raise UserError(told or "espeak-ng did not start; see above")
        self.sample_rate = int(told)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        _end(self._process.stdin).close()  # which ends it
        self._process.wait()
        _end(self._process.stdout).close()

    def speak(self, text: str, voice: Voice) -> bytes:
        """Samples of 16 bits at `sample_rate`, mono. Raises UserError where the voice is none."""
        asked, answer = _end(self._process.stdin), _end(self._process.stdout)
        asked.write(json.dumps({"text": text} | asdict(voice)).encode() + b"\n")
        asked.flush()
        samples = answer.read(int.from_bytes(answer.read(LENGTH_BYTES), "big"))
        if not samples:
            raise UserError(f"espeak-ng did not say {text!r} with {voice}")
        return samples


def _end(pipe: IO[bytes] | None) -> IO[bytes]:
    assert pipe is not None, "both ends are pipes"
    return pipe


def _serve() -> None:
    """Speak what is asked for, a line of JSON each, until nobody asks any more."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C ends whoever asks, and so this
    try:
        import espeakng_loader  # type: ignore[import-untyped]
    except ImportError:
        print("espeakng-loader is not installed; pip install -r the recipe's requirements.txt")
        return
    library = ctypes.CDLL(espeakng_loader.get_library_path())
    data = espeakng_loader.get_data_path().encode()
    print(library.espeak_Initialize(SYNCHRONOUS, 0, data, 0), flush=True)
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            _answer(library, json.loads(line))
            os._exit(0)
        os.waitpid(child, 0)


def _answer(library: ctypes.CDLL, asked: dict[str, Any]) -> None:
    heard: list[bytes] = []

    @_ON_SOUND  # type: ignore[untyped-decorator]
    def listen(samples: Any, count: int, events: Any) -> int:
        if samples and count:
            heard.append(ctypes.string_at(samples, 2 * count))  # the library uses it again
        return 0

    library.espeak_SetSynthCallback(listen)
    if library.espeak_SetVoiceByName(f"{asked['language']}+{asked['variant']}".encode()) == 0:
        library.espeak_ng_SetRandSeed(ctypes.c_long(1))
        library.espeak_SetParameter(RATE, asked["words_per_minute"], 0)
        library.espeak_SetParameter(VOLUME, LOUDNESS, 0)
        library.espeak_SetParameter(PITCH, asked["pitch"], 0)
        library.espeak_SetParameter(RANGE, asked["liveliness"], 0)
        text = asked["text"].encode()
        library.espeak_Synth(text, len(text) + 1, 0, 1, 0, UTF8, None, None)
    spoken = b"".join(heard)
    sys.stdout.buffer.write(len(spoken).to_bytes(LENGTH_BYTES, "big") + spoken)
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    _serve()
