// The screen: on while there is something to watch, and in full screen left to the picture.

const RESTING = 3000; // milliseconds without a hand on anything

/** Keeps the screen on while that is wanted. */
export class Awake {
  #wanted = false;
  #asking = false;
  #lock = null;

  /** To be told again when the page is seen again: browsers let go of the lock of one that is hidden. */
  async want(wanted) {
    this.#wanted = wanted;
    if (!wanted) return this.#letGo();
    if (document.hidden || this.#asking || this.#lock?.released === false) return;
    this.#asking = true;
    try {
      this.#lock = await navigator.wakeLock?.request("screen");
    } catch {
      // refused, as with a battery that is low
    } finally {
      this.#asking = false;
    }
    if (!this.#wanted) this.#letGo();
  }

  #letGo() {
    this.#lock?.release();
    this.#lock = null;
  }
}

/** Gives `element` the class `resting` in full screen while nobody moves a pointer or presses a key. */
export function rest(element) {
  let timer = 0;
  const wake = () => {
    clearTimeout(timer);
    element.classList.remove("resting");
    if (document.fullscreenElement !== element) return;
    timer = setTimeout(() => element.classList.add("resting"), RESTING);
  };
  for (const type of ["pointermove", "pointerdown", "keydown", "fullscreenchange"]) {
    window.addEventListener(type, wake, { capture: true }); // whoever else takes it
  }
}
