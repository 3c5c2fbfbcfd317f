"""The fast paths of the layers: the equations of `layers.py` and `cells.py`, and torch's, faster.

A black box behind six functions. The tests compare each with its plain equation, so nobody needs
to read it to understand what a network computes: padding is left out instead of masked, frames are
passed through in blocks, directions run side by side, and a product rounds as autocast asks.

linear: rows times a matrix, and a bias
convolve: a convolution over time and frequency, of frames that follow each other
convolve_each: the same of every utterance of a batch by itself, zeros beyond its ends
normalise: batch normalisation in training, over the rows of all ranks
recur: a recurrent layer, `cells.layer` of every utterance
over_rows: a function of single frames, of the valid ones alone
"""

from __future__ import annotations

from ds2kit.encoders.fast.batch_norm import normalise
from ds2kit.encoders.fast.image import convolve, convolve_each
from ds2kit.encoders.fast.products import linear
from ds2kit.encoders.fast.rows import over_rows
from ds2kit.encoders.fast.unrolled import recur

__all__ = ["convolve", "convolve_each", "linear", "normalise", "over_rows", "recur"]
