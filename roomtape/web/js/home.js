// The first page: which room, and whether to be seen or to watch.

import { canEncrypt } from "./crypto.js";
import { $, showProblem } from "./dom.js";
import { sanitiseRoom } from "./identity.js";
import { joinLink, readOptions, watchLink } from "./link.js";
import { WORDS } from "./words.js";

const ADJECTIVES = "amber bright calm early gentle green hidden late quiet silver warm wide".split(" ");
const NOUNS = "bay bridge field forest garden harbour hill island lake meadow river valley".split(" ");
const NUMBERS = 1000;

function randomBelow(limit) {
  return crypto.getRandomValues(new Uint32Array(1))[0] % limit;
}

function suggestRoom() {
  const pick = (list) => list[randomBelow(list.length)];
  return `${pick(ADJECTIVES)}_${pick(NOUNS)}_${randomBelow(NUMBERS)}`;
}

function go(event) {
  event.preventDefault();
  const room = sanitiseRoom($("room").value);
  const password = $("password").value;
  const name = $("name").value.trim();
  if (!canEncrypt() && password !== "false") {
    showProblem(WORDS.insecure);
    return;
  }
  const watches = event.submitter?.value === "watch";
  location.href = watches ? watchLink(room, { password }) : joinLink(room, { name, password });
}

const options = readOptions();
$("room").value = options.room ?? "";
$("name").value = options.name ?? "";
$("suggest").addEventListener("click", () => {
  $("room").value = suggestRoom();
  $("room").focus();
});
$("enter").addEventListener("submit", go);
