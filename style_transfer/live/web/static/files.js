// Files that are chosen, or dropped anywhere on the page.

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
