// Views every stream of a room: asks for it, again and again at a decent pace, and keeps one connection for each
// (protocol.md 4.3, 6, 10, 14).

import { hasCandidates, hasDescription } from "./envelope.js";
import { Incoming } from "./incoming.js";

const REPLAY_MS = [15_000, 45_000, 180_000];
const AFTER_BYE_MS = 2000;
const MOST_SILENT = 2; // connections in a row that bring nothing; a guest may have neither camera nor microphone
const MAX_STREAMS = 100;
const MAX_OWNERS = 1000;
const MAX_PEERS_OF_STREAM = 3; // an old one, a new one, and one more: whoever claims a stream may offer it
const MAX_EARLY = 100; // messages of one sender that come before its offer
const MAX_EARLY_SENDERS = 500;
const EARLY_MS = 15_000;

const WISH = {
  audio: true,
  video: true,
  allowscreenaudio: true,
  allowscreenvideo: true,
  downloads: false,
  allowmidi: false,
  iframe: false,
  widget: false,
  broadcast: false,
  allowwebp: false,
  allowchunked: false,
  allowresources: false,
  allowdrawing: false,
  guest: false,
  scene: "0",
  director: false,
  info: { label: "watch page", version: "26.1" },
};

/** A stream that is wanted, by its clean id; `peer` is the connection that shows it, if there is one. */
class Wanted {
  peer = null;
  timer = 0;
  asked = 0;
  silent = 0; // connections that brought nothing

  constructor(stream, wireId) {
    this.stream = stream;
    this.wireId = wireId;
  }
}

/**
 * Give its methods what signaling hears: members, appeared, received.
 *
 * `listener` has: onStream(stream, wireId, peer | null) when something of a stream changed, onForeign() when a stream
 * has another password.
 */
export class Viewer {
  #streams = new Map();
  #peers = new Map(); // by UUID
  #owners = new Map(); // streams by UUID
  #early = new Map();
  #identity;
  #signaling;
  #rtc;
  #listener;

  constructor({ identity, signaling, rtc, listener }) {
    this.#identity = identity;
    this.#signaling = signaling;
    this.#rtc = rtc;
    this.#listener = listener;
  }

  /** The connection that shows a stream, or null. */
  peerOf(stream) {
    return this.#streams.get(stream)?.peer ?? null;
  }

  /** The room as it is when it is joined: also after the server was lost. */
  members(list) {
    for (const { uuid, streamID } of list) if (streamID !== null) this.appeared(uuid, streamID);
  }

  /** A stream was announced, perhaps again and under a new UUID while it is seen: then nothing is done (trap T6). */
  appeared(uuid, wireId) {
    if (!this.#identity.owns(wireId)) {
      this.#listener.onForeign();
      return;
    }
    const stream = this.#identity.cleanId(wireId);
    const wanted = this.#streams.get(stream) ?? this.#want(stream, wireId);
    if (wanted === null) return;
    this.#own(uuid, stream);
    wanted.asked = wanted.silent = 0;
    if (!wanted.peer?.healthy) this.#ask(wanted);
  }

  /** The newest are remembered. */
  #own(uuid, stream) {
    this.#owners.delete(uuid);
    this.#owners.set(uuid, stream);
    if (this.#owners.size > MAX_OWNERS) this.#owners.delete(this.#owners.keys().next().value);
  }

  #want(stream, wireId) {
    if (this.#streams.size >= MAX_STREAMS) return null;
    const wanted = new Wanted(stream, wireId);
    this.#streams.set(stream, wanted);
    this.#listener.onStream(stream, wireId, null);
    return wanted;
  }

  #ask(wanted) {
    clearTimeout(wanted.timer);
    this.#signaling.play(wanted.wireId);
    const wait = REPLAY_MS[Math.min(wanted.asked, REPLAY_MS.length - 1)];
    wanted.asked += 1;
    wanted.timer = setTimeout(() => wanted.peer?.healthy || this.#ask(wanted), wait);
  }

  /** A peer's message through the server. */
  received(uuid, obj) {
    let peer = this.#peers.get(uuid);
    const isNew = peer === undefined || (obj.session && peer.session && obj.session !== peer.session);
    if (hasDescription(obj) && isNew) {
      const stream = typeof obj.streamID === "string" ? this.#identity.cleanId(obj.streamID) : this.#owners.get(uuid);
      const wanted = this.#streams.get(stream);
      if (wanted === undefined) return; // nobody asked for it
      const others = [...this.#peers.values()].filter((one) => one.stream === stream && one !== peer);
      if (others.length >= MAX_PEERS_OF_STREAM) return;
      if (peer !== undefined) this.#forget(peer); // a new session is a new connection (6, trap T5)
      peer = this.#connect(uuid, wanted, obj.session);
    }
    if (peer !== undefined) peer.receive(obj, false);
    else if (hasCandidates(obj)) this.#keep(uuid, obj);
  }

  #connect(uuid, wanted, session) {
    const peer = new Incoming({
      uuid,
      session,
      stream: wanted.stream,
      wish: WISH,
      phrase: this.#identity.phrase,
      rtc: this.#rtc,
      signaling: this.#signaling,
      owner: this,
    });
    this.#peers.set(uuid, peer);
    if (!wanted.peer?.connected) this.#show(wanted, peer);
    queueMicrotask(() => this.#takeEarly(uuid).forEach((obj) => peer.receive(obj, false)));
    return peer;
  }

  /** The newest connection of a stream is shown once it works; the other one ends (14.10). */
  #show(wanted, peer) {
    const former = wanted.peer;
    wanted.peer = peer;
    if (former !== null && former !== peer) this.#forget(former);
    this.#listener.onStream(wanted.stream, wanted.wireId, peer);
  }

  #forget(peer) {
    peer.close();
    if (this.#peers.get(peer.uuid) === peer) this.#peers.delete(peer.uuid);
  }

  // --- candidates that come before their offer (7, trap T7) --------------------------------------------------------

  #keep(uuid, obj) {
    const now = performance.now();
    for (const [sender, { at }] of this.#early) if (now - at > EARLY_MS) this.#early.delete(sender);
    const kept = this.#early.get(uuid) ?? { at: now, list: [] };
    if (kept.list.length < MAX_EARLY && (this.#early.size < MAX_EARLY_SENDERS || this.#early.has(uuid))) {
      kept.list.push(obj);
      this.#early.set(uuid, kept);
    }
  }

  #takeEarly(uuid) {
    const kept = this.#early.get(uuid);
    this.#early.delete(uuid);
    return kept && performance.now() - kept.at <= EARLY_MS ? kept.list : [];
  }

  /** What is received of each stream, from getStats. */
  figures() {
    const shown = [...this.#streams.values()].map(async ({ stream, peer }) => ({ stream, ...(await peer?.figures()) }));
    return Promise.all(shown);
  }

  // --- from the peers ----------------------------------------------------------------------------------------------

  peerChanged(peer) {
    const wanted = this.#streams.get(peer.stream);
    if (wanted === undefined) return;
    if (peer.connected && wanted.peer !== peer) this.#show(wanted, peer);
    else if (wanted.peer === peer) this.#listener.onStream(wanted.stream, wanted.wireId, peer);
  }

  mediaChanged(peer) {
    this.peerChanged(peer);
  }

  peerLost(peer) {
    this.#forget(peer);
    this.#signaling.probe();
    const wanted = this.#streams.get(peer.stream);
    if (wanted === undefined || wanted.peer !== peer) return;
    wanted.peer = null;
    this.#listener.onStream(wanted.stream, wanted.wireId, null);
    clearTimeout(wanted.timer);
    wanted.timer = setTimeout(() => this.#ask(wanted), AFTER_BYE_MS);
  }

  /** Connected, but nothing comes: another connection may do better. */
  peerSilent(peer) {
    const wanted = this.#streams.get(peer.stream);
    if (wanted?.peer !== peer || wanted.silent >= MOST_SILENT) return;
    wanted.silent += 1;
    this.peerLost(peer);
  }

  peerUnreadable() {
    this.#listener.onForeign();
  }

  /** Says bye to everyone. */
  leave() {
    for (const wanted of this.#streams.values()) clearTimeout(wanted.timer);
    for (const peer of this.#peers.values()) peer.close();
    this.#streams.clear();
    this.#peers.clear();
  }
}
