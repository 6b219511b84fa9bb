/**
 * The page that shows Stately's inspector: theirs in a frame, from the internet, and beside it the few lines that hand
 * over what our server tells. Nothing is sent anywhere: theirs runs in the browser and gets it there.
 */

/** Where Stately's inspector is, and the origin that it talks from. */
const STATELY_URL = 'https://stately.ai/inspect';
const STATELY_ORIGIN = new URL(STATELY_URL).origin;

/** How long to wait before connecting again, in ms. */
const RETRY = 2_000;

const SCRIPT = `
const frame = document.querySelector('iframe');
const note = document.querySelector('p');
const connect = () => {
  const socket = new WebSocket(location.href.replace(/^http/, 'ws'));
  socket.onopen = () => { note.hidden = true; };
  socket.onmessage = ({ data }) => frame.contentWindow.postMessage(JSON.parse(data), '${STATELY_ORIGIN}');
  socket.onclose = () => {
    note.textContent = 'The server is gone; trying again.';
    note.hidden = false;
    setTimeout(connect, ${RETRY});
  };
};
// It says when it is there, once.
const ready = ({ origin, source, data }) => {
  if (origin !== '${STATELY_ORIGIN}' || source !== frame.contentWindow || data?.type !== '@statelyai.connected') return;
  removeEventListener('message', ready);
  connect();
};
addEventListener('message', ready);
`;

const STYLE = `
* { margin: 0; padding: 0; }
html, body, iframe { display: block; width: 100%; height: 100%; border: 0; }
p { position: fixed; inset: auto 0 0 0; padding: .5em; text-align: center; font: 1rem system-ui; background: Canvas; }
`;

/** The page; script and style are let in by the nonce, in the policy that goes with it. */
export function statelyPage(nonce: string): string {
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>Sessions in Stately's inspector</title>
<style nonce="${nonce}">${STYLE}</style>
<iframe src="${STATELY_URL}" title="Stately's inspector" referrerpolicy="no-referrer"
  sandbox="allow-scripts allow-same-origin allow-forms allow-popups"></iframe>
<p>Waiting for Stately's inspector, which comes from ${STATELY_ORIGIN}.</p>
<script nonce="${nonce}">${SCRIPT}</script>
</html>
`;
}

/** What the page may load, and from where. */
export function statelyPolicy(nonce: string, socketOrigin: string): string {
  return [
    "default-src 'none'",
    `script-src 'nonce-${nonce}'`,
    `style-src 'nonce-${nonce}'`,
    `frame-src ${STATELY_ORIGIN}`,
    `connect-src ${socketOrigin}`,
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; ');
}
