// Frames out, paintings in.

import { Stage } from "./stage.js";

const SERVER_SHOWN = 1280; // pixels of the server's camera on the screen, however small it is painted

export class Exchange {
  #busy = false; // a frame is being encoded
  #repaint = false; // the still picture is to be painted (again)
  #newest = 0; // number of the painting on the screen

  /** `parts`: source, connection, pace, stage, view, watch, meter. */
  constructor(parts) {
    Object.assign(this, parts);
    this.connection.addEventListener("frame", ({ detail }) => this.#show(detail));
  }

  /** The newest frame, if it is time for one. */
  async send() {
    const { source, connection, pace, stage } = this;
    if (this.#busy || !connection.clear || source.served) return;
    const now = performance.now();
    if (source.still ? !(this.#repaint && pace.idle(now)) : !(source.moving.ready && pace.due(now))) return;
    this.#busy = true;
    this.#repaint = false;
    try {
      const [width, height] = source.size;
      if (!source.still) stage.resize(...Stage.shown(width, height));
      const number = pace.send(now);
      connection.show(number, await source.take(number, ...pace.size(width, height)));
    } finally {
      this.#busy = false;
    }
    if (this.#repaint) this.send();
  }

  /** The picture that stays is new, or its look is. */
  paintStill() {
    if (!this.source.still) return;
    this.#repaint = true;
    this.send();
  }

  /** A photo is its own reference; that of what moves follows slowly. */
  tellSource() {
    this.connection.say({ type: "source", photo: Boolean(this.source.still) && !this.source.frozen });
  }

  askForThumbnails() {
    if (document.hidden) return;
    this.connection.say({ type: "thumbnails", from: this.pace.next });
    this.paintStill();
  }

  /** What was painted, or is under way, is of another picture. */
  leaveOldPaintings() {
    this.stage.forget();
    this.#newest = this.pace.next;
  }

  /** Another connection: nothing is under way. */
  restart() {
    this.pace.restart();
    this.#newest = 0;
  }

  async #show({ picture, number, waited, took }) {
    const { source, connection, pace, stage, view } = this;
    const painting = await createImageBitmap(picture);
    if (number < this.#newest) return painting.close(); // overtaken while it was decoded
    this.#newest = number;
    if (source.served) {
      connection.say({ type: "got", id: number });
      this.watch.expect(3 * (waited + took)); // a slow painter is no camera that is gone
      stage.resize(...Stage.shown(painting.width, painting.height, SERVER_SHOWN));
      if (view.mode === "idle") view.mode = "live";
    } else if (view.mode === "idle") {
      return painting.close(); // stopped in the meantime
    }
    const { width, height } = painting;
    stage.show(painting, source.before(number));
    const now = performance.now();
    const age = source.served ? waited + took : pace.arrived(number, waited, now, !source.still);
    this.meter.add(now, age);
    view.size(width, height);
    stage.canvas.dispatchEvent(new CustomEvent("painted", { detail: { age, width, height } }));
    if (source.still) this.send();
  }
}
