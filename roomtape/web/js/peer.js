// What both ends of a peer connection have in common: messages by data channel or WebSocket, candidates, pings, byes,
// and patience with a connection in trouble (protocol.md 6, 7, 8, 10).

import { CandidateBundler, RemoteCandidates } from "./candidates.js";
import {
  BadMessage,
  CannotDecrypt,
  hasCandidates,
  hasDescription,
  readCandidates,
  readDescription,
  readObject,
  seal,
} from "./envelope.js";

export const CHANNEL = "sendChannel";

const CONNECT_DEADLINE_MS = 20_000;
const GRACE_MS = 5000; // a disconnected connection may recover by itself
const RESTART_DEADLINE_MS = 12_000;
const BYE_FLUSH_MS = 100; // for a bye to leave before the connection is closed (14.11)
const MAX_INBOX = 1000; // messages of one peer that wait to be read; more are dropped

/**
 * One RTCPeerConnection. `side` is "local" for the publisher's end and "remote" for the viewer's (trap T15).
 *
 * Subclasses have: onDescription(description, obj, onChannel), onCommand(obj), onOpen(), onStalled().
 * `owner` has: peerChanged(peer), peerLost(peer), peerUnreadable(peer).
 */
export class Peer {
  #outbox = Promise.resolve();
  #inbox = Promise.resolve();
  #inboxSize = 0;
  #bundler;
  #candidates;
  #timer = 0;
  #unreadable = false;
  #closed = false;
  channel = null;
  label = "";

  constructor({ uuid, session, side, phrase, rtc, signaling, owner }) {
    Object.assign(this, { uuid, session, side, phrase, signaling, owner });
    this.pc = new RTCPeerConnection(rtc);
    this.#candidates = new RemoteCandidates(this.pc);
    this.#bundler = new CandidateBundler((list) => this.#sendCandidates(list));
    this.pc.onicecandidate = ({ candidate }) => this.#bundler.add(candidate);
    this.pc.onconnectionstatechange = () => this.#connectionChanged();
    this.#timer = setTimeout(() => this.#lost(), CONNECT_DEADLINE_MS);
  }

  get closed() {
    return this.#closed;
  }

  get connected() {
    return !this.#closed && this.pc.connectionState === "connected";
  }

  /** Whether it works, or may still come to work without anybody's help. */
  get healthy() {
    return !this.#closed && ["new", "connecting", "connected"].includes(this.pc.connectionState);
  }

  get channelOpen() {
    return this.channel?.readyState === "open";
  }

  // --- sending -----------------------------------------------------------------------------------------------------

  /** By the data channel if it is open, else through the server; `fields(onChannel)` makes the message. */
  transmit(fields, { viaSocket = false } = {}) {
    if (this.#closed) return;
    const onChannel = this.channelOpen && !viaSocket;
    const message = { UUID: this.uuid, ...fields(onChannel), session: this.session };
    if (onChannel) this.channel.send(JSON.stringify(message));
    else this.signaling.send(message);
  }

  /** On the data channel or not at all. */
  tell(message) {
    if (this.channelOpen) this.channel.send(JSON.stringify(message));
  }

  /** A description in its envelope; what was handed over first leaves first. */
  describe(description, fields, options = {}) {
    this.#later(async () => {
      const sealed = await seal("description", { type: description.type, sdp: description.sdp }, this.phrase);
      this.transmit((onChannel) => ({ ...fields(onChannel), ...sealed }), options);
    });
  }

  #sendCandidates(candidates) {
    this.#later(async () => {
      const sealed = await seal("candidates", candidates, this.phrase);
      this.transmit(() => ({ type: this.side, ...sealed }));
    });
  }

  #later(send) {
    this.#outbox = this.#outbox.then(send).catch((error) => console.debug("not sent:", error));
  }

  // --- receiving ---------------------------------------------------------------------------------------------------

  adopt(channel) {
    this.channel = channel;
    channel.onmessage = ({ data }) => {
      const obj = readObject(data); // binary frames and other text are ignored
      if (obj !== null) this.receive(obj, true);
    };
    channel.onclose = () => this.#lost();
    if (channel.readyState === "open") this.onOpen(); // before anybody listened (trap T25)
    else channel.onopen = () => this.onOpen();
  }

  /** An object from this peer; several are read one after the other. */
  receive(obj, onChannel) {
    if (this.#inboxSize >= MAX_INBOX) return;
    this.#inboxSize += 1;
    this.#inbox = this.#inbox.then(() => this.#read(obj, onChannel)).catch((error) => this.#misread(error));
  }

  /** One object may carry several commands: each is looked at (trap T8). */
  async #read(obj, onChannel) {
    this.#inboxSize -= 1;
    if (this.#closed) return;
    try {
      if (this.#mine(obj) && hasDescription(obj)) {
        await this.onDescription(await readDescription(obj, this.phrase), obj, onChannel);
      }
      if (this.#mine(obj) && hasCandidates(obj) && obj.type !== this.side) {
        await this.#candidates.add(await readCandidates(obj, this.phrase));
      }
    } finally {
      if (!this.#closed) this.#command(obj, onChannel);
    }
  }

  #mine(obj) {
    return !obj.session || !this.session || obj.session === this.session;
  }

  #command(obj, onChannel) {
    if (obj.ping !== undefined) this.tell({ pong: obj.ping });
    if (typeof obj.info?.label === "string") this.label = obj.info.label.trim().slice(0, 100);
    this.onCommand(obj, onChannel);
    if (obj.bye === true || (obj.hangup === true && !onChannel)) this.#lost();
  }

  #misread(error) {
    if (error instanceof CannotDecrypt && !this.#unreadable) {
      this.#unreadable = true;
      this.owner.peerUnreadable(this);
    } else if (!(error instanceof BadMessage)) {
      console.debug("message dropped:", error);
    }
  }

  /** setRemoteDescription, and what waited for it. */
  async acceptRemote(description) {
    await this.pc.setRemoteDescription(description);
    await this.#candidates.flush();
  }

  // --- the connection ----------------------------------------------------------------------------------------------

  #connectionChanged() {
    if (this.#closed) return;
    switch (this.pc.connectionState) {
      case "connected":
        this.#wait(0);
        break;
      case "disconnected":
        this.#wait(GRACE_MS, () => this.#stalled());
        break;
      case "failed":
        this.#stalled();
        break;
      default: // new, connecting: the deadline runs
    }
    this.owner.peerChanged(this);
  }

  #stalled() {
    this.#wait(RESTART_DEADLINE_MS, () => this.#lost());
    this.onStalled();
  }

  #wait(ms, then) {
    clearTimeout(this.#timer);
    if (ms) this.#timer = setTimeout(then, ms);
  }

  #lost() {
    if (this.#closed) return;
    this.close();
    this.owner.peerLost(this);
  }

  /** Says bye and closes; the owner is not told. */
  close() {
    if (this.#closed) return;
    this.tell({ bye: true });
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#bundler.close();
    setTimeout(() => this.pc.close(), BYE_FLUSH_MS);
  }
}
