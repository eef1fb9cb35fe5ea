// Why there is no connection, in plain words.

const HALF_REACHED =
  "The page came, but its connection for pictures does not: this device does not trust the server's certificate, " +
  "or a proxy in between lets no WebSocket through. Trying again…";

/** It was closed, as `detail` says. */
export function explain(connection, notice, detail) {
  if (detail.final) notice.complain(`The server closed the connection: ${detail.reason}. Reload the page to try again.`);
  else if (detail.reason.includes("places")) notice.complain("All places are taken. Yours comes as soon as someone leaves.");
  else if (detail.attempt > 0) sayWhyThereIsNone(connection, notice, detail.attempt);
}

/** A server that was started again knows this page no longer where it asks for a token. */
async function sayWhyThereIsNone(connection, notice, attempt) {
  const answer = await fetch("/", { cache: "no-store" }).catch(() => null);
  if (answer?.status === 401) notice.complain("The server was started again: open its address with the token again.");
  else if (connection.open) return;
  else if (answer?.ok && attempt > 1) notice.complain(HALF_REACHED);
  else notice.complain("The server cannot be reached. Trying again…");
}
