// How often to send, and how large: so that paintings come back soon, and many of them.

const SHARES = [2, 1.7, 1.4, 1.2, 1, 0.85, 0.72, 0.6, 0.5, 0.42, 0.35, 0.3]; // of START's sides
const START = 640; // pixels of the longer side
const LEAST_SIDE = 176; // of the shorter side: below, there are no strokes but a blur
const GOAL = 110; // milliseconds of a round trip
const BEYOND_WAY = 70; // where the way alone takes long, so much more
const LONGEST_WAY = 700; // by satellite: what takes longer waited behind our own pictures
const INTERVAL = 1000 / 15; // milliseconds between paintings that are still a film
const MOST_OFTEN = 1000 / 30;
const WINDOW = 12; // paintings judged together
const SETTLING = 4; // paintings after a change that say little: the engine gets used to a size
const ROOM = 0.95; // of a goal that a larger size may be expected to need: less, for not all of a trip grows with it
const PATIENCE = 3000; // milliseconds without trouble before a larger size
const MOST_PATIENCE = 120000;
const REGRET = 10000; // a step down so soon after one up takes the step up back
const UNDER_WAY = 2; // frames at most
const LOST = 4000; // milliseconds after which a frame is waited for no longer
const LATE = 20; // frames given up that may come back after all
const STILL_LOST = 250000; // the same, of a large picture on a slow line

export class Pace {
  #step = SHARES.indexOf(1);
  #sent = new Map(); // number of the frame -> when
  #late = new Map(); // the same, of those given up
  #number = 0;
  #last = -Infinity;
  #interval = MOST_OFTEN;
  #trips = [];
  #ways = [];
  #skip = SETTLING;
  #patience = PATIENCE;
  #calmSince = null;
  #raisedAt = -Infinity;

  /** The size to send of a picture of this size: in multiples of 8, never larger than it is. */
  size(width, height) {
    const wanted = (START * SHARES[this.#step]) / Math.max(width, height);
    const share = Math.min(1, Math.max(wanted, LEAST_SIDE / Math.min(width, height)));
    return [width, height].map((side) => Math.min(side, Math.max(8, Math.round((side * share) / 8) * 8)));
  }

  /** Whether the next frame may go. */
  due(now) {
    for (const age of this.#giveUp(now, LOST)) this.#judge(age, now); // it took as long at the least
    // A third of a frame early: cameras' frames come when they come.
    return this.#sent.size < UNDER_WAY && now - this.#last >= this.#interval - MOST_OFTEN / 3;
  }

  /** Whether nothing is under way. */
  idle(now) {
    this.#giveUp(now, STILL_LOST);
    return this.#sent.size === 0;
  }

  /** The number of the frame that goes next. */
  get next() { return this.#number + 1; }

  /** A frame goes; returns its number. */
  send(now) {
    this.#last = now;
    this.#sent.set(++this.#number, now);
    return this.#number;
  }

  /** The painting of a frame is on the screen; returns the milliseconds since the frame was taken. */
  arrived(number, waited, now, live) {
    const time = this.#sent.get(number);
    const late = this.#late.get(number);
    for (const frames of [this.#sent, this.#late]) {
      for (const earlier of frames.keys()) if (earlier <= number) frames.delete(earlier);
    }
    if (time === undefined) return late === undefined ? null : now - late;
    const trip = now - time;
    if (live) {
      // Frames that wait at the server come too often; those that never do, not often enough.
      this.#interval = waited > 10 ? this.#interval + Math.min(20, waited / 5) : this.#interval * 0.97;
      this.#interval = Math.min(1000, Math.max(MOST_OFTEN, this.#interval));
      this.#judge(trip, now);
    }
    return trip;
  }

  /** An empty message went there and back in so many milliseconds. */
  way(milliseconds) {
    this.#ways.push(milliseconds);
    if (this.#ways.length > 10) this.#ways.shift();
  }

  /** Forget what was under way: another connection, another picture. */
  restart() {
    this.#sent.clear();
    this.#late.clear();
    this.#interval = MOST_OFTEN;
    this.#clear();
  }

  /** Waits no longer for what was sent so long ago; returns how long ago each was. */
  #giveUp(now, patience) {
    const lost = [...this.#sent].filter(([, time]) => time < now - patience);
    for (const [number, time] of lost) {
      this.#sent.delete(number);
      this.#late.set(number, time);
      if (this.#late.size > LATE) this.#late.delete(this.#late.keys().next().value);
    }
    return lost.map(([, time]) => now - time);
  }

  #judge(trip, now) {
    if (this.#skip > 0) { this.#skip--; return; }
    this.#trips.push(trip);
    if (this.#trips.length < WINDOW && !(this.#trips.length > 2 && Math.min(...this.#trips) > 4 * GOAL)) return;
    if (this.#trips.length > WINDOW) this.#trips.shift();
    const way = this.#ways.length ? Math.min(LONGEST_WAY, ...this.#ways) : 0;
    const sorted = [...this.#trips].sort((a, b) => a - b);
    const load = Math.max(
      sorted[Math.floor(sorted.length * 0.75)] / Math.max(GOAL, way + BEYOND_WAY),
      this.#interval / INTERVAL,
    );
    if (load > 1) this.#lower(load, now);
    else if (this.#step > 0 && load * this.#growth() < ROOM) this.#waitAndRaise(now);
    else this.#calmSince = null;
  }

  /** How much more work a frame is at the next larger size. */
  #growth() { return (SHARES[this.#step - 1] / SHARES[this.#step]) ** 2; }

  #lower(load, now) {
    this.#calmSince = null;
    if (this.#step === SHARES.length - 1) return;
    if (now - this.#raisedAt < REGRET) this.#patience = Math.min(2 * this.#patience, MOST_PATIENCE);
    const fitting = SHARES.findIndex((share) => load * (share / SHARES[this.#step]) ** 2 <= 1);
    this.#step = fitting < 0 ? SHARES.length - 1 : Math.max(this.#step + 1, fitting);
    this.#clear();
  }

  #waitAndRaise(now) {
    this.#calmSince ??= now;
    if (now - this.#calmSince < this.#patience) return;
    this.#step--;
    this.#raisedAt = now;
    this.#clear();
  }

  #clear() {
    this.#trips = [];
    this.#skip = SETTLING;
    this.#calmSince = null;
  }
}
