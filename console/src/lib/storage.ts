// What the browser keeps for us, where it may: with storage blocked, already naming it throws, and
// then nothing is kept.

export type Place = { of: () => Storage; name: string };

export function recall({ of, name }: Place): string | null {
  try {
    return of().getItem(name);
  } catch {
    return null;
  }
}

/** Null forgets. */
export function keep({ of, name }: Place, text: string | null): void {
  try {
    if (text === null) of().removeItem(name);
    else of().setItem(name, text);
  } catch {
    // Not kept: it lasts as long as the page.
  }
}
