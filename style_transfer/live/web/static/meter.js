// What the corner says: paintings a second and their age, over the last two seconds; no age where none came.

const WINDOW = 2000;

export class Meter {
  #drawn = []; // [time, age]

  add(now, age) { this.#drawn.push([now, age]); }

  read(now) {
    this.#drawn = this.#drawn.filter(([time]) => time > now - WINDOW);
    const ages = this.#drawn.map(([, age]) => age).filter((age) => age !== null).sort((a, b) => a - b);
    const first = this.#drawn[0]?.[0] ?? now;
    const span = this.#drawn.length > 1 ? this.#drawn.at(-1)[0] - first : 0;
    return {
      fps: span ? Math.round(((this.#drawn.length - 1) * 1000) / span) : 0,
      age: ages.length ? Math.round(ages[ages.length >> 1]) : null,
    };
  }
}
