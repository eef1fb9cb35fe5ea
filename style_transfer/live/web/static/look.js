// The look: tiles, two mixed styles, strength, colours. Says so whenever it changes.

const EVERY = 80; // milliseconds: a slider moves more often than is worth telling

const byId = (id) => document.getElementById(id);

export class Look extends EventTarget {
  #styles = [];
  #tiles = [];
  #timer = 0;
  #told = -Infinity;
  touched = false; // by the person: before, what the server begins with may be more than is shown here

  constructor() {
    super();
    this.first = byId("first");
    this.second = byId("second");
    this.firstWeight = byId("first-weight");
    this.secondWeight = byId("second-weight");
    this.strength = byId("strength");
    this.keep = byId("keep-colors");
    for (const input of [this.first, this.second, this.firstWeight, this.secondWeight, this.strength, this.keep]) {
      input.addEventListener("input", () => this.#changed());
    }
  }

  get count() { return this.#styles.length; }

  /** What the server is to be told. */
  get wanted() {
    const weights = [this.firstWeight.valueAsNumber, this.secondWeight.valueAsNumber];
    if (!(weights[0] + weights[1])) weights[0] = 1; // nothing of both is the first
    const styles = { [this.first.value]: weights[0] };
    styles[this.second.value] = (styles[this.second.value] ?? 0) + weights[1];
    return { styles, strength: this.strength.valueAsNumber / 100, preserve_color: this.keep.checked };
  }

  /** The model's styles, and the look to begin with; what was chosen before stays chosen. */
  welcome(styles, look) {
    if (this.#styles.map((style) => style.name).join() === styles.map((style) => style.name).join()) return;
    this.#styles = styles;
    for (const select of [this.first, this.second]) {
      select.replaceChildren(...styles.map((style) => new Option(style.title, style.name)));
    }
    this.#tiles = styles.map((style, index) => this.#tile(style, index));
    byId("gallery").replaceChildren(...this.#tiles);
    const heaviest = Object.entries(look.styles).sort((a, b) => b[1] - a[1]);
    this.first.value = heaviest[0][0];
    this.second.value = heaviest[heaviest[1]?.[1] > 0 ? 1 : 0][0];
    if (this.second.value === this.first.value) this.second.selectedIndex = (this.first.selectedIndex + 1) % styles.length;
    this.firstWeight.valueAsNumber = Math.round(100 * heaviest[0][1]);
    this.secondWeight.valueAsNumber = Math.round(100 * (heaviest[1]?.[1] ?? 0));
    this.strength.valueAsNumber = Math.round(100 * look.strength);
    this.keep.checked = look.preserve_color;
    this.#draw();
  }

  /** One style alone. */
  choose(index) {
    if (!this.count) return;
    this.first.selectedIndex = (index + this.count) % this.count;
    if (this.second.value === this.first.value) this.second.selectedIndex = (this.first.selectedIndex + 1) % this.count;
    this.firstWeight.value = 100;
    this.secondWeight.value = 0;
    this.#changed();
    this.#tiles[this.first.selectedIndex].scrollIntoView({ block: "nearest", inline: "nearest" });
  }

  step(by) { this.choose(this.first.selectedIndex + by); }

  /** A tenth more of the second style, or with -1 of the first. */
  mix(direction) {
    const [first, was] = [this.firstWeight.valueAsNumber, this.secondWeight.valueAsNumber];
    const share = Math.round((100 * was) / (first + was || 1)); // as it is shown
    const second = Math.min(100, Math.max(0, share + 10 * direction));
    this.secondWeight.value = second;
    this.firstWeight.value = 100 - second;
    this.#changed();
  }

  strengthen(direction) {
    this.strength.valueAsNumber += 10 * direction;
    this.#changed();
  }

  toggleColors() {
    this.keep.checked = !this.keep.checked;
    this.#changed();
  }

  thumbnail(index, blob) {
    const image = this.#tiles[index]?.querySelector("img");
    if (!image) return;
    URL.revokeObjectURL(image.src);
    image.src = URL.createObjectURL(blob);
    image.hidden = false;
  }

  #tile(style, index) {
    const tile = document.createElement("button");
    tile.type = "button";
    tile.className = "tile";
    tile.setAttribute("role", "radio");
    tile.title = [style.title, style.artist, style.year].filter(Boolean).join(", ");
    const image = new Image();
    image.alt = "";
    image.hidden = true;
    const name = document.createElement("span");
    name.textContent = style.title;
    tile.append(image, name);
    tile.addEventListener("click", () => this.choose(index));
    tile.addEventListener("keydown", (event) => {
      const by = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
      if (!by) return;
      event.preventDefault();
      event.stopPropagation();
      this.step(by);
      this.#tiles[this.first.selectedIndex].focus();
    });
    return tile;
  }

  #changed() {
    this.touched = true;
    this.#draw();
    this.#timer ||= setTimeout(() => {
      this.#timer = 0;
      this.#told = performance.now();
      this.dispatchEvent(new Event("change"));
    }, Math.max(0, this.#told + EVERY - performance.now()));
  }

  #draw() {
    const total = this.firstWeight.valueAsNumber + this.secondWeight.valueAsNumber || 1;
    const share = (input) => `${Math.round((100 * input.valueAsNumber) / total)} %`;
    byId("first-share").value = this.secondWeight.valueAsNumber ? share(this.firstWeight) : "100 %";
    byId("second-share").value = share(this.secondWeight);
    byId("strength-share").value = `${this.strength.value} %`;
    for (const input of [this.firstWeight, this.secondWeight, this.strength]) {
      input.style.setProperty("--share", `${input.value}%`);
    }
    this.#tiles.forEach((tile, index) => {
      const chosen = index === this.first.selectedIndex;
      tile.setAttribute("aria-checked", String(chosen));
      tile.tabIndex = chosen ? 0 : -1;
    });
  }
}
