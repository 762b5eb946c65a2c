// What the guest page shows of oneself: camera or pattern, the shared screen, the devices and the buttons for them.

import { $, setText, showProblem } from "./dom.js";
import { isOn, numberIn } from "./link.js";
import { Camera, canShareScreen, openScreen } from "./media.js";
import { Pattern } from "./pattern.js";

/** `onChange(stage)` is called when tracks or switches changed; `publisher` is who sends them, while there is one. */
export class Stage {
  #options;
  #media;
  #onChange;
  #source;
  #open = false;
  #screen = null;
  off = { audio: false, video: false };
  publisher = null;

  constructor(options, onChange) {
    this.#options = options;
    this.#onChange = onChange;
    this.#media = {
      width: numberIn(options.width, 64, 4096),
      height: numberIn(options.height, 32, 4096),
      framerate: numberIn(options.framerate, 1, 60),
      audio: !isOn(options.noaudio),
      video: !isOn(options.novideo),
    };
    const guest = numberIn(options.guest, 0, 255);
    this.#source = options.source === "pattern" ? new Pattern({ ...this.#media, guest }) : new Camera(this.#media);
    this.#source.onEnded = (_, words) => showProblem(words);
    $("mute").addEventListener("click", () => this.setOff("audio", !this.off.audio));
    $("hide").addEventListener("click", () => this.setOff("video", !this.off.video));
    $("share").addEventListener("click", () => this.share(this.#screen === null));
    $("turn").addEventListener("click", () => this.#change((source) => source.turn()));
    $("cameras").addEventListener("change", ({ target }) => this.#change((source) => source.choose("video", target.value)));
    $("microphones").addEventListener("change", ({ target }) =>
      this.#change((source) => source.choose("audio", target.value)),
    );
    // Phones cannot.
    $("share").classList.toggle("lacking", options.screen !== "pattern" && !canShareScreen());
    navigator.mediaDevices?.addEventListener?.("devicechange", () => this.#showDevices());
    // A browser lets sound begin only when somebody is there.
    for (const kind of ["pointerdown", "keydown"]) addEventListener(kind, () => this.#source.resume?.());
  }

  get isOpen() {
    return this.#open;
  }

  get tracks() {
    return this.#source.tracks;
  }

  /** The number of the pattern's next frame; null for a camera. */
  get frame() {
    return this.#source.frame ?? null;
  }

  /** Whether there is something to send; says what stands in the way. */
  async open() {
    if (this.#open) return true;
    try {
      showProblem((await this.#source.open()) ?? "");
      this.#open = true;
    } catch (problem) {
      showProblem(problem.message);
    }
    for (const kind of ["audio", "video"]) this.#source.setOff(kind, this.off[kind]);
    this.#changed();
    await this.#showDevices();
    return this.#open;
  }

  /** Camera and microphone are released. */
  close() {
    this.share(false);
    this.#source.stop();
    this.#open = false;
    this.#changed();
  }

  /** Off: silence or black is sent, and everyone is told. */
  setOff(kind, isOff) {
    this.off[kind] = isOff;
    this.#source.setOff(kind, isOff);
    this.publisher?.setMuted(kind, isOff);
    this.render();
  }

  async #change(how) {
    try {
      await how(this.#source);
      showProblem("");
    } catch (problem) {
      showProblem(problem.message);
    }
    this.#changed();
    await this.#showDevices();
  }

  // --- the screen, as a second stream (protocol.md 8.3) ------------------------------------------------------------

  async share(on) {
    if (on && this.#screen === null && this.publisher !== null) await this.#startSharing();
    else if (!on && this.#screen !== null) this.#stopSharing();
  }

  async #startSharing() {
    try {
      this.#screen = this.#options.screen === "pattern" ? await this.#drawScreen() : await openScreen();
    } catch (problem) {
      showProblem(problem.message);
      return;
    }
    showProblem("");
    if (this.publisher === null) {
      this.#stopSharing(); // left meanwhile
      return;
    }
    const { video, audio } = this.#screen;
    video.onended = () => this.share(false); // by the browser's own button
    this.publisher.setScreen(video, audio);
    $("screen-preview").srcObject = new MediaStream([video]);
    this.render();
  }

  async #drawScreen() {
    const guest = numberIn(this.#options.screenguest, 0, 255);
    const pattern = new Pattern({ ...this.#media, guest, audio: true, video: true });
    await pattern.open();
    await pattern.resume();
    return { ...pattern.tracks, pattern };
  }

  #stopSharing() {
    this.publisher?.setScreen(null, null);
    for (const track of [this.#screen.video, this.#screen.audio]) track?.stop();
    this.#screen.pattern?.stop();
    this.#screen = null;
    $("screen-preview").srcObject = null;
    this.render();
  }

  // --- showing -----------------------------------------------------------------------------------------------------

  #changed() {
    const { video, audio } = this.tracks;
    const shown = $("preview").srcObject?.getVideoTracks()[0] ?? null;
    if (video !== shown) $("preview").srcObject = video && new MediaStream([video]);
    const facesAway = video?.getSettings().facingMode === "environment";
    $("preview").classList.toggle("mirrored", this.#source instanceof Camera && !facesAway);
    this.publisher?.setTracks({ video, audio });
    this.render();
  }

  async #showDevices() {
    const { video, audio } = await this.#source.devices();
    $("devices").hidden = video.length + audio.length === 0;
    $("turn").hidden = video.length < 2 || !matchMedia("(pointer: coarse)").matches;
    for (const [id, list] of [
      ["cameras", video],
      ["microphones", audio],
    ]) {
      $(id).disabled = list.length === 0;
      $(id).replaceChildren(...list.map((device) => new Option(device.label, device.id, device.chosen, device.chosen)));
    }
  }

  render() {
    const { video, audio } = this.tracks;
    show("mute", this.off.audio ? "Unmute" : "Mute", this.off.audio ? "mic-off" : "mic", audio === null);
    show("hide", this.off.video ? "Camera on" : "Camera off", this.off.video ? "camera-off" : "camera", video === null);
    show("share", this.#screen ? "Stop sharing" : "Share screen", "screen", false);
    $("screen-preview").hidden = this.#screen === null;
    $("camera-note").hidden = video !== null && !this.off.video;
    setText($("camera-note"), video ? "Camera is off" : this.#open ? "No picture is sent" : "Camera not in use");
    this.#onChange(this);
  }
}

function show(id, words, icon, disabled) {
  const button = $(id);
  setText(button.querySelector("span"), words);
  button.querySelector("use").setAttribute("href", `#icon-${icon}`);
  button.disabled = disabled;
}
