"""Every error that roomtape raises on purpose.

The tree (scope in brackets says who must act):

    RecorderError
    ├── ConfigError                 [user]     settings, command line, links
    ├── WireError                   [session]  a frame from the network was dropped
    │   └── DecryptError            [session]  wrong password or salt
    ├── IpcError                    [system]   a line on a child's pipe was not a message
    ├── InvalidTransition           [system]   a state table was given an event it lacks
    ├── SignalingError              [system]   the handshake server
    │   ├── SignalingUnreachable    [system]
    │   ├── JoinTimeout             [system]
    │   └── SeedRefused             [user]     the stream id is already in use
    ├── PeerError                   [session]  one peer connection
    │   ├── NegotiationFailed, BadDescription, NoCommonCodec
    │   ├── FingerprintMismatch
    │   ├── NoRemoteCandidates, NoLocalCandidates, AllCandidatesFailed
    │   ├── RelayWithoutTurn        [user]
    │   ├── TurnRefused             [user]
    │   ├── TurnUnreachable         [user]
    │   ├── PeerVanished, PeerSaidBye, ConnectionLost
    │   ├── NoFrames                [session]  packets come, and no picture is made of them
    │   └── WrongPassword           [user]
    ├── ChildError                  [system]
    │   └── ChildStartFailed, ChildDied, ChildHung, ForkServerFailed
    ├── MediaError                  [system]   GStreamer
    │   ├── MissingElement          [user]
    │   ├── NoOutput                [user]     nothing to show a picture on, or to play sound with
    │   └── ReaderGone              [user]     nobody takes what is viewed any more
    └── StorageError                [system]
        ├── FileStalled             [system]   a file does not grow
        ├── DiskFull                [user]
        ├── FileInUse               [user]     another process writes or repairs it
        ├── FileRefused             [user]
        ├── FolderGone              [user]     deleted or unmounted while it was in use
        └── FolderReplaced          [system]   a child has no right to write to the folder that is there now
"""

from enum import StrEnum
from typing import ClassVar


class Scope(StrEnum):
    """Who must act on an error."""

    SYSTEM = "system"
    SESSION = "session"
    USER = "user"


class RecorderError(Exception):
    """Base of all errors; `detail` is one clear sentence without secrets."""

    code: ClassVar[str] = "recorder_error"
    scope: ClassVar[Scope] = Scope.SYSTEM
    retryable: ClassVar[bool] = False

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail


class ConfigError(RecorderError):
    code = "config"
    scope = Scope.USER


class WireError(RecorderError):
    code = "wire"
    scope = Scope.SESSION


class DecryptError(WireError):
    code = "decrypt"


class IpcError(RecorderError):
    code = "ipc"


class InvalidTransition(RecorderError):
    code = "invalid_transition"


class SignalingError(RecorderError):
    code = "signaling"
    retryable = True


class SignalingUnreachable(SignalingError):
    code = "signaling_unreachable"


class JoinTimeout(SignalingError):
    code = "join_timeout"


class SeedRefused(SignalingError):
    code = "seed_refused"
    scope = Scope.USER
    retryable = False


class PeerError(RecorderError):
    code = "peer"
    scope = Scope.SESSION
    retryable = True


class NegotiationFailed(PeerError):
    code = "negotiation_failed"


class BadDescription(PeerError):
    code = "bad_description"


class NoCommonCodec(PeerError):
    code = "no_common_codec"
    retryable = False


class FingerprintMismatch(PeerError):
    code = "fingerprint_mismatch"


class NoRemoteCandidates(PeerError):
    code = "no_remote_candidates"


class NoLocalCandidates(PeerError):
    code = "no_local_candidates"


class AllCandidatesFailed(PeerError):
    code = "all_candidates_failed"


class RelayWithoutTurn(PeerError):
    code = "relay_without_turn"
    scope = Scope.USER
    retryable = False


class TurnRefused(PeerError):
    code = "turn_refused"
    scope = Scope.USER


class TurnUnreachable(PeerError):
    code = "turn_unreachable"
    scope = Scope.USER


class PeerVanished(PeerError):
    code = "peer_vanished"


class PeerSaidBye(PeerError):
    code = "peer_said_bye"


class ConnectionLost(PeerError):
    code = "connection_lost"


class NoFrames(PeerError):
    code = "no_frames"


class WrongPassword(PeerError):
    code = "wrong_password"
    scope = Scope.USER
    retryable = False


class ChildError(RecorderError):
    code = "child"
    retryable = True


class ChildStartFailed(ChildError):
    code = "child_start_failed"


class ChildDied(ChildError):
    code = "child_died"


class ChildHung(ChildError):
    code = "child_hung"


class ForkServerFailed(ChildError):
    code = "fork_server_failed"


class MediaError(RecorderError):
    code = "media"
    retryable = True


class MissingElement(MediaError):
    code = "missing_element"
    scope = Scope.USER
    retryable = False


class NoOutput(MediaError):
    code = "no_output"
    scope = Scope.USER
    retryable = False


class ReaderGone(MediaError):
    code = "reader_gone"
    scope = Scope.USER
    retryable = False


class StorageError(RecorderError):
    code = "storage"
    retryable = True


class FileStalled(StorageError):
    code = "file_stalled"


class DiskFull(StorageError):
    code = "disk_full"
    scope = Scope.USER


class FileInUse(StorageError):
    code = "file_in_use"
    scope = Scope.USER


class FileRefused(StorageError):
    code = "file_refused"
    scope = Scope.USER


class FolderGone(StorageError):
    code = "folder_gone"
    scope = Scope.USER


class FolderReplaced(StorageError):
    code = "folder_replaced"
