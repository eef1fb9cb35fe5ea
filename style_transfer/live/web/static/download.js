// Files for the person to keep.

const FETCHED = 60000; // milliseconds after which it has long been taken: some browsers ask first

/** Saves `blob` under a name that says when. */
export function download(blob, extension) {
  const time = new Date(Date.now() - new Date().getTimezoneOffset() * 60000).toISOString();
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = `painted-${time.slice(0, 19).replace(/[-:]/g, "").replace("T", "-")}.${extension}`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), FETCHED);
}
