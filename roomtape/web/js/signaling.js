// The connection to the handshake server in the hosted dialect (protocol.md 1, 4, 5): joins, seeds, plays, relays,
// and connects again for ever. Losing it does not touch live peer connections (1.3).

import { readObject } from "./envelope.js";

const RETRY_BASE_MS = 1000;
const RETRY_CEILING_MS = 30_000;
const OPEN_DEADLINE_MS = 10_000;
const LISTING_DEADLINE_MS = 10_000;
export const SEED_RETRY_MS = 5000;
const SEED_RETRIES = 12; // for a minute: a former connection of our own may still hold the id (15.5)
const PLAY_INTERVAL_MS = 200; // at most five a second (4.3)
const MAX_KEPT = 30; // the newest messages to peers that wait for a connection (1.3)
const MAX_PLAYS = 1000;
const PROBE_MS = 3000; // after a peer was lost, one message shows whether the socket still works (1.2)

/**
 * Events, each a method of `listener` (all optional):
 *   onState("connecting" | "joined" | "reconnecting" | "closed", {retryMs})
 *   onMembers([{uuid, streamID}])          listing or transferred: who is there, without us
 *   onAppeared(uuid, streamID)             a stream, new or announced again under a new UUID (trap T6)
 *   onWanted(uuid)                         make an offer for this viewer
 *   onPeer(uuid, object)                   a peer's message
 *   onRefused(reason, text)                "full" and "in-use" (the stream id) are final, "still-in-use" is tried
 *                                          again after SEED_RETRY_MS; "other" ends nothing
 */
export class Signaling {
  #url;
  #room;
  #stream;
  #listener;
  #socket = null;
  #failures = 0;
  #retry = 0;
  #deadline = 0;
  #seedTimer = 0;
  #seedsRefused = 0;
  #playTimer = 0;
  #plays = [];
  #kept = [];
  #probe = 0;
  state = "closed";
  generation = 0; // counts the times that the room was joined: each gave us a new UUID

  /** `room` is its hashed id; `stream` the wire id to publish, or null for someone who only watches. */
  constructor({ url, room, stream = null, listener }) {
    this.#url = url;
    this.#room = room;
    this.#stream = stream;
    this.#listener = listener;
  }

  start() {
    globalThis.addEventListener("online", this.#wake);
    this.#setState("connecting");
    this.#connect();
  }

  /** Leaves; nothing is heard any more. */
  close() {
    globalThis.removeEventListener("online", this.#wake);
    this.#stopTimers();
    clearTimeout(this.#retry);
    clearTimeout(this.#probe);
    this.#retry = 0;
    this.#setState("closed");
    this.#drop();
  }

  /** Asks for a stream, as soon as the pace allows. Nothing happens while offline: the listing will tell anew. */
  play(streamID) {
    if (this.state !== "joined" || this.#plays.includes(streamID) || this.#plays.length >= MAX_PLAYS) return;
    this.#plays.push(streamID);
    if (!this.#playTimer) this.#playNext();
  }

  /** To a peer: `UUID` in it is the destination. Kept for a while when there is no connection. */
  send(message) {
    if (this.state === "joined") {
      this.#transmit(message);
    } else {
      this.#kept.push(message);
      if (this.#kept.length > MAX_KEPT) this.#kept.shift();
    }
  }

  /** A peer was lost: see whether the server is lost, too. */
  probe() {
    if (this.#probe) return;
    this.#probe = setTimeout(() => {
      this.#probe = 0;
      if (this.state === "joined") this.#transmit({ request: "ping" });
    }, PROBE_MS);
  }

  /** The network is back: do not wait any longer. */
  #wake = () => {
    if (!this.#retry) return;
    clearTimeout(this.#retry);
    this.#connect();
  };

  #connect() {
    this.#retry = 0;
    let socket;
    try {
      socket = new WebSocket(this.#url);
    } catch {
      this.#lost();
      return;
    }
    this.#socket = socket;
    const ours = (handle) => (event) => this.#socket === socket && handle(event);
    socket.onopen = ours(() => this.#opened());
    socket.onmessage = ours((event) => this.#received(event.data));
    socket.onclose = ours(() => this.#lost());
    this.#deadline = setTimeout(() => this.#lost(), OPEN_DEADLINE_MS);
  }

  #opened() {
    clearTimeout(this.#deadline);
    this.#deadline = setTimeout(() => this.#lost(), LISTING_DEADLINE_MS);
    this.#seedsRefused = 0;
    this.#transmit({ request: "joinroom", roomid: this.#room });
  }

  #joined() {
    clearTimeout(this.#deadline);
    this.#failures = 0;
    this.generation += 1;
    this.#setState("joined");
    this.#seed();
    for (const message of this.#kept.splice(0)) this.#transmit(message);
  }

  #lost() {
    this.#stopTimers();
    this.#drop();
    this.#plays = [];
    const ceiling = Math.min(RETRY_BASE_MS * 2 ** this.#failures, RETRY_CEILING_MS);
    const retryMs = ceiling * (0.5 + Math.random() / 2);
    this.#failures += 1;
    this.#retry = setTimeout(() => this.#connect(), retryMs);
    this.#setState("reconnecting", { retryMs });
  }

  #drop() {
    const socket = this.#socket;
    this.#socket = null;
    socket?.close();
  }

  #stopTimers() {
    for (const timer of [this.#deadline, this.#seedTimer, this.#playTimer]) clearTimeout(timer);
    this.#deadline = this.#seedTimer = this.#playTimer = 0;
  }

  #setState(state, detail = {}) {
    this.state = state;
    this.#listener.onState?.(state, detail);
  }

  #transmit(message) {
    if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify(message));
  }

  #seed() {
    this.#seedTimer = 0;
    if (this.#stream !== null) this.#transmit({ request: "seed", streamID: this.#stream });
  }

  #playNext() {
    this.#playTimer = 0;
    const streamID = this.#plays.shift();
    if (streamID === undefined) return;
    this.#transmit({ request: "play", streamID });
    this.#playTimer = setTimeout(() => this.#playNext(), PLAY_INTERVAL_MS);
  }

  // --- what the server says ----------------------------------------------------------------------------------------

  #received(text) {
    const obj = readObject(text);
    if (obj === null) return;
    const uuid = typeof obj.UUID === "string" ? obj.UUID : null;
    const streamID = typeof obj.streamID === "string" && obj.streamID ? obj.streamID : null;
    switch (obj.request) {
      case undefined:
        if (uuid !== null) this.#listener.onPeer?.(uuid, obj);
        break;
      case "listing":
      case "transferred":
        if (this.state !== "joined") this.#joined();
        this.#listener.onMembers?.(members(obj.list));
        break;
      case "someonejoined":
      case "videoaddedtoroom":
        if (uuid !== null && streamID !== null) this.#listener.onAppeared?.(uuid, streamID);
        break;
      case "play":
        if (streamID !== this.#stream) break;
      // falls through: some servers forward the viewer's play itself (4.2)
      case "offerSDP":
        if (uuid !== null && this.#stream !== null) this.#listener.onWanted?.(uuid);
        break;
      case "bye":
      case "cleanup":
        if (uuid !== null) this.#listener.onPeer?.(uuid, { bye: true });
        break;
      case "alert":
      case "error":
        this.#refused(`${obj.code ?? ""} ${obj.message ?? ""}`.trim());
        break;
      default: // unknown messages are dropped
    }
  }

  #refused(text) {
    if (/room is full/i.test(text)) {
      this.#listener.onRefused?.("full", text);
    } else if (this.#stream !== null && /already in use|STREAMID_IN_USE/i.test(text)) {
      this.#seedsRefused += 1;
      const again = this.#seedsRefused <= SEED_RETRIES;
      if (again) this.#seedTimer ||= setTimeout(() => this.#seed(), SEED_RETRY_MS);
      this.#listener.onRefused?.(again ? "still-in-use" : "in-use", text);
    } else {
      this.#listener.onRefused?.("other", text);
    }
  }
}

/** Entries of a listing; elements may be bare strings in old servers. */
function members(list) {
  if (!Array.isArray(list)) return [];
  return list
    .map((entry) => (typeof entry === "string" ? { UUID: entry } : entry))
    .filter((entry) => entry !== null && typeof entry === "object" && typeof entry.UUID === "string")
    .map((entry) => ({
      uuid: entry.UUID,
      streamID: typeof entry.streamID === "string" && entry.streamID ? entry.streamID : null,
    }));
}
