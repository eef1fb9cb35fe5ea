// Buttons and keys, and what each does.

import { keyboard } from "./keyboard.js";
import { byId } from "./view.js";

/** `records`: whether this browser can. */
export function controls(actions, look, records) {
  const clicks = {
    start: () => actions.startCamera(),
    choose: () => actions.chooseFile(),
    "photo-button": () => actions.chooseFile(),
    "camera-button": () => actions.toggleCamera(),
    "turn-button": () => actions.turnCamera(),
    "split-button": () => actions.toggleSplit(),
    "mirror-button": () => actions.toggleMirror(),
    "freeze-button": () => actions.toggleFreeze(),
    "save-button": () => actions.save(),
    "record-button": () => actions.toggleRecording(),
    "full-button": () => actions.toggleFullScreen(),
    "help-button": () => actions.help(),
  };
  for (const [id, action] of Object.entries(clicks)) byId(id).addEventListener("click", action);

  keyboard(byId("keys"), [
    ["1–9", /^[1-9]$/, "choose a style", (key) => Number(key) <= look.count && look.choose(Number(key) - 1)],
    ["N P", /^[np]$/, "next, previous style", (key) => look.step(key === "n" ? 1 : -1)],
    ["← →", /^arrow(left|right)$/, "less, more of the second style", (key) => look.mix(key === "arrowright" ? 1 : -1)],
    ["+ −", /^[+=_-]$/, "strength", (key) => look.strengthen("+=".includes(key) ? 1 : -1)],
    ["C", /^c$/, "keep my colours", () => look.toggleColors()],
    ["B", /^b$/, "before and after", () => actions.toggleSplit(), "own"],
    ["M", /^m$/, "mirror", () => actions.toggleMirror(), "own"],
    ["space", /^ $/, "freeze", () => actions.toggleFreeze(), "own"],
    ["S", /^s$/, "save the picture", () => actions.save()],
    ...(records ? [["R", /^r$/, "record, without sound", () => actions.toggleRecording()]] : []),
    ["O", /^o$/, "paint a photo or video", () => actions.chooseFile(), "own"],
    ["V", /^v$/, "start or stop the camera", () => actions.toggleCamera(), "own"],
    ["T", /^t$/, "other camera", () => actions.turnCamera(), "own"],
    ["F", /^f$/, "full screen", () => actions.toggleFullScreen()],
    ["H", /^[h?]$/, "these keys", () => actions.help()],
  ]);
}
