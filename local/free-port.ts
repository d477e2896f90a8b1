import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { connect, createServer, type AddressInfo } from 'node:net';

/** Every part listens here and nowhere else. */
export const LOOPBACK = '127.0.0.1';

/**
 * A port on 127.0.0.1 that nobody listens on.
 *
 * The port is used once and closed from the listening side, which leaves it in TIME_WAIT: the system
 * then hands it to no other `listen(0)` for a minute, while a server that names it can still bind it.
 * Without that, parts which start at the same time are sometimes given the same port.
 */
export async function freePort(): Promise<number> {
  const server = createServer((socket) => socket.end());
  server.listen(0, LOOPBACK);
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const client = connect(port, LOOPBACK);
  client.resume();
  await once(client, 'end');
  client.destroy();
  server.close();
  await once(server, 'close');
  return port;
}

const LOW_PORT_MIN = 10_000;
const LOW_PORT_MAX = 32_767;
const LOW_PORT_TRIES = 50;

/**
 * A free port up to 32767, for programs that keep a port in a 16-bit signed number. The system gives out none of
 * these by itself (its range begins at 32768), so they are tried at random.
 */
export async function freeLowPort(): Promise<number> {
  for (let tries = 1; ; tries += 1) {
    const port = randomInt(LOW_PORT_MIN, LOW_PORT_MAX + 1);
    try {
      return await chosenPort(port, 'a part of the local stack');
    } catch (error) {
      if (tries === LOW_PORT_TRIES) {
        throw error;
      }
    }
  }
}

/** The given port if nobody listens on it, else a free one; a taken port is an error that names it. */
export async function chosenPort(wanted: number | undefined, purpose: string): Promise<number> {
  if (wanted === undefined) {
    return freePort();
  }
  const server = createServer();
  try {
    server.listen(wanted, LOOPBACK);
    await once(server, 'listening');
  } catch (error) {
    throw new Error(`port ${String(wanted)} on ${LOOPBACK} for ${purpose} cannot be used`, {
      cause: error,
    });
  }
  server.close();
  await once(server, 'close');
  return wanted;
}

/** The port that an option names, undefined without the option. */
export function portOf(text: string | undefined): number | undefined {
  return text === undefined ? undefined : Number(text);
}
