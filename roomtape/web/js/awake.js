// Keeps a phone's screen on: one that locks takes the camera away. Browsers without wake locks do as they like.

let lock = null;
let wanted = false;

/** From now on, or no longer; the browser lets go of it when the page is hidden, and gets it again when it is seen. */
export async function stayAwake(on) {
  wanted = on;
  try {
    if (!on) await lock?.release();
    else if (document.visibilityState === "visible") lock = await navigator.wakeLock?.request("screen");
    if (!wanted) await lock?.release(); // meanwhile
  } catch (error) {
    console.debug("the screen may go off:", error); // battery low, or not allowed here
  }
}

document.addEventListener("visibilitychange", () => {
  if (wanted) stayAwake(true);
});
