// Pictures that move, as a video element plays them.

export class Moving extends EventTarget {
  constructor(video) {
    super();
    this.video = video;
  }

  /** Whether it was started, and not stopped since. */
  get running() { return false; }
  /** Whether it will never run again. */
  get over() { return false; }
  /** Whether there is a picture. */
  get ready() { return this.running && this.video.readyState >= HTMLMediaElement.HAVE_CURRENT_DATA; }
  /** Whether it sees the person, who is used to a mirror. */
  get front() { return false; }
  get size() { return [this.video.videoWidth, this.video.videoHeight]; }

  /** One of its pictures is looked at for longer. */
  hold() {}
  /** On again, after that or where the browser stopped it, as Safari does behind other apps. */
  resume() { if (this.running) this.video.play().catch(() => {}); } // fails where it is stopped before

  /** Calls back for every new frame while it runs, until it is over. */
  follow(callback) {
    const video = this.video;
    const next = video.requestVideoFrameCallback
      ? (again) => video.requestVideoFrameCallback(again)
      : (again) => requestAnimationFrame(again);
    const turn = () => {
      if (this.over) return;
      if (this.ready) callback();
      next(turn);
    };
    next(turn);
  }
}
