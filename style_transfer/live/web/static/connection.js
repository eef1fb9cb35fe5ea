// The WebSocket: what the server says becomes events, and it is opened again when it breaks.

const FRAME = 1;
const HEADER = 12; // bytes; see protocol.py
const BACKOFF = [500, 1000, 2000, 5000, 10000];
const PING = 2000;
const SILENCE = 10000;
const SLOWEST = 16; // bytes a millisecond: what a picture on a slow line may take longer
const BUFFERED = 1 << 18; // bytes not yet under way: the line is slower than the camera

export class Connection extends EventTarget {
  #socket = null;
  #attempt = 0;
  #timer = 0;
  #asked = 0; // when a ping went out that nothing has come back for
  #bytes = 0; // of the last picture, which pings wait behind, and pongs behind its painting

  constructor() {
    super();
    setInterval(() => this.#ping(), PING);
  }

  get open() { return this.#socket?.readyState === WebSocket.OPEN; }
  get clear() { return this.open && this.#socket.bufferedAmount < BUFFERED; }

  connect() {
    clearTimeout(this.#timer);
    const scheme = location.protocol === "https:" ? "wss" : "ws";
    const socket = new WebSocket(`${scheme}://${location.host}/ws`);
    socket.binaryType = "arraybuffer";
    socket.onmessage = ({ data }) => (typeof data === "string" ? this.#heard(data) : this.#received(data));
    socket.onclose = ({ code, reason }) => this.#closed(code, reason);
    this.#socket = socket;
    this.#bytes = 0;
  }

  say(message) {
    if (this.open) this.#socket.send(JSON.stringify(message));
  }

  /** A picture; `blob` is a JPEG or WebP. */
  show(number, blob) {
    if (!this.open) return;
    this.#bytes = blob.size;
    this.#socket.send(new Blob([new Uint32Array([number]), blob]));
  }

  /** A line that is cut says nothing, for minutes: silence is taken for it. */
  #ping() {
    if (!this.open) return;
    const now = performance.now();
    if (this.#asked && now - this.#asked > SILENCE + this.#bytes / SLOWEST) {
      const socket = this.#socket;
      socket.onmessage = socket.onclose = null;
      socket.close();
      return this.#closed(1006, "");
    }
    this.#asked ||= now;
    this.say({ type: "ping", time: now });
  }

  #heard(text) {
    this.#asked = 0;
    const message = JSON.parse(text);
    if (message.type === "welcome") this.#attempt = 0;
    this.#tell(message.type, message);
  }

  #received(data) {
    this.#asked = 0;
    const view = new DataView(data);
    const painting = {
      style: view.getUint16(2, true),
      waited: view.getUint16(4, true),
      took: view.getUint16(6, true),
      number: view.getUint32(8, true),
      picture: new Blob([new Uint8Array(data, HEADER)], { type: "image/jpeg" }),
    };
    this.#tell(view.getUint8(0) === FRAME ? "frame" : "thumbnail", painting);
  }

  #closed(code, reason) {
    this.#socket = null;
    this.#asked = 0;
    const final = code === 1008; // the server will not have this page
    this.#tell("closed", { reason, final, attempt: this.#attempt });
    if (final) return;
    const wait = BACKOFF[Math.min(this.#attempt++, BACKOFF.length - 1)];
    this.#timer = setTimeout(() => this.connect(), wait);
  }

  #tell(type, detail) { this.dispatchEvent(new CustomEvent(type, { detail })); }
}
