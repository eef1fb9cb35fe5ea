// The browser's camera, and in plain words why there is none.

import { Moving } from "./moving.js";

const NONE = "No camera was found. Plug one in and start again — or choose a photo.";
const EXPLANATIONS = {
  NotAllowedError: "The camera was refused. Allow it for this page in the address bar, then start again — or choose a photo.",
  NotFoundError: NONE,
  OverconstrainedError: NONE, // WebKit's word for it, and anyone's where the one turned to is gone
  NotReadableError: "The camera is busy: close the other program or tab that uses it, then start again.",
};
const INSECURE =
  "Browsers give a camera only to pages that come over HTTPS or from this very machine. " +
  "Ask for an https:// address — or choose a photo, which works here too.";

const explained = (error) =>
  new Error(EXPLANATIONS[error.name] ?? `The camera cannot be used (${error.message || error.name}).`);

export class Camera extends Moving {
  #device = null; // the one that was turned to; else whichever sees the person
  #front = true;
  #asked = 0; // how often it was started or stopped: what a person has overtaken is let go

  get running() { return Boolean(this.video.srcObject); }
  get front() { return this.#front; }

  /** Asks for the camera; false if overtaken. Rejects with an Error whose message is for the person. */
  async start() {
    if (!window.isSecureContext || !navigator.mediaDevices?.getUserMedia) throw new Error(INSECURE);
    this.stop();
    const asked = this.#asked;
    const which = this.#device ? { deviceId: { exact: this.#device } } : { facingMode: "user" };
    let stream;
    try {
      stream = await navigator.mediaDevices.getUserMedia({
        audio: false,
        video: { width: { ideal: 1280 }, height: { ideal: 720 }, frameRate: { ideal: 30 }, ...which },
      });
    } catch (error) {
      if (asked !== this.#asked) return false;
      this.#device = null; // it may be gone for good
      throw explained(error);
    }
    if (asked !== this.#asked) {
      stream.getTracks().forEach((track) => track.stop());
      return false;
    }
    const track = stream.getVideoTracks()[0];
    this.#front = track.getSettings().facingMode !== "environment"; // those of desks do not say
    track.addEventListener("ended", () => {
      if (this.video.srcObject !== stream) return;
      this.stop();
      this.dispatchEvent(new Event("lost"));
    });
    this.video.srcObject = stream;
    try {
      await this.video.play(); // fails where it is stopped before
    } catch (error) {
      if (asked !== this.#asked) return false;
      this.stop();
      throw explained(error);
    }
    return asked === this.#asked;
  }

  stop() {
    this.#asked++;
    this.video.srcObject?.getTracks().forEach((track) => track.stop());
    this.video.srcObject = null;
  }

  /** To the next camera: a phone's other side, or another one on the desk. */
  async turn() {
    const asked = this.#asked;
    const cameras = await this.#cameras();
    if (asked !== this.#asked) return false;
    const shown = this.video.srcObject?.getVideoTracks()[0].getSettings().deviceId ?? this.#device;
    const at = cameras.findIndex(({ deviceId }) => deviceId === shown);
    this.#device = cameras[(at + 1) % cameras.length]?.deviceId || null;
    return this.start();
  }

  /** Whether there is more than one. */
  async several() { return (await this.#cameras()).length > 1; }

  async #cameras() {
    const devices = (await navigator.mediaDevices?.enumerateDevices()) ?? [];
    return devices.filter((device) => device.kind === "videoinput");
  }
}
