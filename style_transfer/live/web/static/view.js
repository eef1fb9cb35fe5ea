// What the page shows beside the picture: buttons, figures, the state of the line.

import { Awake } from "./screen.js";

const OWN = ["split-button", "mirror-button", "freeze-button", "photo-button", "camera-button"];

export const byId = (id) => document.getElementById(id);

export class View {
  #awake = new Awake();
  #connected = false;

  get mode() { return document.body.dataset.mode; }

  /** Whether it shows what moves. */
  get moves() { return this.mode === "live" || this.mode === "film"; }

  /** `idle`, `live`, `film`, or `photo`. */
  set mode(mode) {
    document.body.dataset.mode = mode;
    const live = mode === "live";
    this.stayAwake();
    byId("stats").hidden = mode === "idle";
    byId("camera-button").querySelector("use").setAttribute("href", live ? "#i-stop" : "#i-camera");
    byId("camera-button").setAttribute("aria-label", live ? "Stop the camera" : "Start the camera");
    for (const id of ["mirror-button", "freeze-button"]) byId(id).disabled = !this.moves;
    byId("turn-button").disabled = !live;
  }

  /** Whose pictures they are: the `browser`'s or the `server`'s. */
  set source(name) {
    document.body.dataset.source = name;
    const served = name === "server";
    for (const id of OWN) byId(id).hidden = served;
    byId("latency-name").textContent = served ? "since the camera" : "round trip";
  }

  pressed(id, on) { byId(id).setAttribute("aria-pressed", String(on)); }

  connected(yes) {
    this.#connected = yes;
    byId("link").dataset.state = yes ? "open" : "closed";
    byId("link-text").textContent = yes ? "connected" : "not connected";
    this.stayAwake();
  }

  figures(fps, age) {
    byId("fps").textContent = fps;
    byId("latency").textContent = age ?? "–";
  }

  size(width, height) { byId("size").textContent = `${width} × ${height}`; }

  /** For so many seconds already; null: not at all. */
  recording(seconds) {
    this.pressed("record-button", seconds !== null);
    byId("recording").hidden = seconds === null;
    const [hours, minutes, rest] = [seconds / 3600, (seconds / 60) % 60, seconds % 60].map(Math.floor);
    const two = (number) => String(number).padStart(2, "0");
    byId("recorded").textContent = hours ? `${hours}:${two(minutes)}:${two(rest)}` : `${minutes}:${two(rest)}`;
  }

  stayAwake() { this.#awake.want(this.moves && this.#connected); }
}
