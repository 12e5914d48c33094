// Light, dark, or as the system has it. Kept in the browser: it is no secret.
import { keep, recall, type Place } from './storage.ts';

export const THEMES = ['auto', 'light', 'dark'] as const;
export type ThemeName = (typeof THEMES)[number];

const PLACE: Place = { of: () => localStorage, name: 'granary.theme' };

class Theme {
  name = $state<ThemeName>('auto');
  /** Goes up whenever colours may have changed: who draws by hand draws anew. */
  version = $state(0);

  constructor() {
    const kept = recall(PLACE) as ThemeName | null;
    if (kept !== null && THEMES.includes(kept)) this.set(kept);
    matchMedia('(prefers-color-scheme: dark)').addEventListener(
      'change',
      () => (this.version += 1),
    );
  }
  set(name: ThemeName): void {
    this.name = name;
    if (name === 'auto') delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = name;
    keep(PLACE, name);
    this.version += 1;
  }
  next(): void {
    this.set(THEMES[(THEMES.indexOf(this.name) + 1) % THEMES.length]!);
  }
}

export const theme = new Theme();
