"""The contract kit: what ds2kit promises of a component, checked for anybody's.

Subclass a contract in a test file and give it a fixture that makes your component:

    class TestMine(EncoderContract):
        @pytest.fixture
        def encoder(self) -> Mine:
            return Mine(7, width=16)

pytest then runs every check; each one's docstring says what is promised. Needs pytest and
hypothesis: `pip install "ds2kit[test]"`.
"""

from __future__ import annotations

from ds2kit.testing.augmentation import FeatureAugmentationContract, WaveformAugmentationContract
from ds2kit.testing.decoder import DecoderContract, StreamingDecoderContract
from ds2kit.testing.encoder import EncoderContract
from ds2kit.testing.frontend import FrontendContract
from ds2kit.testing.language_model import LanguageModelContract
from ds2kit.testing.sounds import speech
from ds2kit.testing.streaming import StreamingContract, StreamingFrontendContract
from ds2kit.testing.tokenizer import TokenizerContract

__all__ = [
    "DecoderContract",
    "EncoderContract",
    "FeatureAugmentationContract",
    "FrontendContract",
    "LanguageModelContract",
    "StreamingContract",
    "StreamingDecoderContract",
    "StreamingFrontendContract",
    "TokenizerContract",
    "WaveformAugmentationContract",
    "speech",
]
