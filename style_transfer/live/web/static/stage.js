// The picture on the screen: the painting, with what it was before beside it.

import { download } from "./download.js";

const LONGEST = 1280; // pixels of the canvas while it is a film

export class Stage {
  #context;
  #split = null; // 0..1 from the left
  #shown = null; // { before, after } as last drawn

  constructor(elements) {
    this.elements = elements;
    this.canvas = elements.canvas;
    this.#context = this.canvas.getContext("2d", { alpha: false });
    this.#followHandle();
  }

  get split() { return this.#split; }

  set split(share) {
    this.#split = share === null ? null : Math.min(1, Math.max(0, share));
    const { split, beforeTag, afterTag } = this.elements;
    split.hidden = beforeTag.hidden = afterTag.hidden = share === null;
    if (share !== null) {
      split.style.left = `${100 * this.#split}%`;
      split.setAttribute("aria-valuenow", String(Math.round(100 * this.#split)));
    }
    this.#draw();
  }

  /** The size to show a source of this size at; `longest` is what its longer side becomes. */
  static shown(width, height, longest = Math.min(LONGEST, Math.max(width, height))) {
    const share = longest / Math.max(width, height);
    return [Math.round(width * share), Math.round(height * share)];
  }

  /** Makes the canvas so large. */
  resize(width, height) {
    if (this.canvas.width === width && this.canvas.height === height) return;
    this.canvas.width = width;
    this.canvas.height = height;
    this.elements.picture.style.setProperty("--ratio", String(width / height));
    this.#context.imageSmoothingQuality = "medium";
    this.#draw(); // a canvas that changes its size is empty
  }

  /** Shows a painting of any size; `before` is what it was painted from, or null. */
  show(after, before) {
    this.#shown?.after.close?.();
    this.#shown = { after, before };
    this.#draw();
  }

  /** Nothing is shown. */
  forget() {
    this.#shown?.after.close?.();
    this.#shown = null;
    this.#context.clearRect(0, 0, this.canvas.width, this.canvas.height);
  }

  /** The canvas as a file. */
  async save() {
    const blob = await new Promise((resolve) => this.canvas.toBlob(resolve, "image/png"));
    download(blob, "png");
  }

  #draw() {
    if (!this.#shown) return;
    const { width, height } = this.canvas;
    const { after, before } = this.#shown;
    this.#context.drawImage(after, 0, 0, width, height);
    const left = before ? Math.round(this.#split * width) : 0;
    if (left) this.#context.drawImage(before, 0, 0, this.#split * before.width, before.height, 0, 0, left, height);
    this.canvas.dispatchEvent(new Event("drawn"));
  }

  #followHandle() {
    const { split, picture } = this.elements;
    const move = (event) => {
      const box = picture.getBoundingClientRect();
      this.split = (event.clientX - box.left) / box.width;
    };
    split.addEventListener("pointerdown", (event) => {
      split.setPointerCapture(event.pointerId);
      event.preventDefault();
      split.focus();
    });
    split.addEventListener("pointermove", (event) => {
      if (split.hasPointerCapture(event.pointerId)) move(event);
    });
    split.addEventListener("keydown", (event) => {
      const step = { ArrowLeft: -0.02, ArrowDown: -0.02, ArrowRight: 0.02, ArrowUp: 0.02, Home: -1, End: 1 }[event.key];
      if (step === undefined) return;
      event.preventDefault();
      event.stopPropagation();
      this.split = this.#split + step;
    });
  }
}
