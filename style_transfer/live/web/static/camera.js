// The browser's camera, and in plain words why there is none.

const EXPLANATIONS = {
  NotAllowedError: "The camera was refused. Allow it for this page in the address bar, then start again — or choose a photo.",
  NotFoundError: "No camera was found. Plug one in and start again — or choose a photo.",
  NotReadableError: "The camera is busy: close the other program or tab that uses it, then start again.",
  OverconstrainedError: "This camera cannot give the picture asked for. Try another one, or choose a photo.",
};
const INSECURE =
  "Browsers give a camera only to pages that come over HTTPS or from this very machine. " +
  "Ask for an https:// address — or choose a photo, which works here too.";

export class Camera extends EventTarget {
  #facing = "user";
  #asked = 0; // how often it was started or stopped: what a person has overtaken is let go

  constructor(video) {
    super();
    this.video = video;
  }

  get running() { return Boolean(this.video.srcObject); }
  get ready() { return this.running && this.video.readyState >= HTMLMediaElement.HAVE_CURRENT_DATA; }
  get front() { return this.#facing === "user"; }

  /** Asks for the camera; false if overtaken. Rejects with an Error whose message is for the person. */
  async start() {
    if (!window.isSecureContext || !navigator.mediaDevices?.getUserMedia) throw new Error(INSECURE);
    this.stop();
    const asked = this.#asked;
    let stream;
    try {
      stream = await navigator.mediaDevices.getUserMedia({
        audio: false,
        video: { width: { ideal: 1280 }, height: { ideal: 720 }, frameRate: { ideal: 30 }, facingMode: this.#facing },
      });
    } catch (error) {
      throw new Error(EXPLANATIONS[error.name] ?? `The camera cannot be used (${error.message || error.name}).`);
    }
    if (asked !== this.#asked) {
      stream.getTracks().forEach((track) => track.stop());
      return false;
    }
    stream.getVideoTracks()[0].addEventListener("ended", () => {
      if (this.video.srcObject !== stream) return;
      this.stop();
      this.dispatchEvent(new Event("lost"));
    });
    this.video.srcObject = stream;
    await this.video.play();
    return true;
  }

  stop() {
    this.#asked++;
    this.video.srcObject?.getTracks().forEach((track) => track.stop());
    this.video.srcObject = null;
  }

  /** From the front camera to the back one, or the other way round. */
  async turn() {
    this.#facing = this.front ? "environment" : "user";
    return this.start();
  }

  /** Whether there is more than one. */
  async several() {
    const devices = await navigator.mediaDevices.enumerateDevices();
    return devices.filter((device) => device.kind === "videoinput").length > 1;
  }

  /** Calls back for every new frame while it runs. */
  follow(callback) {
    const video = this.video;
    const next = video.requestVideoFrameCallback
      ? (again) => video.requestVideoFrameCallback(again)
      : (again) => requestAnimationFrame(again);
    const turn = () => {
      if (this.ready) callback();
      next(turn);
    };
    next(turn);
  }
}
