// Words over the picture: for a moment, until they are taken back, or for as long as something is wrong.

const STAYS = 6000; // milliseconds

export class Notice {
  #element;
  #timer = 0;
  #trouble = ""; // what is wrong: it comes back when other words have gone

  constructor(element) {
    this.#element = element;
  }

  get shown() { return !this.#element.hidden; }

  say(text, stays = false) {
    clearTimeout(this.#timer);
    this.#element.textContent = text;
    this.#element.hidden = false;
    if (!stays) this.#timer = setTimeout(() => this.hush(), STAYS);
  }

  hush() {
    if (this.#trouble) this.say(this.#trouble, true);
    else this.#element.hidden = true;
  }

  /** Something is wrong until `over()`. */
  complain(text) {
    this.#trouble = text;
    this.hush();
  }

  over() { this.complain(""); }
}
