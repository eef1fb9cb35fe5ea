// Files that are chosen, or dropped anywhere on the page.

import { Film } from "./film.js";

const REFUSALS = {
  image: "no picture that this browser can read. Try a JPEG, PNG or WebP.",
  video: "no video that this browser can play. Try an MP4 or WebM.",
  other: "no picture or video that this browser can read. Try a JPEG, PNG, WebP, MP4 or WebM.",
};

/**
 * Calls `open` with each. `input` is what chooses; `sign` is shown while one is dragged, unless it is not `welcome()`.
 */
export function files({ input, sign, welcome, open }) {
  input.addEventListener("change", () => {
    open(input.files[0]);
    input.value = ""; // so that the same file can be chosen again
  });
  let dragged = 0; // elements under a dragged file
  for (const type of ["dragenter", "dragover", "dragleave", "drop"]) {
    window.addEventListener(type, (event) => {
      event.preventDefault();
      dragged = { dragenter: dragged + 1, dragleave: dragged - 1, drop: 0 }[type] ?? dragged;
      sign.hidden = !welcome() || dragged <= 0;
      if (type === "drop") open(event.dataTransfer.files[0]);
    });
  }
}

/** The file's photo, as `read` gives it, or its film; see there for `ask`. Rejects with an Error for the person. */
export async function open(file, read, ask) {
  const kind = /^(image|video)\//.exec(file.type)?.[1] ?? "other"; // not every system knows every name
  const photo = kind === "video" ? null : await read(file).catch(() => null);
  const film = photo || kind === "image" ? null : await Film.of(file, ask).catch(() => null);
  if (!photo && !film) throw new Error(`"${file.name}" is ${REFUSALS[kind]}`);
  return { photo, film };
}
