// The guest page: joins the room, and says what is going on.

import { stayAwake } from "./awake.js";
import { codecsFor } from "./codecs.js";
import { canEncrypt } from "./crypto.js";
import { $, bitrateWords, listOf, setText, showProblem, watchRecording } from "./dom.js";
import { Identity, randomText, sanitiseLabel, sanitiseRoom, sanitiseStream, streamOfName } from "./identity.js";
import { isOn, joinLink, numberIn, readOptions, rtcConfiguration, serverUrl } from "./link.js";
import { Publisher } from "./publisher.js";
import { SEED_RETRY_MS, Signaling } from "./signaling.js";
import { Stage } from "./stage.js";
import { WORDS } from "./words.js";

const ALONE_MS = 4000;
const FIGURES_MS = 1000;
const COPIED_MS = 2000;
const STREAM_LENGTH = 8;
const NAME_TAKEN = "Somebody in this room already uses this name. Choose another one.";
const NAME_STILL_TAKEN = "Somebody in this room already uses this name; trying again for a minute…";
const ALONE = "Nobody else is here. If others are, the room’s name or the password is not the same.";

const options = readOptions();
const room = sanitiseRoom(options.room ?? "");
const stage = new Stage(options, render);

let identity = null;
let signaling = null;
let publisher = null;
let connection = "closed"; // what signaling says
let members = 0;
let alone = false;
let left = false;
let stopWatching = () => {};
let figuresTimer = 0;
let refusalTimer = 0;
let sent = { bytes: 0, at: 0 };

// --- what is shown -------------------------------------------------------------------------------------------------

function state() {
  if (publisher === null) return left ? "ended" : "lobby";
  if (connection === "reconnecting") return "reconnecting";
  if (connection !== "joined") return "connecting";
  return publisher.viewers.length ? "live" : "waiting";
}

function stateWords() {
  const names = publisher?.viewers.map((peer) => peer.label || "a viewer") ?? [];
  switch (state()) {
    case "lobby":
      return stage.isOpen ? "Ready to join." : "";
    case "connecting":
      return "Connecting to the server…";
    case "waiting":
      return `Waiting for a viewer or recorder. ${alone ? ALONE : ""}`.trim();
    case "live":
      return `Live. Received by ${listOf(names)}.`;
    case "reconnecting":
      return `The server is gone; trying again… ${names.length ? `Still received by ${listOf(names)}.` : ""}`.trim();
    default:
      return "You have left the room.";
  }
}

function render() {
  const joined = publisher !== null;
  document.body.dataset.state = state();
  setText($("state"), stateWords());
  setText($("go"), left ? "Join again" : "Join");
  $("lobby").hidden = joined;
  for (const element of document.querySelectorAll(".joined")) element.hidden = !joined;
  if (!joined) $("recorded").hidden = true;
}

async function showFigures() {
  const figures = (await publisher?.figures()) ?? [];
  const bytes = figures
    .flatMap(({ video, audio, screenVideo, screenAudio }) => [video, audio, screenVideo, screenAudio])
    .reduce((sum, rtp) => sum + (rtp?.bytesSent ?? 0), 0);
  const at = performance.now();
  const kbps = (Math.max(0, bytes - sent.bytes) * 8) / (at - sent.at);
  sent = { bytes, at };
  setText($("sending"), publisher?.viewers.length ? `Sending ${bitrateWords(kbps)}.` : "");
}

// --- the room ------------------------------------------------------------------------------------------------------

/** The id under which the guest's files appear: from the address, the name, or random but kept over a reload. */
function streamId() {
  const given = sanitiseStream(options.streamid ?? "") || streamOfName($("name").value);
  if (given) return given;
  const key = `stream:${room}`;
  const kept = sessionStorage.getItem(key) ?? randomText(STREAM_LENGTH);
  sessionStorage.setItem(key, kept);
  return kept;
}

const listener = {
  onState(what) {
    connection = what;
    alone = false;
    if (what === "joined") setTimeout(checkAlone, ALONE_MS);
    render();
  },
  onMembers(list) {
    members = list.length;
    for (const { streamID } of list) checkPassword(streamID);
  },
  onAppeared(_, streamID) {
    members += 1;
    checkPassword(streamID);
  },
  onWanted: (uuid) => publisher?.wanted(uuid),
  onPeer: (uuid, obj) => publisher?.received(uuid, obj),
  onRefused(reason, text) {
    if (["full", "in-use"].includes(reason)) leave();
    const words = { full: WORDS.full, "in-use": NAME_TAKEN, "still-in-use": NAME_STILL_TAKEN };
    showProblem(words[reason] ?? text);
    clearTimeout(refusalTimer);
    // Nobody says that the next try was a good one.
    if (reason === "still-in-use") refusalTimer = setTimeout(() => showProblem(""), SEED_RETRY_MS * 1.5);
  },
  onViewers() {
    alone = false;
    render();
  },
  onUnreadable: () => showProblem(WORDS.otherPassword),
};

function checkPassword(streamID) {
  if (streamID !== null && !identity.owns(streamID)) showProblem(WORDS.otherPassword);
}

function checkAlone() {
  alone = publisher !== null && publisher.viewerCount + members === 0;
  render();
}

async function join() {
  if (publisher !== null || !(await stage.open())) return;
  try {
    identity = await Identity.make($("password").value, options.salt);
    if (options.hash && !(await identity.matches(options.hash))) throw new Error(WORDS.wrongPassword);
    await connect(codecsFor(options.codec));
  } catch (problem) {
    showProblem(problem.message);
    if (problem.message === WORDS.wrongPassword) $("password").focus();
  }
}

async function connect(codecs) {
  const roomId = await identity.roomId(room);
  const stream = streamId();
  signaling = new Signaling({ url: serverUrl(), room: roomId, stream: identity.wireId(stream), listener });
  publisher = new Publisher({
    identity,
    stream,
    label: sanitiseLabel($("name").value),
    signaling,
    rtc: rtcConfiguration(options),
    listener,
    codecs,
    maxKbps: numberIn(options.bitrate, 10, 200_000),
    keepSize: isOn(options.keepsize),
  });
  stage.publisher = publisher;
  publisher.setTracks({ video: stage.tracks.video, audio: stage.tracks.audio });
  for (const kind of ["audio", "video"]) publisher.setMuted(kind, stage.off[kind]);
  showProblem("");
  signaling.start();
  stayAwake(true);
  stopWatching = watchRecording(roomId, (streams) => {
    $("recorded").hidden = !publisher || !streams.has(publisher.wireId);
  });
  figuresTimer = setInterval(showFigures, FIGURES_MS);
  render();
}

function leave() {
  if (publisher === null) return;
  stage.share(false);
  publisher.leave();
  signaling.close();
  stayAwake(false);
  stopWatching();
  clearInterval(figuresTimer);
  publisher = signaling = stage.publisher = null;
  left = true;
  stage.close();
  setText($("sending"), "");
}

// --- the page ------------------------------------------------------------------------------------------------------

/** Whom you invite must type the password, if the room has one. */
async function copyInvitation() {
  const mine = await Identity.make($("password").value, options.salt);
  const secret = $("password").value.trim() ? { hash: await mine.check() } : {};
  const link = joinLink(room, mine.phrase === null ? { password: "false" } : secret);
  try {
    await navigator.clipboard.writeText(link);
    setText($("invite"), "Link copied");
    setTimeout(() => setText($("invite"), "Invite"), COPIED_MS);
  } catch {
    prompt("Copy this link:", link);
  }
}

async function begin() {
  setText($("where"), room);
  document.title = `${room} – roomtape`;
  $("name").value = options.name ?? "";
  $("password").value = options.password ?? "";
  $("password-field").hidden = Boolean(options.password);
  $("lobby").addEventListener("submit", (event) => {
    event.preventDefault();
    join();
  });
  $("leave").addEventListener("click", leave);
  $("invite").addEventListener("click", copyInvitation);
  addEventListener("pagehide", leave);
  stage.render();
  if (!canEncrypt() && options.password !== "false") {
    showProblem(WORDS.insecure);
    return;
  }
  await stage.open();
  if (isOn(options.autostart)) await join();
}

/** For tests, and for the curious in the console. */
globalThis.roomtape = {
  get state() {
    return state();
  },
  get stream() {
    return publisher?.stream ?? null;
  },
  get frame() {
    return stage.frame;
  },
  join,
  leave,
  /** Of each viewer: uuid, session, label, state, and outbound-rtp reports: video, audio, screenVideo, screenAudio. */
  stats: async () => (await publisher?.figures()) ?? [],
  scale: (factor) => publisher?.setScale(factor),
  mute: (isOff) => stage.setOff("audio", isOff),
  hideCamera: (isOff) => stage.setOff("video", isOff),
  share: (on) => stage.share(on),
  /** Sends nothing of audio or video for a while, as when a device is gone. */
  unplug: (kind, isGone) => publisher?.setTracks({ [kind]: isGone ? null : stage.tracks[kind] }),
};

if (room) begin();
else location.replace("/");
