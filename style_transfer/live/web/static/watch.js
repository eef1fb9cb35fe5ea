// The watch on the server's camera: it is said when nothing comes of it.

const SILENT = 2000; // milliseconds without a frame

export class Watch {
  #notice;
  #last = 0; // when something came
  #patience = SILENT; // for the next
  #waiting = false; // that is said

  constructor(notice) {
    this.#notice = notice;
  }

  /** Something came of the camera, or may in so many milliseconds. */
  expect(milliseconds = 0) {
    this.#last = performance.now();
    this.#patience = Math.max(SILENT, milliseconds);
    if (this.#waiting) this.#notice.hush();
    this.#waiting = false;
  }

  /** Nothing can come: there is no connection. */
  over() { this.#waiting = false; }

  look() {
    if (performance.now() - this.#last < this.#patience) return;
    if (this.#waiting && this.#notice.shown) return;
    this.#waiting = true;
    this.#notice.say("Waiting for this machine's camera…", true);
  }
}
