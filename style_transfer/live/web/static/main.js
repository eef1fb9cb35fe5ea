// The page, put together: source -> connection -> stage, and the buttons and keys.

import { Camera } from "./camera.js";
import { Connection } from "./connection.js";
import { keyboard } from "./keyboard.js";
import { Look } from "./look.js";
import { Meter } from "./meter.js";
import { Notice } from "./notice.js";
import { Pace } from "./pace.js";
import { Awake, rest } from "./screen.js";
import { Source } from "./source.js";
import { Stage } from "./stage.js";

const THUMBNAILS_AFTER = 1200; // milliseconds: cameras expose slowly
const THUMBNAILS_EVERY = 30000;
const CAMERA_SILENT = 2000; // milliseconds without a frame of the server's camera
const SERVER_SHOWN = 1280; // pixels of the server's camera on the screen, however small it is painted
const SLOW = 500; // milliseconds after which a photo that is being read is worth a word

const HALF_REACHED =
  "The page came, but its connection for pictures does not: this device does not trust the server's certificate, " +
  "or a proxy in between lets no WebSocket through. Trying again…";

const byId = (id) => document.getElementById(id);
const camera = new Camera(byId("video"));
const source = new Source(camera);
const connection = new Connection();
const look = new Look();
const pace = new Pace();
const meter = new Meter();
const awake = new Awake();
const notice = new Notice(byId("message"));
const stage = new Stage({
  canvas: byId("canvas"), picture: byId("picture"), split: byId("split"),
  beforeTag: byId("before-tag"), afterTag: byId("after-tag"),
});
let serverCamera = false; // the pictures are the server's
let busy = false; // a frame is being encoded
let repaint = false; // the still picture is to be painted (again)
let frozen = false;
let newest = 0; // number of the painting on the screen
let lastFrame = 0; // when something came of the server's camera
let patience = CAMERA_SILENT; // for the next
let waiting = false; // that is said
let choices = 0; // how often a photo or the camera was chosen: a photo that was overtaken is let go

// -- frames out -------------------------------------------------------------------------------------

async function send() {
  if (busy || !connection.clear || serverCamera) return;
  const now = performance.now();
  if (source.still ? !(repaint && pace.idle(now)) : !(camera.ready && pace.due(now))) return;
  busy = true;
  repaint = false;
  try {
    const [width, height] = source.size;
    if (!source.still) stage.resize(...Stage.shown(width, height));
    const number = pace.send(now);
    connection.show(number, await source.take(number, ...pace.size(width, height)));
  } finally {
    busy = false;
  }
  if (repaint) send();
}

/** The picture that stays is new, or its look is. */
function paintStill() {
  if (!source.still) return;
  repaint = true;
  send();
}

/** A photo is its own reference; what a camera shows follows slowly. */
function tellSource() {
  connection.say({ type: "source", photo: Boolean(source.still) && !frozen });
}

function askForThumbnails() {
  if (document.hidden) return;
  connection.say({ type: "thumbnails", from: pace.next });
  paintStill();
}

camera.follow(send);
setInterval(() => { if (source.still) send(); }, 500); // should a still picture have been lost
setInterval(() => { if (!source.still) askForThumbnails(); }, THUMBNAILS_EVERY);
look.addEventListener("change", () => {
  connection.say({ type: "look", ...look.wanted });
  paintStill();
});

// -- paintings in -----------------------------------------------------------------------------------

connection.addEventListener("frame", async ({ detail }) => {
  const painting = await createImageBitmap(detail.picture);
  if (detail.number < newest) return painting.close(); // overtaken while it was decoded
  newest = detail.number;
  if (serverCamera) {
    connection.say({ type: "got", id: detail.number });
    expectNext(3 * (detail.waited + detail.took)); // a slow painter is no camera that is gone
    stage.resize(...Stage.shown(painting.width, painting.height, SERVER_SHOWN));
    if (document.body.dataset.mode === "idle") setMode("live");
  } else if (document.body.dataset.mode === "idle") {
    return painting.close(); // stopped in the meantime
  }
  const { width, height } = painting;
  stage.show(painting, source.before(detail.number));
  const now = performance.now();
  const age = serverCamera
    ? detail.waited + detail.took
    : pace.arrived(detail.number, detail.waited, now, !source.still);
  meter.add(now, age);
  byId("size").textContent = `${width} × ${height}`;
  stage.canvas.dispatchEvent(new CustomEvent("painted", { detail: { age, width, height } }));
  if (source.still) send();
});
connection.addEventListener("thumbnail", ({ detail }) => look.thumbnail(detail.style, detail.picture));
connection.addEventListener("pong", ({ detail }) => pace.way(performance.now() - detail.time));
connection.addEventListener("error", ({ detail }) => {
  notice.say(`The server says: ${detail.message}.`);
  if (source.still) pace.restart(); // it will not come back
});

connection.addEventListener("welcome", ({ detail }) => {
  serverCamera = detail.source === "server";
  source.most = { pixels: detail.max_pixels, bytes: detail.max_bytes };
  document.body.dataset.source = detail.source;
  for (const id of ["split-button", "mirror-button", "freeze-button", "photo-button", "camera-button"]) {
    byId(id).hidden = serverCamera;
  }
  byId("latency-name").textContent = serverCamera ? "since the camera" : "round trip";
  look.welcome(detail.styles, detail.look);
  if (look.touched) connection.say({ type: "look", ...look.wanted });
  tellSource();
  stayAwake();
  expectNext();
  pace.restart();
  newest = 0;
  link("open", "connected");
  notice.over();
  if (source.still) askForThumbnails();
  else setTimeout(() => document.body.dataset.mode === "photo" || askForThumbnails(), THUMBNAILS_AFTER);
});

connection.addEventListener("closed", ({ detail }) => {
  link("closed", "not connected");
  stayAwake();
  waiting = false;
  if (detail.final) notice.complain(`The server closed the connection: ${detail.reason}. Reload the page to try again.`);
  else if (detail.reason.includes("places")) notice.complain("All places are taken. Yours comes as soon as someone leaves.");
  else if (detail.attempt > 0) sayWhyThereIsNone(detail.attempt);
});

/** A server that was started again knows this page no longer where it asks for a token. */
async function sayWhyThereIsNone(attempt) {
  const answer = await fetch("/", { cache: "no-store" }).catch(() => null);
  if (answer?.status === 401) notice.complain("The server was started again: open its address with the token again.");
  else if (connection.open) return;
  else if (answer?.ok && attempt > 1) notice.complain(HALF_REACHED);
  else notice.complain("The server cannot be reached. Trying again…");
}

/** Something came of the server's camera, or may soon. */
function expectNext(milliseconds = 0) {
  lastFrame = performance.now();
  patience = Math.max(CAMERA_SILENT, milliseconds);
  if (waiting) notice.hush();
  waiting = false;
}

function missServerCamera() {
  if (!serverCamera || !connection.open || performance.now() - lastFrame < patience) return;
  if (waiting && notice.shown) return;
  waiting = true;
  notice.say("Waiting for this machine's camera…", true);
}

// -- what a person does -----------------------------------------------------------------------------

async function startCamera(begin = () => camera.start()) {
  choices++;
  notice.say("Starting the camera…", true);
  try {
    if (!(await begin())) return; // whoever overtook it says what is to be said
  } catch (error) {
    if (!source.still || frozen) stopCamera(); // a photo stays
    return notice.say(error.message, true);
  }
  notice.hush();
  thaw();
  if (document.body.dataset.mode !== "live") leaveOldPaintings();
  source.mirror = camera.front;
  pressed("mirror-button", source.mirror);
  setMode("live");
  setTimeout(askForThumbnails, THUMBNAILS_AFTER);
  await offerOtherCamera();
}

function stopCamera() {
  notice.hush();
  camera.stop();
  thaw();
  leaveOldPaintings();
  setMode("idle");
}

/** What was painted, or is under way, is of another picture. */
function leaveOldPaintings() {
  stage.forget();
  newest = pace.next;
}

async function offerOtherCamera() {
  byId("turn-button").hidden = serverCamera || !(await camera.several());
}

async function openPhoto(file) {
  if (!file || serverCamera) return;
  const choice = ++choices;
  const slow = setTimeout(() => choice === choices && notice.say(`Reading "${file.name}"…`, true), SLOW);
  const photo = await source.read(file).catch(() => null);
  clearTimeout(slow);
  if (choice !== choices) return;
  if (!photo) return notice.say(`"${file.name}" is no picture that this browser can read. Try a JPEG, PNG or WebP.`);
  notice.hush();
  camera.stop();
  source.still = photo;
  source.mirror = frozen = false;
  pressed("mirror-button", false);
  pressed("freeze-button", false);
  leaveOldPaintings();
  stage.resize(...source.size);
  stage.show(source.still, source.still); // until it is painted
  setMode("photo");
  tellSource();
  pace.restart();
  askForThumbnails();
}

function toggleFreeze() {
  if (!camera.running || serverCamera) return;
  if (source.still) {
    thaw();
    setMode("live");
  } else if (camera.ready) {
    source.freeze();
    frozen = true;
    pressed("freeze-button", true);
    paintStill();
  }
}

function thaw() {
  source.still = null;
  frozen = false;
  tellSource();
  pressed("freeze-button", false);
  pace.restart();
}

function toggleMirror() {
  if (document.body.dataset.mode !== "live" || serverCamera) return; // a photo stays as it is
  source.mirror = !source.mirror;
  pressed("mirror-button", source.mirror);
  if (!frozen) return;
  source.flip();
  paintStill();
}

function toggleSplit() {
  if (serverCamera) return;
  stage.split = stage.split === null ? 0.5 : null;
  pressed("split-button", stage.split !== null);
}

function toggleFullScreen() {
  if (document.fullscreenElement) document.exitFullscreen();
  else byId("stage").requestFullscreen?.();
}

const toggleCamera = () => (document.body.dataset.mode === "live" ? stopCamera() : startCamera());
const choosePhoto = () => serverCamera || byId("file").click();
const turnCamera = () => camera.running && startCamera(() => camera.turn());
const save = () => document.body.dataset.mode !== "idle" && stage.save();
const help = () => (byId("help").open ? byId("help").close() : byId("help").showModal());

const clicks = {
  start: () => startCamera(), choose: choosePhoto, "photo-button": choosePhoto, "camera-button": toggleCamera,
  "turn-button": turnCamera, "split-button": toggleSplit, "mirror-button": toggleMirror,
  "freeze-button": toggleFreeze, "save-button": save, "full-button": toggleFullScreen, "help-button": help,
};
for (const [id, action] of Object.entries(clicks)) byId(id).addEventListener("click", () => action());

keyboard(byId("keys"), [
  ["1–9", /^[1-9]$/, "choose a style", (key) => Number(key) <= look.count && look.choose(Number(key) - 1)],
  ["N P", /^[np]$/, "next, previous style", (key) => look.step(key === "n" ? 1 : -1)],
  ["← →", /^arrow(left|right)$/, "less, more of the second style", (key) => look.mix(key === "arrowright" ? 1 : -1)],
  ["+ −", /^[+=_-]$/, "strength", (key) => look.strengthen("+=".includes(key) ? 1 : -1)],
  ["C", /^c$/, "keep my colours", () => look.toggleColors()],
  ["B", /^b$/, "before and after", toggleSplit, "own"],
  ["M", /^m$/, "mirror", toggleMirror, "own"],
  ["space", /^ $/, "freeze", toggleFreeze, "own"],
  ["S", /^s$/, "save the picture", save],
  ["O", /^o$/, "paint a photo", choosePhoto, "own"],
  ["V", /^v$/, "start or stop the camera", () => serverCamera || toggleCamera(), "own"],
  ["T", /^t$/, "other camera", turnCamera, "own"],
  ["F", /^f$/, "full screen", toggleFullScreen],
  ["H", /^[h?]$/, "these keys", help],
]);

byId("file").addEventListener("change", ({ target }) => {
  openPhoto(target.files[0]);
  target.value = ""; // so that the same photo can be chosen again
});
let dragged = 0; // elements under a dragged file
for (const type of ["dragenter", "dragover", "dragleave", "drop"]) {
  window.addEventListener(type, (event) => {
    event.preventDefault();
    dragged = { dragenter: dragged + 1, dragleave: dragged - 1, drop: 0 }[type] ?? dragged;
    byId("drop").hidden = serverCamera || dragged <= 0;
    if (type === "drop") openPhoto(event.dataTransfer.files[0]);
  });
}
camera.addEventListener("lost", () => {
  stopCamera();
  notice.say("The camera went away. Plug it in again and start it.", true);
});
navigator.mediaDevices?.addEventListener("devicechange", offerOtherCamera);
document.addEventListener("visibilitychange", () => {
  stayAwake();
  if (!document.hidden) paintStill();
});

// -- what the page shows ----------------------------------------------------------------------------

/** `idle`, `live`, or `photo`. */
function setMode(mode) {
  document.body.dataset.mode = mode;
  const live = mode === "live";
  stayAwake();
  byId("stats").hidden = mode === "idle";
  byId("camera-button").querySelector("use").setAttribute("href", live ? "#i-stop" : "#i-camera");
  byId("camera-button").setAttribute("aria-label", live ? "Stop the camera" : "Start the camera");
  for (const id of ["mirror-button", "freeze-button", "turn-button"]) byId(id).disabled = !live;
}

function stayAwake() { awake.want(document.body.dataset.mode === "live" && connection.open); }

function pressed(id, on) { byId(id).setAttribute("aria-pressed", String(on)); }

function link(state, text) {
  byId("link").dataset.state = state;
  byId("link-text").textContent = text;
}

setInterval(() => {
  const { fps, age } = meter.read(performance.now());
  byId("fps").textContent = source.still && !frozen ? "–" : fps;
  byId("latency").textContent = age ?? "–";
  missServerCamera();
}, 500);

rest(byId("stage"));
byId("full-button").hidden = !document.fullscreenEnabled;
if (!window.isSecureContext) byId("start").title = "Needs HTTPS";
connection.connect();
