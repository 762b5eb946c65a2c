// The publisher's end of one viewer's connection. It offers in two stages: first the data channel alone, and media when
// the viewer has asked for it there (protocol.md 5.1, 8, 9; trap T1).

import { CHANNEL, Peer } from "./peer.js";

// In the order in which they come into an offer.
export const SLOTS = ["video", "audio", "screenAudio", "screenVideo"];
const PICTURES = ["video", "screenVideo"];

const KEYFRAME_INTERVAL_MS = 1000;
const LEAST_KBPS = 10;
const MOST_KBPS = 200_000;

/** `source` is the Publisher: the tracks of each slot, its wishes, and what it says of itself. */
export class Outgoing extends Peer {
  #source;
  #transceivers = new Map();
  #wanted = { video: false, audio: false, screenAudio: false, screenVideo: false };
  #wish = { video: null, audio: null }; // kbit/s; null: none
  #shown = null; // the size in which the viewer shows the picture
  #answerDue = false;
  #offerAgain = false;
  #parameters = Promise.resolve();
  #keyframeAt = 0;

  constructor(options) {
    super({ ...options, side: "local" });
    this.#source = options.owner;
    this.generation = this.signaling.generation;
    this.adopt(this.pc.createDataChannel(CHANNEL));
    this.#offer();
  }

  // --- offers ------------------------------------------------------------------------------------------------------

  /** One offer at a time; `force` replaces one whose answer is not expected any more. */
  async #offer({ viaSocket = false, force = false } = {}) {
    if (this.closed) return;
    if (this.#answerDue && !force) {
      this.#offerAgain = true;
      return;
    }
    this.#answerDue = true;
    this.#offerAgain = false;
    try {
      await this.pc.setLocalDescription(); // an offer of what is there now, whatever else is going on
    } catch (error) {
      console.debug("no offer:", error); // the connection was closed meanwhile
      return;
    }
    const screen = this.#screenIndexes();
    const fields = (onChannel) => ({
      streamID: onChannel ? this.#source.stream : this.#source.wireId, // clean on the channel (trap T2)
      ...(onChannel && screen.length ? { screen } : {}),
    });
    this.describe(this.pc.localDescription, fields, { viaSocket });
  }

  async onDescription(description) {
    if (description.type !== "answer" || this.pc.signalingState !== "have-local-offer") return;
    this.#answerDue = false; // also when it turns out to be no good: a later offer replaces this one
    await this.acceptRemote(description);
    this.#applyLimits();
    if (this.#offerAgain) await this.#offer();
  }

  /** Which of the viewer's receivers carry the screen: by m-lines, the data channel not counted (8.3). */
  #screenIndexes() {
    const sections = this.pc.localDescription.sdp.split(/\r\n(?=m=)/).slice(1);
    const media = sections.filter((section) => !section.startsWith("m=application"));
    const mids = media.map((section) => /^a=mid:(\S+)/m.exec(section)?.[1]);
    const screens = ["screenAudio", "screenVideo"].map((slot) => this.#transceivers.get(slot)?.mid);
    return mids.flatMap((mid, index) => (mid !== undefined && screens.includes(mid) ? [index] : []));
  }

  // --- tracks ------------------------------------------------------------------------------------------------------

  /** Brings what is sent in line with what there is and what the viewer wants. */
  sync() {
    if (this.closed) return;
    let added = false;
    for (const slot of SLOTS) {
      const track = this.#source.tracks[slot];
      const transceiver = this.#transceivers.get(slot);
      if (transceiver) {
        if (transceiver.sender.track !== track) transceiver.sender.replaceTrack(track).catch(() => {});
      } else if (track && this.#wanted[slot]) {
        this.#transceivers.set(slot, this.#add(slot, track));
        added = true;
      }
    }
    if (added) this.#offer();
    this.#applyLimits();
  }

  /** Whether there are m-lines for the screen; they stay when it stops (8.3). */
  get hasScreen() {
    return this.#transceivers.has("screenVideo");
  }

  #add(slot, track) {
    const streams = [slot.startsWith("screen") ? this.#source.screenStream : this.#source.cameraStream];
    const transceiver = this.pc.addTransceiver(track, { direction: "sendrecv", streams });
    const codecs = PICTURES.includes(slot) ? this.#source.codecs : null;
    if (codecs?.length) transceiver.setCodecPreferences(codecs);
    return transceiver;
  }

  // --- limits ------------------------------------------------------------------------------------------------------

  applyLimits() {
    this.#applyLimits();
  }

  #applyLimits({ keyFrame = false } = {}) {
    this.#parameters = this.#parameters.then(async () => {
      for (const [slot, transceiver] of this.#transceivers) await this.#limit(slot, transceiver.sender, keyFrame);
    });
  }

  async #limit(slot, sender, keyFrame) {
    const parameters = sender.getParameters();
    if (!parameters.encodings?.length) return; // not negotiated yet, in some browsers
    const picture = PICTURES.includes(slot);
    const wish = picture ? this.#wish.video : this.#wish.audio;
    for (const encoding of parameters.encodings) {
      const kbps = Math.min(wish || Infinity, (picture && this.#source.maxKbps) || Infinity);
      if (Number.isFinite(kbps)) encoding.maxBitrate = kbps * 1000;
      else delete encoding.maxBitrate;
      encoding.active = wish !== 0; // 0 is used as a pause (8.1)
      if (picture) encoding.scaleResolutionDownBy = Math.max(this.#source.scale, this.#shrink(slot, sender));
    }
    // Else a browser also makes the picture smaller when it lacks time or bandwidth.
    if (picture && this.#source.keepSize) parameters.degradationPreference = "maintain-resolution";
    const encodingOptions = parameters.encodings.map(() => ({ keyFrame }));
    const options = keyFrame && picture ? [{ encodingOptions }] : [];
    await sender.setParameters(parameters, ...options).catch((error) => console.debug("not set:", error));
  }

  #shrink(slot, sender) {
    const { width, height } = sender.track?.getSettings() ?? {};
    if (this.#shown === null || slot !== "video" || !width || !height) return 1;
    return Math.max(1, Math.min(width / this.#shown.w, height / this.#shown.h));
  }

  // --- what the viewer says (8.1) ----------------------------------------------------------------------------------

  onOpen() {
    this.tell({ info: this.#source.info(), miniInfo: { out: { c: this.#source.viewerCount } } });
  }

  onCommand(obj, onChannel) {
    const wanted = { video: obj.video, audio: obj.audio };
    wanted.screenVideo = obj.allowscreenvideo;
    wanted.screenAudio = obj.allowscreenaudio;
    let asked = false;
    for (const slot of SLOTS) {
      if (typeof wanted[slot] !== "boolean") continue;
      this.#wanted[slot] = wanted[slot];
      asked = true;
    }
    if (asked) this.sync();
    this.#limitsOf(obj);
    if (obj.keyframe === true) this.#keyframe();
    if (obj.iceRestartRequest === true) this.#restart({ viaSocket: !onChannel });
    if (asked || obj.info) this.owner.peerChanged(this);
  }

  #limitsOf(obj) {
    const before = JSON.stringify([this.#wish, this.#shown]);
    if (typeof obj.bitrate === "number") this.#wish.video = kbps(obj.bitrate);
    if (typeof obj.audioBitrate === "number") this.#wish.audio = kbps(obj.audioBitrate);
    const { w, h } = obj.requestResolution ?? {};
    if (w > 0 && h > 0) this.#shown = { w: Number(w), h: Number(h) };
    if (JSON.stringify([this.#wish, this.#shown]) !== before) this.#applyLimits();
  }

  #keyframe() {
    if (performance.now() - this.#keyframeAt < KEYFRAME_INTERVAL_MS) return;
    this.#keyframeAt = performance.now();
    this.#applyLimits({ keyFrame: true });
  }

  // --- ICE restart (6) ---------------------------------------------------------------------------------------------

  #restart({ viaSocket }) {
    this.pc.restartIce();
    this.#offer({ viaSocket, force: true });
  }

  /** Under a new UUID of ours the viewer would not know the offer: it asks again by itself then. */
  onStalled() {
    if (this.signaling.generation === this.generation) this.#restart({ viaSocket: true });
  }

  // --- figures -----------------------------------------------------------------------------------------------------

  /** What is sent on each slot, from getStats. */
  async figures() {
    const found = { uuid: this.uuid, session: this.session, label: this.label, state: this.pc.connectionState };
    for (const [slot, { sender }] of this.#transceivers) {
      const reports = [...(await sender.getStats()).values()];
      const rtp = reports.find((report) => report.type === "outbound-rtp");
      if (!rtp) continue;
      const codec = reports.find((report) => report.id === rtp.codecId);
      found[slot] = { ...rtp, codec: codec?.mimeType ?? "" };
    }
    return found;
  }
}

/** A viewer's wish in usable bounds; null for none. */
function kbps(number) {
  if (number < 0 || Number.isNaN(number)) return null;
  return number === 0 ? 0 : Math.min(Math.max(number, LEAST_KBPS), MOST_KBPS);
}
