"""Frames to frames: Deep Speech 2 and its layers."""
