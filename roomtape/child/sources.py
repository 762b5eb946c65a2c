"""Cameras, microphones and pipelines of the user's as gst-launch texts. Pure."""

from roomtape.ipc.source import MediaSource
from roomtape.model import TrackKind

DEFAULT_DEVICE = "default"
"""Stands for the device that the sound system prefers."""


def launch_texts(source: MediaSource) -> dict[TrackKind, str]:
    """For each kind that has a live source the text that makes it; empty for the test pattern and for files."""
    texts = {}
    if source.video_pipeline or source.v4l2:
        texts[TrackKind.VIDEO] = source.video_pipeline or f"v4l2src device={quoted(source.v4l2)}"
    if audio := source.audio_pipeline or _microphone(source):
        texts[TrackKind.AUDIO] = audio
    return texts


def option_of(source: MediaSource, kind: TrackKind) -> str:
    """The option that a kind's text comes from, for messages."""
    if kind is TrackKind.VIDEO:
        return "--video-pipeline" if source.video_pipeline else f"--v4l2 {source.v4l2}"
    if source.audio_pipeline:
        return "--audio-pipeline"
    return f"--alsa {source.alsa}" if source.alsa else f"--pulse {source.pulse}"


def quoted(value: str) -> str:
    """A property's value as a gst-launch text takes it, whatever is in it."""
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _microphone(source: MediaSource) -> str:
    if source.alsa:
        return f"alsasrc device={quoted(source.alsa)}"
    if source.pulse == DEFAULT_DEVICE:
        return "pulsesrc"
    return f"pulsesrc device={quoted(source.pulse)}" if source.pulse else ""
