"""Mandarin with Roman letters as tokens for ds2kit, numbers as they are read."""
