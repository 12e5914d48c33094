// Something that is asked for again and again while it is in sight: the last answer stays when the
// next one fails, and says so.
import { asProblem, isAbort, type Problem } from './api.ts';

export class Poll<T> {
  value = $state.raw<T | null>(null);
  problem = $state.raw<Problem | null>(null);
  loading = $state(true);
  #ask: (signal: AbortSignal) => Promise<T>;
  #everyMs: number;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #running: AbortController | null = null;
  #live = false;

  constructor(ask: (signal: AbortSignal) => Promise<T>, everyMs: number) {
    this.#ask = ask;
    this.#everyMs = everyMs;
  }

  /** Asks at once, then after each pause; a tab that nobody sees asks nothing. Returns what ends it. */
  start(): () => void {
    this.#live = true;
    const onSeen = () => {
      if (document.visibilityState === 'visible') void this.now();
    };
    document.addEventListener('visibilitychange', onSeen);
    void this.now();
    return () => {
      this.#live = false;
      document.removeEventListener('visibilitychange', onSeen);
      clearTimeout(this.#timer);
      this.#running?.abort();
      this.#running = null;
    };
  }

  /** Nothing once it has ended: whoever waited for something else before may come too late. */
  async now(): Promise<void> {
    if (!this.#live) return;
    clearTimeout(this.#timer);
    this.#running?.abort();
    const mine = new AbortController();
    this.#running = mine;
    try {
      const value = await this.#ask(mine.signal);
      if (this.#running !== mine) return;
      this.value = value;
      this.problem = null;
    } catch (error) {
      if (this.#running !== mine || isAbort(error)) return;
      this.problem = asProblem(error);
    }
    this.loading = false;
    if (this.#everyMs > 0 && document.visibilityState === 'visible')
      this.#timer = setTimeout(() => void this.now(), this.#everyMs);
  }
}
