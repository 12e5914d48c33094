// Who uses the console. A key or the tokens of a login are kept in memory, or, when the user asks
// for that, in the tab's sessionStorage, which ends with the tab; never in a URL, a cookie or
// localStorage.
import { asProblem, GATEWAY, Problem, readJson, send, type CallOptions } from './api.ts';
import type { Json } from './json.ts';
import { keep, recall, type Place } from './storage.ts';

export interface Grant {
  verbs: string[];
  source: string;
}
export interface Me {
  user_id: string;
  username: string;
  tenant_id: string;
  roles: string[];
  grants: Grant[];
  operator: boolean;
}
interface Tokens {
  access_token: string;
  refresh_token: string;
  expires_in: number;
}
interface Login {
  kind: 'login';
  access: string;
  refresh: string;
  renewAt: number;
}
type Credential = { kind: 'key'; key: string } | Login;

const PLACE: Place = { of: () => sessionStorage, name: 'granary.credential' };
const RENEW_BEFORE_MS = 60_000;

function toCredential(tokens: Tokens): Login {
  return {
    kind: 'login',
    access: tokens.access_token,
    refresh: tokens.refresh_token,
    renewAt: Date.now() + tokens.expires_in * 1000 - RENEW_BEFORE_MS,
  };
}

class Session {
  me = $state.raw<Me | null>(null);
  /** Why it ended, when it did not by the user's will. */
  ended = $state<string | null>(null);
  #credential: Credential | null = null;
  #kept = false;
  #renewing: Promise<string> | null = null;

  /** Goes on with what the tab has kept. Never fails: without it, one signs in. */
  async resume(): Promise<void> {
    const text = recall(PLACE);
    if (text === null) return;
    try {
      await this.#begin(JSON.parse(text) as Credential, true);
    } catch (error) {
      this.ended = `You are signed out: ${asProblem(error).message}.`;
    }
  }

  async signInWithKey(key: string, keep: boolean): Promise<void> {
    await this.#begin({ kind: 'key', key: key.trim() }, keep);
  }

  async signInWithPassword(
    username: string,
    password: string,
    tenant: string,
    keep: boolean,
  ): Promise<void> {
    const body = { username, password, ...(tenant === '' ? {} : { tenant_id: tenant }) };
    const answer = await readJson(await send(`${GATEWAY}/auth/login`, null, { body }));
    await this.#begin(toCredential(answer as unknown as Tokens), keep);
  }

  async signOut(): Promise<void> {
    // Renewed where it has to be: with an access token that has ended, the refresh token lives on.
    const bearer = this.#credential?.kind === 'login' ? this.#bearer() : null;
    this.#forget();
    this.ended = null;
    if (bearer === null) return;
    // The tokens are gone from here already; that they end there too is the better.
    await bearer
      .then((token) => send(`${GATEWAY}/auth/logout`, token, { method: 'POST' }))
      .catch(() => {});
  }

  /** Throws Problem; a 401 ends the session. */
  async send(path: string, options: CallOptions = {}): Promise<Response> {
    const { me } = this;
    try {
      return await send(path, await this.#bearer(), options);
    } catch (error) {
      if (error instanceof Problem && error.status === 401 && me !== null && this.me === me) {
        this.#forget();
        this.ended = `You were signed out: ${error.message}.`;
      }
      throw error;
    }
  }

  async json<T>(path: string, options: CallOptions = {}): Promise<T> {
    return (await readJson(await this.send(path, options))) as T;
  }
  /** Of the Auth Gateway, and of the Tenant Node behind it. */
  async gateway<T>(path: string, options: CallOptions = {}): Promise<T> {
    return this.json<T>(GATEWAY + path, options);
  }

  /** A right over the whole tenant. The services decide; this only says what to offer. */
  may(verb: 'read' | 'write' | 'admin'): boolean {
    return (
      this.me?.grants.some((grant) => grant.source === '*' && grant.verbs.includes(verb)) ?? false
    );
  }

  async #begin(credential: Credential, keep: boolean): Promise<void> {
    this.#credential = credential;
    this.#kept = keep;
    try {
      const me = await readJson(await send(`${GATEWAY}/auth/me`, await this.#bearer()));
      this.me = me as unknown as Me;
    } catch (error) {
      // What the gateway does not know is of no more use; while it is away nothing is known.
      if (error instanceof Problem && error.status === 401) this.#forget();
      this.#credential = null;
      throw error;
    }
    this.ended = null;
    this.#keep();
  }

  async #bearer(): Promise<string | null> {
    const credential = this.#credential;
    if (credential === null) return null;
    if (credential.kind === 'key') return credential.key;
    if (Date.now() < credential.renewAt) return credential.access;
    // A refresh token is good once, so those who wait for the renewal wait for the same one.
    this.#renewing ??= this.#renew(credential).finally(() => (this.#renewing = null));
    return this.#renewing;
  }

  async #renew(ending: Login): Promise<string> {
    const body = { refresh_token: ending.refresh } satisfies Json;
    const answer = await readJson(await send(`${GATEWAY}/auth/refresh`, null, { body }));
    const renewed = toCredential(answer as unknown as Tokens);
    // Who signed out meanwhile stays so.
    if (this.#credential === ending) {
      this.#credential = renewed;
      this.#keep();
    }
    return renewed.access;
  }

  #keep(): void {
    keep(PLACE, this.#kept ? JSON.stringify(this.#credential) : null);
  }

  #forget(): void {
    this.#credential = null;
    this.me = null;
    keep(PLACE, null);
  }
}

export const session = new Session();
