// @ts-check
// What a host says when it listens: where. The tests wait for that line.

/** @param {{ address(): unknown }} server of Node's kind */
export const listening = (server) => () => {
  const { port } = /** @type {import('node:net').AddressInfo} */ (server.address());
  console.log(`http://127.0.0.1:${port}`);
};
