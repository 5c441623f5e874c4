"""Readers of frames behind one Protocol, and the guard that opens their files."""

from workers.science.io.protocol import FrameIds, FrameReader, iterate_blocks
from workers.science.io.source import describe_source, open_source, relocate

__all__ = ["FrameIds", "FrameReader", "describe_source", "iterate_blocks", "open_source", "relocate"]
