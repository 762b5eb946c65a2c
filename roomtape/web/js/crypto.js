// Hashes and the AES envelope by WebCrypto (protocol.md 3). The browser offers it on https and localhost only.

const BLOCK = 16;

/** Whether this page may encrypt at all. */
export const canEncrypt = () => Boolean(globalThis.crypto?.subtle);

/** SHA-256 of UTF-8 text in lower-case hex. */
export async function sha256Hex(text) {
  return toHex(await sha256(text));
}

/** AES-256-CBC with PKCS#7: `{data, vector}` in lower-case hex, with a new random vector unless one is given. */
export async function encrypt(text, phrase, vector = crypto.getRandomValues(new Uint8Array(BLOCK))) {
  const key = await importKey(phrase, "encrypt");
  const data = await crypto.subtle.encrypt({ name: "AES-CBC", iv: vector }, key, new TextEncoder().encode(text));
  return { data: toHex(data), vector: toHex(vector) };
}

/** The text; throws an Error when data, vector or phrase do not fit. A wrong phrase may also come out as garbage. */
export async function decrypt(data, vector, phrase) {
  const iv = fromHex(vector);
  if (iv.length !== BLOCK) throw new Error("the vector has a wrong length");
  const key = await importKey(phrase, "decrypt");
  const plain = await crypto.subtle.decrypt({ name: "AES-CBC", iv }, key, fromHex(data));
  return new TextDecoder("utf-8", { fatal: true }).decode(plain);
}

async function importKey(phrase, use) {
  return crypto.subtle.importKey("raw", await sha256(phrase), "AES-CBC", false, [use]);
}

function sha256(text) {
  return crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
}

export function toHex(bytes) {
  return Array.from(new Uint8Array(bytes), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

export function fromHex(text) {
  if (!/^(?:[0-9a-f]{2})*$/i.test(text)) throw new Error("not hex");
  return Uint8Array.from(text.match(/../g) ?? [], (pair) => parseInt(pair, 16));
}
