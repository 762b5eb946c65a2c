// Small helpers for the pages.

/** The element with this id. */
export const $ = (id) => document.getElementById(id);

/** Sets a text only when it changes, so that screen readers do not repeat it. */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** Shows a sentence, or hides the element for an empty one. */
export function showProblem(text) {
  const element = $("problem");
  setText(element, text);
  element.hidden = !text;
}

/** "anna", "anna and ben", "anna, ben and 3 more". */
export function listOf(names, most = 3) {
  const shown = names.length > most ? [...names.slice(0, most - 1), `${names.length - most + 1} more`] : names;
  return shown.length < 2 ? shown.join("") : `${shown.slice(0, -1).join(", ")} and ${shown.at(-1)}`;
}

/** A bitrate in words. */
export function bitrateWords(kbps) {
  if (kbps < 1) return "nothing";
  return kbps < 1000 ? `${Math.round(kbps)} kbit/s` : `${(kbps / 1000).toFixed(1)} Mbit/s`;
}

/** Calls `tell` every two seconds with the wire ids of the room's streams that are being recorded; returns a stop. */
export function watchRecording(room, tell) {
  const RECORDING_POLL_MS = 2000;
  let timer = 0;
  let stopped = false;
  const poll = async () => {
    try {
      const response = await fetch(`/recording?room=${encodeURIComponent(room)}`, { cache: "no-store" });
      if (!response.ok) throw new Error(response.statusText);
      const { streamIDs } = await response.json();
      if (!stopped) tell(new Set(streamIDs));
    } catch {
      if (!stopped) tell(new Set()); // the server is gone: nobody knows
    }
    if (!stopped) timer = setTimeout(poll, RECORDING_POLL_MS);
  };
  poll();
  return () => {
    stopped = true;
    clearTimeout(timer);
  };
}
