// Records what a canvas shows, without sound, and saves it as a video.

import { download } from "./download.js";

const TYPES = ["video/mp4;codecs=avc1", "video/webm;codecs=vp9", "video/webm"]; // the first plays nearly everywhere
const BITS = 9; // a second, for each pixel: strokes are detail
const LEAST_SIDE = 16; // pixels
const CHUNK = 1000; // milliseconds: a long recording is not kept in memory by the encoder
const TICK = 500;
const ABOUT = 0.98; // of a side: a shape that is so near is the same

export class Recorder extends EventTarget {
  #shown; // the canvas
  #taken = null; // of a canvas that keeps its size: encoders and players do not expect it to change
  #recorder = null;
  #began = 0;

  /** What this browser records, or nothing. */
  static get type() {
    if (!window.MediaRecorder || !HTMLCanvasElement.prototype.captureStream) return undefined;
    return TYPES.find((type) => MediaRecorder.isTypeSupported(type));
  }

  constructor(canvas) {
    super();
    this.#shown = canvas;
    canvas.addEventListener("drawn", () => this.#take());
    setInterval(() => this.#tick(), TICK);
  }

  get running() { return Boolean(this.#recorder); }

  /** Since it began. */
  get seconds() { return Math.floor((performance.now() - this.#began) / 1000); }

  /** `changed` follows now, every second, and at the end, of which there may be many reasons. Throws what is wrong. */
  start() {
    const even = (side) => Math.max(LEAST_SIDE, side - (side % 2));
    const [width, height] = [even(this.#shown.width), even(this.#shown.height)];
    const taken = Object.assign(document.createElement("canvas"), { width, height, className: "unseen" });
    this.#taken = taken.getContext("2d", { alpha: false }); // Firefox captures nothing before
    const options = { mimeType: Recorder.type, videoBitsPerSecond: BITS * width * height };
    const recorder = new MediaRecorder(taken.captureStream(), options);
    const chunks = [];
    recorder.ondataavailable = ({ data }) => chunks.push(data);
    recorder.onerror = () => this.dispatchEvent(new Event("failed"));
    recorder.onstop = () => {
      if (this.#recorder === recorder) this.stop(); // by itself
      const blob = new Blob(chunks, { type: options.mimeType.split(";")[0] });
      if (blob.size) download(blob, blob.type.split("/")[1]);
      else this.dispatchEvent(new Event("empty"));
    };
    recorder.start(CHUNK);
    document.body.append(taken); // Safari may take black pictures, or none, of one on no page
    this.#recorder = recorder;
    this.#began = performance.now();
    this.#take();
    this.#tell();
  }

  /** What was recorded is saved. */
  stop() {
    if (!this.running) return;
    const recorder = this.#recorder;
    this.#recorder = null;
    if (recorder.state !== "inactive") recorder.stop();
    recorder.stream.getTracks().forEach((track) => track.stop());
    this.#taken.canvas.remove();
    this.#tell();
  }

  #take() {
    if (!this.running) return;
    const { width, height } = this.#taken.canvas;
    const { width: from, height: high } = this.#shown;
    const share = Math.min(width / from, height / high);
    const same = share * from > ABOUT * width && share * high > ABOUT * height;
    const [across, down] = same ? [width, height] : [share * from, share * high];
    this.#taken.fillRect(0, 0, width, height);
    this.#taken.drawImage(this.#shown, (width - across) / 2, (height - down) / 2, across, down);
  }

  #tick() {
    if (!this.running) return;
    this.#taken.drawImage(this.#taken.canvas, 0, 0); // what stays is to last
    this.#tell();
  }

  #tell() { this.dispatchEvent(new Event("changed")); }
}
