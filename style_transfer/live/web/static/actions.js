// What a person does.

import { open } from "./files.js";
import { readable } from "./readable.js";
import { byId } from "./view.js";

const THUMBNAILS_AFTER = 1200; // milliseconds: cameras expose slowly, films begin black
const SLOW = 500; // milliseconds after which a file that is being read is worth a word
const HIDDEN =
  "This browser gives pages noise instead of pictures, against fingerprinting. " +
  "Allow this one to read canvases, beside its address, then start again.";

export class Actions {
  #choices = 0; // how often a file or the camera was chosen: a file that was overtaken is let go

  /** `parts`: camera, source, exchange, recorder, stage, view, notice. */
  constructor(parts) {
    Object.assign(this, parts);
  }

  async startCamera(begin = () => this.camera.start()) {
    const { camera, view, notice } = this;
    this.#choices++;
    notice.say("Starting the camera…", true);
    try {
      if (!(await begin())) return; // whoever overtook it says what is to be said
    } catch (error) {
      if (view.mode === "live") this.stop(); // a photo or film stays
      return notice.say(error.message, true);
    }
    this.#play(camera, "live");
    await this.offerOtherCamera();
  }

  #play(moving, mode) {
    const { source, exchange, view } = this;
    this.notice.hush();
    if (view.mode !== mode || moving !== source.moving) exchange.leaveOldPaintings();
    source.play(moving);
    view.pressed("mirror-button", source.mirror);
    this.#goOn();
    view.mode = mode;
    this.askForThumbnailsSoon();
    this.#sayWhatIsHidden();
  }

  /** Nothing is painted from now on. */
  stop() {
    this.notice.hush();
    this.recorder.stop();
    this.source.moving.stop();
    this.source.thaw();
    this.#goOn();
    this.exchange.leaveOldPaintings();
    this.view.mode = "idle";
  }

  toggleCamera() {
    if (this.source.served) return;
    if (this.view.mode === "live") this.stop();
    else this.startCamera();
  }

  turnCamera() {
    if (this.camera.running) this.startCamera(() => this.camera.turn());
  }

  async offerOtherCamera() {
    byId("turn-button").hidden = this.source.served || !(await this.camera.several());
  }

  chooseFile() {
    if (!this.source.served) byId("file").click();
  }

  /** A photo, or a film. */
  async openFile(file) {
    const { source, notice } = this;
    if (!file || source.served) return;
    const choice = ++this.#choices;
    const say = (text) => choice === this.#choices && notice.say(text, true);
    const slow = setTimeout(() => say(`Reading "${file.name}"…`), SLOW);
    const ask = () => {
      clearTimeout(slow);
      say(`Click or tap anywhere to play "${file.name}".`);
    };
    const { photo, film, message } = await open(file, (photo) => source.read(photo), ask).catch((error) => error);
    clearTimeout(slow);
    if (choice !== this.#choices) return film?.stop();
    if (message) return notice.say(message);
    this.camera.stop(); // or it starts later
    if (film) this.#showFilm(film, file.name);
    else this.#showPhoto(photo);
  }

  #showFilm(film, name) {
    film.addEventListener("lost", () => {
      this.stop();
      this.notice.say(`"${name}" cannot be played any further.`, true);
    });
    film.follow(() => this.exchange.send());
    this.#play(film, "film");
  }

  #showPhoto(photo) {
    const { source, exchange, stage, view } = this;
    this.notice.hush();
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
    this.#sayWhatIsHidden();
  }

  #sayWhatIsHidden() {
    if (!readable()) this.notice.say(HIDDEN, true);
  }

  askForThumbnailsSoon() {
    setTimeout(() => this.view.mode === "photo" || this.exchange.askForThumbnails(), THUMBNAILS_AFTER);
  }

  toggleFreeze() {
    const { source, view } = this;
    if (!view.moves || source.served) return;
    if (source.still) {
      source.thaw();
      this.#goOn();
    } else if (source.moving.ready) {
      source.freeze();
      view.pressed("freeze-button", true);
      this.exchange.paintStill();
    }
  }

  /** There is no still picture any more. */
  #goOn() {
    this.exchange.tellSource();
    this.view.pressed("freeze-button", false);
    this.exchange.pace.restart();
  }

  toggleMirror() {
    const { source, view } = this;
    if (!view.moves || source.served) return; // a photo stays as it is
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

  toggleRecording() {
    if (this.recorder.running) return this.recorder.stop();
    if (this.view.mode === "idle") return;
    try {
      this.recorder.start();
    } catch (error) {
      this.notice.say(`This cannot be recorded (${error.message || error.name}).`);
    }
  }

  help() {
    if (byId("help").open) byId("help").close();
    else byId("help").showModal();
  }
}
