// Addresses of the pages: what they say, and how they are made.
//
// Everything may stand in the query or in the fragment. Secrets belong in the fragment, which no server ever sees.

const SECRETS = ["password", "turn"];

/** The options of the page's address, as texts. Moves secrets from the query to the fragment. */
export function readOptions() {
  const url = new URL(location.href);
  const fragment = new URLSearchParams(url.hash.slice(1));
  let moved = false;
  for (const name of SECRETS.filter((name) => url.searchParams.has(name))) {
    if (!fragment.has(name)) fragment.set(name, url.searchParams.get(name));
    url.searchParams.delete(name);
    moved = true;
  }
  if (moved) {
    url.hash = fragment.toString();
    history.replaceState(null, "", url);
  }
  return { ...Object.fromEntries(url.searchParams), ...Object.fromEntries(fragment) };
}

/** Whether a flag was given: `&noaudio`, `&noaudio=1`, but not `&noaudio=0`. */
export const isOn = (value) => value !== undefined && !["0", "false", "off"].includes(value);

/** A number within bounds; null if there is none. */
export function numberIn(value, least, most) {
  const number = Number(value);
  return value && Number.isFinite(number) ? Math.min(Math.max(number, least), most) : null;
}

/** Where a guest joins. Given a password it stands in the link, else `hash` lets the page check what is typed. */
export function joinLink(room, { name, password, hash } = {}) {
  return link("/join", { room, name }, { password, hash });
}

/** Where a room is watched. */
export function watchLink(room, { password, hash } = {}) {
  return link(`/room/${encodeURIComponent(room)}`, {}, { password, hash });
}

function link(path, query, fragment) {
  const url = new URL(path, location.origin);
  for (const [name, value] of Object.entries(query)) if (value) url.searchParams.set(name, value);
  url.hash = new URLSearchParams(Object.entries(fragment).filter(([, value]) => value)).toString();
  return url.href;
}

/** The address of the handshake server, which is where the page came from. */
export const serverUrl = () => `${location.origin.replace(/^http/, "ws")}/`;

const STUN = ["stun:stun.l.google.com:19302", "stun:stun.cloudflare.com:3478"]; // the service's defaults (13)

/** For RTCPeerConnection: `stun=false`, `stun=stun:HOST:PORT`, `turn=USER;PASSWORD;turn:HOST:PORT`, `relay`. */
export function rtcConfiguration({ stun, turn, relay }) {
  const iceServers = [];
  if (stun === undefined || isOn(stun)) iceServers.push({ urls: stun?.startsWith("stun:") ? [stun] : STUN });
  const [username, credential, urls] = (turn ?? "").split(";");
  if (urls) iceServers.push({ urls, username, credential });
  return { iceServers, iceTransportPolicy: isOn(relay) ? "relay" : "all", bundlePolicy: "max-bundle" };
}
