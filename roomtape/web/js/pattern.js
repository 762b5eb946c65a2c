// `source=pattern`: a drawn picture and a sound instead of camera and microphone. The clock of the sound times both.

import { SAMPLE_RATE, drawFrame, soundOf } from "./pattern-code.js";

const LEAD_S = 0.1; // between the decision to start and the first sample
const LATE_S = 1; // a picture that lags more leaves frames out; their numbers are missing then

/** Has the face of Camera. The sound needs a click or key on the page first, where browsers say so. */
export class Pattern {
  #config;
  #audio;
  #source = null;
  #destination;
  #canvas;
  #context;
  #writer = null;
  #capture = null;
  #ticker = null;
  #startedAt = null;
  #next = 0;
  tracks = { video: null, audio: null };
  onEnded = () => {};

  constructor({ width, height, framerate, guest, audio, video }) {
    this.#config = { width: width ?? 640, height: height ?? 360, framerate: framerate ?? 30, guest: guest ?? 0 };
    this.wanted = { audio, video };
  }

  /** The number of the next frame. */
  get frame() {
    return this.#next;
  }

  async open() {
    this.#startedAt = null;
    this.#next = 0;
    this.#audio = new AudioContext({ sampleRate: SAMPLE_RATE, latencyHint: "interactive" });
    if (this.wanted.audio) this.#openSound();
    if (this.wanted.video) this.#openPicture();
    this.#audio.onstatechange = () => this.#start();
    this.#start();
    return null;
  }

  #openSound() {
    const samples = soundOf(this.#config.guest);
    const buffer = this.#audio.createBuffer(1, samples.length, SAMPLE_RATE);
    buffer.copyToChannel(samples, 0);
    this.#destination = this.#audio.createMediaStreamDestination();
    this.#destination.channelCount = 1;
    this.#source = new AudioBufferSourceNode(this.#audio, { buffer, loop: true });
    this.#source.connect(this.#destination);
    [this.tracks.audio] = this.#destination.stream.getAudioTracks();
  }

  #openPicture() {
    const { width, height } = this.#config;
    if (globalThis.MediaStreamTrackGenerator) {
      // Frames with times of their own, whatever the page's rendering does.
      this.#canvas = new OffscreenCanvas(width, height);
      this.tracks.video = new MediaStreamTrackGenerator({ kind: "video" });
      this.#writer = this.tracks.video.writable.getWriter();
    } else {
      this.#canvas = Object.assign(document.createElement("canvas"), { width, height });
      const stream = this.#canvas.captureStream(0);
      [this.tracks.video] = stream.getVideoTracks();
      // By the W3C's text a method of the track, in Firefox one of the stream.
      this.#capture = this.tracks.video.requestFrame ? this.tracks.video : stream;
    }
    this.#context = this.#canvas.getContext("2d", { alpha: false, willReadFrequently: true });
    this.#show(0);
    this.#ticker = new Worker(new URL("./pattern-ticker.js", import.meta.url));
    this.#ticker.onmessage = () => this.#tick();
    this.#ticker.postMessage(500 / this.#config.framerate);
  }

  /** Once the sound's clock runs: its time zero. */
  #start() {
    if (this.#startedAt !== null || this.#audio.state !== "running") return;
    this.#startedAt = this.#audio.currentTime + LEAD_S;
    this.#source?.start(this.#startedAt);
  }

  #tick() {
    if (this.#startedAt === null) return;
    const { framerate } = this.#config;
    const due = (this.#audio.currentTime - this.#startedAt) * framerate;
    if (due - this.#next > LATE_S * framerate) this.#next = Math.floor(due);
    while (this.#next <= due) {
      this.#show(this.#next);
      this.#next += 1;
    }
  }

  #show(n) {
    drawFrame(this.#context, this.#config, n);
    if (this.#writer === null) {
      this.#capture.requestFrame();
      return;
    }
    const frame = new VideoFrame(this.#canvas, { timestamp: Math.round((n * 1e6) / this.#config.framerate) });
    this.#writer.write(frame).catch(() => frame.close());
  }

  /** To be called when the user has clicked or typed. */
  async resume() {
    await this.#audio?.resume();
  }

  devices() {
    return Promise.resolve({ video: [], audio: [] });
  }

  setOff(kind, off) {
    if (this.tracks[kind]) this.tracks[kind].enabled = !off;
  }

  stop() {
    this.#ticker?.terminate();
    for (const track of Object.values(this.tracks)) track?.stop();
    this.tracks = { video: null, audio: null };
    this.#audio?.close();
  }
}
