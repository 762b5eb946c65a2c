// Publishes one stream to everyone who asks for it (protocol.md 5.3, 15).

import { randomText } from "./identity.js";
import { Outgoing } from "./outgoing.js";

const SESSION_HALF = 5;
const MAX_VIEWERS = 80;

// The first half of every session of this page load; the whole is compared (2.7).
const SESSION_START = randomText(SESSION_HALF);

/**
 * Give its methods `wanted` and `received` what signaling hears.
 *
 * `listener` has: onViewers() when one came, left or changed; onUnreadable() when a viewer's messages do not decrypt.
 */
export class Publisher {
  #peers = new Map();
  #identity;
  #signaling;
  #rtc;
  #listener;
  #muted = { audio: false, video: false };
  cameraStream = new MediaStream(); // for its id: camera and microphone share one msid (9.1)
  screenStream = new MediaStream();
  tracks = { video: null, audio: null, screenAudio: null, screenVideo: null };
  scale = 1;

  /** `maxKbps` limits the picture, `codecs` (see codecs.js) what it is encoded with; null leaves it to the browser. */
  constructor({ identity, stream, label, signaling, rtc, listener, codecs = null, maxKbps = null, keepSize = false }) {
    this.#identity = identity;
    this.#signaling = signaling;
    this.#rtc = rtc;
    this.#listener = listener;
    this.stream = stream;
    this.wireId = identity.wireId(stream);
    this.label = label;
    this.codecs = codecs;
    this.maxKbps = maxKbps;
    this.keepSize = keepSize;
  }

  get viewerCount() {
    return this.#peers.size;
  }

  /** Those that are connected. */
  get viewers() {
    return [...this.#peers.values()].filter((peer) => peer.connected);
  }

  /** A viewer asks for an offer. One whose connection works already is not given another (5.3). */
  wanted(uuid) {
    const present = this.#peers.get(uuid);
    if (present?.healthy || (!present && this.#peers.size >= MAX_VIEWERS)) return;
    present?.close();
    const session = SESSION_START + randomText(SESSION_HALF);
    const { phrase } = this.#identity;
    this.#peers.set(
      uuid,
      new Outgoing({ uuid, session, phrase, rtc: this.#rtc, signaling: this.#signaling, owner: this }),
    );
  }

  /** A peer's message through the server. */
  received(uuid, obj) {
    this.#peers.get(uuid)?.receive(obj, false);
  }

  // --- what is sent ------------------------------------------------------------------------------------------------

  /** Puts tracks in place, by slot; null takes one away. Who watches gets the new one without an offer where it can. */
  setTracks(tracks) {
    Object.assign(this.tracks, tracks);
    for (const peer of this.#peers.values()) peer.sync();
  }

  /** The first time it is offered; later it stops and goes on without an offer (8.3). */
  setScreen(video, audio) {
    const told = [...this.#peers.values()].filter((peer) => peer.hasScreen);
    this.setTracks({ screenVideo: video, screenAudio: audio });
    for (const peer of told) peer.tell({ screenStopped: video === null });
  }

  /** `kind` is "audio" or "video"; the track itself is switched off by its owner. */
  setMuted(kind, muted) {
    this.#muted[kind] = muted;
    this.#tellAll(kind === "audio" ? { muteState: muted } : { videoMuted: muted });
  }

  /** Makes the picture smaller by this factor, at least 1. */
  setScale(factor) {
    this.scale = Math.max(1, Number(factor) || 1);
    for (const peer of this.#peers.values()) peer.applyLimits();
  }

  /** What is said of ourselves when a channel opens (8.2). */
  info() {
    const { width, height, frameRate } = this.tracks.video?.getSettings() ?? {};
    return {
      label: this.label || false,
      muted: this.#muted.audio,
      video_muted_init: this.#muted.video,
      screenShareState: this.tracks.screenVideo !== null,
      video_init_width: width ?? false,
      video_init_height: height ?? false,
      video_init_frameRate: frameRate ?? false,
      version: "26.1", // of the page whose protocol this is
      useragent: "roomtape",
    };
  }

  #tellAll(message) {
    for (const peer of this.#peers.values()) peer.tell(message);
  }

  /** What is sent to each viewer, from getStats. */
  figures() {
    return Promise.all([...this.#peers.values()].map((peer) => peer.figures()));
  }

  /** Says bye to everyone. */
  leave() {
    for (const peer of this.#peers.values()) peer.close();
    this.#peers.clear();
  }

  // --- from the peers ----------------------------------------------------------------------------------------------

  peerChanged() {
    this.#listener.onViewers?.();
  }

  peerLost(peer) {
    if (this.#peers.get(peer.uuid) === peer) this.#peers.delete(peer.uuid);
    this.#signaling.probe();
    this.#listener.onViewers?.();
  }

  peerUnreadable() {
    this.#listener.onUnreadable?.();
  }
}
