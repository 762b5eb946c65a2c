// The watch page: everyone in the room, and who of them is being recorded.

import { canEncrypt } from "./crypto.js";
import { $, setText, showProblem, watchRecording } from "./dom.js";
import { Identity, sanitiseRoom } from "./identity.js";
import { joinLink, readOptions, rtcConfiguration, serverUrl } from "./link.js";
import { Signaling } from "./signaling.js";
import { Tile } from "./tile.js";
import { Viewer } from "./viewer.js";
import { WORDS } from "./words.js";

const GONE_MS = 4000; // a guest who left stays in sight for so long, as a reload takes less

const options = readOptions();
const room = sanitiseRoom(roomOfPath());
const tiles = new Map(); // by stream, and by stream and ":screen"
const wireIds = new Map();
let recording = new Set();
let viewer = null;
let signaling = null;
let connection = "closed";
let connected = new Set();
let stopWatching = () => {};

function roomOfPath() {
  try {
    return decodeURIComponent(location.pathname.split("/")[2] ?? "");
  } catch {
    return "";
  }
}

// --- what is shown -------------------------------------------------------------------------------------------------

function render() {
  const state = connection !== "joined" ? connection : connected.size ? "live" : "waiting";
  document.body.dataset.state = { closed: "lobby" }[state] ?? state;
  const watched = connected.size === 1 ? "1 guest" : `${connected.size} guests`;
  const words = {
    closed: "",
    connecting: "Connecting to the server…",
    reconnecting: `The server is gone; trying again… ${connected.size ? `Still watching ${watched}.` : ""}`.trim(),
    waiting: "Nobody can be seen yet. Guests in another room or with another password do not appear.",
    live: `Watching ${watched}.`,
  };
  setText($("state"), words[state]);
}

function showStream(stream, wireId, peer) {
  wireIds.set(stream, wireId);
  const tile = tileOf(stream);
  const name = peer?.label || stream;
  if (peer?.connected) connected.add(stream);
  else connected.delete(stream);
  tile.show({ name, words: streamWords(peer), media: peer?.camera ?? null, veil: veilOf(peer) });
  showScreen(stream, name, peer);
  if (peer === null) setTimeout(() => removeIfGone(stream), GONE_MS);
  markRecording();
  render();
}

/** What is written where there is no picture. */
function veilOf(peer) {
  if (peer?.muted.video) return "Camera is off";
  const onlySound = peer?.camera.getAudioTracks().length && !peer.camera.getVideoTracks().length;
  return onlySound ? "Sound only" : "";
}

function showScreen(stream, name, peer) {
  const id = `${stream}:screen`;
  if (peer?.sharesScreen) {
    tileOf(id, stream).show({ name: `${name} (screen)`, words: "Live", media: peer.screen, veil: "" });
  } else {
    removeTile(id);
  }
}

function streamWords(peer) {
  if (peer === null) return "Not connected";
  switch (peer.pc.connectionState) {
    case "connected":
      return peer.muted.audio ? "Live, microphone off" : "Live";
    case "disconnected":
    case "failed":
      return "Interrupted";
    default:
      return "Connecting…";
  }
}

function tileOf(id, after = null) {
  let tile = tiles.get(id);
  if (tile === undefined) {
    tile = new Tile(id);
    tiles.set(id, tile);
    if (after === null) $("tiles").append(tile.element);
    else tiles.get(after).element.after(tile.element);
  }
  return tile;
}

function removeTile(id) {
  tiles.get(id)?.element.remove();
  tiles.delete(id);
}

function removeIfGone(stream) {
  if (viewer?.peerOf(stream)) return;
  removeTile(`${stream}:screen`);
  removeTile(stream);
}

function markRecording() {
  for (const [stream, wireId] of wireIds) {
    const tile = tiles.get(stream);
    if (tile) tile.recording = recording.has(wireId);
  }
}

// --- the room ------------------------------------------------------------------------------------------------------

const listener = {
  onState(what) {
    connection = what;
    render();
  },
  onMembers: (list) => viewer?.members(list),
  onAppeared: (uuid, streamID) => viewer?.appeared(uuid, streamID),
  onPeer: (uuid, obj) => viewer?.received(uuid, obj),
  onRefused(reason, text) {
    if (reason === "full") leave();
    showProblem(reason === "full" ? WORDS.full : text);
  },
  onStream: showStream,
  onForeign: () => showProblem(WORDS.otherPassword),
};

async function watch(password) {
  leave();
  showProblem("");
  const identity = await Identity.make(password, options.salt);
  if (options.hash && !(await identity.matches(options.hash))) {
    $("lobby").hidden = false;
    $("password").focus();
    if (password) showProblem(WORDS.wrongPassword);
    return;
  }
  $("lobby").hidden = true;
  $("join").href = joinLink(room, { password, hash: options.hash });
  const roomId = await identity.roomId(room);
  signaling = new Signaling({ url: serverUrl(), room: roomId, listener });
  viewer = new Viewer({ identity, signaling, rtc: rtcConfiguration(options), listener });
  signaling.start();
  stopWatching = watchRecording(roomId, (streams) => {
    recording = streams;
    markRecording();
  });
}

function leave() {
  viewer?.leave();
  signaling?.close();
  stopWatching();
  viewer = signaling = null;
  connected = new Set();
  for (const id of [...tiles.keys()]) removeTile(id);
}

function begin() {
  setText($("where"), room);
  document.title = `${room} – roomtape`;
  if (!canEncrypt() && options.password !== "false") {
    showProblem(WORDS.insecure);
    return;
  }
  $("join").href = joinLink(room, options);
  $("lobby").addEventListener("submit", (event) => {
    event.preventDefault();
    watch($("password").value);
  });
  addEventListener("pagehide", leave);
  render();
  watch(options.password ?? "");
}

/** For tests, and for the curious in the console. */
globalThis.roomtape = {
  /** Of each stream: stream, and if it is shown: state, and received, its inbound-rtp reports. */
  stats: async () => (await viewer?.figures()) ?? [],
};

if (room) begin();
else location.replace("/");
