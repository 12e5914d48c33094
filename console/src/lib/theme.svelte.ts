// Light, dark, or as the system has it. Kept in the browser: it is no secret.

export const THEMES = ['auto', 'light', 'dark'] as const;
export type ThemeName = (typeof THEMES)[number];

const PLACE = 'granary.theme';

class Theme {
  name = $state<ThemeName>('auto');
  /** Goes up whenever colours may have changed: who draws by hand draws anew. */
  version = $state(0);

  constructor() {
    const kept = localStorage.getItem(PLACE) as ThemeName | null;
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
    localStorage.setItem(PLACE, name);
    this.version += 1;
  }
  next(): void {
    this.set(THEMES[(THEMES.indexOf(this.name) + 1) % THEMES.length]!);
  }
}

export const theme = new Theme();
