"""Pieces of words as tokens for ds2kit, learned by SentencePiece."""
