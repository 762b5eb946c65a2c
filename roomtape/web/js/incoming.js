// The viewer's end of one stream's connection: it answers, and asks for media on the data channel
// (protocol.md 5, 6, 8).

import { CHANNEL, Peer } from "./peer.js";

const MEDIA_DEADLINE_MS = 5000; // from a wish to the first packet of sound or picture

/**
 * `owner` also has mediaChanged(peer), and peerSilent(peer) for one from which nothing comes. Its `wish` is said when
 * the channel opens (8.1), and once more when that was of no use.
 */
export class Incoming extends Peer {
  #wish;
  #screens = new Set();
  camera = new MediaStream();
  screen = new MediaStream();
  muted = { audio: false, video: false };
  screenStopped = false;

  constructor(options) {
    super({ ...options, side: "remote" });
    this.stream = options.stream;
    this.#wish = options.wish;
    this.pc.ondatachannel = ({ channel }) => {
      if (channel.label === CHANNEL) this.adopt(channel);
    };
  }

  /** Whether a second stream is there and goes on (8.3). */
  get sharesScreen() {
    return !this.screenStopped && this.screen.getVideoTracks().length > 0;
  }

  onOpen() {
    this.#ask(() => this.#ask(() => this.owner.peerSilent(this)));
  }

  #ask(inVain) {
    this.tell(this.#wish);
    setTimeout(() => {
      if (this.closed || this.#hears()) return;
      console.warn(`Nothing of ${this.stream} ${MEDIA_DEADLINE_MS} ms after it was asked for.`);
      inVain();
    }, MEDIA_DEADLINE_MS);
  }

  /** Also of who is muted there come packets. */
  #hears() {
    return this.pc.getReceivers().some(({ track }) => !track.muted);
  }

  /** Answered on the way that it came (6). */
  async onDescription(description, obj, onChannel) {
    if (description.type !== "offer") return;
    this.session ||= typeof obj.session === "string" ? obj.session : undefined;
    if (Array.isArray(obj.screen)) this.#screens = new Set(obj.screen);
    await this.acceptRemote(description);
    await this.pc.setLocalDescription(await this.pc.createAnswer());
    this.describe(this.pc.localDescription, () => ({}), { viaSocket: !onChannel });
    this.#sortTracks();
  }

  /** Camera and screen are told apart by the receivers' places, in the order of the m-lines (8.3, trap T27). */
  #sortTracks() {
    const order = this.pc.remoteDescription.sdp.match(/^a=mid:\S+/gm)?.map((line) => line.slice("a=mid:".length)) ?? [];
    const transceivers = this.pc.getTransceivers().filter(({ mid }) => mid !== null);
    transceivers.sort((a, b) => order.indexOf(a.mid) - order.indexOf(b.mid));
    const streams = { true: this.screen, false: this.camera };
    transceivers.forEach(({ receiver, currentDirection }, index) => {
      const isScreen = this.#screens.has(index);
      const receives = ["recvonly", "sendrecv"].includes(currentDirection);
      streams[!isScreen].removeTrack(receiver.track);
      if (receives) streams[isScreen].addTrack(receiver.track);
      else streams[isScreen].removeTrack(receiver.track);
    });
    this.owner.mediaChanged(this);
  }

  onCommand(obj) {
    const flag = (...values) => values.find((value) => typeof value === "boolean");
    const before = this.#said();
    this.muted.audio = flag(obj.muteState, obj.info?.muted) ?? this.muted.audio;
    this.muted.video = flag(obj.videoMuted, obj.info?.video_muted_init) ?? this.muted.video;
    this.screenStopped = flag(obj.screenStopped) ?? this.screenStopped;
    if (obj.info || this.#said() !== before) this.owner.mediaChanged(this);
  }

  #said() {
    return JSON.stringify([this.muted, this.screenStopped]);
  }

  /** The publisher makes the new offer (6). */
  onStalled() {
    this.signaling.send({ UUID: this.uuid, iceRestartRequest: true });
  }

  /** State of the connection, and inbound-rtp reports. */
  async figures() {
    const reports = [...(await this.pc.getStats()).values()];
    return { state: this.pc.connectionState, received: reports.filter(({ type }) => type === "inbound-rtp") };
  }
}
