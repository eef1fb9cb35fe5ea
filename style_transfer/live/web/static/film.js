// A video file, played over and over without its sound. It never leaves the browser but as frames.

import { Moving } from "./moving.js";

/** Once a person touches the page, clicks on it or presses a key. */
const touch = () =>
  new Promise((done) => {
    for (const type of ["touchend", "click", "keydown"]) window.addEventListener(type, done, { once: true, capture: true });
  });

export class Film extends Moving {
  #address;

  /** Of a file, and playing; `ask` asks for a touch where it takes one. Rejects what the browser cannot play. */
  static async of(file, ask) {
    const film = new Film(URL.createObjectURL(file));
    try {
      await film.#begin(ask);
      if (!film.video.videoWidth) throw new Error("sound alone");
    } catch (error) {
      film.stop();
      throw error;
    }
    return film;
  }

  constructor(address) {
    super(Object.assign(document.createElement("video"), { muted: true, loop: true, playsInline: true }));
    this.video.className = "unseen";
    this.video.setAttribute("aria-hidden", "true");
    document.body.append(this.video); // Safari gives no frames of what is not displayed
    this.#address = address;
    this.video.src = address;
    this.video.addEventListener("error", () => this.running && this.dispatchEvent(new Event("lost")));
  }

  /** Phones whose battery is low let nothing play but at a touch. */
  async #begin(ask) {
    for (;;) {
      try {
        return await this.video.play();
      } catch (error) {
        if (error.name !== "NotAllowedError") throw error;
      }
      ask();
      await touch();
    }
  }

  get running() { return Boolean(this.#address); }
  get over() { return !this.running; }

  hold() { this.video.pause(); }

  stop() {
    URL.revokeObjectURL(this.#address);
    this.#address = null;
    this.video.removeAttribute("src");
    this.video.load();
    this.video.remove();
  }
}
