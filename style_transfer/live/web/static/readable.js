// Whether this page may read what it draws: browsers that resist fingerprinting give it noise instead.

const SIDE = 16;
const LITTLE = 16; // of 255: that is for safety, and does no harm

/** To be asked when a person has clicked: Firefox then asks whether the page may. */
export function readable() {
  const black = Object.assign(document.createElement("canvas"), { width: SIDE, height: SIDE });
  const context = black.getContext("2d", { alpha: false });
  context.fillRect(0, 0, SIDE, SIDE);
  const { data } = context.getImageData(0, 0, SIDE, SIDE);
  const light = data.reduce((sum, value, at) => sum + (at % 4 < 3 ? value : 0), 0);
  return light / (3 * SIDE * SIDE) < LITTLE;
}
