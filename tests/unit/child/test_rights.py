"""What each kind of child may do."""

import msgspec
import pytest

from roomtape.child.rights import EVERYTHING, NULL, rights_of
from roomtape.ipc.messages import PublishConfig, RecordConfig, ViewConfig
from roomtape.ipc.source import MediaSource
from roomtape.ipc.storing import Storing

HOME = {"HOME": "/home/ann", "XDG_RUNTIME_DIR": "/run/user/1000"}
PYTHON = ("/project/roomtape", "/usr")


def record(fallback: str = "") -> RecordConfig:
    storing = Storing(fallback_folder=fallback)
    return RecordConfig(stream_id="ann", folder="/disk/recordings", stem="ann", storing=storing)


def test_a_recording_child_writes_to_its_folders_alone() -> None:
    rights = rights_of(record("/other"), PYTHON, HOME)
    assert rights.writes == ("/disk/recordings", "/other")
    assert rights.devices == (NULL,)
    assert not rights.may_exec
    assert not rights.reaches_out
    assert rights_of(record(), PYTHON, HOME).writes == ("/disk/recordings",)


def test_a_recording_child_reads_no_home() -> None:
    rights = rights_of(record(), PYTHON, HOME)
    assert set(PYTHON) <= set(rights.reads)
    assert not {path for path in rights.reads if path in {EVERYTHING, "/home", "/etc", "/proc", "/tmp", "/run"}}
    assert not [path for path in rights.reads if path.startswith("/home")]


def test_plugins_of_one_s_own_can_be_read() -> None:
    rights = rights_of(record(), PYTHON, {"GST_PLUGIN_PATH": "/mine:/his:", "LD_LIBRARY_PATH": "/libraries"})
    assert {"/mine", "/his", "/libraries"} <= set(rights.reads)
    assert "" not in rights.reads


def test_viewing_through_a_pipe_writes_nowhere() -> None:
    rights = rights_of(ViewConfig(stream_id="ann", descriptor=5), PYTHON, HOME)
    assert rights == msgspec.structs.replace(rights_of(record(), PYTHON, HOME), writes=())


@pytest.mark.parametrize("config", [ViewConfig(stream_id="ann"), PublishConfig(stream_id="ann")])
def test_screens_and_cameras_need_devices_but_no_files_of_the_user(config: ViewConfig | PublishConfig) -> None:
    rights = rights_of(config, PYTHON, HOME)
    assert rights.writes == ()
    assert rights.devices == ("/dev", "/run/user/1000", "/tmp", "/home/ann/.cache")
    assert not rights.may_exec
    bare = rights_of(config, PYTHON, {})
    assert bare.devices == ("/dev", "/tmp")


@pytest.mark.parametrize("source", [MediaSource(video_pipeline="rpicamsrc"), MediaSource(audio_pipeline="alsasrc")])
def test_what_the_user_writes_as_a_pipeline_may_do_anything(source: MediaSource) -> None:
    rights = rights_of(PublishConfig(stream_id="ann", source=source), PYTHON, HOME)
    assert rights.writes == (EVERYTHING,)
    assert rights.may_exec
