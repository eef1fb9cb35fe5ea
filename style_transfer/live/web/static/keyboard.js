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
    if (event.ctrlKey || event.metaKey || event.altKey || event.repeat && event.key === " ") return;
    const { target } = event;
    if (target.matches("select") && event.key.length === 1) return; // it looks for a style
    if (target.matches("select, input[type=range]") && /^(Arrow|Home|End|Page)|^.$/.test(event.key) && !/^[hbcfmsv?]$/.test(event.key)) return;
    if (event.key === " " && target.closest("button, input, select")) return; // it presses that
    const key = event.key.toLowerCase();
    const binding = bindings.find(([, keys]) => keys.test(key));
    if (!binding) return;
    event.preventDefault();
    binding[3](key);
  });
}
