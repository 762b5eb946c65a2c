// Descriptions and candidates inside a JSON object, plain or encrypted (protocol.md 3, 6, 7). Input is hostile.

import { decrypt, encrypt } from "./crypto.js";

const MAX_SDP = 256 * 1024;
const MAX_CANDIDATES = 100;
const MAX_CANDIDATE = 2048;

/** Another password is in use at the other side, or the data is damaged. */
export class CannotDecrypt extends Error {}

/** Not what the protocol allows. */
export class BadMessage extends Error {}

/** An object in a text frame, or null. */
export function readObject(text, limit = MAX_SDP * 3) {
  if (typeof text !== "string" || text.length > limit) return null;
  try {
    const value = JSON.parse(text);
    return value !== null && typeof value === "object" && !Array.isArray(value) ? value : null;
  } catch {
    return null;
  }
}

export const hasDescription = (obj) => obj.description !== undefined && obj.description !== null;
export const hasCandidates = (obj) => (obj.candidates ?? obj.candidate ?? null) !== null;

/** `{type, sdp}`; throws CannotDecrypt or BadMessage. */
export async function readDescription(obj, phrase) {
  const value = await open(obj, "description", phrase);
  if (!value || !["offer", "answer"].includes(value.type)) throw new BadMessage("neither an offer nor an answer");
  if (typeof value.sdp !== "string" || !value.sdp.startsWith("v=") || value.sdp.length > MAX_SDP) {
    throw new BadMessage("no usable sdp");
  }
  return { type: value.type, sdp: value.sdp };
}

/** A list for addIceCandidate; odd and empty entries are left out (trap T18). Throws CannotDecrypt or BadMessage. */
export async function readCandidates(obj, phrase) {
  const field = (obj.candidates ?? null) !== null ? "candidates" : "candidate";
  let value = obj[field];
  if (typeof value === "string" && typeof obj.vector === "string") value = await open(obj, field, phrase);
  if (typeof value === "string") value = { ...obj, candidate: value }; // its m-line index stands beside it
  const entries = Array.isArray(value) ? value : [value];
  if (!entries.every((entry) => entry !== null && typeof entry === "object")) throw new BadMessage("no candidates");
  return entries.slice(0, MAX_CANDIDATES).map(candidate).filter(Boolean);
}

function candidate(entry) {
  const text = typeof entry.candidate === "string" ? entry.candidate.trim().replace(/^a=/, "") : "";
  if (!text || text.length > MAX_CANDIDATE) return null;
  const index = Number.isInteger(entry.sdpMLineIndex) && entry.sdpMLineIndex >= 0 ? entry.sdpMLineIndex : 0;
  const mid = typeof entry.sdpMid === "string" ? entry.sdpMid : null;
  return { candidate: text, sdpMid: mid, sdpMLineIndex: index };
}

/** The fields of a message that carries `value` as `field`. */
export async function seal(field, value, phrase) {
  if (phrase === null) return { [field]: value };
  const { data, vector } = await encrypt(ascii(JSON.stringify(value)), phrase);
  return { [field]: data, vector };
}

/** Pages read bytes as characters, so that only ASCII means the same to all (trap T11). */
function ascii(json) {
  return json.replace(/[\u0080-\uffff]/g, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

/** Encrypted or plain is told by type, not by configuration. */
async function open(obj, field, phrase) {
  const value = obj[field];
  if (typeof value !== "string") return value;
  if (typeof obj.vector !== "string") throw new BadMessage(`${field} is a text without a vector`);
  if (phrase === null) throw new CannotDecrypt("encrypted, but the password is switched off here");
  try {
    return JSON.parse(await decrypt(value, obj.vector, phrase));
  } catch {
    throw new CannotDecrypt("wrong password or salt, or damaged data");
  }
}
