// What is painted: the newest frame of the camera or a film, or a picture that stays.

import { Stage } from "./stage.js";

const QUALITY = 0.8;
const STILL_QUALITY = 0.92;
const LEAST_QUALITY = 0.15;
const STILL_LONGEST = 1600; // pixels
const RING = 4; // canvases in turn: those under way, the one shown, the next

const newCanvas = (width, height) => Object.assign(document.createElement("canvas"), { width, height });

// Not an OffscreenCanvas: Chromium takes three times as long to encode one.
const encode = (canvas, quality) =>
  new Promise((resolve, reject) =>
    canvas.toBlob((blob) => (blob ? resolve(blob) : reject(new Error("no picture"))), "image/jpeg", quality),
  );

/** As good as `bytes` allow: noise is what makes a JPEG large. */
async function encodeWithin(bytes, canvas, quality) {
  let blob = await encode(canvas, quality);
  while (blob.size > bytes && quality > LEAST_QUALITY) blob = await encode(canvas, (quality -= 0.1));
  return blob;
}

export class Source {
  #ring = Array.from({ length: RING }, () => newCanvas(1, 1));
  #turn = 0;
  #befores = new Map(); // number of the frame -> canvas

  served = false; // the pictures are the server's: none are taken here
  mirror = false;
  still = null; // a canvas, instead of what moves
  frozen = false; // it is of what moves
  most = { pixels: 2e6, bytes: 2e6 }; // of a picture, that the server takes

  /** `moving` is the camera, or a film. */
  constructor(moving) {
    this.moving = moving;
  }

  get size() {
    return this.still ? [this.still.width, this.still.height] : this.moving.size;
  }

  /** From now on `moving`, whose pictures come already; what moved before stops. */
  play(moving) {
    if (moving !== this.moving) this.moving.stop();
    this.moving = moving;
    this.mirror = moving.front;
    this.thaw();
  }

  /** The picture as it is now, to stay. */
  freeze() {
    this.moving.hold();
    this.still = newCanvas(...Stage.shown(...this.moving.size));
    this.#paint(this.still, this.moving.video, this.mirror);
    this.frozen = true;
  }

  /** What moves, again. */
  thaw() {
    if (this.frozen) this.moving.resume();
    this.still = null;
    this.frozen = false;
  }

  /** What moves, where the browser stopped it while the page was not seen. */
  wake() { if (!this.still) this.moving.resume(); }

  /** A photo, which is never mirrored; what moved before stops. */
  show(photo) {
    this.moving.stop();
    this.thaw();
    this.still = photo;
    this.mirror = false;
  }

  /** Left and right of the picture that stays, swapped. */
  flip() {
    const flipped = newCanvas(this.still.width, this.still.height);
    this.#paint(flipped, this.still, true);
    this.still = flipped; // a new one: the other may be shown still, as what a painting was before
  }

  /** A photo as a canvas, no larger than the server takes; rejects what the browser cannot read. */
  async read(file) {
    const bitmap = await createImageBitmap(file);
    const fit = Math.min(1, Math.sqrt(this.most.pixels / (bitmap.width * bitmap.height)));
    const share = Math.min(fit, STILL_LONGEST / Math.max(bitmap.width, bitmap.height));
    // Rounded down: a server takes so many pixels and not one more.
    const [width, height] = [bitmap.width, bitmap.height].map((side) => Math.max(1, Math.floor(share * side)));
    const canvas = newCanvas(width, height);
    this.#paint(canvas, bitmap, false);
    bitmap.close();
    return canvas;
  }

  /** A JPEG of that size; remembered under `number` for `before`. */
  async take(number, width, height) {
    if (this.still) {
      this.#remember(number, this.still);
      return encodeWithin(this.most.bytes, this.still, STILL_QUALITY);
    }
    const canvas = this.#ring[this.#turn++ % RING];
    this.#resize(canvas, width, height);
    this.#paint(canvas, this.moving.video, this.mirror);
    this.#remember(number, canvas);
    return encodeWithin(this.most.bytes, canvas, QUALITY);
  }

  /** What frame `number` was before it was painted. */
  before(number) {
    for (const earlier of this.#befores.keys()) if (earlier < number) this.#befores.delete(earlier);
    return this.#befores.get(number) ?? null;
  }

  #remember(number, canvas) {
    this.#befores.set(number, canvas);
    if (this.#befores.size > RING) this.#befores.delete(this.#befores.keys().next().value);
  }

  #resize(canvas, width, height) {
    if (canvas.width !== width) canvas.width = width;
    if (canvas.height !== height) canvas.height = height;
  }

  #paint(canvas, picture, mirror) {
    // The pixels are read back at once, so they are best kept where the encoder is.
    const context = canvas.getContext("2d", { alpha: false, willReadFrequently: true });
    context.setTransform(mirror ? -1 : 1, 0, 0, 1, mirror ? canvas.width : 0, 0);
    context.imageSmoothingQuality = "medium";
    context.fillStyle = "#fff"; // under what is transparent
    context.fillRect(0, 0, canvas.width, canvas.height);
    context.drawImage(picture, 0, 0, canvas.width, canvas.height);
  }
}
