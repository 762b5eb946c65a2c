// One guest on the watch page, or a guest's screen.

import { setText } from "./dom.js";

const make = (tag, properties = {}, ...children) => {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
};

export class Tile {
  #name = make("h2");
  #state = make("p", { className: "hint" });
  #video = make("video", { autoplay: true, playsInline: true, muted: true });
  #veil = make("p", { className: "veil" });
  #mark = make("p", { className: "mark", textContent: "Recording", hidden: true });
  #sound = make("button", { type: "button", textContent: "Unmute" });

  /** `id` is the stream's; tests find the tile by it. */
  constructor(id) {
    const who = make("div", { className: "who" }, this.#name, this.#state);
    const foot = make("div", { className: "foot" }, who, this.#sound);
    const frame = make("div", { className: "frame" }, this.#video, this.#veil, this.#mark);
    this.element = make("li", { className: "tile" }, frame, foot);
    this.element.dataset.stream = id;
    this.#sound.addEventListener("click", () => this.#toggleSound());
    frame.addEventListener("click", () => this.#sound.hidden || this.#toggleSound());
    // Its size is told apart from none only when the first frame is there.
    this.#video.addEventListener("resize", () => this.#showVeil());
  }

  #toggleSound() {
    this.#video.muted = !this.#video.muted;
    this.#render();
  }

  /** `media` is what is played; `words` say how it is going; `veil` covers the picture if it is not empty. */
  show({ name, words, media, veil }) {
    setText(this.#name, name);
    setText(this.#state, words);
    if (this.#video.srcObject !== media) this.#video.srcObject = media;
    if (media && this.#video.paused) this.#video.play().catch(() => {}); // when the next track comes it starts itself
    this.#video.setAttribute("aria-label", `Picture of ${name}`);
    this.veil = veil;
    this.#sound.hidden = !media?.getAudioTracks().length;
    this.#showVeil();
    this.#render();
  }

  set recording(is) {
    this.#mark.hidden = !is;
  }

  #showVeil() {
    const waiting = this.#video.videoWidth ? "" : "Waiting for the picture…";
    const text = this.veil || waiting;
    setText(this.#veil, text);
    this.#veil.hidden = !text;
  }

  #render() {
    const name = this.#name.textContent;
    setText(this.#sound, this.#video.muted ? "Unmute" : "Mute");
    this.#sound.setAttribute("aria-label", `${this.#video.muted ? "Unmute" : "Mute"} ${name}`);
  }
}
