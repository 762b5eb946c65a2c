// Candidates on their way out are bundled; on their way in they wait for the description (protocol.md 7).

const FIRST_WAIT_MS = 70;
const LONGEST_WAIT_MS = 1000;
const MAX_WAITING = 100;

/** Collects candidates for 70 ms, then for twice as long each time, up to a second. */
export class CandidateBundler {
  #send;
  #waiting = [];
  #timer = 0;
  #waitMs = FIRST_WAIT_MS;

  constructor(send) {
    this.#send = send;
  }

  add(candidate) {
    if (!candidate?.candidate) return; // no end-of-candidates marker is sent
    this.#waiting.push(candidate.toJSON());
    this.#timer ||= setTimeout(() => this.#flush(), this.#waitMs);
  }

  close() {
    clearTimeout(this.#timer);
  }

  #flush() {
    this.#timer = 0;
    this.#waitMs = Math.min(this.#waitMs * 2, LONGEST_WAIT_MS);
    this.#send(this.#waiting.splice(0));
  }
}

/** Adds candidates to a connection as soon as it has a remote description; one that fails is no error. */
export class RemoteCandidates {
  #pc;
  #waiting = [];

  constructor(pc) {
    this.#pc = pc;
  }

  async add(candidates) {
    this.#waiting.push(...candidates.slice(0, MAX_WAITING - this.#waiting.length));
    if (this.#pc.remoteDescription) await this.flush();
  }

  /** To be called after setRemoteDescription. */
  async flush() {
    for (const candidate of this.#waiting.splice(0)) {
      await this.#pc.addIceCandidate(candidate).catch(() => {});
    }
  }
}
