import { createHmac } from 'node:crypto';
import { Signer } from '@fastify/cookie';

import type { GatewayToken } from '../../config/setting-rules';
import { CONSOLE_SESSION_MS } from '../../domain/limits';

export const SESSION_COOKIE = 'payouts_session';

/** Who is logged in. */
export interface Session {
  readonly name: string;
  /** What only this browser and the gateways know: forms are bound to it. */
  readonly proof: string;
}

/** Not in the name of a token, nor in a number; a text of ours begins with it, a login never does. */
const SEPARATOR = '~';

/**
 * Logins without a memory: the cookie says who and until when, signed with a key that is made of that person's token.
 * So gateways with the same tokens know each other's sessions, and a token that is revoked or replaced ends its own.
 */
export class Sessions {
  private readonly signers: ReadonlyMap<string, Signer>;

  constructor(
    tokens: readonly GatewayToken[],
    private readonly nowMs: () => number = Date.now,
  ) {
    this.signers = new Map(tokens.map(({ name, token }) => [name, new Signer(keyOf(token))]));
  }

  /** The cookie of a login that begins now; its holder has shown the token of this name. */
  open(name: string): string {
    const untilMs = this.nowMs() + CONSOLE_SESSION_MS;
    return this.signerOf(name).sign(`${name}${SEPARATOR}${untilMs.toString()}`);
  }

  /** Signs a text for the browser of one person, who cannot make one alone. */
  sign({ name }: Session, text: string): string {
    return this.signerOf(name).sign(`${SEPARATOR}${text}`);
  }

  /** The text, where it was signed for this person. */
  unsign({ name }: Session, signed: string): string | undefined {
    const { valid, value } = this.signerOf(name).unsign(signed);
    return valid && value.startsWith(SEPARATOR) ? value.slice(SEPARATOR.length) : undefined;
  }

  /** Who the cookie is of; undefined where it is missing, forged, too old, or of a token that is no longer known. */
  read(cookie: string | undefined): Session | undefined {
    const [name = '', until] = /^([^~]+)~(\d{1,15})\./.exec(cookie ?? '')?.slice(1) ?? [];
    const signer = this.signers.get(name);
    if (cookie === undefined || signer?.unsign(cookie).valid !== true) {
      return undefined;
    }
    const leftMs = Number(until) - this.nowMs();
    return leftMs > 0 && leftMs <= CONSOLE_SESSION_MS ? { name, proof: cookie } : undefined;
  }

  private signerOf(name: string): Signer {
    const signer = this.signers.get(name);
    if (signer === undefined) {
      throw new Error('a session of a name that has no token');
    }
    return signer;
  }
}

/** Another key than the token itself, so that a signature is of no use elsewhere. */
function keyOf(token: string): Buffer {
  return createHmac('sha256', token).update('payouts console session').digest();
}
