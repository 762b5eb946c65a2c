// The synthetic guest's picture and sound, in the format of roomtape/child/pattern.py, so that recordings of a browser
// can be checked as those of a synthetic guest: top quarter a bar code of two rows of 18 blocks, below it a moving box;
// at each whole second a flash and a beep for 100 ms, every fourth second for 300 ms.

const COLUMNS = 18;
const CODE_ROWS = 2;
const ROWS = 8;
const COUNTER_MODULO = 1 << 16;
const MARK_MS = 100;
const LONG_MARK_MS = 300;
export const LONG_MARK_EVERY = 4;

export const SAMPLE_RATE = 48_000;
const BEEP_HZ = 4000;
const BEEP_LEVEL = 16_000 / 32_768;
const TONE_LEVEL = 1600 / 32_768;
const TONE_BASE_HZ = 300;
const TONE_STEP_HZ = 5;
const GOLDEN_ANGLE = 137.5; // degrees: neighbouring guests get colours far apart

/** CRC-8 with polynomial x^8+x^2+x+1, started at 0xFF. */
export function crc8(bytes) {
  let crc = 0xff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let i = 0; i < 8; i += 1) crc = crc & 0x80 ? ((crc << 1) ^ 0x07) & 0xff : crc << 1;
  }
  return crc;
}

/** The two 16-bit words in the bar code of a guest's frame n. */
export function codeWords(guest, n) {
  const counter = n % COUNTER_MODULO;
  return [(guest << 8) | crc8([guest, counter >> 8, counter & 0xff]), counter];
}

/** Length of the flash and beep at a whole second. */
export const markMs = (second) => (second % LONG_MARK_EVERY ? MARK_MS : LONG_MARK_MS);

/** Frame n of a guest, counted from 0, on a 2D context. */
export function drawFrame(context, { width, height, framerate, guest }, n) {
  const second = Math.floor(n / framerate);
  const flashing = (n % framerate) * 1000 < markMs(second) * framerate;
  const belowCode = Math.floor((height * CODE_ROWS) / ROWS);
  context.fillStyle = flashing ? "#fff" : `hsl(${(guest * GOLDEN_ANGLE) % 360} 45% 32%)`;
  context.fillRect(0, belowCode, width, height - belowCode);
  if (!flashing) drawBox(context, width, height, belowCode, n);
  drawCode(context, width, height, codeWords(guest, n));
}

function drawBox(context, width, height, top, n) {
  const size = Math.floor(Math.min(width, height) / 6);
  context.fillStyle = "#ccc";
  const x = bounce(n * Math.max(1, Math.floor(width / 80)), width - size);
  context.fillRect(x, top + bounce(n, height - top - size), size, size);
}

function drawCode(context, width, height, words) {
  const edge = (column) => Math.floor((width * column) / COLUMNS);
  const line = (row) => Math.floor((height * row) / ROWS);
  words.forEach((word, row) => {
    const bits = ((row === 0 ? 0b10 : 0b01) << 16) | word; // white black, then black white: the reference pairs
    for (let i = 0; i < COLUMNS; i += 1) {
      context.fillStyle = (bits >> (COLUMNS - 1 - i)) & 1 ? "#fff" : "#000";
      context.fillRect(edge(i), line(row), edge(i + 1) - edge(i), line(row + 1) - line(row));
    }
  });
}

/** Where something is that runs to and fro between 0 and `limit`. */
function bounce(distance, limit) {
  return limit - Math.abs((distance % (2 * limit)) - limit);
}

/** The guest's quiet tone and the beeps: the whole of what repeats. */
export function soundOf(guest) {
  const samples = new Float32Array(SAMPLE_RATE * LONG_MARK_EVERY);
  const tone = (2 * Math.PI * (TONE_BASE_HZ + TONE_STEP_HZ * guest)) / SAMPLE_RATE;
  const beep = (2 * Math.PI * BEEP_HZ) / SAMPLE_RATE;
  for (let i = 0; i < samples.length; i += 1) {
    const position = i % SAMPLE_RATE;
    const beeping = position * 1000 < markMs(Math.floor(i / SAMPLE_RATE)) * SAMPLE_RATE;
    samples[i] = TONE_LEVEL * Math.sin(tone * i) + (beeping ? BEEP_LEVEL * Math.sin(beep * i) : 0);
  }
  return samples;
}
