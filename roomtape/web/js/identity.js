// Sanitising, effective password and hashes (protocol.md 2).

import { sha256Hex } from "./crypto.js";

export const DEFAULT_PASSWORD = "someEncryptionKey123";
// The recorder's own default. A page elsewhere would use its host name; `salt=` in the address says so.
export const DEFAULT_SALT = "vdo.ninja";

const DISABLING = new Set(["false", "0", "off"]);
const SUFFIX_LENGTH = 6;
const ROOM_ID_LENGTH = 16;
const CHECK_LENGTH = 4;
const MAX_ROOM = 30;
const LONG_STREAM = 64;
const MAX_STREAM = 70;
const MAX_LABEL = 100;
// Without letters and digits that look alike.
const ALPHABET = "abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789";

/** A stream id as the public web page makes it: longer than 64 is cut to 70 (trap T23). */
export function sanitiseStream(text) {
  const word = text.trim().replace(/\W+/g, "_");
  return word.length > LONG_STREAM ? word.slice(0, MAX_STREAM) : word;
}

/** A room's name as it goes into its hash. */
export function sanitiseRoom(text) {
  return text.trim().replace(/\W+/g, "_").slice(0, MAX_ROOM);
}

/** A name that is shown to others. */
export function sanitiseLabel(text) {
  return text.trim().slice(0, MAX_LABEL);
}

/** Percent-encoded once and only once (trap T13). */
export function sanitisePassword(text) {
  const whole = text.trim();
  return encodeURIComponent(whole.toWellFormed ? whole.toWellFormed() : whole);
}

/** A stream id that says something of the name, or null if the name has no letter or digit that an id may have. */
export function streamOfName(name) {
  const stream = sanitiseStream(name);
  return /[A-Za-z0-9]/.test(stream) ? stream : null;
}

/** Random text for ids and sessions. */
export function randomText(length) {
  // The remainder's bias is of no consequence: these are names, not keys.
  const bytes = crypto.getRandomValues(new Uint8Array(length));
  return Array.from(bytes, (byte) => ALPHABET[byte % ALPHABET.length]).join("");
}

/** Password and salt in force. `phrase` is null when the password is switched off. */
export class Identity {
  constructor(phrase, suffix) {
    this.phrase = phrase;
    this.suffix = suffix;
  }

  /** For a password as the user wrote it: empty means the default, "false", "0" and "off" switch it off. */
  static async make(password, salt = DEFAULT_SALT) {
    if (DISABLING.has((password ?? "").trim().toLowerCase())) return new Identity(null, "");
    const phrase = (sanitisePassword(password ?? "") || DEFAULT_PASSWORD) + salt;
    return new Identity(phrase, (await sha256Hex(phrase)).slice(0, SUFFIX_LENGTH));
  }

  /** The room's name on the wire. */
  async roomId(room) {
    const clean = sanitiseRoom(room);
    return this.phrase === null ? clean : (await sha256Hex(clean + this.phrase)).slice(0, ROOM_ID_LENGTH);
  }

  /** The stream's name on the wire. */
  wireId(stream) {
    return stream + this.suffix;
  }

  /** Cuts this identity's suffix once, if the id ends with it (2.5, trap T20). */
  cleanId(wire) {
    return this.owns(wire) && this.suffix ? wire.slice(0, -this.suffix.length) : wire;
  }

  /** Whether the id's publisher has the same password, as far as the id tells. */
  owns(wire) {
    return !this.suffix || (wire.length > this.suffix.length && wire.endsWith(this.suffix));
  }

  /** What an invitation link carries so that a typed password can be checked; never sent to a server (2.4). */
  async check() {
    return this.phrase === null ? "" : (await sha256Hex(this.phrase)).slice(0, CHECK_LENGTH);
  }

  /** Whether this password is the one that `hash` of an invitation was made from; any length of prefix counts. */
  async matches(hash) {
    return this.phrase !== null && (await sha256Hex(this.phrase)).startsWith(hash.toLowerCase());
  }
}
