// What a person does.

import { byId } from "./view.js";

const THUMBNAILS_AFTER = 1200; // milliseconds: cameras expose slowly
const SLOW = 500; // milliseconds after which a photo that is being read is worth a word

export class Actions {
  #choices = 0; // how often a photo or the camera was chosen: a photo that was overtaken is let go

  /** `parts`: camera, source, exchange, stage, view, notice. */
  constructor(parts) {
    Object.assign(this, parts);
  }

  async startCamera(begin = () => this.camera.start()) {
    const { camera, source, exchange, view, notice } = this;
    this.#choices++;
    notice.say("Starting the camera…", true);
    try {
      if (!(await begin())) return; // whoever overtook it says what is to be said
    } catch (error) {
      if (!source.still || source.frozen) this.stopCamera(); // a photo stays
      return notice.say(error.message, true);
    }
    notice.hush();
    this.#thaw();
    if (view.mode !== "live") exchange.leaveOldPaintings();
    source.mirror = camera.front;
    view.pressed("mirror-button", source.mirror);
    view.mode = "live";
    this.askForThumbnailsSoon();
    await this.offerOtherCamera();
  }

  stopCamera() {
    this.notice.hush();
    this.camera.stop();
    this.#thaw();
    this.exchange.leaveOldPaintings();
    this.view.mode = "idle";
  }

  toggleCamera() {
    if (this.source.served) return;
    if (this.view.mode === "live") this.stopCamera();
    else this.startCamera();
  }

  turnCamera() {
    if (this.camera.running) this.startCamera(() => this.camera.turn());
  }

  async offerOtherCamera() {
    byId("turn-button").hidden = this.source.served || !(await this.camera.several());
  }

  choosePhoto() {
    if (!this.source.served) byId("file").click();
  }

  async openPhoto(file) {
    const { source, exchange, stage, view, notice } = this;
    if (!file || source.served) return;
    const choice = ++this.#choices;
    const slow = setTimeout(() => choice === this.#choices && notice.say(`Reading "${file.name}"…`, true), SLOW);
    const photo = await source.read(file).catch(() => null);
    clearTimeout(slow);
    if (choice !== this.#choices) return;
    if (!photo) return notice.say(`"${file.name}" is no picture that this browser can read. Try a JPEG, PNG or WebP.`);
    notice.hush();
    this.camera.stop();
    source.show(photo);
    view.pressed("mirror-button", false);
    view.pressed("freeze-button", false);
    exchange.leaveOldPaintings();
    stage.resize(...source.size);
    stage.show(photo, photo); // until it is painted
    view.mode = "photo";
    exchange.tellSource();
    exchange.pace.restart();
    exchange.askForThumbnails();
  }

  askForThumbnailsSoon() {
    setTimeout(() => this.view.mode === "photo" || this.exchange.askForThumbnails(), THUMBNAILS_AFTER);
  }

  toggleFreeze() {
    const { camera, source, view } = this;
    if (!camera.running || source.served) return;
    if (source.still) {
      this.#thaw();
    } else if (camera.ready) {
      source.freeze();
      view.pressed("freeze-button", true);
      this.exchange.paintStill();
    }
  }

  #thaw() {
    this.source.thaw();
    this.exchange.tellSource();
    this.view.pressed("freeze-button", false);
    this.exchange.pace.restart();
  }

  toggleMirror() {
    const { source, view } = this;
    if (view.mode !== "live" || source.served) return; // a photo stays as it is
    source.mirror = !source.mirror;
    view.pressed("mirror-button", source.mirror);
    if (!source.frozen) return;
    source.flip();
    this.exchange.paintStill();
  }

  toggleSplit() {
    const { stage, view } = this;
    if (this.source.served) return;
    stage.split = stage.split === null ? 0.5 : null;
    view.pressed("split-button", stage.split !== null);
  }

  toggleFullScreen() {
    if (document.fullscreenElement) document.exitFullscreen();
    else byId("stage").requestFullscreen?.();
  }

  save() {
    if (this.view.mode !== "idle") this.stage.save();
  }

  help() {
    if (byId("help").open) byId("help").close();
    else byId("help").showModal();
  }
}
