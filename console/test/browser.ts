// What a page has and Node has not, as far as modules with state need it. Imported before them.

const rune = <T>(value: T): T => value;
const stored = new Map<string, string>();

export const seen = Object.assign(new EventTarget(), { visibilityState: 'visible' });
/** What the page asks and who answers: a test puts its own here. */
export const network: { answer: (path: string, init: RequestInit) => Promise<Response> } = {
  answer: () => Promise.reject(new TypeError('nobody answers')),
};
export const storage = {
  blocked: false,
  text: (name: string) => stored.get(name) ?? null,
};
const refuseIfBlocked = () => {
  if (storage.blocked) throw new DOMException('denied', 'SecurityError');
};
const tab = {
  getItem: (name: string) => stored.get(name) ?? null,
  setItem: (name: string, text: string) => void stored.set(name, text),
  removeItem: (name: string) => void stored.delete(name),
};

Object.assign(globalThis, {
  $state: Object.assign(rune, { raw: rune }),
  document: seen,
  fetch: (path: string, init: RequestInit) => network.answer(path, init),
});
Object.defineProperty(globalThis, 'sessionStorage', {
  get: () => {
    refuseIfBlocked();
    return tab;
  },
  configurable: true,
});

export const json = (value: unknown, status = 200) =>
  new Response(status === 204 ? null : JSON.stringify(value), { status });
