// Camera, microphone and screen. What goes wrong is said in a sentence.

import { WORDS } from "./words.js";

const DEVICE_WORDS = {
  refused:
    "The browser was not allowed to use camera and microphone. Allow them beside the address, then load this page again.",
  none: "No camera and no microphone were found. Plug one in, then try again.",
  busy: "Another program is using the camera or microphone. Close it, then try again.",
  noCamera: "No camera was found: only your sound will be sent.",
  noMicrophone: "No microphone was found: only your picture will be sent.",
  unplugged: "The device is gone. Plug it in again or choose another one.",
  screen: "The screen was not shared.",
};

/** A problem that a person can do something about; `message` is for them. */
export class MediaProblem extends Error {}

/** Camera and microphone. `tracks` holds what there is of `video` and `audio`; `onEnded(kind)`: one was unplugged. */
export class Camera {
  #wish;
  #off = { audio: false, video: false };
  tracks = { video: null, audio: null };
  onEnded = () => {};

  /** `width`, `height`, `framerate` may be null for the browser's choice; `audio`, `video`: whether it is wanted. */
  constructor({ width, height, framerate, audio, video }) {
    const ideal = (value, otherwise) => ({ ideal: value ?? otherwise });
    this.#wish = {
      video: video && { width: ideal(width, 1280), height: ideal(height, 720), frameRate: ideal(framerate, 30) },
      audio: audio && {},
    };
  }

  /** Asks for the devices. Returns a remark or null; throws MediaProblem when there is nothing to send. */
  async open() {
    if (!navigator.mediaDevices?.getUserMedia) throw new MediaProblem(WORDS.insecure);
    const { audio, video } = this.#wish;
    try {
      this.#take(await navigator.mediaDevices.getUserMedia({ audio, video }));
      return null;
    } catch (error) {
      // One of them may be missing.
      const missing = ["NotFoundError", "OverconstrainedError"].includes(error.name) && audio && video;
      if (!missing) throw new MediaProblem(words(error));
    }
    for (const [kind, remark] of [
      ["audio", DEVICE_WORDS.noCamera],
      ["video", DEVICE_WORDS.noMicrophone],
    ]) {
      try {
        this.#take(await navigator.mediaDevices.getUserMedia({ [kind]: this.#wish[kind] }));
        return remark;
      } catch (error) {
        if (error.name !== "NotFoundError" || kind === "video") throw new MediaProblem(words(error));
      }
    }
    return null;
  }

  /** What can be chosen, by kind: `[{id, label, chosen}]`. */
  async devices() {
    const all = (await navigator.mediaDevices?.enumerateDevices?.()) ?? [];
    const of = (kind, input) =>
      all
        .filter((device) => device.kind === input && device.deviceId)
        .map((device) => ({
          id: device.deviceId,
          label: device.label || "Unnamed device",
          chosen: this.tracks[kind]?.getSettings().deviceId === device.deviceId,
        }));
    return { video: of("video", "videoinput"), audio: of("audio", "audioinput") };
  }

  /** Another camera or microphone. Throws MediaProblem if it cannot be had. */
  choose(kind, id) {
    return this.#change(kind, { deviceId: { exact: id } });
  }

  async #change(kind, wish) {
    const open = () => navigator.mediaDevices.getUserMedia({ [kind]: { ...this.#wish[kind], ...wish } });
    try {
      this.#take(await open());
    } catch (error) {
      if (error.name !== "NotReadableError") throw new MediaProblem(words(error));
      this.tracks[kind]?.stop(); // some phones open one camera at a time
      await open().then(
        (stream) => this.#take(stream),
        (again) => {
          throw new MediaProblem(words(again));
        },
      );
    }
  }

  /** The camera on the other side of a phone, or else the next one. Throws MediaProblem if it cannot be had. */
  async turn() {
    const faces = { user: "environment", environment: "user" }[this.tracks.video?.getSettings().facingMode];
    if (faces) return this.#change("video", { facingMode: { exact: faces } });
    const { video } = await this.devices();
    const now = video.findIndex(({ chosen }) => chosen);
    return this.choose("video", video[(now + 1) % video.length].id);
  }

  /** Off means silence or black; the track stays (9.3). */
  setOff(kind, off) {
    this.#off[kind] = off;
    if (this.tracks[kind]) this.tracks[kind].enabled = !off;
  }

  stop() {
    for (const track of Object.values(this.tracks)) track?.stop();
    this.tracks = { video: null, audio: null };
  }

  #take(stream) {
    for (const track of stream.getTracks()) {
      this.tracks[track.kind]?.stop();
      this.tracks[track.kind] = track;
      track.enabled = !this.#off[track.kind];
      track.onended = () => this.onEnded(track.kind, DEVICE_WORDS.unplugged);
    }
  }
}

/** Whether this browser can share a screen at all. */
export function canShareScreen() {
  return Boolean(navigator.mediaDevices?.getDisplayMedia);
}

/** Asks which screen or window to share: `{video, audio}`, `audio` may be null. Throws MediaProblem. */
export async function openScreen() {
  if (!canShareScreen()) throw new MediaProblem("This browser cannot share a screen.");
  try {
    const stream = await navigator.mediaDevices.getDisplayMedia({ video: { frameRate: { max: 30 } }, audio: true });
    const [video] = stream.getVideoTracks();
    video.contentHint = "detail";
    return { video, audio: stream.getAudioTracks()[0] ?? null };
  } catch {
    throw new MediaProblem(DEVICE_WORDS.screen);
  }
}

function words(error) {
  switch (error.name) {
    case "NotAllowedError":
    case "SecurityError":
      return DEVICE_WORDS.refused;
    case "NotFoundError":
    case "OverconstrainedError":
      return DEVICE_WORDS.none;
    case "NotReadableError":
    case "AbortError":
      return DEVICE_WORDS.busy;
    default:
      return `The camera cannot be used (${error.name}).`;
  }
}
