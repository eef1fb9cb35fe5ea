// Keys, and the list of them.

/** `bindings` are [how it is written, which keys, what it does, action, class in the list]; it goes into `list`. */
export function keyboard(list, bindings) {
  for (const [written, , meaning, , kind = ""] of bindings) {
    const term = document.createElement("dt");
    term.className = kind;
    for (const word of written.split(" ")) {
      const key = document.createElement("kbd");
      key.textContent = word;
      term.append(key, " ");
    }
    const description = document.createElement("dd");
    description.className = kind;
    description.textContent = meaning;
    list.append(term, description);
  }
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const { target } = event;
    const key = event.key.toLowerCase();
    if (event.repeat && !/^(arrow.*|[+=_-])$/.test(key)) return; // a finger that rests means it once
    if (target.matches("select") && key.length === 1) return; // it looks for a style
    if (target.matches("select, input[type=range]") && /^(arrow|home|end|page)/.test(key)) return; // they move it
    if (key === " " && target.closest("button, input:not([type=range]), select")) return; // it presses that
    const binding = bindings.find(([, keys]) => keys.test(key));
    if (!binding) return;
    event.preventDefault();
    binding[3](key);
  });
}
