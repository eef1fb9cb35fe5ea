// The page, put together: source -> connection -> stage, and the buttons and keys.

import { Actions } from "./actions.js";
import { Camera } from "./camera.js";
import { Connection } from "./connection.js";
import { controls } from "./controls.js";
import { Exchange } from "./exchange.js";
import { files } from "./files.js";
import { Look } from "./look.js";
import { Meter } from "./meter.js";
import { Notice } from "./notice.js";
import { Pace } from "./pace.js";
import { Recorder } from "./recorder.js";
import { rest } from "./screen.js";
import { Source } from "./source.js";
import { Stage } from "./stage.js";
import { explain } from "./trouble.js";
import { byId, View } from "./view.js";
import { Watch } from "./watch.js";

const THUMBNAILS_EVERY = 30000; // milliseconds

const camera = new Camera(byId("video"));
const source = new Source(camera);
const connection = new Connection();
const look = new Look();
const pace = new Pace();
const meter = new Meter();
const view = new View();
const notice = new Notice(byId("message"));
const watch = new Watch(notice);
const stage = new Stage({
  canvas: byId("canvas"), picture: byId("picture"), split: byId("split"),
  beforeTag: byId("before-tag"), afterTag: byId("after-tag"),
});
const recorder = new Recorder(stage.canvas);
const exchange = new Exchange({ source, connection, pace, stage, view, watch, meter });
const actions = new Actions({ camera, source, exchange, recorder, stage, view, notice });

connection.addEventListener("welcome", ({ detail }) => {
  source.served = detail.source === "server";
  source.most = { pixels: detail.max_pixels, bytes: detail.max_bytes };
  view.source = detail.source;
  look.welcome(detail.styles, detail.look);
  if (look.touched) connection.say({ type: "look", ...look.wanted });
  exchange.tellSource();
  watch.expect();
  exchange.restart();
  view.connected(true);
  notice.over();
  if (source.still) exchange.askForThumbnails();
  else actions.askForThumbnailsSoon();
});
connection.addEventListener("closed", ({ detail }) => {
  view.connected(false);
  watch.over();
  if (source.served) recorder.stop(); // its camera may never come again
  explain(connection, notice, detail);
});
connection.addEventListener("thumbnail", ({ detail }) => look.thumbnail(detail.style, detail.picture));
connection.addEventListener("pong", ({ detail }) => pace.way(performance.now() - detail.time));
connection.addEventListener("error", ({ detail }) => {
  notice.say(`The server says: ${detail.message}.`);
  if (source.still) pace.restart(); // it will not come back
});

look.addEventListener("change", () => {
  connection.say({ type: "look", ...look.wanted });
  exchange.paintStill();
});
camera.follow(() => exchange.send());
camera.addEventListener("lost", () => {
  actions.stop();
  notice.say("The camera went away. Plug it in again and start it.", true);
});
recorder.addEventListener("changed", () => view.recording(recorder.running ? recorder.seconds : null));
recorder.addEventListener("failed", () => notice.say("The recording ended: this browser could not go on with it."));
recorder.addEventListener("empty", () => notice.say("Nothing was recorded: this browser made no video of it."));
window.addEventListener("beforeunload", (event) => recorder.running && event.preventDefault()); // it would be lost
navigator.mediaDevices?.addEventListener("devicechange", () => actions.offerOtherCamera());
document.addEventListener("visibilitychange", () => {
  view.stayAwake();
  if (document.hidden) return;
  source.wake();
  exchange.paintStill();
});

setInterval(() => { if (source.still) exchange.send(); }, 500); // should a still picture have been lost
setInterval(() => { if (!source.still) exchange.askForThumbnails(); }, THUMBNAILS_EVERY);
setInterval(() => {
  const { fps, age } = meter.read(performance.now());
  view.figures(source.still && !source.frozen ? "–" : fps, age);
  if (source.served && connection.open) watch.look();
}, 500);

controls(actions, look, Boolean(Recorder.type));
files({
  input: byId("file"), sign: byId("drop"),
  welcome: () => !source.served, open: (file) => actions.openFile(file),
});
rest(byId("stage"));
byId("record-button").hidden = !Recorder.type;
byId("full-button").hidden = !document.fullscreenEnabled;
if (!window.isSecureContext) byId("start").title = "Needs HTTPS";
connection.connect();
